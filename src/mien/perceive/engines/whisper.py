"""Whisper by faster-whisper: CTranslate2 in 8 bits, no torch, and never the network."""

from __future__ import annotations

import json
import threading
from functools import cached_property
from pathlib import Path

import numpy as np

from mien.errors import HubError, MissingExtraError, PackError
from mien.hub import local_folder
from mien.memory import release
from mien.perceive.engines.weights import WHEELS, check_weights, installed, whisper_folder
from mien.perceive.engines.windows import Windows
from mien.scene import Samples
from mien.threads import cores
from mien.words import Line

DEFAULT = "tiny.en"
OWNER = "Systran/faster-whisper-"
ELSEWHERE = {
    "large": "Systran/faster-whisper-large-v3",
    "large-v3-turbo": "mobiuslabsgmbh/faster-whisper-large-v3-turbo",
    "turbo": "mobiuslabsgmbh/faster-whisper-large-v3-turbo",
}
SIZES = (
    *("tiny", "tiny.en", "base", "base.en", "small", "small.en", "medium", "medium.en"),
    *("large-v1", "large-v2", "large-v3", *ELSEWHERE),
)

NEEDED = ("model.bin", "config.json", "tokenizer.json")
LANGUAGE_SURE = 0.5
"""Probability of a language below which English is taken for granted."""


class Whisper:
    """A Whisper in CTranslate2's form, at any size and in any of its languages.

    A chunk is decoded with a beam of five and no randomness, without the text of the chunk
    before: a slip does not go on. What it is not sure of is left to the hallucination.

    Args:
        folder: of the checkpoint.
        name: how the user calls it.
    """

    longest: float = 28.0
    gap: float = 2.0
    workers: int = 0
    """Chunks heard at the same time, to be set before the first; 0 for one a core."""

    def __init__(self, folder: Path, name: str) -> None:
        self.name = f"whisper:{name}"
        self.folder = folder
        self.workers = self.workers or cores()
        self._opening = threading.Lock()

    def check(self) -> None:
        """See :class:`mien.perceive.engines.Engine`."""
        check_weights(self.folder)

    @cached_property
    def windows(self) -> Windows:
        """The loaded checkpoint; its weights are checked first."""
        self.check()
        windows = Windows(self.folder, self.workers)
        release()
        return windows

    def load(self) -> None:
        """Load the checkpoint, which happens at the first use otherwise.

        Raises:
            PackError: if the weights are missing or damaged.
        """
        self._loaded().prepare()

    def _loaded(self) -> Windows:
        # Two threads would load it twice.
        with self._opening:
            return self.windows

    def unload(self) -> None:
        """Free the checkpoint; the next use loads it again."""
        with self._opening:
            self.__dict__.pop("windows", None)

    def language(self, samples: Samples) -> str:
        """See :class:`mien.perceive.engines.Engine`."""
        windows = self._loaded()
        if not windows.multilingual:
            return "en"
        code, prob = windows.language(np.ascontiguousarray(samples))
        return code if prob >= LANGUAGE_SURE else "en"

    def hear(self, samples: Samples, language: str) -> list[Line]:
        """See :class:`mien.perceive.engines.Engine`."""
        return list(self._loaded().lines(np.ascontiguousarray(samples), language))


def open_whisper(name: str) -> Whisper:
    """The Whisper of a size, a hub id or a folder, if it is on this machine.

    ``tiny.en`` and ``base`` come by wheel; other sizes, and ``base`` without its wheels, are looked
    for in the cache of the hub.

    Raises:
        HubError: if there is no such checkpoint on this machine.
        PackError: if it is there in another form or not whole.
    """
    if name in WHEELS and (name == DEFAULT or installed(name)):
        return Whisper(whisper_folder(name), name)
    where = ELSEWHERE.get(name, f"{OWNER}{name}" if name in SIZES else name)
    if where == name and "/" not in name and not Path(name).expanduser().is_dir():
        raise HubError(
            f"There is no Whisper {name!r} here; give a folder, a hub id that is on this machine, "
            f"or one of the sizes: {', '.join(SIZES)}."
        )
    try:
        folder = local_folder(where, download=False)
    except HubError:
        if name not in WHEELS:
            raise
        raise MissingExtraError(f"--asr whisper:{name}", f"whisper-{name}") from None
    _check(folder)
    return Whisper(folder, Path(name).name)


def _check(folder: Path) -> None:
    missing = [name for name in NEEDED if not (folder / name).is_file()]
    if not missing:
        return
    config = folder / "config.json"
    if "model.bin" in missing and config.is_file():
        kind = json.loads(config.read_text(encoding="utf-8")).get("model_type")
        if kind == "whisper":
            raise PackError(
                f"{folder} is a Whisper in the form of Transformers; make it one of CTranslate2 "
                f"with 'mien models convert {folder} --to FOLDER' and give that."
            )
    raise PackError(
        f"{folder} is not a Whisper for CTranslate2: it lacks {', '.join(missing)}; give a folder "
        "that 'mien models convert' wrote, or fetch the checkpoint again."
    )
