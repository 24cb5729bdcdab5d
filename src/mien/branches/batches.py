"""Asking a branch about many segments, or many scenes."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from mien.analysis.evidence import Evidence
from mien.analysis.merge import concatenated
from mien.branches.contract import BatchBranch, Branch
from mien.scene import Scene
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
) -> Evidence:
    """What a branch says of all segments, asked of some at a time, to tell how far it is."""
    doing = f"judging the {branch.spec.name}"
    progress(doing, 0.0)
    found = branch.judge(scene, segments[:AT_A_TIME])
    for start in range(AT_A_TIME, len(segments), AT_A_TIME):
        progress(doing, start / len(segments))
        found = concatenated(found, branch.judge(scene, segments[start : start + AT_A_TIME]))
    return found
