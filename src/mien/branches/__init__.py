"""The branches: each judges every segment by one modality, blind to the others.

``contract`` holds what a branch must be, ``registry`` finds those that are installed; the three
built-in ones come in by the same door (the entry-point group ``mien.branches``).
"""

from mien.branches.contract import BatchBranch, Branch, BranchSpec, LinesBranch, PeopleBranch
from mien.branches.registry import installed_branches, make_branches, needs_of

__all__ = [
    "BatchBranch",
    "Branch",
    "BranchSpec",
    "LinesBranch",
    "PeopleBranch",
    "installed_branches",
    "make_branches",
    "needs_of",
]
