"""The interface of a branch.

A package that wants to add a modality declares an entry point in the group ``mien.branches`` whose
value is a factory, ``factory(options) -> Branch``; ``options`` is the mapping of the user's options
for this branch (``{"pack": FOLDER}`` for the built-in ones). ``mien.testing.check_branch`` checks
that a branch follows the contract; ``examples/`` contains a complete branch.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Protocol, runtime_checkable

from mien.analysis.evidence import Evidence
from mien.emotions import LabelMap
from mien.scene import Scene, TrackKey
from mien.timebase import Segment


@dataclass(frozen=True)
class BranchSpec:
    """Description of a branch.

    Args:
        name: key of its evidence, lower case; also its name in tables.
        needs: the tracks it reads; perceive finds these and no others.
        label_map: from its own labels to the seven, in which it answers; ``label_map.named`` are
            those that it can name at all.
        packs: SHA-256 of its model by pack name.
    """

    name: str
    needs: tuple[TrackKey[Any], ...]
    label_map: LabelMap
    packs: Mapping[str, str]


class Branch(Protocol):
    """One modality's classifier. Cheap to construct and picklable: the model loads at first use."""

    @property
    def spec(self) -> BranchSpec:
        """Description and requirements of the branch."""
        ...

    def judge(self, scene: Scene, segments: Sequence[Segment]) -> Evidence:
        """Evidence with one row per segment, in the same order.

        A segment without usable input is an absent row with the reason, never a guess.
        """
        ...


@runtime_checkable
class PeopleBranch(Protocol):
    """Optional method of a branch: predict each person separately."""

    def judge_people(self, scene: Scene, segments: Sequence[Segment]) -> Mapping[int, Evidence]:
        """Evidence as from ``judge``, by the identity of each person to show."""
        ...


@runtime_checkable
class BatchBranch(Protocol):
    """Optional method of a branch: predict many clips in one call, faster than one by one."""

    def judge_many(self, jobs: Sequence[tuple[Scene, Sequence[Segment]]]) -> list[Evidence]:
        """The evidence of ``judge`` for each, in the same order."""
        ...


@runtime_checkable
class LinesBranch(Protocol):
    """Optional method of a branch: predict each transcript line, whatever the segmentation."""

    def judge_lines(self, scene: Scene) -> Evidence | None:
        """One row per line, over the line's segment; None without a transcript."""
        ...


BranchFactory = Callable[[Mapping[str, Any]], Branch]
