"""For authors of branches: a test suite for the branch contract."""

from __future__ import annotations

import pickle
from dataclasses import replace
from typing import Any

import numpy as np

from mien.analysis.evidence import Evidence
from mien.branches import Branch, SignalBranch
from mien.emotions import MIEN7
from mien.errors import ContractError
from mien.mathematics import FloatArray
from mien.media import AudioSpool, CropSpool
from mien.scene import (
    AUDIO,
    FACES,
    SAMPLE_RATE,
    SHOTS,
    SPEECH,
    TRANSCRIPT,
    ClipFacts,
    Faces,
    FaceSamples,
    FaceTrack,
    Scene,
    Speech,
    TrackKey,
)
from mien.timebase import Segment
from mien.words import Line, Transcript, Word

SECONDS = 6.0


def planted_scene() -> Scene:
    """A scene of 6 s: sound throughout, speech and words from 1 to 3 s, a face from 2 to 5 s."""
    rng = np.random.default_rng(0)
    audio = AudioSpool()
    time = np.arange(int(SECONDS * SAMPLE_RATE)) / SAMPLE_RATE
    voice = _babble(time) * ((time >= 1) & (time < 3))
    audio.append((voice + 0.001 * rng.standard_normal(len(time))).astype(np.float32))
    crops = CropSpool()
    times = np.arange(2.0, 5.0, 0.2)
    n = len(times)
    for _ in range(n):
        crops.append(rng.integers(0, 255, (48, 48)).astype(np.uint8))
    samples = FaceSamples(
        times=times,
        boxes=np.tile([100.0, 80.0, 120.0, 120.0], (n, 1)),
        scores=np.full(n, 0.9),
        sharpness=np.full(n, 0.8),
        turns=np.full(n, 5.0),
        prominence=np.full(n, 0.3),
        crops=np.arange(n),
    )
    words = [
        Word(text, Segment(1 + 0.4 * i, 1.4 + 0.4 * i), 0.9)
        for i, text in enumerate(("this", "is", "so", "good"))
    ]
    line = Line(Segment(1.0, 3.0), "this is so good", tuple(words), 0.9)
    faces = Faces((FaceTrack(0, samples),), np.arange(0, 6, 0.2), crops)
    tracks: dict[TrackKey[Any], Any] = {
        AUDIO: audio,
        SPEECH: Speech((Segment(1.0, 3.0),)),
        TRANSCRIPT: Transcript((line,), "given"),
        FACES: faces,
        SHOTS: (),
    }
    facts = ClipFacts("planted", "recording", SECONDS, "mov", has_audio=True, has_video=True)
    return Scene(facts, tracks)


def _babble(time: FloatArray) -> FloatArray:
    """Features of speech: gliding pitch, four syllables per second, moving formants."""
    beat = 2 * np.pi * 4 * time
    pitch = 140 + 20 * np.sin(beat / 5)
    phase = 2 * np.pi * np.cumsum(pitch) * (time[1] - time[0])
    formants = (500 + 250 * np.sin(beat / 2), 1500 + 600 * np.sin(beat / 3 + 1))
    voice = np.zeros_like(time)
    for harmonic in range(1, 25):
        hertz = harmonic * pitch
        gain = sum(np.exp(-(((hertz - formant) / 150) ** 2)) for formant in formants)
        voice += (gain + 0.01) * np.sin(harmonic * phase)
    return np.asarray(0.1 * voice * (1 + np.sin(beat)))


def check_branch(branch: Branch, scene: Scene | None = None) -> None:
    """Check a branch against the contract of :mod:`mien.branches.contract`.

    Args:
        branch: with such options that it judges the scene.
        scene: with at least 6 s; by default :func:`planted_scene`.

    Raises:
        ContractError: if a clause of the contract does not hold; the message names it.
    """
    spec = branch.spec
    _require(spec.name == spec.name.lower() and bool(spec.name), "spec.name is not lower case")
    _require(spec.label_map.target == MIEN7, "spec.label_map does not map to the seven labels")
    gives_signals = isinstance(branch, SignalBranch)
    _require(bool(spec.needs) or gives_signals, "spec.needs is empty, and it gives no signals")
    segments = [Segment(0.0, 6.0), Segment(0.0, 3.0), Segment(1.0, 3.0), Segment(2.0, 5.0)]
    scene = _only_what_is_needed(scene or planted_scene(), branch)
    evidence = _judged(branch, scene, segments)
    _require(bool(evidence.present.any()), "all rows are absent for a scene with all tracks")
    other = evidence.probs[evidence.present][:, ~spec.label_map.named]
    _require(not other.any(), "it gives a probability to a label that its label_map never names")
    _check_order(branch, scene, segments, evidence)
    if spec.needs:
        _check_absence(branch, scene, segments)
    if isinstance(branch, SignalBranch):
        _check_signals(branch, scene)
    _require(len(_judged(branch, scene, []).segments) == 0, "no segments must give no rows")
    copy = pickle.loads(pickle.dumps(branch))
    again = _judged(copy, scene, segments)
    _require(_same(evidence, again), "a pickled copy or a second call returns other evidence")


def _require(holds: bool, clause: str) -> None:
    if not holds:
        raise ContractError(f"The branch breaks the contract: {clause}.")


def _only_what_is_needed(scene: Scene, branch: Branch) -> Scene:
    """The scene with only the tracks that the spec names, to reveal undeclared needs."""
    needed = {key: track for key, track in scene.tracks.items() if key in branch.spec.needs}
    return replace(scene, tracks=needed)


def _judged(branch: Branch, scene: Scene, segments: list[Segment]) -> Evidence:
    evidence = branch.judge(scene, segments)
    _require(evidence.branch == branch.spec.name, "the evidence has another name")
    _require(evidence.segments == tuple(segments), "the rows are not the segments in their order")
    return evidence


def _check_order(branch: Branch, scene: Scene, segments: list[Segment], evidence: Evidence) -> None:
    turned = _judged(branch, scene, segments[::-1])
    same = np.allclose(turned.probs[::-1], evidence.probs, atol=1e-5, equal_nan=True)
    _require(same, "a row depends on the order of the segments")


def _check_absence(branch: Branch, scene: Scene, segments: list[Segment]) -> None:
    """Without its tracks a branch returns absent rows with the given reason."""
    missing = {key.name: f"no {key.name} at all" for key in branch.spec.needs}
    evidence = _judged(branch, replace(scene, tracks={}, missing=missing), segments)
    _require(not evidence.present.any(), "rows are present although its tracks are missing")
    _require(
        set(evidence.reasons) <= set(missing.values()),
        "the reason does not state why its track is missing",
    )


def _check_signals(branch: Any, scene: Scene) -> None:
    """Signals bear the name of the branch, have different names, and lie within the recording."""
    tracks = branch.signals(scene)
    names = [track.name for track in tracks]
    _require(len(set(names)) == len(names), f"two signals have one name among {names}")
    extent = scene.extent
    for track in tracks:
        _require(track.branch == branch.spec.name, f"the signal {track.name!r} has another branch")
        inside = all(extent.start - 1e-6 <= time <= extent.end + 1e-6 for time in track.times)
        _require(inside, f"the signal {track.name!r} has times outside the recording")


def _same(a: Evidence, b: Evidence) -> bool:
    return a.reasons == b.reasons and np.allclose(a.probs, b.probs, atol=1e-5, equal_nan=True)
