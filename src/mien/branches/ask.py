"""Asking a branch about many segments, or many scenes."""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Callable, Iterator, Sequence

from mien.branches.contract import BatchBranch, Branch
from mien.evidence import Evidence
from mien.parts import concatenated
from mien.scene import Scene
from mien.timebase import Segment

GAP = "a gap in the recording: the time stamps leap over it"
"""Why nothing is said of a segment in which nothing was recorded."""
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
    """What a branch says of all segments, asked of some at a time, to tell how far it is.

    It is not asked about gaps, in which nothing was recorded.
    """
    gaps = scene.facts.gaps
    doing = f"judging the {branch.spec.name}"
    found: Evidence | None = None
    for start, stop in _groups(segments, gaps):
        progress(doing, start / len(segments))
        some = segments[start:stop]
        gap = _gap(some[0], gaps)
        if gap is None:
            said = branch.judge(scene, some)
        else:
            said = Evidence.absent(branch.spec.name, some, f"{GAP} ({gap})")
        found = said if found is None else concatenated(found, said)
    return branch.judge(scene, segments) if found is None else found


def _groups(segments: Sequence[Segment], gaps: Sequence[Segment]) -> Iterator[tuple[int, int]]:
    """First and last row of what is asked at once: some segments, or a gap alone."""
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
