"""Find the installed branches."""

from __future__ import annotations

from collections.abc import Mapping
from importlib.metadata import EntryPoint, entry_points
from typing import Any

from mien.branches.contract import Branch, BranchFactory
from mien.errors import ContractError, OptionError
from mien.scene import TrackKey
from mien.threads import side_by_side

GROUP = "mien.branches"
# Shown in this order; further branches follow by name.
_FIRST = ("text", "voice", "face")


def installed_branches() -> dict[str, EntryPoint]:
    """The entry points of all installed branches by name; nothing is imported yet."""
    found = {point.name: point for point in entry_points(group=GROUP)}
    order = [n for n in _FIRST if n in found] + sorted(set(found) - set(_FIRST))
    return {name: found[name] for name in order}


def make_branches(options: Mapping[str, Mapping[str, Any]] | None = None) -> dict[str, Branch]:
    """One branch of each that is installed; no pack is read yet.

    Args:
        options: options of the factories by branch name.

    Raises:
        OptionError: if options name a branch that is not installed.
    """
    chosen = options or {}
    found = installed_branches()
    for name in chosen:
        if name not in found:
            raise OptionError.choice("branch", name, found)
    branches: dict[str, Branch] = {}
    for name, point in found.items():
        factory: BranchFactory = point.load()
        branches[name] = factory(chosen.get(name, {}))
    return branches


def needs_of(branches: Mapping[str, Branch]) -> set[TrackKey[Any]]:
    """The tracks that branches need; their packs are opened, if they were not yet.

    Raises:
        ContractError: if a branch goes by another name than its entry point.
        PackError: if the pack of a branch cannot be used.
    """
    needs: set[TrackKey[Any]] = set()
    # Large packs take a second to verify, mostly outside the interpreter.
    specs = side_by_side(lambda branch: branch.spec, branches.values())
    for name, spec in zip(branches, specs, strict=True):
        if spec.name != name:
            raise ContractError(
                f"The entry point {name!r} of {GROUP} made a branch named {spec.name!r}."
            )
        needs |= set(spec.needs)
    return needs


def frame_rate_of(branches: Mapping[str, Branch]) -> float:
    """Pictures a second that branches need at least; 0 if they say nothing of it."""
    return max((branch.spec.frame_rate for branch in branches.values()), default=0.0)
