"""What a live session tells: rows of pictures, of windows and of utterances."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, ClassVar

from mien.analysis.evidence import Evidence
from mien.timebase import Segment
from mien.words import Line

Box = tuple[float, float, float, float]


@dataclass(frozen=True, eq=False)
class FaceSeen:
    """A face in a picture.

    Args:
        box: left, top, width, height in pixels of the picture.
        person: number of the person, 0 for the first that was seen; None as long as it is not
            certain. It may be corrected within some seconds, once more was seen.
        primary: whether it is the most prominent person of the last window.
        certain: whether it is a face for certain, as in an analysis; one that has just come into
            view is not yet.
        evidence: of the face, one row.
    """

    box: Box
    person: int | None
    primary: bool
    certain: bool
    evidence: Evidence

    def to_dict(self) -> dict[str, Any]:
        """Plain values."""
        plain = {"box": [round(side, 1) for side in self.box], "person": self.person}
        return {**plain, "primary": self.primary, "certain": self.certain, **_row(self.evidence)}


@dataclass(frozen=True, eq=False)
class PictureRow:
    """The faces of a picture.

    Args:
        time: of the picture, seconds.
        size: its width and height in pixels.
        faces: the primary person's first.
        latency: seconds from the moment at which it was pushed.
    """

    kind: ClassVar[str] = "picture"
    time: float
    size: tuple[int, int]
    faces: tuple[FaceSeen, ...]
    latency: float

    def to_dict(self) -> dict[str, Any]:
        """Plain values, as JSON can hold them."""
        return {
            "kind": self.kind,
            "time": round(self.time, 3),
            "size": list(self.size),
            "faces": [face.to_dict() for face in self.faces],
            "latency": round(self.latency, 3),
        }


@dataclass(frozen=True, eq=False)
class WindowRow:
    """What is said of a window; the grid is that of ``mien analyze --by window``.

    Args:
        segment: the window.
        by_branch: evidence of one row by branch.
        fused: of them.
        final: whether it stays. A row that is not final is told when the window ends, and told
            again once the words in it, and the sound just after it, are known.
        latency: seconds from the end of the window.
    """

    kind: ClassVar[str] = "window"
    segment: Segment
    by_branch: Mapping[str, Evidence]
    fused: Evidence
    final: bool
    latency: float

    def to_dict(self) -> dict[str, Any]:
        """Plain values, as JSON can hold them."""
        return {"kind": self.kind, "final": self.final, **_judged(self)}


@dataclass(frozen=True, eq=False)
class UtteranceRow:
    """What was said in a speech turn, and what is made of it.

    Args:
        segment: the speech turn, or the part of a long one.
        lines: what was recognised; none where nothing of it can be believed.
        by_branch: evidence of one row by branch.
        fused: of them.
        over: whether the speech ends with it; else it is a part of a turn of more than ten seconds.
        latency: seconds from the end of the speech in the sound, before the 0.1 s by which a turn
            is widened; if it is not over, from the end of the part.
    """

    kind: ClassVar[str] = "utterance"
    segment: Segment
    lines: tuple[Line, ...]
    by_branch: Mapping[str, Evidence]
    fused: Evidence
    over: bool
    latency: float

    @property
    def text(self) -> str:
        """The words."""
        return " ".join(line.text for line in self.lines)

    def to_dict(self) -> dict[str, Any]:
        """Plain values, as JSON can hold them."""
        words = [word for line in self.lines for word in line.words]
        told = [[w.text, round(w.segment.start, 2), round(w.segment.end, 2)] for w in words]
        return {
            "kind": self.kind,
            "text": self.text,
            "words": told,
            "over": self.over,
            **_judged(self),
        }


@dataclass(frozen=True)
class Counts:
    """What a session has taken and what it left out.

    Args:
        sound: seconds of sound, all of it.
        pictures: that were looked at.
        dropped: pictures that came faster than they could be looked at, and were left out.
        unreadable: pictures that could not be decoded.
        waiting: jobs of windows and utterances that are not done.
    """

    kind: ClassVar[str] = "counts"
    sound: float
    pictures: int
    dropped: int
    unreadable: int
    waiting: int

    def to_dict(self) -> dict[str, Any]:
        """Plain values, as JSON can hold them."""
        return {"kind": self.kind, **vars(self), "sound": round(self.sound, 2)}


Row = PictureRow | WindowRow | UtteranceRow | Counts


def _judged(row: WindowRow | UtteranceRow) -> dict[str, Any]:
    return {
        "start": round(row.segment.start, 3),
        "end": round(row.segment.end, 3),
        "branches": {name: _row(evidence) for name, evidence in row.by_branch.items()},
        "fused": _row(row.fused),
        "latency": round(row.latency, 3),
    }


def _row(evidence: Evidence) -> dict[str, Any]:
    row: dict[str, Any] = evidence.to_dict()["rows"][0]
    return row
