"""Optional packages that some formats need."""

from __future__ import annotations

from importlib import import_module
from typing import Any

from mien.errors import MissingExtraError

_PACKAGES = {"parquet": "pyarrow.parquet", "eaf": "pympi", "textgrid": "pympi"}


def need(kind: str) -> Any:
    """The package that a format needs.

    Raises:
        MissingExtraError: if it is not installed.
    """
    try:
        return import_module(_PACKAGES[kind])
    except ImportError:
        raise MissingExtraError(f"An export as .{kind}", "export") from None
