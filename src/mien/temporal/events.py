"""What happens over time: onsets, peaks and shifts of emotion, and summaries of all rows."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import pairwise

import numpy as np
import numpy.typing as npt

from mien.analysis.evidence import Evidence
from mien.analysis.judged import TrackSummary
from mien.analysis.timeline import Baseline, Course, Event, EventKind, Summary
from mien.emotions import MIEN7
from mien.mathematics import FloatArray
from mien.temporal.baseline import baseline
from mien.temporal.smoothing import smooth, stretches
from mien.timebase import Segment

NEUTRAL = "neutral"
FUSED = "fused"


@dataclass(frozen=True)
class Run:
    """Rows ``first`` to ``last`` that follow one another and have the same top label."""

    label: str
    first: int
    last: int


def person_key(identity: int) -> str:
    """Under which a person's smoothed rows are kept."""
    return f"person {identity}"


def follow(
    fused: Evidence,
    by_branch: Mapping[str, Evidence],
    people: Mapping[int, Evidence] | None = None,
    shots: Sequence[float] = (),
    faces: Sequence[TrackSummary] = (),
) -> Course:
    """Smoothed rows, events, summaries and baselines of an analysis.

    The fused rows and the face's are smoothed neither across shots nor where another person becomes
    the most prominent one; voice and words go on from one shot to the next.

    Args:
        fused: the fused evidence.
        by_branch: of each branch, on the same segments.
        people: of other people by identity, on the same segments.
        shots: when a new shot begins, seconds.
        faces: who was in view.
    """
    others = people or {}
    breaks = sorted({*shots, *changes(fused.segments, faces)})
    smoothed = {FUSED: smooth(fused, breaks)}
    for name, evidence in by_branch.items():
        smoothed[name] = smooth(evidence, breaks if name == "face" else ())
    for who, evidence in others.items():
        smoothed[person_key(who)] = smooth(evidence, shots)
    events = list(find_events(smoothed[FUSED], by_branch, breaks))
    summaries = [summarise(fused, None)]
    for who, evidence in others.items():
        events += find_events(smoothed[person_key(who)], {"face": evidence}, shots, who)
        summaries.append(summarise(evidence, who))
    return Course(
        smoothed=smoothed,
        events=tuple(sorted(events, key=lambda event: event.time)),
        summaries=tuple(summary for summary in summaries if summary is not None),
        baselines=_baselines(by_branch.get("face"), others, faces),
    )


def _baselines(
    face: Evidence | None, people: Mapping[int, Evidence], faces: Sequence[TrackSummary]
) -> tuple[Baseline, ...]:
    """Of each person shown; else of whom the face's rows are of, row by row."""
    rows = dict(people)
    if not rows and face is not None:
        who = most_prominent(face.segments, faces)
        rows = {one: _only(face, who == one) for one in np.unique(who[who >= 0]).tolist()}
    found = (baseline(one, who, own_seconds(one.segments)) for who, one in rows.items())
    return tuple(one for one in found if one is not None)


def _only(evidence: Evidence, rows: npt.NDArray[np.bool_]) -> Evidence:
    """The evidence with all other rows absent."""
    reasons = zip(evidence.reasons, rows, strict=True)
    return replace(
        evidence,
        probs=np.where(rows[:, None], evidence.probs, np.nan),
        quality=np.where(rows, evidence.quality, 0.0),
        reasons=tuple(why if mine else why or "another person" for why, mine in reasons),
    )


def changes(segments: Sequence[Segment], faces: Sequence[TrackSummary]) -> list[float]:
    """Where another person becomes the most prominent: seconds between the rows' middles."""
    if len({face.identity for face in faces}) < 2:
        return []
    who = most_prominent(segments, faces)
    seen = [(i, int(one)) for i, one in enumerate(who) if one >= 0]
    return [_between(segments, i, j) for (i, a), (j, b) in pairwise(seen) if a != b]


def most_prominent(
    segments: Sequence[Segment], faces: Sequence[TrackSummary]
) -> npt.NDArray[np.int64]:
    """The identity of the most prominent person of each row, ``(n,)``; -1 where nobody is seen."""
    most = np.zeros(len(segments))
    who = np.full(len(segments), -1, np.int64)
    for face in faces:
        # Analyses of earlier versions hold the size alone.
        much = face.median_size**2 if face.prominence is None else face.prominence
        weight = np.array([much * segment.overlap(face.segment) for segment in segments])
        who = np.where(weight > most, face.identity, who)
        most = np.maximum(most, weight)
    return who


def find_runs(evidence: Evidence, breaks: Sequence[float] = ()) -> list[Run]:
    """Rows of one top label that follow one another; absence and a break end a run."""
    runs: list[Run] = []
    for stretch in stretches(evidence.segments, breaks):
        open_run: Run | None = None
        for row in range(stretch.start, stretch.stop):
            label = evidence.top(row)
            if open_run is not None and label == open_run.label:
                open_run = runs[-1] = Run(open_run.label, open_run.first, row)
            elif label is not None:
                open_run = Run(label, row, row)
                runs.append(open_run)
            else:
                open_run = None
    return runs


def find_events(
    evidence: Evidence,
    by_branch: Mapping[str, Evidence],
    breaks: Sequence[float] = (),
    who: int | None = None,
) -> list[Event]:
    """Onsets, peaks and shifts in time order.

    A run of rows with the same top label follows another one without a gap: an onset where the one
    before was neutral, else a shift. What was there from the start, after a gap or after a cut has
    no onset that could be seen. Every run of an emotion has one peak, its greatest probability;
    neutral has none. An evidence of one row has no course and no events.

    Args:
        evidence: smoothed rows in time order.
        by_branch: raw rows of each modality, to tell which one led.
        breaks: as for :func:`mien.temporal.smoothing.smooth`.
        who: identity that the evidence is of.
    """
    if len(evidence.segments) < 2:
        return []
    events: list[Event] = []
    runs = find_runs(evidence, breaks)
    starts = {stretch.start for stretch in stretches(evidence.segments, breaks)}
    for i, run in enumerate(runs):
        column = MIEN7.index(run.label)
        if i and runs[i - 1].last == run.first - 1 and run.first not in starts:
            before = runs[i - 1].label
            kind: EventKind = "onset" if before == NEUTRAL else "shift"
            time = _between(evidence.segments, run.first - 1, run.first)
            prob = float(evidence.probs[run.first, column])
            led = _risen(by_branch, run.first, column)
            events.append(Event(kind, time, run.label, before, prob, led, who))
        if run.label != NEUTRAL:
            rows = evidence.probs[run.first : run.last + 1, column]
            peak = run.first + int(np.argmax(rows))
            time, prob = evidence.segments[peak].middle, float(rows.max())
            led = _highest(by_branch, peak, column)
            events.append(Event("peak", time, run.label, "", prob, led, who))
    return events


def _between(segments: Sequence[Segment], before: int, after: int) -> float:
    """When one row gives way to a later one: half-way where they overlap, else its start."""
    first, second = segments[before], segments[after]
    if first.end > second.start:
        return (first.middle + second.middle) / 2
    return second.start


def _risen(by_branch: Mapping[str, Evidence], row: int, column: int) -> str:
    """The modality whose probability rose most; one that was absent before rises from 0."""
    rises = {}
    for name, evidence in by_branch.items():
        if evidence.present[row]:
            before = evidence.probs[row - 1, column] if evidence.present[row - 1] else 0.0
            rises[name] = float(evidence.probs[row, column] - before)
    best = max(rises, key=lambda name: rises[name], default="")
    return best if best and rises[best] > 0 else ""


def _highest(by_branch: Mapping[str, Evidence], row: int, column: int) -> str:
    """The modality with the highest probability, if this is its own likeliest label."""
    probs = {
        name: float(e.probs[row, column])
        for name, e in by_branch.items()
        if e.present[row] and int(e.probs[row].argmax()) == column
    }
    return max(probs, key=lambda name: probs[name], default="")


def summarise(evidence: Evidence, who: int | None) -> Summary | None:
    """The summary of an evidence; None where nothing was judged.

    Each row stands for the time that is nearer to it than to its neighbours; a row of no duration
    (a picture, a text) counts as one.
    """
    present = evidence.present
    if not present.any():
        return None
    seconds = own_seconds(evidence.segments)
    weights = np.where(present, seconds if seconds[present].sum() > 0 else 1.0, 0.0)
    weights = weights / weights.sum()
    rows = np.where(present[:, None], evidence.probs, 0.0)
    top = np.eye(len(MIEN7))[rows.argmax(axis=1)]
    share, mean = weights @ top, weights @ rows
    logs = np.log(np.where(rows > 0, rows, 1.0))
    entropy = np.where(present, -(rows * logs).sum(axis=1), -1.0)
    labels = MIEN7.labels
    # Of labels with the same share the one of the greater mean is dominant.
    dominant = max(range(len(labels)), key=lambda i: (round(float(share[i]), 9), float(mean[i])))
    return Summary(
        who=who,
        judged=float(seconds[present].sum()),
        share=dict(zip(labels, share.tolist(), strict=True)),
        mean=dict(zip(labels, mean.tolist(), strict=True)),
        dominant=labels[dominant],
        ambiguous=evidence.segments[int(entropy.argmax())],
    )


def own_seconds(segments: Sequence[Segment]) -> FloatArray:
    """Seconds that each row stands for: its own, the overlaps with its neighbours halved."""
    starts = np.array([s.start for s in segments], dtype=np.float64)
    ends = np.array([s.end for s in segments], dtype=np.float64)
    middle = (ends[:-1] + starts[1:]) / 2
    overlaps = ends[:-1] > starts[1:]
    ends[:-1] = np.where(overlaps, middle, ends[:-1])
    starts[1:] = np.where(overlaps, middle, starts[1:])
    return np.asarray(np.maximum(ends - starts, 0.0))
