"""Transcript engines: one protocol, one file an engine, one way through a recording.

An engine hears a chunk of sound and says lines; everything else is shared: cutting at pauses
(``chunks``), what is left out as invented (``hallucination``), and the walk in ``transcribe``.
"""

from mien.perceive.engines.choose import choose_engine
from mien.perceive.engines.contract import Engine
from mien.perceive.engines.transcribe import placed, transcribe

__all__ = ["Engine", "choose_engine", "placed", "transcribe"]
