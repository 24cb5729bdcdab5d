"""Run a branch on many segments or many scenes."""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np

from mien.analysis.analysis import Analysis
from mien.analysis.evidence import Evidence, concatenated
from mien.analysis.merge import same_speech
from mien.analysis.signals import SignalTrack
from mien.branches.contract import (
    BatchBranch,
    Branch,
    LinesBranch,
    PeopleBranch,
    SignalBranch,
)
from mien.branches.preload import size_of
from mien.loading import LONG, LONGER, Unloadable
from mien.mathematics import log_pool
from mien.memory import release
from mien.perceive import STOPPED_SPEECH
from mien.scene import AUDIO, SPEECH, Scene
from mien.timebase import Segment

GAP = "a gap in the recording: the time stamps leap over it"
"""Reason of the absent rows of a segment in which nothing was recorded."""
AT_A_TIME = 32
"""Number of segments per call of a branch."""


def judge_each(branch: Branch, jobs: Sequence[tuple[Scene, tuple[Segment, ...]]]) -> list[Evidence]:
    """A branch's evidence for many scenes; in one call if it is a :class:`BatchBranch`."""
    if isinstance(branch, BatchBranch):
        return branch.judge_many(jobs)
    return [branch.judge(scene, segments) for scene, segments in jobs]


def judge_in_turn(
    branch: Branch,
    scene: Scene,
    segments: tuple[Segment, ...],
    progress: Callable[[str, float], None],
    known: Evidence | None = None,
) -> Evidence:
    """The evidence of a branch for all segments, some at a time, so that progress can be told.

    The branch does not judge gaps, in which nothing was recorded.

    Args:
        branch: that judges.
        scene: of the recording.
        segments: the rows.
        progress: told how far it is.
        known: rows of some of the segments that need not be judged.
    """
    doing = f"analysing the {branch.spec.name}"
    there = set() if known is None else set(known.segments)
    new = tuple(segment for segment in segments if segment not in there)
    found: Evidence | None = None
    for start, stop in _groups(new, scene.facts.gaps):
        progress(doing, start / len(new))
        some = new[start:stop]
        gap = _gap(some[0], scene.facts.gaps)
        if gap is None:
            part = branch.judge(scene, some)
            release()
        else:
            part = Evidence.absent(branch.spec.name, some, f"{GAP} ({gap})")
        found = part if found is None else concatenated(found, part)
    found = branch.judge(scene, new) if found is None else found
    if known is None:
        return found
    found = concatenated(known, found)
    row_of = {segment: row for row, segment in enumerate(found.segments)}
    return found.select([row_of[segment] for segment in segments])


@dataclass(frozen=True)
class Answers:
    """All that a branch says of a recording.

    Args:
        rows: of the segments.
        at_once: of the whole as one row; None if that was not asked for.
        people: of each person.
        lines: of each line of the transcript; None if the branch judges no lines.
        signals: derived tracks over time.
    """

    rows: Evidence
    at_once: Evidence | None
    people: Mapping[int, Evidence]
    lines: Evidence | None
    signals: tuple[SignalTrack, ...] = ()


def judge_all(
    branch: Branch,
    scene: Scene,
    segments: tuple[Segment, ...],
    whole: Segment | None,
    progress: Callable[[str, float], None],
    known: Evidence | None = None,
) -> Answers:
    """All that a branch says of a recording; after a long one its model may be freed.

    Args:
        branch: that judges.
        scene: of the recording.
        segments: the rows.
        whole: what is judged as one row, if it is not the only segment; signals are of it.
        progress: told how far it is.
        known: rows of some of the segments that need not be judged.
    """
    rows = judge_in_turn(branch, scene, segments, progress, known)
    people = branch.judge_people(scene, segments) if isinstance(branch, PeopleBranch) else {}
    lines = branch.judge_lines(scene) if isinstance(branch, LinesBranch) else None
    at_once = None
    signals = tuple(branch.signals(scene)) if isinstance(branch, SignalBranch) and whole else ()
    if whole is not None and segments != (whole,):
        at_once = branch.judge(scene, (whole,))
        release()
    most = LONG if size_of(branch) else LONGER
    if whole is not None and scene.facts.duration >= most and isinstance(branch, Unloadable):
        branch.unload()
    return Answers(rows, at_once, people, lines, signals)


def as_rows_say(whole: Evidence, rows: Evidence) -> Evidence:
    """The evidence for the whole; where it is absent although rows were judged, these pooled.

    Quality and probabilities are means over time: the rows count by their seconds and quality,
    absent ones with quality 0.

    Args:
        whole: one row.
        rows: the rows of the same branch.
    """
    if whole.present[0] or not rows.present.any():
        return whole
    seconds = np.array([max(segment.duration, 1e-3) for segment in rows.segments])
    weights = (rows.quality * seconds)[rows.present]
    if weights.sum() <= 0:
        weights = seconds[rows.present]
    probs = log_pool(rows.probs[rows.present], weights)
    quality = float((rows.quality * seconds).sum() / seconds.sum())
    return Evidence.of_rows(whole.branch, whole.segments, [(probs, quality)])


def _groups(segments: Sequence[Segment], gaps: Sequence[Segment]) -> Iterator[tuple[int, int]]:
    """First and last row of what is judged at once: some segments, or a gap alone."""
    start = 0
    for row, segment in enumerate(segments):
        if _gap(segment, gaps) is not None:
            if start < row:
                yield start, row
            yield row, row + 1
            start = row + 1
        elif row + 1 - start == AT_A_TIME:
            yield start, row + 1
            start = row + 1
    if start < len(segments):
        yield start, len(segments)


def _gap(segment: Segment, gaps: Sequence[Segment]) -> Segment | None:
    """The gap that a segment lies in."""
    before = bisect_right(gaps, segment.start + 1e-6, key=lambda gap: gap.start)
    inside = before > 0 and segment.duration > 0 and segment.end <= gaps[before - 1].end + 1e-6
    return gaps[before - 1] if inside else None


def known_rows(
    branch: Branch, scene: Scene, segments: tuple[Segment, ...], earlier: Analysis
) -> Evidence | None:
    """The rows of an earlier analysis that still hold.

    Those are rows judged by the same pack from sound and speech turns alone, where the turns are
    the same. A branch that reads words or faces is asked anew: what a line or a person is may
    depend on what came later.

    Args:
        branch: that judges.
        scene: of the recording, perceived from its start.
        segments: the first rows of the earlier analysis.
        earlier: the analysis that was stopped.
    """
    name, speech = branch.spec.name, scene.get(SPEECH)
    same_pack = earlier.provenance.packs.get(name) == dict(branch.spec.packs)
    if speech is None or not same_pack or not set(branch.spec.needs) <= {AUDIO, SPEECH}:
        return None
    rows = [i for i, one in enumerate(segments) if same_speech(earlier.speech, speech.turns, one)]
    kept = earlier.by_branch[name].select(rows)
    if STOPPED_SPEECH in kept.reasons:
        return None
    return replace(kept, segments=tuple(segments[row] for row in rows))
