"""The analysis of one recording and its provenance."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from mien.analysis.evidence import Evidence
from mien.analysis.explanation import Finding
from mien.analysis.timeline import Baseline, Event, Portrait, Summary
from mien.emotions import MIEN7, EmotionSpace
from mien.errors import ContractError, MissingExtraError, OptionError
from mien.scene import ClipFacts, Transcript
from mien.timebase import Segment

if TYPE_CHECKING:
    import pandas
    from matplotlib.figure import Figure


@dataclass(frozen=True)
class Provenance:
    """How an analysis came about.

    Args:
        mien: version of mien.
        python: version of Python.
        packs: by branch, name and SHA-256 of the packs that judged.
        options: what was asked for.
        seconds: time spent, by room.
        warnings: what speaks against relying on it, in words.
    """

    mien: str
    python: str
    packs: Mapping[str, Mapping[str, str]]
    options: Mapping[str, Any]
    seconds: Mapping[str, float]
    warnings: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        object.__setattr__(self, "warnings", tuple(self.warnings))


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
    median_size: float
    prominence: float | None = None
    lips: float | None = None
    lips_reason: str = ""


@dataclass(frozen=True, eq=False)
class Whole:
    """The answer for all that was analysed, whatever segments it was cut into.

    Args:
        fused: one row.
        by_branch: of each branch, one row.
        finding: what is derived from it.
    """

    fused: Evidence
    by_branch: Mapping[str, Evidence]
    finding: Finding | None = None

    @property
    def segment(self) -> Segment:
        """What it is the answer for."""
        return self.fused.segments[0]


@dataclass(frozen=True, eq=False)
class Analysis:
    """Everything that mien says of one clip.

    Args:
        clip: facts of the clip.
        segments: what was judged; the rows of every evidence.
        fused: the fused evidence.
        by_branch: evidence of each branch by its name.
        provenance: how it came about.
        transcript: what was said, None if no words were had.
        lines: what the words alone say of each line of the transcript, a row a line.
        speech: the speech turns.
        faces: the tracks of the people in view, the primary person's first.
        people: face evidence of each person shown, by identity.
        cuts: when a new shot begins, seconds, in order.
        whole: the answer for all of it at once; None in analyses of earlier versions.
        smoothed: by name (``fused``, a branch, ``person 0`` ...), the rows smoothed over time.
        events: onsets, peaks and shifts, in time order.
        summaries: of the fused answer first, then of each person.
        baselines: of each person with enough judged rows, what the face shows on average and where
            it departs from that; derived, and part of no answer.
        portraits: a few faces as they were judged; empty unless they were asked for.
        part: what was analysed; None in analyses of earlier versions.
        partial: whether it was stopped before the end of what was asked for.
        findings: what is derived from the answer to each segment; empty if it was not asked for.
    """

    clip: ClipFacts
    segments: tuple[Segment, ...]
    fused: Evidence
    by_branch: Mapping[str, Evidence]
    provenance: Provenance
    transcript: Transcript | None = None
    speech: tuple[Segment, ...] = ()
    faces: tuple[TrackSummary, ...] = ()
    people: Mapping[int, Evidence] = field(default_factory=dict)
    cuts: tuple[float, ...] = ()
    space: EmotionSpace = field(default=MIEN7)
    whole: Whole | None = None
    smoothed: Mapping[str, Evidence] = field(default_factory=dict)
    events: tuple[Event, ...] = ()
    summaries: tuple[Summary, ...] = ()
    baselines: tuple[Baseline, ...] = ()
    portraits: tuple[Portrait, ...] = ()
    part: Segment | None = None
    partial: bool = False
    findings: tuple[Finding, ...] = ()
    lines: Evidence | None = None

    def __post_init__(self) -> None:
        if len(self.findings) not in (0, len(self.segments)):
            raise ContractError(
                f"{len(self.findings)} findings for {len(self.segments)} segments; give one each."
            )
        branches, people = self.by_branch.values(), self.people.values()
        for evidence in (self.fused, *branches, *people, *self.smoothed.values()):
            if evidence.segments != self.segments:
                raise ContractError(f"{evidence.branch!r} judged other segments than the analysis.")

    def rows_at(self, time: float) -> tuple[int, ...]:
        """The rows whose segments hold a moment, in seconds; the nearest middle first."""
        rows = [i for i, segment in enumerate(self.segments) if time in segment]
        return tuple(sorted(rows, key=lambda i: abs(self.segments[i].middle - time)))

    def at(self, time: float) -> dict[str, float] | None:
        """The fused probabilities at a moment by label, None where nothing was judged.

        Where segments overlap, that whose middle is nearest speaks.

        Args:
            time: seconds.
        """
        for row in self.rows_at(time):
            if self.fused.present[row]:
                return dict(zip(self.space.labels, self.fused.probs[row].tolist(), strict=True))
        return None

    def between(self, start: float, end: float) -> Analysis:
        """The analysis of the segments whose middles lie in ``[start, end)`` seconds.

        Nothing is judged anew; smoothed rows keep what they took from their neighbours, and the
        summaries, baselines and the answer for the whole are left out, since they are of the whole.

        Raises:
            OptionError: if no segment lies there.
        """
        rows = [i for i, s in enumerate(self.segments) if start <= s.middle < end]
        if not rows:
            raise OptionError(f"No segment lies between {start} s and {end} s; see .segments.")
        span = Segment(start, end)
        said = () if self.transcript is None else self.transcript.lines
        heard = [i for i, line in enumerate(said) if line.segment.middle in span]
        return replace(
            self,
            segments=tuple(self.segments[i] for i in rows),
            fused=self.fused.select(rows),
            by_branch={name: e.select(rows) for name, e in self.by_branch.items()},
            people={who: e.select(rows) for who, e in self.people.items()},
            findings=tuple(self.findings[i] for i in rows) if self.findings else (),
            smoothed={name: e.select(rows) for name, e in self.smoothed.items()},
            transcript=None if self.transcript is None else self.transcript.within(span),
            lines=None if self.lines is None else self.lines.select(heard),
            speech=tuple(turn for turn in self.speech if turn.overlap(span) > 0),
            events=tuple(event for event in self.events if event.time in span),
            cuts=tuple(time for time in self.cuts if time in span),
            portraits=tuple(face for face in self.portraits if face.time in span),
            whole=None,
            summaries=(),
            baselines=(),
            part=span,
        )

    def __getitem__(self, span: slice) -> Analysis:
        """``analysis[10:20]``: :meth:`between` 10 s and 20 s."""
        if not isinstance(span, slice) or span.step is not None:
            raise OptionError(
                f"An analysis is cut by seconds, as in analysis[10:20], not {span!r}."
            )
        extent = self.segments[-1].end if self.segments else 0.0
        end = np.nextafter(extent, np.inf) if span.stop is None else span.stop
        return self.between(0.0 if span.start is None else span.start, float(end))

    def to_dict(self) -> dict[str, Any]:
        """The wire form: plain values that JSON can hold, with ``schema`` naming its version."""
        from mien.analysis.wire import to_wire

        return to_wire(self)

    @classmethod
    def from_dict(cls, value: Mapping[str, Any]) -> Analysis:
        """The inverse of :meth:`to_dict`; earlier versions are read as well.

        Raises:
            InputError: if the value is of no version that this mien reads.
        """
        from mien.analysis.wire import from_wire

        return from_wire(value)

    def to_json(self) -> str:
        """The wire form as JSON text."""
        from mien.analysis.wire import json_text

        return "".join(json_text(self))

    def to_frame(self) -> pandas.DataFrame:
        """A pandas table: one row per segment and modality, fused, smoothed and people included.

        Its columns are those of the CSV export, see :mod:`mien.report.rows`.

        Raises:
            MissingExtraError: if pandas is not installed.
        """
        try:
            import pandas
        except ImportError:
            raise MissingExtraError("Analysis.to_frame()", "frame") from None
        from mien.report.rows import COLUMNS, rows

        return pandas.DataFrame(list(rows(self)), columns=list(COLUMNS))

    def plot(
        self, row: int | None = None, kind: str | None = None, media: str | Path | None = None
    ) -> Figure:
        """A figure: ``bars`` of one segment, the ``timeline``, or the ``sound``.

        Args:
            row: the segment of the bars, the first by default.
            kind: what to draw; by default bars where there is one segment or ``row`` names one,
                and the timeline where there are several.
            media: the recording, for the sound; by default the file that was analysed.

        Raises:
            OptionError: if there is no such kind or segment, or no time to draw along.
            InputError: if the sound is wanted and the recording is not at hand.
        """
        from mien.report.figure import draw

        return draw(self, kind, row, media)

    def to_html(self, media: str | Path | None = None) -> str:
        """The report: one page that opens offline, with the recording if it is named.

        Raises:
            InputError: if there is no such recording.
        """
        from mien.report.page import page_html, page_media

        return page_html(self, page_media(None if media is None else Path(media), "auto", None))

    def save_report(
        self, path: str | Path, media: str | Path | None = None, how: str = "auto"
    ) -> None:
        """Write the report to a file; ``how`` is ``auto``, ``embed``, ``link`` or ``none``.

        Raises:
            InputError, OptionError: if the recording cannot be put into it that way.
        """
        from mien.report.page import save_page

        save_page(self, Path(path), None if media is None else Path(media), how)

    def _repr_html_(self) -> str:
        from mien.report.page import card_html

        return card_html(self)
