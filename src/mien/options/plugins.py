"""Options that a plug-in declares beside its branch.

A package declares an entry point in the group ``mien.options``, under the name of its branch. The
value is a :class:`mien.options.group.Group`, a frozen dataclass whose fields are made by
:func:`mien.options.group.option`. Its module is imported to show the help of the command line, so
it imports neither numpy nor what the branch computes with.

The values stand in ``Options.branches`` under the name of the branch. The group checks them.
"""

from __future__ import annotations

from collections.abc import Mapping
from contextlib import suppress
from dataclasses import MISSING, fields, is_dataclass
from functools import cache
from importlib.metadata import EntryPoint, entry_points
from pathlib import Path
from typing import Any

from mien.errors import ContractError
from mien.options.group import Group, check_keys, thawed

GROUP = "mien.options"


@cache
def plugin_groups() -> dict[str, type[Any]]:
    """The groups of options of installed plug-ins, by the name of their branch.

    Raises:
        ContractError: if one cannot be imported or is not a group of options.
    """
    found = sorted(entry_points(group=GROUP), key=lambda point: point.name)
    return {point.name: _loaded(point) for point in found}


def _loaded(point: EntryPoint) -> type[Any]:
    owner = point.dist.name if point.dist is not None else "?"
    where = f"The entry point {point.name!r} of {GROUP}, from the package {owner},"
    kind: Any
    try:
        kind = point.load()
    except Exception as error:
        raise ContractError(
            f"{where} cannot be loaded ({type(error).__name__}: {error}); update or uninstall it."
        ) from error
    if not _is_group(kind):
        raise ContractError(f"{where} is {kind!r}; it must be a dataclass of mien.options.Group.")
    made: type[Any] = kind
    for one in fields(made):
        no_default = one.default is MISSING and one.default_factory is MISSING
        if no_default or not {"flag", "meaning"} <= one.metadata.keys():
            raise ContractError(f"{where} has a field {one.name!r} that option() did not make.")
    return made


def _is_group(kind: Any) -> bool:
    return isinstance(kind, type) and issubclass(kind, Group) and is_dataclass(kind)


def checked(branch: str, given: Mapping[str, Any]) -> Mapping[str, Any]:
    """The options of a branch, checked by its group if it has one; defaults are left out.

    Raises:
        OptionError: if the group has no such option, or one has a value it cannot have.
    """
    kind = plugin_groups().get(branch)
    if kind is None:
        return given
    check_keys(given, {one.name for one in fields(kind)}, branch)
    made = kind(**given)
    plain: dict[str, Any] = thawed(made)
    defaults = thawed(kind())
    return {name: value for name, value in plain.items() if value != defaults[name]}


def check_several(branches: Mapping[str, Mapping[str, Any]]) -> None:
    """Check that the options of plug-ins can serve several recordings.

    Raises:
        OptionError: if one of them is of a single recording.
    """
    for branch, kind in plugin_groups().items():
        if branch in branches:
            kind(**thawed(branches[branch])).check_several()


def read_with(branches: Mapping[str, Mapping[str, Any]], recording: Path) -> list[Path]:
    """The files and folders that plug-ins read with a recording; none of one that fails.

    Args:
        branches: the options of each branch; those of others are the defaults.
        recording: its path.
    """
    found: list[Path] = []
    for branch, kind in plugin_groups().items():
        with suppress(Exception):  # a fault of the plug-in is told when it analyses
            found += kind(**thawed(branches.get(branch, {}))).read_with(recording)
    return found
