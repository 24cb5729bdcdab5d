"""A recording analysed in parts: which rows are whole when it was stopped, and how parts join."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import numpy as np

from mien.course import Portrait
from mien.errors import OptionError
from mien.evidence import Evidence
from mien.facts import as_utf8, shown
from mien.results import Analysis, TrackSummary
from mien.scene import ClipFacts, Transcript
from mien.timebase import Segment


@dataclass(frozen=True, eq=False)
class Judged:
    """What was judged of a part of a clip, before fusion; the fields are those of ``Analysis``.

    Args:
        whole: of each branch, one row for all of the part.
    """

    facts: ClipFacts
    part: Segment
    segments: tuple[Segment, ...]
    by_branch: Mapping[str, Evidence]
    whole: Mapping[str, Evidence]
    transcript: Transcript | None = None
    speech: tuple[Segment, ...] = ()
    faces: tuple[TrackSummary, ...] = ()
    cuts: tuple[float, ...] = ()
    portraits: tuple[Portrait, ...] = ()
    people: Mapping[int, Evidence] = field(default_factory=dict)
    partial: bool = False
    lines: Evidence | None = None

    @classmethod
    def of(cls, analysis: Analysis) -> Judged:
        """Of an analysis that was written."""
        segments, part = analysis.segments, analysis.part
        return cls(
            facts=analysis.clip,
            part=part or Segment(segments[0].start, segments[-1].end),
            segments=segments,
            by_branch=analysis.by_branch,
            whole={} if analysis.whole is None else analysis.whole.by_branch,
            transcript=analysis.transcript,
            speech=analysis.speech,
            faces=analysis.faces,
            cuts=analysis.cuts,
            portraits=analysis.portraits,
            people=analysis.people,
            partial=analysis.partial,
            lines=analysis.lines,
        )


def check_same(earlier: Analysis, name: str, options: Mapping[str, Any]) -> None:
    """Refuse to go on with an analysis of something else.

    Raises:
        OptionError: if it is of another file or was made with other options.
    """
    if as_utf8(Path(earlier.clip.path).name) != as_utf8(name):
        raise OptionError(
            f"The partial analysis is of {earlier.clip.name}, not of {shown(name)}; name "
            "another file for it, or leave --resume out."
        )
    # Through JSON, as the earlier ones came.
    now = json.loads(json.dumps(dict(options)))
    then = json.loads(json.dumps(dict(earlier.provenance.options)))
    # How many pictures are kept changes no answer.
    same = {"portraits"}
    other = sorted(k for k in now if k in then and k not in same and now[k] != then[k])
    if other:
        raise OptionError(
            f"The partial analysis was made with another {' and '.join(other)}; give the same "
            "options, or leave --resume out."
        )


def whole_rows(
    segments: Sequence[Segment], by: str, stopped_at: float
) -> tuple[tuple[Segment, ...], float]:
    """The rows that are whole in a recording that was stopped, and where to go on.

    Args:
        segments: cut from what was perceived.
        by: how it was cut.
        stopped_at: seconds up to which was perceived.

    Returns:
        the rows to keep, and the start of the first that is not whole.
    """
    if by == "clip":
        return tuple(segments), stopped_at
    # The last one may have been cut short by the end of what was perceived.
    kept = tuple(segment for segment in segments if segment.end < stopped_at - 1e-6)
    if by == "window":
        later = [segment.start for segment in segments[len(kept) :]]
        return kept, later[0] if later else stopped_at
    return kept, kept[-1].end if kept else stopped_at


def join(first: Judged, second: Judged, by: str) -> Judged:
    """Two parts that follow one another as one.

    Rows are put one after the other. The answer for the whole is pooled from those of the parts,
    since a branch cannot judge what is no longer at hand. People of the second part get new
    identities: that one of them was seen in the first is not known.
    """
    whole = {
        name: pooled(first.whole[name], second.whole[name])
        for name in second.whole
        if name in first.whole
    }
    one = by == "clip"
    segments = tuple(next(iter(whole.values())).segments) if one else first.segments
    return Judged(
        facts=second.facts,
        part=Segment(first.part.start, second.part.end),
        segments=segments if one else first.segments + second.segments,
        by_branch=whole
        if one
        else {
            name: concatenated(first.by_branch[name], evidence)
            for name, evidence in second.by_branch.items()
        },
        whole=whole,
        transcript=_joined(first.transcript, second.transcript),
        speech=first.speech + second.speech,
        faces=first.faces + _renumbered(first.faces, second.faces),
        cuts=first.cuts + second.cuts,
        portraits=first.portraits + _renumbered_portraits(first.faces, second.portraits),
        people=_people(first, second, pooled if one else concatenated),
        partial=second.partial,
        lines=concatenated(first.lines, second.lines)
        if first.lines and second.lines
        else first.lines or second.lines,
    )


def _joined(first: Transcript | None, second: Transcript | None) -> Transcript | None:
    if first is None or second is None:
        return first or second
    return replace(first, lines=first.lines + second.lines, dropped=first.dropped + second.dropped)


def _people(
    first: Judged, second: Judged, put: Callable[[Evidence, Evidence], Evidence]
) -> dict[int, Evidence]:
    """Everybody of both parts; in the part that is not theirs they are absent."""

    def absent(judged: Judged) -> Evidence:
        reasons = ["not told apart from others in this part"] * len(judged.segments)
        return Evidence.of_rows("face", judged.segments, reasons)

    more = _offset(first.faces)
    people = {who: put(evidence, absent(second)) for who, evidence in first.people.items()}
    later = {who + more: put(absent(first), one) for who, one in second.people.items()}
    return people | later


def concatenated(first: Evidence, second: Evidence) -> Evidence:
    """The rows of two evidences of one branch, one after the other."""
    return Evidence(
        first.branch,
        first.segments + second.segments,
        np.concatenate([first.probs, second.probs]),
        np.concatenate([first.quality, second.quality]),
        first.reasons + second.reasons,
        first.space,
    )


def pooled(first: Evidence, second: Evidence) -> Evidence:
    """One row for two that follow one another: a log-linear pool by quality times seconds."""
    span = (Segment(first.segments[0].start, second.segments[0].end),)
    both = [e for e in (first, second) if e.present[0]]
    if not both:
        return Evidence.of_rows(first.branch, span, [first.reasons[0]])
    seconds = np.array([e.segments[0].duration for e in both])
    weights = np.array([e.quality[0] for e in both]) * seconds
    weights = weights / weights.sum() if weights.sum() > 0 else np.ones(len(both)) / len(both)
    logs = np.log(np.maximum(np.stack([e.probs[0] for e in both]), 1e-9))
    probs = np.exp(weights @ logs)
    quality = float(seconds @ [e.quality[0] for e in both]) / span[0].duration
    return Evidence.of_rows(first.branch, span, [(probs / probs.sum(), min(1.0, quality))])


def _offset(first: Sequence[TrackSummary]) -> int:
    return max((face.identity for face in first), default=-1) + 1


def _renumbered(
    first: Sequence[TrackSummary], second: Sequence[TrackSummary]
) -> tuple[TrackSummary, ...]:
    more = _offset(first)
    return tuple(replace(face, identity=face.identity + more) for face in second)


def _renumbered_portraits(
    first: Sequence[TrackSummary], second: Sequence[Portrait]
) -> tuple[Portrait, ...]:
    more = _offset(first)
    return tuple(replace(face, identity=face.identity + more) for face in second)
