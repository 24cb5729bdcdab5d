"""Whisper by faster-whisper: CTranslate2 in 8 bits, no torch, and never the network."""

from __future__ import annotations

import json
import threading
from functools import cached_property
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import numpy as np

from mien.errors import HubError, MissingExtraError, PackError
from mien.hub import local_folder
from mien.scene import Line, Samples, Word
from mien.timebase import Segment

DEFAULT = "tiny"
# Those that a machine without a GPU hears with in good time, the quickest first.
FOUND_BY_ITSELF = ("tiny", "tiny.en", "base", "base.en", "small", "small.en")
OWNER = "Systran/faster-whisper-"
ELSEWHERE = {
    "large": "Systran/faster-whisper-large-v3",
    "large-v3-turbo": "mobiuslabsgmbh/faster-whisper-large-v3-turbo",
    "turbo": "mobiuslabsgmbh/faster-whisper-large-v3-turbo",
}
SIZES = (*FOUND_BY_ITSELF, "medium", "medium.en", "large-v1", "large-v2", "large-v3", *ELSEWHERE)

NEEDED = ("model.bin", "config.json", "tokenizer.json")
LANGUAGE_SURE = 0.5
"""Probability of a language below which English is taken for granted."""


class Whisper:
    """A Whisper in CTranslate2's form, at any size and in any of its languages.

    A piece is decoded with a beam of five and no randomness, without the text of the piece
    before: a slip does not go on. What it is not sure of is left to the guards.

    Args:
        folder: of the checkpoint.
        name: how the user calls it.
    """

    longest: float = 28.0
    gap: float = 2.0

    def __init__(self, folder: Path, name: str) -> None:
        self.name = f"whisper:{name}"
        self.folder = folder
        self._turn = threading.Lock()

    @cached_property
    def _model(self) -> Any:
        from faster_whisper import WhisperModel

        try:
            return WhisperModel(
                str(self.folder), device="cpu", compute_type="int8", local_files_only=True
            )
        except (RuntimeError, ValueError) as error:
            raise PackError(f"{self.folder} cannot be used as a Whisper: {error}.") from None

    def language(self, samples: Samples) -> str:
        """See :class:`mien.perceive.engines.Engine`."""
        with self._turn:
            if not self._model.model.is_multilingual:
                return "en"
            code, prob, _ = self._model.detect_language(np.ascontiguousarray(samples))
        return str(code) if prob >= LANGUAGE_SURE else "en"

    def hear(self, samples: Samples, language: str) -> list[Line]:
        """See :class:`mien.perceive.engines.Engine`."""
        with self._turn:
            segments, _ = self._model.transcribe(
                np.ascontiguousarray(samples),
                language=language,
                beam_size=5,
                temperature=0.0,
                condition_on_previous_text=False,
                word_timestamps=True,
                vad_filter=False,
                # All lines are wanted, so that what is dropped can be counted.
                no_speech_threshold=None,
                compression_ratio_threshold=None,
                log_prob_threshold=None,
            )
            return [_line(segment) for segment in segments if segment.text.strip()]


def _line(segment: Any) -> Line:
    words = tuple(
        Word(word.word.strip(), _span(word), float(np.clip(word.probability, 0, 1)))
        for word in segment.words or ()
    )
    if words:
        weights = [max(word.segment.duration, 0.01) for word in words]
        confidence = float(np.average([word.confidence for word in words], weights=weights))
    else:
        confidence = float(np.exp(min(0.0, segment.avg_logprob)))
    return Line(
        _span(segment),
        " ".join(segment.text.split()),
        words,
        confidence,
        avg_logprob=float(segment.avg_logprob),
        no_speech_prob=float(segment.no_speech_prob),
    )


def _span(part: Any) -> Segment:
    start = max(0.0, float(part.start))
    return Segment(start, max(start, float(part.end)))


def installed() -> bool:
    """Whether faster-whisper is."""
    return find_spec("faster_whisper") is not None


def open_whisper(name: str) -> Whisper:
    """The Whisper of a size, a hub id or a folder, if it is on this machine.

    Raises:
        MissingExtraError: if faster-whisper is not installed.
        HubError: if there is no such checkpoint on this machine.
        PackError: if it is there in another form or not whole.
    """
    if not installed():
        raise MissingExtraError(f"--asr whisper:{name}", "whisper")
    where = ELSEWHERE.get(name, f"{OWNER}{name}" if name in SIZES else name)
    if where == name and "/" not in name and not Path(name).expanduser().is_dir():
        raise HubError(
            f"There is no Whisper {name!r} here; give a folder, a hub id that is on this machine, "
            f"or one of the sizes: {', '.join(SIZES)}."
        )
    folder = local_folder(where, download=False)
    _check(folder)
    return Whisper(folder, Path(name).name)


def whisper_on_this_machine() -> Whisper | None:
    """The quickest Whisper that is here already, or None; nothing is fetched."""
    if not installed():
        return None
    for size in FOUND_BY_ITSELF:
        try:
            return open_whisper(size)
        except (HubError, PackError, MissingExtraError):
            continue
    return None


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
        f"{folder} is no Whisper for CTranslate2: it lacks {', '.join(missing)}; give a folder "
        "that 'mien models convert' wrote, or fetch the checkpoint again."
    )
