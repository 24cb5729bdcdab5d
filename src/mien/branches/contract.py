"""What a branch is: the whole contract on one screen.

A package that wants to add a modality declares an entry point in the group ``mien.branches``
whose value is a factory, ``factory(options) -> Branch``; ``options`` is a mapping that the user
gave for this branch (``{"pack": FOLDER}`` for the built-in ones). ``mien.testing.check_branch``
tells whether a branch keeps the contract; ``examples/`` holds a complete one.
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
    """What a branch says of itself.

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
    """One modality's judge. Cheap to construct and picklable: the model loads at first use."""

    @property
    def spec(self) -> BranchSpec:
        """What it is and needs."""
        ...

    def judge(self, scene: Scene, segments: Sequence[Segment]) -> Evidence:
        """Evidence with one row a segment, in the same order.

        A segment that cannot be judged is an absent row with its reason, never a guess.
        """
        ...


@runtime_checkable
class PeopleBranch(Protocol):
    """What a branch may do beside: judge each person that it tells apart on their own."""

    def judge_people(self, scene: Scene, segments: Sequence[Segment]) -> Mapping[int, Evidence]:
        """Evidence as of ``judge``, by the identity of each person who is to be shown."""
        ...


@runtime_checkable
class BatchBranch(Protocol):
    """What a branch may do beside: judge many clips at once, faster than one by one."""

    def judge_many(self, jobs: Sequence[tuple[Scene, Sequence[Segment]]]) -> list[Evidence]:
        """What ``judge`` would say of each, in the same order."""
        ...


@runtime_checkable
class LinesBranch(Protocol):
    """What a branch may do beside: judge each line of the transcript, however the clip is cut."""

    def judge_lines(self, scene: Scene) -> Evidence | None:
        """One row a line, over the line's segment; None without a transcript."""
        ...


BranchFactory = Callable[[Mapping[str, Any]], Branch]
