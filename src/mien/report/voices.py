"""Figure of a labelled voice set: waveform and spectrogram of one recording per emotion."""

from __future__ import annotations

from collections import Counter
from pathlib import Path

import numpy as np
import numpy.typing as npt
from matplotlib.figure import Figure

from mien.datasets import LabelledSet
from mien.emotions import MIEN7
from mien.errors import DataError
from mien.media import load_audio
from mien.report.figure import COLOURS
from mien.scene import SAMPLE_RATE, Samples

WINDOW, HOP = 400, 160
"""Window and hop of a spectrogram in samples: 25 and 10 ms."""
RANGE = 65.0
"""Dynamic range of a spectrogram in decibels."""


def examples(rows: LabelledSet, speaker: str | None = None, number: int = 0) -> dict[str, Path]:
    """One recording per emotion, all by one speaker, with the same words if the names state them.

    Args:
        rows: a voice set; the file names of the published sets sort by emotion, then by words.
        speaker: end of a group's name (``OAF``, ``07``); None for the first one.
        number: index of the recording among a speaker's recordings of an emotion, in order of
            names.

    Raises:
        DataError: if the speaker is not in the set.
    """
    known = sorted(set(rows.groups.tolist()))
    chosen = [g for g in known if speaker is None or g.rsplit("/", 1)[-1] == speaker]
    if not chosen:
        listed = ", ".join(known[:30])
        raise DataError(f"There is no speaker {speaker!r}; the speakers are: {listed}.")
    shown = rows.select(rows.groups == chosen[0])
    found: dict[str, Path] = {}
    for label in MIEN7.labels:
        paths = sorted(Path(p) for p in shown.select(shown.labels == MIEN7.index(label)).items)
        if paths:
            found[label] = paths[min(number, len(paths) - 1)]
    return found


def voices_figure(paths: dict[str, Path], title: str) -> Figure:
    """Waveforms (left, on one scale) and spectrograms (right, each relative to its maximum).

    Args:
        paths: recording by emotion.
        title: title of the figure.
    """
    sounds = {label: load_audio(path) for label, path in paths.items()}
    seconds = max(len(sound) for sound in sounds.values()) / SAMPLE_RATE
    peak = max(float(np.abs(sound).max()) for sound in sounds.values())
    levels = {label: spectrogram(sound) for label, sound in sounds.items()}
    figure = Figure(figsize=(10, 1.35 * len(sounds) + 0.9), layout="constrained")
    grid = figure.subplots(len(sounds), 2, sharex=True, squeeze=False)
    for i, (label, sound) in enumerate(sounds.items()):
        left, right = grid[i]
        times = np.arange(len(sound)) / SAMPLE_RATE
        left.plot(times, sound, lw=0.4, color=COLOURS[0])
        left.set(ylim=(-peak, peak), xlim=(0, seconds))
        left.set_ylabel(label, rotation=0, ha="right", va="center", fontsize=11)
        left.spines[["top", "right"]].set_visible(False)
        left.set_title(paths[label].name, fontsize=8, loc="left", color="#666666")
        drawn = right.imshow(
            levels[label].T - levels[label].max(),
            origin="lower",
            aspect="auto",
            cmap="magma",
            vmin=-RANGE,
            vmax=0.0,
            extent=(0.0, len(levels[label]) * HOP / SAMPLE_RATE, 0.0, SAMPLE_RATE / 2000),
        )
        right.set(xlim=(0, seconds), ylabel="kHz", yticks=(0, 4, 8))
        right.set_facecolor("black")
    for axes in grid[-1]:
        axes.set_xlabel("seconds")
    figure.colorbar(
        drawn, ax=grid[:, 1].tolist(), label="dB relative to the maximum", pad=0.01, aspect=40
    )
    figure.suptitle(title, fontsize=12)
    return figure


def spectrogram(samples: Samples) -> npt.NDArray[np.float32]:
    """Power in dB, ``(frames, 257)``, from 0 to 8 kHz, one frame every 10 ms."""
    return np.asarray(10 * np.log10(power(samples) + 1e-10), dtype=np.float32)


def power(samples: Samples) -> npt.NDArray[np.float32]:
    """Power ``(frames, 257)`` of Hann windows, from 0 to 8 kHz, one frame every 10 ms."""
    if len(samples) < WINDOW:
        samples = np.pad(samples, (0, WINDOW - len(samples)))
    frames = np.lib.stride_tricks.sliding_window_view(samples, WINDOW)[::HOP]
    spectrum = np.fft.rfft(frames * np.hanning(WINDOW), n=512, axis=1)
    return np.asarray(np.abs(spectrum) ** 2 / WINDOW, dtype=np.float32)


def counts(rows: LabelledSet) -> list[tuple[str, dict[str, int]]]:
    """Recordings by speaker and emotion."""
    out = []
    for group in sorted(set(rows.groups.tolist())):
        labels = Counter(rows.labels[rows.groups == group].tolist())
        out.append((group, {name: labels[i] for i, name in enumerate(MIEN7.labels)}))
    return out
