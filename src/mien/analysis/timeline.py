"""The course of emotion over time: events, summaries, baselines, and the faces that stand for it.

The value types; ``mien.temporal.events`` makes them from the evidence.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Annotated, Literal

from mien.analysis import fields as f
from mien.analysis.codec import MeanShare, Number, Seconds, Share
from mien.analysis.evidence import Evidence
from mien.analysis.fields import declared
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
    time: Seconds
    label: str
    before: str
    prob: Share
    led_by: str
    who: int | None = None


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
    judged: Seconds
    share: Mapping[str, MeanShare]
    mean: Mapping[str, MeanShare]
    dominant: str
    ambiguous: Segment


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
    difference: Annotated[float, Number(low=-1, high=1)]

    @property
    def words(self) -> str:
        """In words."""
        how = "more" if self.difference > 0 else "less"
        return (
            f"{how} {self.label} than this person's average in this recording "
            f"({self.difference:+.2f})"
        )


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
    judged: Seconds
    mean: Mapping[str, MeanShare]
    departures: tuple[Departure, ...] = ()


@dataclass(frozen=True)
class Portrait:
    """A face as the face branch saw it, for the strip of a report.

    Args:
        time: seconds.
        identity: of the person.
        png: a gray picture of 48x48 pixels, PNG.
    """

    time: Seconds
    identity: int
    png: bytes


@dataclass(frozen=True, eq=False, kw_only=True)
class Course:
    """What is derived from the rows of an analysis as they follow one another.

    Args:
        smoothed: by name (``fused``, a branch, ``person 0`` ...), the rows smoothed over time.
        events: onsets, peaks and shifts, in time order.
        summaries: of the fused answer first, then of each person.
        baselines: of each person with enough judged rows, what the face shows on average and where
            it departs from that; derived, and part of no answer.
    """

    smoothed: Mapping[str, Evidence] = declared(
        cut=f.by_row, rows=f.of_segments, default_factory=dict
    )
    events: tuple[Event, ...] = declared(cut=f.moments, default=())
    summaries: tuple[Summary, ...] = declared(cut=f.gone, default=())
    baselines: tuple[Baseline, ...] = declared(cut=f.gone, default=())
