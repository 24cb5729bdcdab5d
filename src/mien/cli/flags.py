"""From the flags of ``mien analyze`` to :class:`mien.options.Options`, presets included."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, TypeVar

import typer
from typer.core import TyperCommand

from mien.cli import options as o
from mien.cli.plugins import plugin_parameters, plugin_paths
from mien.cli.shared import numbers, pack_or_hub
from mien.errors import OptionError
from mien.options import SPEAKERS, Options, described

RENAMED = {
    "--face-pack": "--face PACK",
    "--text-pack": "--text PACK",
    "--voice-pack": "--voice PACK",
    "--for": "--text PACK, --voice PACK or --face PACK",
}
"""Options of earlier versions, and what each is called now."""
BRANCHES = ("text", "voice", "face")

_Command = TypeVar("_Command", bound=Callable[..., None])


class Command(TyperCommand):
    """A command that says what an option of an earlier version is called now."""

    def parse_args(self, ctx: Any, args: list[str]) -> list[str]:
        """As Typer's.

        Raises:
            OptionError: if an option goes by another name now.
        """
        own = {name for option in self.params for name in option.opts}
        for word in args:
            if word == "--":
                break
            name = word.partition("=")[0]
            if name in RENAMED and name not in own:
                raise OptionError(f"{name} is now {RENAMED[name]}.")
        return super().parse_args(ctx, args)


def takes_options(command: _Command) -> _Command:
    """The command with the parameters of :func:`mien.cli.options.analysis` for its ``**_``.

    Their values are not read from the call but by :func:`options_from` from the context, which
    knows which of them were given.
    """
    own = inspect.signature(command, eval_str=True)
    named = [one for one in own.parameters.values() if one.kind is not one.VAR_KEYWORD]
    shared = inspect.signature(o.analysis, eval_str=True).parameters.values()
    parameters = [*named, *(one.replace(kind=one.KEYWORD_ONLY) for one in shared)]
    parameters += plugin_parameters()
    signature = own.replace(parameters=parameters)
    vars(command)["__signature__"] = signature
    command.__annotations__ = {one.name: one.annotation for one in parameters}
    return command


def options_from(ctx: typer.Context, implied: Mapping[str, Any]) -> Options:
    """The options that a command line asks for.

    What counts is, in this order: the flag that was given, what other flags imply, the preset, the
    default.

    Args:
        ctx: of a command that :func:`takes_options`; it knows which flags were given.
        implied: by path (``segmentation.by``), what flags of another kind imply.

    Raises:
        OptionError: if an option has a value it cannot have.
        HubError, MissingExtraError, PackError: if a pack or a part of the preset cannot be had.
    """
    given = _given(ctx)
    packs = {branch: ctx.params[f"{branch}_pack"] for branch in BRANCHES}
    _check_face(packs["face"])
    preset = ctx.params["preset"]
    if preset is None:
        found = {branch: pack_or_hub(name) for branch, name in packs.items()}
        named = {branch: {"pack": pack} for branch, pack in found.items() if pack is not None}
        base = Options(branches=named)
    else:
        base = _preset(preset, given.get("speech.asr"), packs)
    plain = base.to_dict()
    if given.get("speech.speakers", "auto") not in SPEAKERS:
        implied = {**implied, "segmentation.by": "speaker"}
    for path, value in {**implied, **given}.items():
        *groups, option = path.split(".")
        holder = plain
        for group in groups:
            holder = holder.setdefault(group, {})
        holder[option] = value
    return Options.from_dict(plain)


def _given(ctx: typer.Context) -> dict[str, Any]:
    """By path, the options whose flags stand on the command line."""
    paths = {one.flag: path for path, one in described().items() if one.flag}
    paths |= plugin_paths()
    out = {}
    for param in ctx.command.params:
        source = ctx.get_parameter_source(str(param.name))
        if param.opts[0] in paths and source is not None and source.name != "DEFAULT":
            out[paths[param.opts[0]]] = ctx.params[str(param.name)]
    if "fusion.weights" in out:
        out["fusion.weights"] = numbers(out["fusion.weights"].split(","), "--weights")
    return out


def _check_face(name: str | None) -> None:
    """``--face`` named a person before version 0.2."""
    if name is not None and (name in ("primary", "all") or name.isdecimal()):
        raise OptionError(
            f"--face names a model now; choose the person with --person {name} (or write ./{name} "
            "for a folder of that name)."
        )


def _preset(preset: str, asr: str | None, nets: Mapping[str, str | None]) -> Options:
    """The options of a preset, with those of its parts that the user names.

    Raises:
        HubError: naming every part that is not on this machine.
        MissingExtraError: if an extra that a part needs is not installed.
        OptionError: if there is no such preset.
    """
    from mien.presets import NAMES, Paper, paper

    if preset not in NAMES:
        raise OptionError.choice("--preset", preset, NAMES)
    given = {name: net for name, net in {"asr": asr, **nets}.items() if net is not None}
    return paper(Paper(**given), lambda line: typer.echo(line, err=True))


def packs_given(**packs: str | None) -> dict[str, Path]:
    """The folders of the packs that ``--text``, ``--voice`` and ``--face`` name, by branch."""
    return {branch: folder for branch, name in packs.items() if (folder := pack_folder(name))}


def pack_folder(name: str | None) -> Path | None:
    """The folder of a pack, of the pack made from a checkpoint, or of a hub id.

    Raises:
        HubError, MissingExtraError: as :func:`mien.cli.shared.pack_or_hub`.
    """
    from mien.hub import is_hub_id
    from mien.pack_folders import cached_pack

    found = pack_or_hub(name)
    if found is None:
        return None
    return cached_pack(found) if is_hub_id(found) else Path(found)
