"""All options of an analysis as one value."""

from __future__ import annotations

import math
import typing
from collections.abc import Mapping
from dataclasses import MISSING, dataclass, field, fields
from functools import cache
from typing import Any, Self

from mien.errors import OptionError
from mien.options.group import FrozenMap, Group, check_keys, frozen, option, thawed
from mien.options.groups import (
    FaceOptions,
    FusionOptions,
    MediaOptions,
    SegmentationOptions,
    SpeechOptions,
)
from mien.options.plugins import checked

# What is an option of its own, and so cannot be given by way of ``branches``.
_ELSEWHERE = {
    ("face", "person"): "faces.person",
    ("face", "policy"): "faces.policy",
    ("face", "convention"): "faces.convention",
    ("text", "source"): "speech.words_source",
}


@dataclass(frozen=True)
class Options(Group):
    """What is asked of an analysis.

    Args:
        media: which sound of the recording is analysed.
        segmentation: how the recording is divided.
        speech: where the words come from.
        faces: how faces are found, and whose face is judged.
        fusion: how the answers of the branches become one.
        branches: by branch name, what its factory is given: ``{"voice": {"pack": FOLDER}}``. Plain
            values alone (text, numbers, lists, mappings), so that options can be written.
        start, end: seconds of the part to analyse; ``end`` None is the end of the recording.
        portraits: pictures of faces to keep for the strip of a report, at most; 0 keeps none.

    Raises:
        OptionError: if an option has a value it cannot have; the message names it.

    Examples:
        >>> options = Options(segmentation=SegmentationOptions(by="window", window=3, step=1))
        >>> Options.from_dict(options.to_dict()) == options
        True
    """

    media: MediaOptions = field(default_factory=MediaOptions)
    segmentation: SegmentationOptions = field(default_factory=SegmentationOptions)
    speech: SpeechOptions = field(default_factory=SpeechOptions)
    faces: FaceOptions = field(default_factory=FaceOptions)
    fusion: FusionOptions = field(default_factory=FusionOptions)
    branches: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)
    start: float = option(0.0, "--start", "Start of the part to analyse, in seconds.")
    end: float | None = option(
        None, "--end", "End of the part to analyse, in seconds. Default: the end of the recording."
    )
    portraits: int = option(
        0, "", "Maximum number of pictures of faces kept for a report (--report keeps 200)."
    )

    def __post_init__(self) -> None:
        for name, kind in group_types().items():
            if not isinstance(getattr(self, name), kind):
                raise self._refuse(name, f"give a {kind.__name__}")
        self._set("branches", _checked_branches(self.branches))
        start = self._number("start", "give a number of seconds, 0 or more")
        end = math.inf if self.end is None else self._number("end", "give seconds, or None")
        if not 0 <= start < end:
            end_said = "the end" if self.end is None else f"{self.end} s"
            raise OptionError(
                f"There is no part from {self.start} s to {end_said}; give 0 <= start < end."
            )
        if isinstance(self.portraits, bool) or not isinstance(self.portraits, int):
            raise self._refuse("portraits", "give a whole number, 0 or more")
        if self.portraits < 0:
            raise self._refuse("portraits", "give a whole number, 0 or more")

    def for_branches(self) -> dict[str, dict[str, Any]]:
        """By branch, all that its factory is given: ``branches`` and what other groups hold."""
        given = {name: dict(options) for name, options in self.branches.items()}
        for (branch, key), path in _ELSEWHERE.items():
            group, _, option = path.partition(".")
            given.setdefault(branch, {})[key] = getattr(getattr(self, group), option)
        return given

    def to_dict(self) -> dict[str, Any]:
        """Plain values, as JSON can hold them; :meth:`from_dict` reads them."""
        plain: dict[str, Any] = thawed(self)
        return plain

    @classmethod
    def from_dict(cls, value: Mapping[str, Any]) -> Self:
        """Options from plain values; what is left out has its default.

        Raises:
            OptionError: if there is no option of a name, or one has a value it cannot have.
        """
        known = {f.name for f in fields(cls)}
        check_keys(value, known, "")
        made: dict[str, Any] = dict(value)
        for name, kind in group_types().items():
            if name in made:
                check_keys(made[name], {f.name for f in fields(kind)}, name)
                made[name] = kind(**made[name])
        return cls(**made)


@cache
def group_types() -> dict[str, type[Any]]:
    """The groups of :class:`Options` by name, in order."""
    hints = typing.get_type_hints(Options)
    return {
        f.name: hints[f.name]
        for f in fields(Options)
        if isinstance(hints[f.name], type) and issubclass(hints[f.name], Group)
    }


@dataclass(frozen=True)
class Described:
    """One option as the page and the command line show it.

    Args:
        path: in Python, ``segmentation.by``.
        flag: on the command line, ``--by``; empty if there is none.
        default: its value when it is not given.
        meaning: a sentence.
    """

    path: str
    flag: str
    default: Any
    meaning: str

    @property
    def group(self) -> str:
        """The group that holds it; empty for an option of :class:`Options` itself."""
        return self.path.rpartition(".")[0]


@cache
def described() -> dict[str, Described]:
    """Every option by its path, but for ``branches``."""
    groups: dict[str, type[Any]] = {"": Options, **group_types()}
    rows = [
        Described(
            f"{group}.{f.name}".lstrip("."), f.metadata["flag"], f.default, f.metadata["meaning"]
        )
        for group, kind in groups.items()
        for f in fields(kind)
        if f.metadata and f.default is not MISSING
    ]
    return {row.path: row for row in rows}


def _checked_branches(value: Any) -> FrozenMap:
    if not isinstance(value, Mapping):
        raise OptionError(f"branches cannot be {value!r}; give a mapping from branch to options.")
    out = {}
    for branch, options in value.items():
        if not isinstance(options, Mapping):
            raise OptionError(
                f"branches[{branch!r}] cannot be {options!r}; give a mapping such as "
                "{'pack': FOLDER}."
            )
        for key in options:
            if (branch, key) in _ELSEWHERE:
                path = _ELSEWHERE[branch, key]
                raise OptionError(
                    f"branches[{branch!r}][{key!r}] is now {path}; give it in that group."
                )
        out[str(branch)] = frozen(checked(str(branch), options), f"branches[{branch!r}]")
    return FrozenMap(out)
