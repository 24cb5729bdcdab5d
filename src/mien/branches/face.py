"""The face branch: what a face shows, from its gray crops."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
import numpy.typing as npt

from mien.branches.packed import PackBranch
from mien.packs import Pack
from mien.results import Evidence
from mien.scene import FACES, Faces, FaceSample, Scene
from mien.timebase import Segment

FloatArray = npt.NDArray[np.float64]


@dataclass(frozen=True)
class FaceContract:
    """What the net is shown; written into the pack and checked against it."""

    side: int = 48
    colour: str = "gray"
    normalisation: str = "per picture: mean 0, deviation 0.5, deviation at least 8 of 255"

    def as_dict(self) -> dict[str, Any]:
        """Plain values for the manifest."""
        return dict(self.__dict__)


CONTRACT = FaceContract()
SMALLEST = 24.0
"""Sides of a face below this many pixels are not judged."""
LARGE = 96.0
"""From this side on, size no longer limits the quality."""


def normalise(images: npt.NDArray[np.uint8]) -> npt.NDArray[np.float32]:
    """Gray pictures ``(n, 48, 48) uint8`` as the net wants them, ``(n, 1, 48, 48)``.

    Each picture has mean 0 and deviation 0.5; the deviation counts as at least 8 of 255, so that
    an empty picture is not blown up into noise.
    """
    pixels = images.astype(np.float32)
    mean = pixels.mean(axis=(1, 2), keepdims=True)
    deviation = pixels.std(axis=(1, 2), keepdims=True)
    return np.asarray((pixels - mean) / (2 * np.maximum(deviation, 8.0)), np.float32)[:, None]


class FaceModel:
    """A face pack as a function from crops to probabilities."""

    def __init__(self, pack: Pack) -> None:
        pack.check_input(CONTRACT.as_dict())
        self.pack = pack

    def probs(self, images: npt.NDArray[np.uint8], batch: int = 64) -> FloatArray:
        """Probabilities ``(n, 7)`` of gray crops ``(n, 48, 48) uint8``."""
        parts = [np.zeros((0, 7))]
        for start in range(0, len(images), batch):
            parts.append(self.pack.probs({"pictures": normalise(images[start : start + batch])}))
        return np.concatenate(parts)


class FaceBranch(PackBranch):
    """Judges the primary person of each segment: quality-weighted mean in the log domain."""

    name = "face"
    needs = (FACES,)

    @cached_property
    def _model(self) -> FaceModel:
        return FaceModel(self.pack)

    def judge(self, scene: Scene, segments: Sequence[Segment]) -> Evidence:
        """See :class:`mien.branches.Branch`."""
        faces = scene.get(FACES)
        if faces is None:
            return Evidence.absent("face", segments, scene.why_missing(FACES))
        if not faces.tracks:
            return Evidence.absent("face", segments, "no face was found")
        return Evidence.of_rows("face", segments, [self._row(faces, s) for s in segments])

    def _row(self, faces: Faces, segment: Segment) -> tuple[FloatArray, float] | str:
        looked = sum(time in segment for time in faces.times)
        if not looked:
            return "no picture in this segment"
        samples = _primary(faces, segment)
        if not samples:
            return "no face in view"
        large = [s for s in samples if min(s.box[2:]) >= SMALLEST]
        if not large:
            side = max(min(s.box[2:]) for s in samples)
            return f"face too small ({side:.0f} px, at least {SMALLEST:.0f} wanted)"
        weights = np.array([sample_quality(s) for s in large])
        probs = self._model.probs(faces.crops.take([s.crop for s in large]))
        pooled = np.exp((weights / weights.sum()) @ np.log(np.maximum(probs, 1e-9)))
        quality = float(weights.mean()) * min(1.0, len(large) / looked)
        return pooled / pooled.sum(), quality


def _primary(faces: Faces, segment: Segment) -> list[FaceSample]:
    """The samples of the person with the most face area over time inside a segment."""
    inside = ([s for s in track.samples if s.time in segment] for track in faces.tracks)
    return max(inside, key=lambda samples: sum(s.box[2] * s.box[3] for s in samples), default=[])


def sample_quality(sample: FaceSample) -> float:
    """How far a sample is to be trusted, in (0, 1]: detector score, size and sharpness.

    The geometric mean of the three, size counting in full from 96 px on.
    """
    size = min(1.0, min(sample.box[2:]) / LARGE)
    return float(max(1e-3, sample.score * size * sample.sharpness) ** (1 / 3))
