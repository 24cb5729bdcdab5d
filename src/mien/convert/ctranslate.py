"""Read the weights in CTranslate2's ``model.bin``."""

from __future__ import annotations

import struct
from pathlib import Path
from typing import Any, BinaryIO

import numpy as np
import numpy.typing as npt

from mien.errors import PackError

Array = npt.NDArray[Any]
_TYPES = {0: "<f4", 1: "<i1", 2: "<i2", 3: "<i4", 4: "<f2"}
_OLDEST, _NEWEST = 5, 6
"""Supported versions of the binary format; earlier ones lack aliases or store sizes differently."""


def read_weights(path: Path) -> dict[str, Array]:
    """All variables of a ``model.bin`` by name, as they are stored.

    The format: version (uint32), name of the specification, revision (uint32), number of variables
    (uint32); for each its name, rank (uint8), shape (uint32 each), type (uint8), bytes (uint32) and
    data; then the number of aliases (uint32), each with its name and that of its variable. A name
    is stored as its length including the terminating zero (uint16), then the characters. Source:
    ``serialize`` in CTranslate2's ``python/ctranslate2/specs/model_spec.py``.

    Args:
        path: path of the file.

    Raises:
        PackError: if it cannot be read, has another format or is truncated.
    """
    try:
        with path.open("rb") as file:
            return _read(file)
    except OSError as error:
        raise PackError(f"{path} cannot be read: {error.strerror}.") from None
    except (struct.error, ValueError, KeyError, UnicodeDecodeError) as error:
        raise PackError(
            f"{path} is not a readable CTranslate2 model.bin ({error}); download it again."
        ) from None


def _read(file: BinaryIO) -> dict[str, Array]:
    version = _number(file, "<I")
    if not _OLDEST <= version <= _NEWEST:
        raise ValueError(f"format version {version}, expected {_OLDEST} to {_NEWEST}")
    _text(file)
    _number(file, "<I")
    weights = {}
    for _ in range(_number(file, "<I")):
        name = _text(file)
        shape = [_number(file, "<I") for _ in range(_number(file, "<B"))]
        kind = np.dtype(_TYPES[_number(file, "<B")])
        data = file.read(_number(file, "<I"))
        weights[name] = np.frombuffer(data, kind).reshape(shape)
    for _ in range(_number(file, "<I")):
        alias = _text(file)
        weights[alias] = weights[_text(file)]
    return weights


def _number(file: BinaryIO, form: str) -> int:
    return int(struct.unpack(form, file.read(struct.calcsize(form)))[0])


def _text(file: BinaryIO) -> str:
    return file.read(_number(file, "<H")).rstrip(b"\0").decode()
