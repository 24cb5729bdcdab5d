"""The branch ``body``: signals over time, and arousal in the fusion where that is asked for."""

from __future__ import annotations

import weakref
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from mien.analysis.evidence import Evidence, Row
from mien.analysis.signals import SignalTrack
from mien.branches import BranchSpec
from mien.emotions import MIEN7, LabelMap
from mien.scene import SHOTS, SKIN, Scene
from mien.timebase import Segment
from mien_body.arousal import PARTS, arousal, label_probabilities
from mien_body.clock import place
from mien_body.features import Features, features
from mien_body.grid import Grid, Track
from mien_body.locate import body_file
from mien_body.measured import BodyFile
from mien_body.options import BodyOptions
from mien_body.pulse import FRAME_RATE, remote_pulse

NAME = "body"
NOT_ASKED = "it gives signals; --body-fusion WEIGHT lets arousal take part in the fusion"
AROUSAL = "arousal"
LEAST_SHARE = 0.5
"""Share of the seconds of a segment in which the arousal must be present."""


@dataclass(frozen=True)
class Body:
    """What is known of the body in a recording: tracks, or the reason for none."""

    tracks: tuple[SignalTrack, ...]
    reason: str = ""


class BodyBranch:
    """Reads the file of body signals that belongs to a recording.

    Args:
        options: of :class:`mien_body.options.BodyOptions`, by name.

    Raises:
        OptionError: if an option has a value it cannot have.
    """

    def __init__(self, options: Mapping[str, Any]) -> None:
        self._options = BodyOptions(**options)
        self._last: tuple[weakref.ref[Scene], Body] | None = None

    def __getstate__(self) -> dict[str, Any]:
        return {"_options": self._options, "_last": None}

    @property
    def spec(self) -> BranchSpec:
        """See :class:`mien.branches.BranchSpec`."""
        pulse = self._options.remote_pulse
        return BranchSpec(
            name=NAME,
            needs=(SKIN, SHOTS) if pulse else (),
            label_map=LabelMap.by_name(MIEN7),
            packs={},
            frame_rate=FRAME_RATE if pulse else 0.0,
        )

    def signals(self, scene: Scene) -> Sequence[SignalTrack]:
        """Heart rate, its variability, skin conductance, respiration, arousal, remote pulse."""
        return self._body(scene).tracks

    def judge(self, scene: Scene, segments: Sequence[Segment]) -> Evidence:
        """Absent, unless the arousal is to take part in the fusion.

        The quality is the weight of the option ``fusion`` times the mean quality of the arousal in
        a segment.
        """
        if not segments:
            return Evidence.of_rows(NAME, segments, [])
        body = self._body(scene)
        if not body.tracks:
            return Evidence.absent(NAME, segments, body.reason)
        if not self._options.fusion:
            return Evidence.absent(NAME, segments, NOT_ASKED)
        track = next(one for one in body.tracks if one.name == AROUSAL)
        return Evidence.of_rows(NAME, segments, [self._row(track, one) for one in segments])

    def _row(self, track: SignalTrack, segment: Segment) -> Row:
        part = track.within(segment)
        there = [i for i, value in enumerate(part.values) if value is not None]
        if not part.times:
            return "shorter than a second"
        if len(there) < LEAST_SHARE * len(part.times):
            return next(reason for reason in part.reasons if reason)
        z = float(np.mean([part.values[i] for i in there]))
        quality = self._options.fusion * float(np.mean([part.quality[i] for i in there]))
        return label_probabilities(z), quality

    def _body(self, scene: Scene) -> Body:
        if self._last is None or self._last[0]() is not scene:
            self._last = weakref.ref(scene), self._read(scene)
        return self._last[1]

    def _read(self, scene: Scene) -> Body:
        if scene.facts.kind != "recording":
            return Body((), f"a {scene.facts.kind} has no time")
        extent = scene.extent
        first, last = int(np.ceil(extent.start)), int(np.floor(extent.end))
        if last <= first:
            return Body((), "shorter than a second")
        # The seconds of the recording and of the baseline, on the recording's clock.
        span = self._options.baseline_span
        seconds = np.arange(
            min(first, int(np.floor(span[0]))) if span else first,
            max(last, int(np.ceil(span[1]))) if span else last,
        )
        shown = (seconds >= first) & (seconds < last)
        baseline = shown if span is None else (seconds >= span[0]) & (seconds + 1 <= span[1])
        found, offset, reason, notes = self._from_file(scene, seconds)
        if self._options.remote_pulse:
            self._from_face(scene, seconds, found)
        if not found.tracks:
            return Body((), reason)
        grid = Grid(seconds + 0.5, 0.0, 0.0, 0.0)
        if any(name in PARTS for name in found.tracks):
            what = (
                "baseline of the recording"
                if span is None
                else f"baseline {span[0]:g}:{span[1]:g} s"
            )
            source = f"z of {', '.join(n for n in PARTS if n in found.tracks)}; {what}"
            found.put(AROUSAL, "z", source, arousal(found.tracks, grid, baseline))
        else:
            nothing: list[float | str] = ["no measure of arousal"] * len(seconds)
            found.put(AROUSAL, "z", "", Track(nothing, np.zeros(len(seconds))))
        return Body(tuple(_signals(found, seconds, shown, offset, notes)))

    def _from_file(
        self, scene: Scene, seconds: np.ndarray
    ) -> tuple[Features, float, str, tuple[str, ...]]:
        """What the file gives, its offset, why it gives nothing, and what is not sure."""
        from mien_body.readers import read_body

        nothing = Features()
        where = body_file(scene.facts.path, self._options)
        if where.path is None:
            return nothing, 0.0, where.reason, ()
        file = read_body(where.path, where.options)
        placed = place(file, scene.facts, where.options)
        if placed.offset is None:
            return nothing, 0.0, placed.how, ()
        offset = placed.offset
        outside = _outside(file, offset, float(seconds[0]), float(seconds[-1] + 1))
        if outside:
            return nothing, offset, outside, ()
        low, high = file.extent
        grid = Grid(seconds + 0.5 - offset, low, high, offset)
        notes = tuple(f"body: {note}" for note in (*placed.notes, *file.notes))
        return features(file, grid, self._options.hrv_window), offset, "", notes

    def _from_face(self, scene: Scene, seconds: np.ndarray, found: Features) -> None:
        """The pulse of the primary person; it is the heart rate where no file gives one."""
        faces, cuts = scene.get(SKIN), scene.get(SHOTS) or ()
        grid = Grid(seconds + 0.5, 0.0, 0.0, 0.0)
        if faces is None or not faces.tracks:
            why = scene.why_missing(SKIN) if faces is None else "no face"
            gone: list[float | str] = [why] * len(seconds)
            found.put("remote pulse", "bpm", "", Track(gone, np.zeros(len(seconds))))
            return
        samples = faces.of(faces.people[0])
        pulse = remote_pulse(samples.times, np.asarray(samples.skin, float), cuts, grid)
        source = "skin of the face, POS (Wang 2017)"
        found.put("remote pulse", "bpm", source, pulse.rate)
        found.put("remote pulse SNR", "dB", source, pulse.ratio)
        if "heart rate" not in found.tracks:
            found.put("heart rate", "bpm", f"remote pulse: {source}", pulse.rate)


def _outside(file: BodyFile, offset: float, start: float, end: float) -> str:
    """Why a file says nothing of the recording; empty if they overlap."""
    low, high = (edge + offset for edge in file.extent)
    if high > start and low < end:
        return ""
    return (
        f"{file.name} covers {low:.0f} to {high:.0f} s of the recording's clock, which is none of "
        "it; check --body-offset"
    )


def _signals(
    found: Features, seconds: np.ndarray, shown: np.ndarray, offset: float, notes: tuple[str, ...]
) -> list[SignalTrack]:
    """The tracks on the clock of the recording, the arousal first."""
    rows = np.flatnonzero(shown)
    times = (seconds[rows] + 0.5).tolist()
    out = [
        SignalTrack.of(
            name, found.units[name], times, [track.values[i] for i in rows],
            np.clip(np.nan_to_num(track.quality[rows]), 0.0, 1.0),
            branch=NAME, source=found.sources[name], notes=notes if name != AROUSAL else (),
        )
        for name, track in found.tracks.items()
    ]  # fmt: skip
    if found.peaks is not None:
        at, sizes = found.peaks[0] + offset, found.peaks[1]
        inside = (at >= seconds[rows[0]]) & (at < seconds[rows[-1]] + 1)
        out.append(
            SignalTrack.of(
                "skin responses", "µS", at[inside].tolist(), sizes[inside].tolist(),
                np.ones(int(inside.sum())), branch=NAME,
                source=found.sources["skin level"], kind="points",
            )
        )  # fmt: skip
    return sorted(out, key=lambda track: track.name != AROUSAL)
