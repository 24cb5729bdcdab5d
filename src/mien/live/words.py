"""The words of a session: those of each utterance soon, those of whole chunks to stay."""

from __future__ import annotations

import threading
from collections import deque

from mien.live.plan import Heard
from mien.perceive.engines import Engine, placed
from mien.perceive.engines.hallucination import HallucinationFilter
from mien.scene import SAMPLE_RATE, AudioTrack, Speech
from mien.timebase import Segment
from mien.words import Line, Transcript

KEPT = 600.0
"""Seconds of words that are kept, by which the language of what is said is told."""
_SAME = 0.002
"""Seconds by which the sound of an utterance and that of a chunk may differ to be the same."""


class Words:
    """Recognises stretches of speech, by any thread, and keeps their lines.

    Args:
        engine: that hears.
        audio: the sound.
    """

    def __init__(self, engine: Engine, audio: AudioTrack) -> None:
        self._engine, self._audio = engine, audio
        self._soon = HallucinationFilter(Speech(()))
        self._stay = HallucinationFilter(Speech(()))
        self._stays_until = 0.0
        self._heard: deque[tuple[Segment, list[Line]]] = deque(maxlen=8)
        self._longest = ("en", 0.0)
        self._turn = threading.Lock()

    def utterance(self, heard: Heard, speech: Speech) -> tuple[Line, ...]:
        """The lines of an utterance that can be believed."""
        lines = self._hear(heard.sound)
        return self._take(self._soon, lines, heard, speech)

    def chunk(self, heard: Heard, speech: Speech) -> None:
        """Hear a chunk; its lines take the place of those of its utterances."""
        with self._turn:
            known = (one for one in self._heard if _same(one[0], heard.sound))
            lines = next((lines for _, lines in known), None)
        if lines is None:
            lines = self._hear(heard.sound)
        self._take(self._stay, lines, heard, speech)
        with self._turn:
            self._stays_until = max(self._stays_until, heard.segment.end)

    def transcript(self) -> Transcript:
        """The lines so far, in time order."""
        with self._turn:
            soon = (line for line in self._soon.lines if line.segment.middle > self._stays_until)
            lines = (*self._stay.lines, *soon)
            dropped = self._stay.dropped or self._soon.dropped
        ordered = tuple(sorted(lines, key=lambda line: line.segment))
        return Transcript(ordered, self._engine.name, self._longest[0], dropped)

    def _hear(self, sound: Segment) -> list[Line]:
        samples = self._audio.read(sound)
        if not len(samples):
            return []
        code, seconds = self._longest
        if len(samples) / SAMPLE_RATE > seconds:
            code = self._engine.language(samples)
            self._longest = code, len(samples) / SAMPLE_RATE
        lines = self._engine.hear(samples, code)
        with self._turn:
            self._heard.append((sound, lines))
        return lines

    def _take(
        self, keeper: HallucinationFilter, lines: list[Line], heard: Heard, speech: Speech
    ) -> tuple[Line, ...]:
        with self._turn:
            keeper.speech = speech
            before = len(keeper.lines)
            for line in lines:
                keeper.take(placed(line, heard.sound, speech))
            new = tuple(keeper.lines[before:])
            first = heard.segment.end - KEPT
            keeper.lines[:] = [one for one in keeper.lines if one.segment.end >= first]
        return new


def _same(one: Segment, other: Segment) -> bool:
    return max(abs(one.start - other.start), abs(one.end - other.end)) <= _SAME
