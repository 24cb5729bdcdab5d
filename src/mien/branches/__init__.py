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
from mien.branches.registry import (
    frame_rate_of,
    installed_branches,
    make_branches,
    needs_of,
    soon_used,
)

__all__ = [
    "BatchBranch",
    "Branch",
    "BranchSpec",
    "LinesBranch",
    "PeopleBranch",
    "SignalBranch",
    "frame_rate_of",
    "installed_branches",
    "make_branches",
    "needs_of",
    "soon_used",
]
