"""Which engine hears: by the name that the user gave."""

from __future__ import annotations

from mien.perceive.engines.contract import Engine
from mien.perceive.engines.whisper import DEFAULT, Whisper, open_whisper


def choose_engine(asr: str) -> Engine | None:
    """The engine for ``--asr``; None for ``none``. Loads nothing and never asks the network.

    ``auto`` and ``whisper`` are Whisper tiny.en, whose weights come with mien.

    Raises:
        HubError, MissingExtraError, PackError: if the Whisper that is named cannot be had.
    """
    if asr == "none":
        return None
    return _kept(open_whisper(asr.partition(":")[2] or DEFAULT))


_last: dict[str, Whisper] = {}


def _kept(engine: Whisper) -> Whisper:
    """The same one again as long as the same is asked for."""
    key = str(engine.folder)
    kept = _last.get(key)
    if kept is None:
        _last.clear()
        _last[key] = kept = engine
    return kept
