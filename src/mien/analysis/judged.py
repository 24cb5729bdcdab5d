"""What was found in a recording or a part of it, before fusion."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Annotated

from mien.analysis import fields as f
from mien.analysis.codec import Number, Seconds
from mien.analysis.evidence import Evidence
from mien.analysis.fields import declared
from mien.analysis.signals import SignalTrack
from mien.analysis.timeline import Portrait
from mien.scene import ClipFacts
from mien.timebase import Segment
from mien.turns import Turn
from mien.words import Transcript


@dataclass(frozen=True)
class TrackSummary:
    """A face track without its pictures. A person may have several: a track ends at a cut.

    Args:
        identity: of the person; 0 is the primary one.
        segment: from the first look to the last.
        samples: how many looks.
        median_size: the shorter side of the face, pixels.
        prominence: mean of the looks, at least 0: large, central, speaking; None if not known.
        lips: correlation of the mouth's movement with the voice where they are in step, else
            None.
        lips_reason: why ``lips`` is None, in words.
    """

    identity: int
    segment: Segment
    samples: int
    median_size: Annotated[float, Number(1, low=0)]
    prominence: float | None = None
    lips: Annotated[float, Number(3)] | None = None
    lips_reason: str = ""


@dataclass(frozen=True, eq=False, kw_only=True)
class Judged:
    """What was perceived and judged: all of an analysis but what is derived from it.

    ``Analysis`` is one of these and holds beside it what fusion and ``mien.temporal`` derive. Every
    field here knows how it is cut and how it is joined with that of a later part.

    Args:
        clip: facts of the clip.
        part: what was analysed; None in analyses of earlier versions.
        partial: whether it was stopped before the end of what was asked for.
        segments: what was judged; the rows of every evidence.
        by_branch: evidence of each branch by its name.
        people: face evidence of each person shown, by identity.
        transcript: what was said, None if no words were had.
        lines: what the words alone say of each line of the transcript, a row a line.
        speech: the speech turns.
        speakers: who speaks when, as the user's RTTM says; empty without one.
        shots: when a new shot begins, seconds, in order.
        faces: the tracks of the people in view, the primary person's first.
        portraits: a few faces as they were judged; empty unless they were asked for.
        signals: derived tracks over time of branches that give some, such as a heart rate.
    """

    clip: ClipFacts = declared(cut=f.whole, join=f.latest, decimals=None)
    part: Segment | None = declared(cut=f.span_itself, join=f.covering, default=None)
    partial: bool = declared(cut=f.whole, join=f.latest, default=False)
    segments: tuple[Segment, ...] = declared(cut=f.by_row, join=f.appended)
    by_branch: Mapping[str, Evidence] = declared(
        cut=f.by_row, join=f.appended, key="branches", rows=f.of_segments
    )
    people: Mapping[int, Evidence] = declared(
        cut=f.by_row, join=f.appended, rows=f.of_segments, default_factory=dict
    )
    transcript: Transcript | None = declared(cut=f.words, join=f.latest, default=None)
    lines: Evidence | None = declared(cut=f.lines, join=f.latest, rows=f.of_lines, default=None)
    speech: tuple[Segment, ...] = declared(cut=f.spans, join=f.latest, default=())
    speakers: tuple[Turn, ...] = declared(cut=f.spans, join=f.latest, default=())
    shots: tuple[Seconds, ...] = declared(cut=f.moments, join=f.latest, was=("cuts",), default=())
    faces: tuple[TrackSummary, ...] = declared(cut=f.spans, join=f.latest, default=())
    portraits: tuple[Portrait, ...] = declared(cut=f.moments, join=f.latest, default=())
    signals: tuple[SignalTrack, ...] = declared(cut=f.samples, join=f.latest, default=())

    def cut_to(self, span: Segment, rows: Sequence[int]) -> Judged:
        """What of it lies in a time span, of which some rows are kept."""
        return f.cut_to(self, span, rows)

    @classmethod
    def join(cls, first: Judged, second: Judged) -> Judged:
        """Two parts that follow one another as one.

        Rows are put one after the other. Whatever is of the recording and not of its rows (turns,
        words, people, shots) is taken from the later part, which must have been judged with the
        recording perceived from its start, since none of it can be told from a part alone.
        """
        return f.joined(Judged, first, second)
