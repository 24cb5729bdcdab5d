"""Run a branch on many segments or many scenes."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from mien.analysis.evidence import Evidence
from mien.analysis.merge import concatenated
from mien.branches.contract import BatchBranch, Branch
from mien.scene import Scene
from mien.timebase import Segment

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
) -> Evidence:
    """A branch's evidence for all segments, in several calls so that progress can be reported."""
    doing = f"analysing the {branch.spec.name}"
    progress(doing, 0.0)
    found = branch.judge(scene, segments[:AT_A_TIME])
    for start in range(AT_A_TIME, len(segments), AT_A_TIME):
        progress(doing, start / len(segments))
        found = concatenated(found, branch.judge(scene, segments[start : start + AT_A_TIME]))
    return found
