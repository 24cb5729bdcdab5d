"""What a transcript engine is."""

from __future__ import annotations

from typing import Protocol

from mien.scene import Samples
from mien.words import Line


class Engine(Protocol):
    """Hears one chunk of speech at a time; knows neither the recording nor what came before.

    Attributes:
        name: the transcript's source, such as ``whisper:tiny.en``.
        longest: seconds of the longest chunk that it takes.
        gap: seconds of silence over which neighbouring turns are heard as one chunk.
        workers: chunks that it can hear at the same time, in as many threads.
    """

    name: str
    longest: float
    gap: float
    workers: int

    def check(self) -> None:
        """Refuse what cannot be heard with, before any work; costs little.

        Raises:
            PackError: if what it hears with is missing or damaged.
        """
        ...

    def language(self, samples: Samples) -> str:
        """ISO 639-1 code of the language spoken in ``(n,) float32`` at 16 kHz."""
        ...

    def hear(self, samples: Samples, language: str) -> list[Line]:
        """The lines in ``(n,) float32`` at 16 kHz, times in seconds from its start."""
        ...
