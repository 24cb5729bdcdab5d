"""What mien answers: evidence by branch, and the analysis. Its wire form is in ``mien.wire``."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from mien.course import Event, Portrait, Summary
from mien.emotions import MIEN7, EmotionSpace
from mien.errors import ContractError, MissingExtraError, OptionError
from mien.findings import Finding
from mien.scene import ClipFacts, Transcript
from mien.timebase import Segment

if TYPE_CHECKING:
    import pandas
    from matplotlib.figure import Figure

FloatArray = npt.NDArray[np.float64]


def _frozen(values: npt.ArrayLike, dtype: Any) -> npt.NDArray[Any]:
    array = np.array(values, dtype=dtype)
    array.flags.writeable = False
    return array


@dataclass(frozen=True, eq=False)
class Evidence:
    """What one branch (or the fusion) says of every segment.

    Args:
        branch: name of the branch, ``"fused"`` for the fusion's.
        segments: n segments.
        probs: ``(n, k)``; a present row is non-negative and sums to 1, an absent one is NaN.
        quality: ``(n,)`` in [0, 1], how far the branch trusts its own input; 0 when absent.
        reasons: n strings, ``""`` for a present row, why there is no judgement for an absent one.
        space: the labels of the columns.

    Raises:
        ContractError: if any of that does not hold.
    """

    branch: str
    segments: tuple[Segment, ...]
    probs: FloatArray
    quality: FloatArray
    reasons: tuple[str, ...]
    space: EmotionSpace = MIEN7

    def __post_init__(self) -> None:
        object.__setattr__(self, "segments", tuple(self.segments))
        object.__setattr__(self, "reasons", tuple(self.reasons))
        object.__setattr__(self, "probs", _frozen(self.probs, np.float64))
        object.__setattr__(self, "quality", _frozen(self.quality, np.float64))
        n, k = len(self.segments), len(self.space)
        if self.probs.shape != (n, k) or self.quality.shape != (n,) or len(self.reasons) != n:
            raise ContractError(
                f"Evidence of {self.branch!r} for {n} segments needs probs {(n, k)}, quality "
                f"{(n,)} and {n} reasons; got {self.probs.shape}, {self.quality.shape}, "
                f"{len(self.reasons)}."
            )
        self._check_rows()

    def _check_rows(self) -> None:
        present = self.present
        rows = self.probs[present]
        if not np.isfinite(rows).all() or (rows < 0).any():
            raise ContractError(f"{self.branch!r}: a present row needs finite probabilities >= 0.")
        if not np.allclose(rows.sum(axis=1), 1.0, atol=1e-6):
            raise ContractError(f"{self.branch!r}: every present row must sum to 1.")
        if not np.isnan(self.probs[~present]).all():
            raise ContractError(f"{self.branch!r}: an absent row must be NaN, not a guess.")
        if not ((self.quality >= 0) & (self.quality <= 1)).all():
            raise ContractError(f"{self.branch!r}: quality must lie in [0, 1].")

    @property
    def present(self) -> npt.NDArray[np.bool_]:
        """True for the rows with a judgement, ``(n,)``."""
        return np.array([not reason for reason in self.reasons], dtype=bool)

    def top(self, row: int) -> str | None:
        """The likeliest label of a row, None if it is absent."""
        if self.reasons[row]:
            return None
        return self.space.labels[int(self.probs[row].argmax())]

    @classmethod
    def absent(cls, branch: str, segments: Sequence[Segment], reason: str) -> Evidence:
        """Evidence without any judgement, for one reason."""
        n = len(segments)
        return cls(
            branch, tuple(segments), np.full((n, len(MIEN7)), np.nan), np.zeros(n), (reason,) * n
        )

    @classmethod
    def of_rows(
        cls,
        branch: str,
        segments: Sequence[Segment],
        rows: Sequence[tuple[FloatArray, float] | str],
    ) -> Evidence:
        """Evidence from one entry a segment: ``(probs (k,), quality)``, or the reason for none."""
        n = len(rows)
        probs, quality = np.full((n, len(MIEN7)), np.nan), np.zeros(n)
        reasons = [""] * n
        for i, row in enumerate(rows):
            if isinstance(row, str):
                reasons[i] = row
            else:
                probs[i], quality[i] = row
        return cls(branch, tuple(segments), probs, quality, tuple(reasons))

    def select(self, rows: Sequence[int]) -> Evidence:
        """The same evidence for some of its rows, in the order given."""
        which = list(rows)
        return Evidence(
            self.branch,
            tuple(self.segments[i] for i in which),
            self.probs[which],
            self.quality[which],
            tuple(self.reasons[i] for i in which),
            self.space,
        )

    def to_dict(self) -> dict[str, Any]:
        """Plain values; an absent row's probabilities are None."""
        rows = []
        for i, reason in enumerate(self.reasons):
            rows.append(
                {
                    "probs": None if reason else [round(float(p), 6) for p in self.probs[i]],
                    "quality": round(float(self.quality[i]), 4),
                    "reason": reason or None,
                }
            )
        return {"branch": self.branch, "rows": rows}

    @classmethod
    def from_dict(cls, value: Mapping[str, Any], segments: Sequence[Segment]) -> Evidence:
        """The inverse of :meth:`to_dict`."""
        rows: list[tuple[FloatArray, float] | str] = []
        for row in value["rows"]:
            if row["reason"]:
                rows.append(str(row["reason"]))
            else:
                probs = np.asarray(row["probs"], dtype=np.float64)
                # What was rounded here sums to one closely enough and comes back as it was.
                near = abs(float(probs.sum()) - 1) < 1e-5
                rows.append((probs if near else probs / probs.sum(), float(row["quality"])))
        return cls.of_rows(value["branch"], segments, rows)


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
    """A face track without its pictures: who, from when to when, and how large.

    A person may have several: a track ends at a cut.
    """

    identity: int
    segment: Segment
    samples: int
    median_size: float


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
        speech: the speech turns.
        faces: the tracks of the people in view, the primary person's first.
        people: face evidence of each person shown, by identity.
        cuts: when a new shot begins, seconds, in order.
        whole: the answer for all of it at once; None in analyses of earlier versions.
        smoothed: by name (``fused``, a branch, ``person 0`` ...), the rows smoothed over time.
        events: onsets, peaks and shifts, in time order.
        summaries: of the fused answer first, then of each person.
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
    portraits: tuple[Portrait, ...] = ()
    part: Segment | None = None
    partial: bool = False
    findings: tuple[Finding, ...] = ()

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
        summaries and the answer for the whole are left out, since they are of the whole.

        Raises:
            OptionError: if no segment lies there.
        """
        rows = [i for i, s in enumerate(self.segments) if start <= s.middle < end]
        if not rows:
            raise OptionError(f"No segment lies between {start} s and {end} s; see .segments.")
        span = Segment(start, end)
        return replace(
            self,
            segments=tuple(self.segments[i] for i in rows),
            fused=self.fused.select(rows),
            by_branch={name: e.select(rows) for name, e in self.by_branch.items()},
            people={who: e.select(rows) for who, e in self.people.items()},
            findings=tuple(self.findings[i] for i in rows) if self.findings else (),
            smoothed={name: e.select(rows) for name, e in self.smoothed.items()},
            transcript=None if self.transcript is None else self.transcript.within(span),
            speech=tuple(turn for turn in self.speech if turn.overlap(span) > 0),
            events=tuple(event for event in self.events if event.time in span),
            cuts=tuple(time for time in self.cuts if time in span),
            portraits=tuple(face for face in self.portraits if face.time in span),
            whole=None,
            summaries=(),
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
        from mien.wire import to_wire

        return to_wire(self)

    @classmethod
    def from_dict(cls, value: Mapping[str, Any]) -> Analysis:
        """The inverse of :meth:`to_dict`; earlier versions are read as well.

        Raises:
            InputError: if the value is of no version that this mien reads.
        """
        from mien.wire import from_wire

        return from_wire(value)

    def to_json(self) -> str:
        """The wire form as JSON text."""
        return json.dumps(self.to_dict(), indent=1, ensure_ascii=False) + "\n"

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

    def plot(self, row: int = 0) -> Figure:
        """Grouped bars of one segment: each branch beside the fused answer."""
        from mien.report.figure import bars

        return bars(self, row)

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
