"""What mien answers: evidence by branch, the analysis, and its versioned wire form."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from mien.emotions import MIEN7, EmotionSpace
from mien.errors import ContractError, InputError, MissingExtraError
from mien.findings import Finding
from mien.scene import ClipFacts, Line, Transcript, Word
from mien.timebase import Segment

if TYPE_CHECKING:
    import pandas
    from matplotlib.figure import Figure

SCHEMA = "mien.analysis/1"

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
                rows.append((probs / probs.sum(), float(row["quality"])))
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
    """A face track without its pictures: who, from when to when, and how large."""

    identity: int
    segment: Segment
    samples: int
    median_size: float


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
        faces: the people in view, the primary first.
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
    space: EmotionSpace = field(default=MIEN7)
    findings: tuple[Finding, ...] = ()

    def __post_init__(self) -> None:
        if len(self.findings) not in (0, len(self.segments)):
            raise ContractError(
                f"{len(self.findings)} findings for {len(self.segments)} segments; give one each."
            )
        for evidence in (self.fused, *self.by_branch.values()):
            if evidence.segments != self.segments:
                raise ContractError(f"{evidence.branch!r} judged other segments than the analysis.")

    def to_dict(self) -> dict[str, Any]:
        """The wire form: plain values that JSON can hold, with ``schema`` naming its version."""
        return {
            "schema": SCHEMA,
            "labels": list(self.space.labels),
            "clip": asdict(self.clip),
            "segments": [_pair(s) for s in self.segments],
            "fused": self.fused.to_dict(),
            "branches": {name: e.to_dict() for name, e in self.by_branch.items()},
            "transcript": None if self.transcript is None else _transcript_dict(self.transcript),
            "speech": [_pair(s) for s in self.speech],
            "faces": [
                {
                    "identity": f.identity,
                    "segment": _pair(f.segment),
                    "samples": f.samples,
                    "median_size": round(f.median_size, 1),
                }
                for f in self.faces
            ],
            "findings": [finding.to_dict() for finding in self.findings],
            "provenance": asdict(self.provenance),
        }

    @classmethod
    def from_dict(cls, value: Mapping[str, Any]) -> Analysis:
        """The inverse of :meth:`to_dict`.

        Raises:
            InputError: if the value is not of this version.
        """
        if value.get("schema") != SCHEMA:
            raise InputError(
                f"This is an analysis of the form {value.get('schema')!r}; this version of mien "
                f"reads {SCHEMA!r}. Analyse the recording again."
            )
        segments = tuple(Segment(*pair) for pair in value["segments"])
        spoken = value["transcript"]
        return cls(
            clip=ClipFacts(**value["clip"]),
            segments=segments,
            fused=Evidence.from_dict(value["fused"], segments),
            by_branch={n: Evidence.from_dict(e, segments) for n, e in value["branches"].items()},
            provenance=Provenance(**value["provenance"]),
            transcript=None if spoken is None else _transcript_from(spoken),
            speech=tuple(Segment(*pair) for pair in value["speech"]),
            faces=tuple(
                TrackSummary(f["identity"], Segment(*f["segment"]), f["samples"], f["median_size"])
                for f in value["faces"]
            ),
            findings=tuple(Finding.from_dict(f) for f in value.get("findings", ())),
        )

    def to_json(self) -> str:
        """The wire form as JSON text."""
        return json.dumps(self.to_dict(), indent=1, ensure_ascii=False) + "\n"

    def to_frame(self) -> pandas.DataFrame:
        """A pandas table: one row per segment and branch, the fused rows included.

        Columns: ``start``, ``end`` (seconds), ``branch``, the seven labels, ``top``, ``quality``,
        ``reason``.

        Raises:
            MissingExtraError: if pandas is not installed.
        """
        try:
            import pandas
        except ImportError:
            raise MissingExtraError("Analysis.to_frame()", "frame") from None
        rows = []
        for evidence in (*self.by_branch.values(), self.fused):
            for i, segment in enumerate(self.segments):
                row: dict[str, Any] = {"start": segment.start, "end": segment.end}
                row["branch"] = evidence.branch
                row |= dict(zip(self.space.labels, evidence.probs[i].tolist(), strict=True))
                row |= {"top": evidence.top(i), "quality": float(evidence.quality[i])}
                row["reason"] = evidence.reasons[i]
                rows.append(row)
        return pandas.DataFrame(rows)

    def plot(self, row: int = 0) -> Figure:
        """Grouped bars of one segment: each branch beside the fused answer."""
        from mien.report.figure import bars

        return bars(self, row)


def _pair(segment: Segment) -> list[float]:
    return [round(segment.start, 3), round(segment.end, 3)]


def _transcript_dict(transcript: Transcript) -> dict[str, Any]:
    return {
        "source": transcript.source,
        "language": transcript.language,
        "lines": [
            {
                "segment": _pair(line.segment),
                "text": line.text,
                "confidence": round(line.confidence, 4),
                "words": [
                    {
                        "text": word.text,
                        "segment": _pair(word.segment),
                        "confidence": round(word.confidence, 4),
                    }
                    for word in line.words
                ],
            }
            for line in transcript.lines
        ],
    }


def _transcript_from(value: Mapping[str, Any]) -> Transcript:
    lines = tuple(
        Line(
            Segment(*line["segment"]),
            line["text"],
            tuple(Word(w["text"], Segment(*w["segment"]), w["confidence"]) for w in line["words"]),
            line["confidence"],
        )
        for line in value["lines"]
    )
    return Transcript(lines, value["source"], value["language"])
