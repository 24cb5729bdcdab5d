"""Speech detection while the sound comes: the detector and the turns of :mod:`speech`."""

from __future__ import annotations

from array import array
from collections import deque

import numpy as np

from mien.perceive.speech import CHUNK, CLOCK, LOUDEST, gain_of, speech_detector, turns_of
from mien.scene import SAMPLE_RATE, AudioTrack
from mien.timebase import Segment

LEVELS = 600.0
"""Seconds of sound whose levels tell how much it has to be raised."""
ANEW = 0.2
"""Decibels by which the level must have turned out otherwise for the kept sound to be detected in
again."""
PATIENCE = 0.1
"""Share of the sound that has passed which must come before that is done again: the level changes
often in the first seconds, when little is kept, and hardly ever later."""


class SpeechListener:
    """Finds the speech turns of a sound that goes on.

    A recording is brought to one level before speech is looked for in it (:func:`find_speech`).
    Here the level is that of the sound so far; where it turns out otherwise, what is kept of the
    sound is detected in again. Probabilities and levels take 0.2 MB at most.

    One thread lets it listen; any may ask for the turns.

    Args:
        audio: the sound at 16 kHz from 0 s on, of which the last ``kept`` seconds can be read.
        kept: seconds.
    """

    def __init__(self, audio: AudioTrack, kept: float) -> None:
        self._audio = audio
        self._kept = round(kept / CLOCK.step)
        self._levels: deque[float] = deque(maxlen=round(LEVELS / CLOCK.step))
        self._probs = array("f")
        self._first = 0
        self._gain = 1.0
        self._checked = 0
        self._detector = speech_detector()
        self._turns: tuple[Segment, ...] = ()

    @property
    def reached(self) -> float:
        """Seconds up to which speech was looked for."""
        return (self._first + len(self._probs)) * CLOCK.step

    def listen(self) -> bool:
        """Look for speech in what has come; whether there was enough for a step of 32 ms."""
        begun = self._first + len(self._probs)
        count = int(self._audio.duration * SAMPLE_RATE + 0.5) // CHUNK - begun
        if count <= 0:
            return False
        chunks = self._chunks(begun, count)
        self._levels.extend(np.sqrt(np.square(chunks, dtype=np.float64).mean(axis=1)).tolist())
        loudest = max(self._levels)
        self._gain = min(self._gain, LOUDEST / max(loudest, 1e-9))
        self._detect(chunks)
        self._forget()
        self._adjust()
        self._turns = self._found(self.reached)
        return True

    def finish(self) -> None:
        """No more sound will come: a turn that goes on ends where the sound does."""
        self._checked = 0
        self._adjust()
        self._turns = self._found(max(self._audio.duration, self.reached))

    def turns(self) -> tuple[Segment, ...]:
        """The turns in what is kept, for any thread; the last may go on."""
        return self._turns

    def _found(self, end: float) -> tuple[Segment, ...]:
        extent = Segment(self._first * CLOCK.step, end)
        return tuple(turns_of(np.array(self._probs, np.float32), extent))

    def _chunks(self, first: int, count: int) -> np.ndarray[tuple[int, ...], np.dtype[np.float32]]:
        span = Segment(first * CLOCK.step, (first + count) * CLOCK.step)
        return self._audio.read(span).reshape(-1, CHUNK)

    def _detect(self, chunks: np.ndarray[tuple[int, ...], np.dtype[np.float32]]) -> None:
        for chunk in np.float32(self._gain) * chunks:
            self._probs.append(self._detector.process_array(chunk))

    def _forget(self) -> None:
        over = len(self._probs) - self._kept
        if over > 0:
            del self._probs[:over]
            self._first += over

    def _adjust(self) -> None:
        """Detect again where the level turned out otherwise."""
        now = self._first + len(self._probs)
        if now - self._checked < max(8, PATIENCE * min(now, self._kept)):
            return
        self._checked = now
        gain = gain_of(np.asarray(self._levels)) if self._levels else 1.0
        if abs(20 * np.log10(gain / self._gain)) < ANEW:
            return
        self._gain, self._detector = gain, speech_detector()
        count, self._probs = len(self._probs), array("f")
        self._detect(self._chunks(self._first, count))
