"""The interface of a branch.

A package that wants to add a modality declares an entry point in the group ``mien.branches`` whose
value is a factory, ``factory(options) -> Branch``; ``options`` is the mapping of the user's options
for this branch (``{"pack": FOLDER}`` for the built-in ones). The package may declare these options
in the group ``mien.options`` (:mod:`mien.options.plugins`): they are then checked, and have flags
on the command line. ``mien.testing.check_branch`` checks
that a branch follows the contract; ``examples/`` contains a complete branch.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Protocol, runtime_checkable

from mien.analysis.evidence import Evidence
from mien.analysis.signals import SignalTrack
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
        frame_rate: pictures a second that it needs; perceive looks at as many at least.
    """

    name: str
    needs: tuple[TrackKey[Any], ...]
    label_map: LabelMap
    packs: Mapping[str, str]
    frame_rate: float = 0.0


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


@runtime_checkable
class SignalBranch(Protocol):
    """Optional method of a branch: give derived tracks over time, such as a heart rate.

    Such a branch may need no track of the scene and read a file of its own.
    """

    def signals(self, scene: Scene) -> Sequence[SignalTrack]:
        """Tracks on the time axis of the recording; their ``branch`` is the name of this one."""
        ...


BranchFactory = Callable[[Mapping[str, Any]], Branch]
