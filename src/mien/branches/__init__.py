"""The branches: each predicts every segment from one modality, independently of the others.

``contract`` defines the interface of a branch, ``registry`` finds the installed branches. The three
built-in branches use the same entry-point group, ``mien.branches``, as those of other packages.
"""

from mien.branches.contract import (
    BatchBranch,
    Branch,
    BranchSpec,
    LinesBranch,
    PeopleBranch,
    SignalBranch,
)
from mien.branches.preload import in_turn, large_models, soon_used
from mien.branches.registry import (
    frame_rate_of,
    installed_branches,
    make_branches,
    needs_of,
)

__all__ = [
    "BatchBranch",
    "Branch",
    "BranchSpec",
    "LinesBranch",
    "PeopleBranch",
    "SignalBranch",
    "frame_rate_of",
    "in_turn",
    "installed_branches",
    "large_models",
    "make_branches",
    "needs_of",
    "soon_used",
]
