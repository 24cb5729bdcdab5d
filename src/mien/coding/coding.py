"""One coder's labels of the rows of one analysis."""

from __future__ import annotations

import unicodedata
from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Literal, Self

from mien.analysis.analysis import Analysis
from mien.coding.identity import Identity, identity_of
from mien.emotions import MIEN7
from mien.errors import InputError, LabelError, OptionError
from mien.facts import as_utf8
from mien.timebase import Segment

NONE = "none"
"""The label of a row for which the coder finds that none of the seven fits."""
CODES = (*MIEN7.labels, NONE)
"""What a row can be labelled with."""
MOST_NAME, MOST_NOTE = 80, 4000
"""Characters of a coder's name, and of a note."""
Seen = Literal["model", "coders"]


@dataclass(frozen=True)
class Code:
    """A coder's label of one row.

    Args:
        row: number of the segment, from 0.
        label: one of the seven, or ``none`` if none of them fits.
        note: free text of the coder.
        changed: when it was last changed, RFC 3339 in UTC.
        seen: what was in view when the label was given: the model's answer, labels of other coders.
    """

    row: int
    label: str
    note: str = ""
    changed: str = ""
    seen: tuple[Seen, ...] = ()

    def __post_init__(self) -> None:
        if self.label not in CODES:
            raise LabelError(
                f"A coder's label cannot be {self.label!r}; give one of {', '.join(MIEN7.labels)}, "
                f"or {NONE} if none of them fits."
            )
        if len(self.note) > MOST_NOTE:
            raise OptionError(
                f"A note has {len(self.note)} characters; at most {MOST_NOTE} are kept. Shorten it."
            )
        if self.row < 0:
            raise OptionError(f"A row cannot be {self.row}; rows are numbered from 0.")


@dataclass(frozen=True)
class Coding:
    """One coder's labels of the rows of one analysis; rows without a code are not coded yet.

    Args:
        coder: name of the coder, see :func:`coder_name`.
        clip: name of the recording, for readers.
        analysis: which analysis it is of.
        segments: the rows of the analysis, so that the file can be read without it.
        codes: in the order of the rows, at most one a row.
    """

    coder: str
    clip: str
    analysis: Identity
    segments: tuple[Segment, ...]
    codes: tuple[Code, ...]

    def __post_init__(self) -> None:
        object.__setattr__(self, "coder", coder_name(self.coder))
        rows = [code.row for code in self.codes]
        if rows != sorted(set(rows)) or (rows and rows[-1] >= len(self.segments)):
            raise InputError(
                f"The rows of a coding must rise and lie below {len(self.segments)}, "
                f"got {rows[:20]}."
            )

    @classmethod
    def start(cls, analysis: Analysis, coder: str) -> Self:
        """A coding of an analysis without a code yet."""
        return cls(coder, analysis.clip.name, identity_of(analysis), analysis.segments, ())

    def code(
        self,
        row: int,
        label: str,
        note: str = "",
        seen: tuple[Seen, ...] = (),
        when: datetime | None = None,
    ) -> Self:
        """The coding with a label of a row, in the place of an earlier one.

        Args:
            row: number of the segment, from 0.
            label: one of the seven, or ``none``.
            note: free text.
            seen: what was in view.
            when: the time of the change; now by default.

        Raises:
            OptionError: if there is no such row.
            LabelError: if there is no such label.
        """
        self._check_row(row)
        at = (when or datetime.now(UTC)).astimezone(UTC).isoformat(timespec="seconds")
        new = Code(row, label, note, at.replace("+00:00", "Z"), seen)
        others = [code for code in self.codes if code.row != row]
        return replace(self, codes=tuple(sorted([*others, new], key=lambda code: code.row)))

    def cleared(self, row: int) -> Self:
        """The coding without a code of a row.

        Raises:
            OptionError: if there is no such row.
        """
        self._check_row(row)
        return replace(self, codes=tuple(code for code in self.codes if code.row != row))

    def _check_row(self, row: int) -> None:
        if not 0 <= row < len(self.segments):
            raise OptionError(
                f"The row cannot be {row}; this analysis has {len(self.segments)} rows, numbered "
                "from 0."
            )

    @property
    def by_row(self) -> Mapping[int, Code]:
        """Its codes by the number of the row."""
        return {code.row: code for code in self.codes}

    def of(self, analysis: Analysis, carry: bool = False) -> Self:
        """The coding, checked to be one of an analysis.

        Args:
            analysis: which it should be of.
            carry: whether a coding of another analysis with the same rows is taken over, such as
                one of the same recording by an earlier version of the model.

        Raises:
            InputError: if it is of another analysis.
        """
        own = identity_of(analysis)
        if own == self.analysis:
            return self
        if own.rows != self.analysis.rows:
            raise InputError(
                f"The coding of {self.coder} has {len(self.segments)} rows of {self.clip}; "
                f"the analysis of {analysis.clip.name} has {len(analysis.segments)} rows, or other "
                "times. Give the coding and the analysis that belong together."
            )
        if not carry:
            raise InputError(
                f"The coding of {self.coder} has the rows of this analysis of "
                f"{analysis.clip.name}, but was made beside other answers or words: the recording "
                "was analysed again, or it is another of the same length. If it is the same "
                "recording, take the coding over with --carry (carry=True)."
            )
        return replace(self, analysis=own, clip=analysis.clip.name)

    def to_dict(self) -> dict[str, Any]:
        """The wire form: plain values that JSON can hold, with ``schema`` naming its version."""
        from mien.coding.wire import to_wire

        return to_wire(self)

    @classmethod
    def from_dict(cls, value: Mapping[str, Any]) -> Coding:
        """The inverse of :meth:`to_dict`.

        Raises:
            InputError: if it is no coding, or not whole.
        """
        from mien.coding.wire import from_wire

        return from_wire(value)

    def save(self, path: str | Path, *, overwrite: bool = False) -> None:
        """Write it to a JSON file.

        It is a person's work: an existing file is replaced only if ``overwrite`` is given.

        Raises:
            OptionError: if the file exists and ``overwrite`` is not given.
            OutputError: if it cannot be written.
        """
        from mien.coding.wire import save

        save(self, Path(path), overwrite)

    @classmethod
    def load(cls, path: str | Path) -> Coding:
        """Read one from the file that :meth:`save` wrote.

        Raises:
            InputError: if there is not exactly one coding in it.
        """
        from mien.coding.wire import read_codings

        found = read_codings(Path(path))
        if len(found) != 1:
            raise InputError(
                f"{path} holds {len(found)} codings; use mien.coding.read_codings to read them all."
            )
        return found[0]


def coder_name(name: str) -> str:
    """A coder's name as it is kept: Unicode form NFC, without space around it.

    Raises:
        OptionError: if it is empty, too long, or holds control characters.

    Examples:
        >>> coder_name(" Anna ")
        'Anna'
    """
    kept = unicodedata.normalize("NFC", name).strip()
    if not kept or len(kept) > MOST_NAME or not as_utf8(kept).isprintable():
        raise OptionError(
            f"The name of a coder cannot be {name[:MOST_NAME]!r}; give 1 to {MOST_NAME} characters "
            "without line breaks or control characters, such as initials."
        )
    return as_utf8(kept)
