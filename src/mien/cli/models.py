"""``mien models list | info``."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

app = typer.Typer(no_args_is_help=True, help="The model packs.")


@app.command("list")
def models_list() -> None:
    """The packs that ship with mien."""
    from mien.packs import Manifest, embedded_packs

    for folder in embedded_packs():
        manifest = Manifest.read(folder / "pack.json")
        size = sum(p.stat().st_size for p in folder.iterdir()) / 1e6
        typer.echo(f"{manifest.kind:6} {manifest.name} {manifest.version}  {size:.1f} MB  {folder}")


@app.command("info")
def models_info(
    pack: Annotated[str, typer.Argument(help="face, voice, text, or a pack's folder.")],
) -> None:
    """A pack's card: data, licences, figures, limits."""
    from mien.packs import EMBEDDED, KINDS, Manifest

    folder = EMBEDDED / pack if pack in KINDS else Path(pack)
    manifest = Manifest.read(folder / "pack.json")
    card = folder / "README.md"
    typer.echo(card.read_text(encoding="utf-8") if card.exists() else manifest.to_json())
