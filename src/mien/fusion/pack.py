"""Fusion packs: the pool as JSON, checked like any pack."""

from __future__ import annotations

import json
from pathlib import Path

from mien.errors import PackError
from mien.fusion.pool import Pool
from mien.packs import Pack

KIND = "fusion"
POOL_FILE = "pool.json"


def load_pool(pack: Pack) -> Pool:
    """The pool of a verified pack.

    Raises:
        PackError: if it is of another format or not whole.
    """
    try:
        value = json.loads(pack.read(POOL_FILE))
    except (ValueError, RecursionError) as error:
        raise PackError(
            f"{pack.folder / POOL_FILE} is not a pool ({error}); fit it again."
        ) from None
    return Pool.from_dict(value)


def save_pool(pool: Pool, folder: Path) -> None:
    """Write the pool into a folder that exists."""
    text = json.dumps(pool.to_dict(), separators=(",", ":"))
    (folder / POOL_FILE).write_text(text + "\n", encoding="utf-8")
