"""The options of the branch; imported for the help of the command line, so it stays light."""

from dataclasses import dataclass
from typing import ClassVar

from mien.options import Group, option


@dataclass(frozen=True)
class TempoOptions(Group):
    """How the branch judges.

    Args:
        width: words a second by which a rate may differ from an anchor; above 0.

    Raises:
        OptionError: if the width is not a number above 0.
    """

    group: ClassVar[str] = "tempo"
    width: float = option(1.5, "--tempo-width", "Width of the rates of speech, words a second.")

    def __post_init__(self) -> None:
        if not self._number("width", "give a number above 0") > 0:
            raise self._refuse("width", "give a number above 0")
