"""The sound of a recording with its emotions: waveform, spectrogram, and the fused band."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import closing
from dataclasses import fields
from pathlib import Path

import numpy as np
import numpy.typing as npt
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.image import AxesImage

from mien.analysis.analysis import Analysis
from mien.errors import InputError
from mien.facts import shown
from mien.mathematics import FloatArray
from mien.media import Part, open_clip
from mien.options import MediaOptions
from mien.perceive.watch import WatchOptions
from mien.report.figure import SMALL, notes, plain
from mien.report.timeline import (
    GROUND,
    SPEECH,
    extent_of,
    framed,
    legend,
    name_lane,
    shot_lines,
    stack,
    time_axis,
)
from mien.report.voices import HOP, RANGE, WINDOW, power
from mien.sandbox import open_confined
from mien.scene import AUDIO, SAMPLE_RATE, AudioBlock, Samples
from mien.timebase import Segment

_BLOCK = 0.5
"""Seconds of sound that are read at a time."""
COLUMNS = 1600
"""Maximum number of columns; a long recording is summarised in them while it is read."""
QUIET = "#B9BEC4"
"""Colour of the waveform outside of speech."""


def sound(analysis: Analysis, media: str | Path | None = None) -> Figure:
    """Waveform (speech dark), spectrogram, and the fused emotions on one time axis.

    Args:
        analysis: what to draw.
        media: the recording; by default the analysed file.

    Raises:
        InputError: if the recording is missing or has no sound.
        OptionError: if the analysis has no time.
    """
    extent = extent_of(analysis)
    asked = analysis.provenance.options
    sound_of = asked.get("media", {})
    known = {f.name for f in fields(MediaOptions)}
    heard = MediaOptions(**{name: sound_of[name] for name in known & sound_of.keys()})
    columns = _listen(extent, Path(media or analysis.clip.path), heard)
    figure = framed(analysis, 6.4)
    legend(figure, analysis, marks=False)
    wave, spectrum, fused = figure.subplots(
        3, 1, sharex=True, gridspec_kw={"height_ratios": (1.3, 2.0, 1.6)}
    )
    columns.draw_wave(wave, analysis.speech)
    drawn = columns.draw_spectrum(spectrum)
    stack(fused, analysis)
    for axes, name in ((wave, "waveform"), (spectrum, "kHz"), (fused, "fused")):
        name_lane(axes, name)
    shot_lines((wave, spectrum, fused), analysis.shots)
    time_axis(fused, extent)
    bar = figure.colorbar(drawn, ax=[wave, spectrum, fused], pad=0.01, aspect=45, fraction=0.03)
    bar.set_label("dB relative to the maximum", fontsize=SMALL)
    bar.ax.tick_params(labelsize=SMALL)
    notes(figure, ["Dark waveform: speech. Spectrogram: 25 ms windows."])
    return figure


class _Columns:
    """Minimum and maximum sample and mean power by frequency, in columns of equal duration.

    Args:
        extent: time span of the drawing.
    """

    def __init__(self, extent: Segment) -> None:
        self.extent = extent
        frames = max(1, int(extent.duration * SAMPLE_RATE / HOP))
        self.count = min(COLUMNS, frames)
        self._low, self._high = np.zeros(self.count), np.zeros(self.count)
        self._power = np.zeros((self.count, 257))
        self._frames = np.zeros(self.count)
        self._rest: Samples = np.zeros(0, np.float32)
        self.samples_read = 0

    def _column(self, times: FloatArray) -> npt.NDArray[np.int64]:
        share = (times - self.extent.start) / self.extent.duration
        return np.clip(share * self.count, 0, self.count - 1).astype(np.int64)

    def add(self, block: AudioBlock) -> None:
        """Add the next samples."""
        self.samples_read += len(block.samples)
        times = block.start + np.arange(len(block.samples)) / SAMPLE_RATE
        column = self._column(times)
        np.minimum.at(self._low, column, block.samples)
        np.maximum.at(self._high, column, block.samples)
        start = block.start - len(self._rest) / SAMPLE_RATE
        samples = np.concatenate([self._rest, block.samples])
        whole = max(0, (len(samples) - WINDOW) // HOP + 1)
        self._rest = samples[whole * HOP :]
        if whole:
            column = self._column(start + (np.arange(whole) * HOP + WINDOW / 2) / SAMPLE_RATE)
            np.add.at(self._power, column, power(samples)[:whole])
            np.add.at(self._frames, column, 1)

    def draw_wave(self, axes: Axes, speech: Sequence[Segment]) -> None:
        """The envelope, dark during speech."""
        peak = max(float(np.abs(self._low).max()), float(self._high.max()), 1e-4)
        times, spoken = self._middles, np.zeros(self.count, dtype=bool)
        for turn in speech:
            spoken |= (times >= turn.start) & (times < turn.end)
        for colour, where in ((QUIET, ~spoken), (SPEECH, spoken)):
            low, high = (np.where(where, a, np.nan) for a in (self._low, self._high))
            # A minimum height, so that silence is a line.
            axes.fill_between(
                times, low - 0.008 * peak, high + 0.008 * peak, step="mid", color=colour, lw=0
            )
        axes.set(ylim=(-1.05 * peak, 1.05 * peak), yticks=())
        axes.set_facecolor(GROUND)
        plain(axes, "left")

    def draw_spectrum(self, axes: Axes) -> AxesImage:
        """Power in dB relative to the maximum, 0 to 8 kHz."""
        shown = self._power / np.maximum(self._frames, 1)[:, None]
        filled = np.flatnonzero(self._frames)
        # The centres of the first and last frames are up to two columns from the ends.
        if len(filled) and filled[0] <= 2:
            shown[: filled[0]] = shown[filled[0]]
        if len(filled) and filled[-1] >= self.count - 3:
            shown[filled[-1] :] = shown[filled[-1]]
        levels = 10 * np.log10(shown + 1e-10)
        image = axes.imshow(
            (levels - levels.max()).T,
            origin="lower",
            aspect="auto",
            cmap="magma",
            vmin=-RANGE,
            vmax=0.0,
            extent=(self.extent.start, self.extent.end, 0.0, SAMPLE_RATE / 2000),
        )
        axes.set(yticks=(0, 2, 4, 6, 8))
        axes.tick_params(axis="y", labelsize=SMALL)
        axes.set_facecolor("black")
        return image

    @property
    def _middles(self) -> FloatArray:
        step = self.extent.duration / self.count
        return np.asarray(self.extent.start + step * (np.arange(self.count) + 0.5))


def _blocks(extent: Segment, path: Path, heard: MediaOptions) -> Iterator[AudioBlock]:
    """The sound of a part, decoded where the recording was decoded for its analysis."""
    silent = InputError(f"{shown(path)} has no sound to draw; use a timeline.")
    if heard.sandbox:
        with closing(open_confined(path, heard)) as source:
            if not source.facts.has_audio:
                raise silent
            options = WatchOptions(part=extent)
            watched = source.watch({AUDIO}, options, lambda doing, share: None, lambda: False)
        if watched.sound is not None:
            with watched.sound as sound:
                yield from sound.blocks(_BLOCK)
        return
    with closing(open_clip(path, heard)) as clip:
        if not clip.facts.has_audio:
            raise silent
        played = Part(clip, extent).play(0)
        yield from (moment for moment in played if isinstance(moment, AudioBlock))


def _listen(extent: Segment, path: Path, heard: MediaOptions) -> _Columns:
    if not path.is_file():
        raise InputError(
            f"The sound figure needs the recording, but {shown(path)} does not exist; name the "
            "file (--media FILE, or media= in Python)."
        )
    columns = _Columns(extent)
    for block in _blocks(extent, path, heard):
        columns.add(block)
    if not columns.samples_read:
        raise InputError(
            f"{shown(path)} has no sound between {extent.start:g} and {extent.end:g} s."
        )
    return columns
