"""Find the installed branches."""

from __future__ import annotations

from collections.abc import Mapping
from importlib.metadata import EntryPoint, entry_points
from typing import Any

from mien.branches.contract import Branch, BranchFactory
from mien.errors import ContractError, OptionError

GROUP = "mien.branches"
# Shown in this order; further branches follow by name.
_FIRST = ("text", "voice", "face")


def installed_branches() -> dict[str, EntryPoint]:
    """The entry points of all installed branches by name; nothing is imported yet."""
    found = {point.name: point for point in entry_points(group=GROUP)}
    order = [n for n in _FIRST if n in found] + sorted(set(found) - set(_FIRST))
    return {name: found[name] for name in order}


def make_branches(options: Mapping[str, Mapping[str, Any]] | None = None) -> dict[str, Branch]:
    """An instance of every installed branch.

    Args:
        options: options of the factories by branch name.

    Raises:
        OptionError: if options name a branch that is not installed.
        ContractError: if a branch and its entry point have different names.
    """
    chosen = options or {}
    found = installed_branches()
    for name in chosen:
        if name not in found:
            raise OptionError.choice("branch", name, found)
    branches: dict[str, Branch] = {}
    for name, point in found.items():
        factory: BranchFactory = point.load()
        branch = factory(chosen.get(name, {}))
        if branch.spec.name != name:
            raise ContractError(
                f"The entry point {name!r} of {GROUP} returned a branch named {branch.spec.name!r}."
            )
        branches[name] = branch
    return branches
