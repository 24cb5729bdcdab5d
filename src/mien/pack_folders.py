"""Where packs lie: those that ship with mien, of a user, and made of hub checkpoints."""

from __future__ import annotations

import os
import shutil
from pathlib import Path

from mien.errors import OptionError, PackError
from mien.hub import is_hub_id
from mien.packs import EMBEDDED, Pack


def check_place(folder: Path) -> None:
    """Refuse a place for a pack where something else lies, which would be lost.

    Raises:
        OptionError: if it is a file, or a folder that holds something and no pack.
    """
    vacant = folder.is_dir() and not any(folder.iterdir())
    if folder.exists() and not vacant and not (folder / "pack.json").is_file():
        raise OptionError(
            f"{folder} holds something that is no pack and would be lost; name a new folder."
        )


def put_pack(fresh: Path, folder: Path) -> None:
    """Move a complete pack to its place; an earlier pack there is replaced.

    Raises:
        OptionError: as :func:`check_place`.
    """
    check_place(folder)
    shutil.rmtree(folder, ignore_errors=True)
    folder.parent.mkdir(parents=True, exist_ok=True)
    fresh.replace(folder)


def embedded_packs() -> list[Path]:
    """Folders of the packs that ship with mien."""
    return sorted(p.parent for p in EMBEDDED.glob("*/pack.json"))


def cache_folder() -> Path:
    """Where packs made from hub checkpoints lie: ``$MIEN_CACHE``, else the user's cache folder."""
    given = os.environ.get("MIEN_CACHE")
    if given:
        return Path(given)
    base = os.environ.get("XDG_CACHE_HOME")
    return (Path(base) if base else Path.home() / ".cache") / "mien"


def cached_pack(hub_id: str) -> Path:
    """The folder that the pack made from a hub checkpoint has, whether it is there or not."""
    return cache_folder() / "packs" / hub_id.replace("/", "--")


def find_pack(kind: str, where: str | Path | None = None) -> Pack:
    """The pack at a folder, that of a hub id, or the embedded one of a kind.

    Args:
        kind: one of ``KINDS``, or ``detector``.
        where: a folder, or a hub id whose checkpoint was made into a pack before; None for the pack
            that ships with mien.

    Raises:
        PackError: if there is none.
    """
    if where is not None and is_hub_id(str(where)):
        folder = cached_pack(str(where))
        if not (folder / "pack.json").exists():
            raise PackError(
                f"No pack has been made of {str(where)!r} yet; make one with 'mien models convert "
                f"{where} --to FOLDER' and give that folder."
            )
        return Pack(folder, kind)
    if where is not None:
        return Pack(Path(where), kind)
    folder = EMBEDDED / kind
    if not (folder / "pack.json").exists():
        raise PackError(
            f"This installation carries no pack for {kind!r}; reinstall mien or give the folder of "
            "one."
        )
    return Pack(folder, kind)
