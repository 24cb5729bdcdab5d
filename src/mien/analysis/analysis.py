"""The analysis of one recording and its provenance."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, fields
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar

import numpy as np

from mien.analysis import fields as f
from mien.analysis.codec import Seconds, codec
from mien.analysis.evidence import Evidence
from mien.analysis.explanation import Explanation
from mien.analysis.fields import cut_to, declared
from mien.analysis.judged import Judged
from mien.analysis.signals import SignalTrack
from mien.analysis.timeline import Course
from mien.emotions import MIEN7
from mien.errors import ContractError, MissingExtraError, OptionError
from mien.timebase import Segment

if TYPE_CHECKING:
    import pandas
    from matplotlib.figure import Figure


def _whole_row(read: Mapping[str, Any], raw: Mapping[str, Any]) -> tuple[Segment, ...]:
    """The one segment of the evidences of a :class:`Whole`."""
    return (codec(Segment).read(raw["segment"], ()),)


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
    seconds: Mapping[str, Seconds]
    warnings: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        object.__setattr__(self, "warnings", tuple(self.warnings))


@dataclass(frozen=True, eq=False)
class Whole:
    """The answer for all that was analysed, whatever segments it was divided into.

    Args:
        fused: one row.
        by_branch: of each branch, one row.
        explanation: what is derived from it.
    """

    fused: Evidence = field(metadata={"rows": _whole_row})
    by_branch: Mapping[str, Evidence] = field(metadata={"rows": _whole_row, "key": "branches"})
    explanation: Explanation | None = field(default=None, metadata={"was": ("finding",)})
    ALSO_WRITTEN: ClassVar = ("segment",)

    @property
    def segment(self) -> Segment:
        """What it is the answer for."""
        return self.fused.segments[0]


@dataclass(frozen=True, eq=False, kw_only=True)
class Analysis(Course, Judged):
    """Everything that mien says of one clip: what was judged, and what is derived from it.

    Its fields are those of :class:`Judged`, those of :class:`Course`, and the following.

    Args:
        fused: the fused evidence.
        explanations: what is derived from the answer to each segment; empty if it was not asked
            for.
        whole: the answer for all of it at once; None in analyses of earlier versions.
        provenance: how it came about.
    """

    fused: Evidence = declared(cut=f.by_row, rows=f.of_segments)
    explanations: tuple[Explanation, ...] = declared(cut=f.by_row, was=("findings",), default=())
    whole: Whole | None = declared(cut=f.gone, default=None)
    provenance: Provenance = declared(cut=f.whole)

    def __post_init__(self) -> None:
        if len(self.explanations) not in (0, len(self.segments)):
            raise ContractError(
                f"{len(self.explanations)} explanations for {len(self.segments)} segments; give "
                "one each."
            )
        branches, people = self.by_branch.values(), self.people.values()
        for evidence in (self.fused, *branches, *people, *self.smoothed.values()):
            if evidence.segments != self.segments:
                raise ContractError(f"{evidence.branch!r} judged other segments than the analysis.")

    @classmethod
    def of(cls, judged: Judged, course: Course, **derived: Any) -> Analysis:
        """What was judged together with what was derived from it."""
        parts = ((judged, fields(Judged)), (course, fields(Course)))
        known = {one.name: getattr(part, one.name) for part, every in parts for one in every}
        return cls(**known, **derived)

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
                return dict(zip(MIEN7.labels, self.fused.probs[row].tolist(), strict=True))
        return None

    def between(self, start: float, end: float) -> Analysis:
        """The analysis of the segments whose middles lie in ``[start, end)`` seconds.

        Nothing is judged anew; smoothed rows keep what they took from their neighbours, and the
        summaries, baselines and the answer for the whole are left out, since they are of the whole.

        Raises:
            OptionError: if no segment lies there.
        """
        part = self._cut(start, end)
        if not part.segments:
            raise OptionError(f"No segment lies between {start} s and {end} s; see .segments.")
        return part

    def _cut(self, start: float, end: float) -> Analysis:
        rows = [i for i, s in enumerate(self.segments) if start <= s.middle < end]
        return cut_to(self, Segment(start, max(start, end)), rows)

    def __getitem__(self, span: slice) -> Analysis:
        """``analysis[10:20]``: :meth:`between` 10 s and 20 s.

        As a slice of a list, it is empty where no segment lies there; ``at`` then returns None.
        """
        if not isinstance(span, slice) or span.step is not None:
            raise OptionError(
                f"An analysis is cut by seconds, as in analysis[10:20], not {span!r}."
            )
        extent = self.segments[-1].end if self.segments else 0.0
        end = np.nextafter(extent, np.inf) if span.stop is None else span.stop
        return self._cut(0.0 if span.start is None else span.start, float(end))

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
        from mien.report.rows import columns_of, rows

        return pandas.DataFrame(list(rows(self)), columns=list(columns_of(self)))

    def signal(self, name: str) -> SignalTrack:
        """A derived track over time by its name, such as ``heart rate``.

        Raises:
            OptionError: if there is none of this name.
        """
        for track in self.signals:
            if track.name == name:
                return track
        raise OptionError.choice("A signal", name, [track.name for track in self.signals])

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
        self,
        path: str | Path,
        media: str | Path | None = None,
        how: str = "auto",
        *,
        overwrite: bool = False,
    ) -> None:
        """Write the report to a file; ``how`` is ``auto``, ``embed``, ``link`` or ``none``.

        The recording is never replaced; ``overwrite`` is needed to replace another file that mien
        did not write.

        Raises:
            OptionError: if the suffix is not .html, or the file may not be replaced.
            InputError, OptionError: if the recording cannot be put into it that way.
            OutputError: if it cannot be written.
        """
        from mien.report.page import save_page

        clip = None if media is None else Path(media)
        save_page(self, Path(path), clip, how, overwrite=overwrite)

    def _repr_html_(self) -> str:
        from mien.report.page import card_html

        return card_html(self)
