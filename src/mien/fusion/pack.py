"""Fusion packs: the pools as JSON, checked like any pack."""

from __future__ import annotations

import json
from pathlib import Path

from mien.errors import PackError
from mien.fusion.compare import Pools
from mien.fusion.pool import Pool
from mien.packs import Pack

KIND = "fusion"
PLAIN_FILE, PERSON_FILE = "pool.json", "person.json"


def load_pools(pack: Pack) -> Pools:
    """The pools of a verified pack.

    Raises:
        PackError: if a pool is of another format or not whole.
    """
    person = PERSON_FILE in pack.manifest.files
    return Pools(_pool(pack, PLAIN_FILE), _pool(pack, PERSON_FILE) if person else None)


def save_pools(pools: Pools, folder: Path) -> None:
    """Write the pools into a folder that exists."""
    both = {PLAIN_FILE: pools.plain, PERSON_FILE: pools.person}
    for name, pool in both.items():
        if pool is not None:
            text = json.dumps(pool.to_dict(), separators=(",", ":"))
            (folder / name).write_text(text + "\n", encoding="utf-8")


def _pool(pack: Pack, name: str) -> Pool:
    try:
        value = json.loads(pack.read(name))
    except (ValueError, RecursionError) as error:
        raise PackError(f"{pack.folder / name} is not a pool ({error}); fit it again.") from None
    return Pool.from_dict(value)
