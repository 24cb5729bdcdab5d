"""Flags of options that plug-ins declare, see :mod:`mien.options.plugins`."""

from __future__ import annotations

import types
import typing
from collections.abc import Iterator
from dataclasses import Field, fields
from inspect import Parameter
from pathlib import Path
from typing import Annotated, Any, Union, get_args, get_origin

from typer import Option

from mien.errors import ContractError
from mien.options import described, plugin_groups

_KINDS = (Path, bool, int, float, str)
"""Types that an option of a plug-in may have; of a union the first of these is the flag's."""


def plugin_parameters() -> list[Parameter]:
    """The parameters of a command for all options of plug-ins that have a flag.

    If a plug-in is faulty there are none; the command then says why (:func:`plugin_paths`).
    """
    try:
        return [_parameter(branch, one, hint) for branch, one, hint in _declared()]
    except ContractError:
        return []


def plugin_paths() -> dict[str, str]:
    """By flag, the path of the option: ``--body`` is ``branches.body.file``.

    Raises:
        ContractError: if a plug-in cannot be loaded, or two options have one flag.
    """
    return {one.metadata["flag"]: f"branches.{branch}.{one.name}" for branch, one, _ in _declared()}


def _declared() -> Iterator[tuple[str, Field[Any], Any]]:
    """Branch, field and type of each option with a flag."""
    taken = {one.flag for one in described().values()} | {"--text", "--voice", "--face"}
    for branch, kind in plugin_groups().items():
        hints = typing.get_type_hints(kind)
        for one in fields(kind):
            flag = one.metadata["flag"]
            if not flag:
                continue
            if flag in taken:
                raise ContractError(f"The plug-in {branch!r} declares {flag}, which is taken.")
            taken.add(flag)
            yield branch, one, hints[one.name]


def _parameter(branch: str, one: Field[Any], hint: Any) -> Parameter:
    flag = one.metadata["flag"]
    kind = _kind(hint)
    named = f"{flag}/--no-{flag.removeprefix('--')}" if kind is bool else flag
    told = Option(
        named,
        help=one.metadata["meaning"],
        metavar=one.metadata.get("metavar"),
        rich_help_panel=f"Branch {branch} (plug-in)",
    )
    wanted: Any = kind if one.default is not None else kind | None
    return Parameter(
        f"{branch}__{one.name}",
        Parameter.KEYWORD_ONLY,
        default=one.default,
        annotation=Annotated[wanted, told],
    )


def _kind(hint: Any) -> Any:
    """The type of a flag.

    Raises:
        ContractError: if the command line has none for it.
    """
    union = get_origin(hint) in (Union, types.UnionType)
    members = get_args(hint) if union else (hint,)
    for kind in _KINDS:
        if kind in members:
            return kind
    raise ContractError(
        f"An option of a plug-in has the type {hint}; give Path, bool, int, float or str."
    )
