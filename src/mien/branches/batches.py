"""Asking a branch about many segments, or many scenes."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace

from mien.analysis.analysis import Analysis
from mien.analysis.evidence import Evidence, concatenated
from mien.analysis.merge import same_speech
from mien.branches.contract import BatchBranch, Branch
from mien.perceive import STOPPED_SPEECH
from mien.scene import AUDIO, SPEECH, Scene
from mien.timebase import Segment

AT_A_TIME = 32
"""Segments that a branch is asked for at a time."""


def judge_each(branch: Branch, jobs: Sequence[tuple[Scene, tuple[Segment, ...]]]) -> list[Evidence]:
    """What a branch says of many scenes; at once where it can."""
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
    """What a branch says of all segments, asked of some at a time, to tell how far it is.

    Args:
        branch: that judges.
        scene: of the recording.
        segments: the rows.
        progress: told how far it is.
        known: rows of some of the segments that need not be judged.
    """
    doing = f"judging the {branch.spec.name}"
    progress(doing, 0.0)
    there = set() if known is None else set(known.segments)
    new = tuple(segment for segment in segments if segment not in there)
    found = branch.judge(scene, new[:AT_A_TIME])
    for start in range(AT_A_TIME, len(new), AT_A_TIME):
        progress(doing, start / len(new))
        found = concatenated(found, branch.judge(scene, new[start : start + AT_A_TIME]))
    if known is None:
        return found
    found = concatenated(known, found)
    row_of = {segment: row for row, segment in enumerate(found.segments)}
    return found.select([row_of[segment] for segment in segments])


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
