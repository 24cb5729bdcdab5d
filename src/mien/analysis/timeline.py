"""The course of emotion over time: events, summaries, baselines, and the faces that stand for it.

Value types and their wire form; ``mien.temporal.events`` makes them from the evidence.
"""

from __future__ import annotations

from base64 import b64decode, b64encode
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any, Literal

from mien.timebase import Segment

EventKind = Literal["onset", "peak", "shift"]


@dataclass(frozen=True)
class Event:
    """A moment at which something happens to the emotion shown.

    Args:
        kind: ``onset`` (out of neutral), ``peak`` (where an emotion stands out most) or ``shift``
            (from an emotion to another label).
        time: seconds.
        label: the emotion that begins, peaks or takes over.
        before: the label that was there before; ``""`` for a peak.
        prob: of ``label`` at that moment, in [0, 1].
        led_by: the modality whose own probability of ``label`` rose most (at a peak: is highest);
            ``""`` where no modality favours it.
        who: identity of the person, None for the fused answer.
    """

    kind: EventKind
    time: float
    label: str
    before: str
    prob: float
    led_by: str
    who: int | None = None

    def to_dict(self) -> dict[str, Any]:
        """Plain values."""
        return asdict(self) | {"time": round(self.time, 3), "prob": round(self.prob, 4)}


@dataclass(frozen=True)
class Summary:
    """All rows of one evidence in a few numbers, weighted by the time that each row stands for.

    Args:
        who: identity of the person, None for the fused answer.
        judged: seconds with a judgement.
        share: of that time, for each label, in which it is the likeliest; sums to 1.
        mean: mean probability of each label; sums to 1.
        dominant: the label that is likeliest for the longest time.
        ambiguous: the segment of the greatest entropy.
    """

    who: int | None
    judged: float
    share: Mapping[str, float]
    mean: Mapping[str, float]
    dominant: str
    ambiguous: Segment

    def to_dict(self) -> dict[str, Any]:
        """Plain values."""
        return {
            "who": self.who,
            "judged": round(self.judged, 3),
            "share": {label: round(v, 6) for label, v in self.share.items()},
            "mean": {label: round(v, 6) for label, v in self.mean.items()},
            "dominant": self.dominant,
            "ambiguous": [round(self.ambiguous.start, 3), round(self.ambiguous.end, 3)],
        }

    @classmethod
    def from_dict(cls, value: Mapping[str, Any]) -> Summary:
        """The inverse of :meth:`to_dict`."""
        return cls(**{**value, "ambiguous": Segment(*value["ambiguous"])})


@dataclass(frozen=True)
class Departure:
    """A stretch in which a face differs from what is usual for the person.

    Args:
        segment: seconds.
        label: whose probability differs most from the person's mean.
        difference: by how much, the mean of the stretch, in [-1, 1].
    """

    segment: Segment
    label: str
    difference: float

    @property
    def words(self) -> str:
        """In words."""
        how = "more" if self.difference > 0 else "less"
        return (
            f"{how} {self.label} than this person's average in this recording "
            f"({self.difference:+.2f})"
        )

    def to_dict(self) -> dict[str, Any]:
        """Plain values."""
        return {
            "segment": [round(self.segment.start, 3), round(self.segment.end, 3)],
            "label": self.label,
            "difference": round(self.difference, 4),
        }

    @classmethod
    def from_dict(cls, value: Mapping[str, Any]) -> Departure:
        """The inverse of :meth:`to_dict`."""
        return cls(Segment(*value["segment"]), value["label"], value["difference"])


@dataclass(frozen=True)
class Baseline:
    """What a person's face shows on average in a recording, and where it shows something else.

    Derived from the face's rows, see :func:`mien.temporal.baseline.baseline`; not an answer.

    Args:
        who: identity of the person.
        rows: that were judged.
        judged: seconds with a judgement.
        mean: mean probability of each label, weighted by the time that each row stands for; sums
            to 1.
        departures: in time order.
    """

    who: int
    rows: int
    judged: float
    mean: Mapping[str, float]
    departures: tuple[Departure, ...] = ()

    def to_dict(self) -> dict[str, Any]:
        """Plain values."""
        return {
            "who": self.who,
            "rows": self.rows,
            "judged": round(self.judged, 3),
            "mean": {label: round(v, 6) for label, v in self.mean.items()},
            "departures": [departure.to_dict() for departure in self.departures],
        }

    @classmethod
    def from_dict(cls, value: Mapping[str, Any]) -> Baseline:
        """The inverse of :meth:`to_dict`."""
        departures = tuple(Departure.from_dict(one) for one in value["departures"])
        return cls(**{**value, "departures": departures})


@dataclass(frozen=True)
class Portrait:
    """A face as the face branch saw it, for the strip of a report.

    Args:
        time: seconds.
        identity: of the person.
        png: a gray picture of 48x48 pixels, PNG.
    """

    time: float
    identity: int
    png: bytes

    def to_dict(self) -> dict[str, Any]:
        """Plain values; the picture in base64."""
        png = b64encode(self.png).decode("ascii")
        return {"time": round(self.time, 3), "identity": self.identity, "png": png}

    @classmethod
    def from_dict(cls, value: Mapping[str, Any]) -> Portrait:
        """The inverse of :meth:`to_dict`."""
        return cls(value["time"], value["identity"], b64decode(value["png"]))
