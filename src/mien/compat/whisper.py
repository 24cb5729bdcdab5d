"""The JSON of openai-whisper, WhisperX and faster-whisper: read as words, written with emotions.

As an input it needs no bridge: ``--words talk.json`` (``SpeechOptions(words=...)``) reads it, with
the times of words, speakers and confidences.
"""

from __future__ import annotations

from mien.report.export.whisperjson import KEY, whisper_json, with_emotions

__all__ = ["KEY", "whisper_json", "with_emotions"]
