"""Which engine hears: by the name that the user gave."""

from __future__ import annotations

from functools import lru_cache

from mien.errors import OptionError
from mien.perceive.engines.contract import Engine
from mien.perceive.engines.pocketsphinx import Pocketsphinx
from mien.perceive.engines.whisper import (
    DEFAULT,
    Whisper,
    open_whisper,
    whisper_on_this_machine,
)

ENGINES = ("auto", "whisper", "whisper:MODEL", "pocketsphinx", "none")


def check_engine(asr: str) -> None:
    """Refuse a name that is none of ``ENGINES``.

    Raises:
        OptionError: naming them.
    """
    name, colon, model = asr.partition(":")
    if (
        asr == "whisper:MODEL"
        or name not in ENGINES
        or (colon and (name != "whisper" or not model))
    ):
        raise OptionError.choice("asr", asr, ENGINES)


def choose_engine(asr: str) -> Engine | None:
    """The engine for ``--asr``; None for ``none``. Loads nothing and never asks the network.

    ``auto`` is the quickest Whisper that is on this machine, else pocketsphinx.

    Raises:
        HubError, MissingExtraError, PackError: if the Whisper that is named cannot be had.
    """
    if asr == "none":
        return None
    if asr == "auto":
        found = whisper_on_this_machine()
        return _pocketsphinx() if found is None else _kept(found)
    if asr == "pocketsphinx":
        return _pocketsphinx()
    return _kept(open_whisper(asr.partition(":")[2] or DEFAULT))


@lru_cache(maxsize=1)
def _pocketsphinx() -> Pocketsphinx:
    """The same one each time: its model loads once a process."""
    return Pocketsphinx()


_last: dict[str, Whisper] = {}


def _kept(engine: Whisper) -> Whisper:
    """The same one again as long as the same is asked for."""
    key = str(engine.folder)
    if key not in _last:
        _last.clear()
        _last[key] = engine
    return _last[key]
