"""From what a file holds to tracks at each second."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field

import numpy as np

from mien_body import breath, heart, skin
from mien_body.grid import Grid, Track
from mien_body.measured import BodyFile, Floats, Wave
from mien_body.quality import Graded, grade, motion

EDGE = 60.0
"""Seconds around what is wanted that are looked at as well: windows reach beyond the edges."""
LEAST = {"ecg": 10.0, "ppg": 10.0, "eda": 20.0, "resp": 30.0}
"""Seconds of a channel below which nothing is found in it."""


@dataclass
class Features:
    """What was found.

    Args:
        tracks: by name, at each second of the grid.
        units: of each track.
        sources: of each track, in words.
        peaks: times (seconds of the file) and sizes of skin conductance responses; None without
            such a channel.
    """

    tracks: dict[str, Track] = field(default_factory=dict)
    units: dict[str, str] = field(default_factory=dict)
    sources: dict[str, str] = field(default_factory=dict)
    peaks: tuple[Floats, Floats] | None = None

    def put(self, name: str, unit: str, source: str, track: Track) -> None:
        """Add a track."""
        self.tracks[name], self.units[name], self.sources[name] = track, unit, source


def features(file: BodyFile, grid: Grid, hrv_window: float) -> Features:
    """Heart rate and variability, skin conductance, and respiration, as far as the file has them.

    Args:
        file: what was read.
        grid: where values are wanted.
        hrv_window: seconds.
    """
    found = Features()
    _heart(file, grid, hrv_window, found)
    _with_wave(file, "eda", grid, found, _skin)
    _with_wave(file, "resp", grid, found, _breath)
    return found


def _cut(wave: Wave, grid: Grid) -> Wave:
    """The part of a channel that is looked at."""
    return wave.part(max(wave.start, grid.times[0] - EDGE - 0.5), grid.times[-1] + EDGE + 0.5)


def _graded(file: BodyFile, wave: Wave) -> Graded:
    count = max(1, round(len(wave.samples) / wave.rate))
    return grade(wave, motion(file.wave("acc"), wave.start, count))


def _absent(reason: str, grid: Grid) -> Track:
    return Track([reason] * len(grid.times), np.zeros(len(grid.times)))


def _short(wave: Wave) -> str:
    """Why a channel cannot be used as a whole; empty if it can."""
    there = float(np.isfinite(wave.samples).sum() / wave.rate)
    if there < LEAST[wave.kind]:
        return f"{there:.0f} s of it lie in the recording; at least {LEAST[wave.kind]:g} are needed"
    return ""


def _named(file: BodyFile, wave: Wave, how: str) -> str:
    return f"{file.name}: {wave.name}, {wave.rate:.4g} Hz, {how}"


_HEART = ("heart rate", "bpm"), ("RMSSD", "ms")


def _heart(file: BodyFile, grid: Grid, window: float, found: Features) -> None:
    """From an electrocardiogram, else intervals of the device, a pulse wave, or its rates."""
    ecg, ppg = file.wave("ecg"), file.wave("ppg")
    wave, intervals, rates = ecg or ppg, file.of("rr"), file.of("hr")
    if ecg is None and intervals is not None:
        graded = None if ppg is None else _graded(file, part := _cut(ppg, grid))
        start = 0.0 if ppg is None else part.start
        near = (intervals.times > grid.times[0] - EDGE) & (intervals.times < grid.times[-1] + EDGE)
        beats = heart.judged(intervals.times[near], intervals.values[near], graded, start)
        source = f"{file.name}: {intervals.name}, intervals between beats"
    elif wave is not None:
        part = _cut(wave, grid)
        how = "R peaks" if wave.kind == "ecg" else "systolic peaks"
        source = _named(file, wave, f"{how} by neurokit2")
        reason = _short(part) or _unusable(graded := _graded(file, part))
        if reason:
            for name, unit in _HEART:
                found.put(name, unit, source, _absent(reason, grid))
            return
        start, beats = part.start, heart.between(heart.beats_of(part), graded, part.start)
    elif rates is not None:
        track = heart.given_rate(rates.times, rates.values, grid)
        found.put("heart rate", "bpm", f"{file.name}: {rates.name}, of the device", track)
        return
    else:
        return
    track = heart.heart_rate(beats, grid, graded, start)
    found.put("heart rate", "bpm", f"{source}; mean of {heart.RATE_WINDOW:g} s", track)
    spread = heart.rmssd(beats, grid, window)
    found.put("RMSSD", "ms", f"{source}; RMSSD of {window:g} s", spread)


def _unusable(graded: Graded) -> str:
    """The reason if no second can be used; the most frequent one."""
    if graded.usable.any():
        return ""
    reasons = [reason.split(" (")[0] for reason in graded.reasons]
    return max(set(reasons), key=reasons.count)


_Find = Callable[[BodyFile, Wave, Graded, Grid, Features], None]


def _with_wave(file: BodyFile, kind: str, grid: Grid, found: Features, find: _Find) -> None:
    wave = file.wave(kind)
    if wave is None:
        return
    part = _cut(wave, grid)
    graded = _graded(file, part)
    reason = _short(part) or _unusable(graded)
    if not reason:
        find(file, part, graded, grid, found)
        return
    name, unit = ("skin level", "µS") if kind == "eda" else ("breath rate", "/min")
    found.put(name, unit, _named(file, wave, "not used"), _absent(reason, grid))


def _skin(file: BodyFile, wave: Wave, graded: Graded, grid: Grid, found: Features) -> None:
    answer = skin.responses(wave)
    source = _named(file, wave, "tonic and phasic by neurokit2")
    found.put("skin level", "µS", source, skin.level(answer, wave, grid, graded))
    rate = skin.response_rate(answer, wave, grid, graded)
    found.put("skin response rate", "/min", f"{source}; {skin.RATE_WINDOW:g} s", rate)
    found.peaks = answer.peaks, answer.sizes


def _breath(file: BodyFile, wave: Wave, graded: Graded, grid: Grid, found: Features) -> None:
    track = breath.breath_rate(breath.breaths_of(wave), wave, grid, graded)
    source = _named(file, wave, f"breaths by neurokit2; mean of {breath.WINDOW:g} s")
    found.put("breath rate", "/min", source, track)
