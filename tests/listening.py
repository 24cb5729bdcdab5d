"""What several tests of speech recognition share: sounds, and the way through an engine."""

from __future__ import annotations

import numpy as np

from mien.media import AudioSpool
from mien.perceive.engines import transcribe
from mien.perceive.speech import find_speech
from mien.scene import Speech
from mien.timebase import Segment

RATE = 16_000


def spool(samples):
    made = AudioSpool()
    made.append(np.asarray(samples, np.float32))
    return made


def speech_in(samples):
    return find_speech(spool(samples))


def heard(samples, engine):
    speech = speech_in(samples)
    if not speech.turns:
        return None
    return transcribe(engine, spool(samples), speech, lambda doing, share: None)


def fed(samples, engine):
    """What is left of what an engine says that is handed a sound as if it were all speech."""
    whole = Speech((Segment(0.0, len(samples) / RATE),))
    return transcribe(engine, spool(samples), whole, lambda doing, share: None)


def music(seconds):
    """Chords with overtones and a drum on every beat."""
    time = np.arange(seconds * RATE) / RATE
    chord = np.select(
        [time % 4 < 1, time % 4 < 2, time % 4 < 3], [261.6, 349.2, 392.0], default=220.0
    )
    phase = 2 * np.pi * np.cumsum(chord) / RATE
    sound = sum(
        np.sin(part * phase * ratio) / part for ratio in (1, 1.26, 1.5) for part in (1, 2, 3)
    )
    drum = np.random.default_rng(1).normal(0, 1, len(time)) * np.exp(-(time % 0.5) * 30)
    return 0.08 * sound + 0.2 * drum


def pink(rng, seconds):
    spectrum = np.fft.rfft(rng.normal(0, 1, seconds * RATE))
    noise = np.fft.irfft(spectrum * np.arange(1, len(spectrum) + 1) ** -0.5, seconds * RATE)
    return noise / noise.std()


def wordless():
    """Twenty-one sounds in which nobody says a word, by name."""
    rng = np.random.default_rng(0)
    clock = np.arange(10 * RATE) / RATE
    noise, low = rng.normal(0, 1, 25 * RATE), pink(rng, 25)
    chord = sum(np.sin(2 * np.pi * f * clock) for f in (261.6, 329.6, 392.0, 523.3)) / 4
    beats = {rate: np.clip(np.sin(2 * np.pi * rate * clock), 0, None) for rate in (2.5, 4, 5, 8)}
    sounds = {f"silence of {s} s": np.zeros(s * RATE) for s in (2, 5, 10)}
    for seconds, level in ((5, 0.3), (10, 0.05), (3, 0.005), (20, 0.02)):
        sounds[f"white noise {level}, {seconds} s"] = level * noise[: seconds * RATE]
    for seconds, level in ((5, 0.2), (10, 0.03), (25, 0.005)):
        sounds[f"pink noise {level}, {seconds} s"] = level * low[: seconds * RATE]
    for pitch, level in ((440, 0.3), (1000, 0.05), (120, 0.2)):
        sounds[f"tone of {pitch} Hz"] = level * np.sin(2 * np.pi * pitch * clock[: 5 * RATE])
    for level in (0.2, 0.05):
        sounds[f"chord {level}"] = level * chord * (0.6 + 0.4 * np.sin(np.pi * clock))
    for rate, level in ((4, 0.2), (8, 0.2), (2.5, 0.1), (5, 0.02)):
        sounds[f"noise at {rate} Hz"] = level * noise[: len(clock)] * beats[rate]
    sounds["clicks"] = np.where(np.arange(6 * RATE) % (RATE // 3) < 40, 0.5 * noise[: 6 * RATE], 0)
    sounds["music"] = music(8)
    return {name: sound.astype(np.float32) for name, sound in sounds.items()}
