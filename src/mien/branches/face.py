"""The face branch: predicts emotions from gray face crops."""

from __future__ import annotations

import threading
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any
from weakref import WeakKeyDictionary

import numpy as np
import numpy.typing as npt

from mien.analysis.evidence import Evidence
from mien.branches.packed import PackBranch
from mien.emotions import MIEN7
from mien.errors import OptionError
from mien.mathematics import FloatArray, log_pool
from mien.packs import Pack
from mien.scene import FACES, CropStore, Faces, FaceSamples, Scene, rows_within
from mien.timebase import Segment


@dataclass(frozen=True)
class FaceContract:
    """Input contract of the net; written into the pack and compared with it."""

    side: int = 48
    colour: str = "gray"
    normalisation: str = "per picture: mean 0, deviation 0.5, deviation at least 8 of 255"

    def as_dict(self) -> dict[str, Any]:
        """Plain values for the manifest."""
        return dict(self.__dict__)


CONTRACT = FaceContract()
SMALLEST = 24.0
"""Minimum side of a usable face in pixels."""
LARGE = 96.0
"""Side in pixels from which on the size no longer limits the quality."""
TURNED = 60.0
"""Maximum turn to the side of a usable face in degrees."""
BLURRED = 0.2
"""Minimum sharpness of a usable face."""
BATCH = 16
"""Number of crops per batch. 64 are no faster, and take a hundred megabytes more."""
_TAKEN = 256
WHO = ("primary", "all")
POLICIES = ("mean", "peak")
NEUTRAL = MIEN7.labels.index("neutral")


def normalise(images: npt.NDArray[np.uint8]) -> npt.NDArray[np.float32]:
    """Gray pictures ``(n, 48, 48) uint8`` as input of the net, ``(n, 1, 48, 48)``.

    Each picture is normalised to mean 0 and deviation 0.5. The divisor is at least a deviation of 8
    of 255, so that the noise of an empty picture is not amplified.
    """
    pixels = images.astype(np.float32)
    mean = pixels.mean(axis=(1, 2), keepdims=True)
    deviation = pixels.std(axis=(1, 2), keepdims=True)
    return np.asarray((pixels - mean) / (2 * np.maximum(deviation, 8.0)), np.float32)[:, None]


class FaceModel:
    """A face pack as a function from crops to probabilities.

    Args:
        pack: a pack with this module's input contract.
        convention: labelling convention of the predictions, see :meth:`mien.packs.Pack.convention`;
            None for the pack's default.
    """

    def __init__(self, pack: Pack, convention: str | None = None) -> None:
        pack.check_input(CONTRACT.as_dict())
        pack.convention(convention)
        self.pack, self.convention = pack, convention

    def probs(self, images: npt.NDArray[np.uint8], batch: int = BATCH) -> FloatArray:
        """Probabilities ``(n, 7)`` of gray crops ``(n, 48, 48) uint8``."""
        parts = [np.zeros((0, 7))]
        for start in range(0, len(images), batch):
            pictures = {"pictures": normalise(images[start : start + batch])}
            parts.append(self.pack.probs(pictures, self.convention))
        return np.concatenate(parts)


class FaceBranch(PackBranch):
    """Predicts the face of one person in each segment, and optionally of every person.

    Args:
        options: ``pack``, the folder of a pack; ``person``, ``primary`` (the primary person of each
            segment, the default), ``all`` (the same, and every person separately) or a person's
            number; ``policy``, ``mean`` (mean over all samples of the face, weighted by quality, in
            the log domain, the default) or ``peak`` (the paper's: only the most emotional sample);
            ``convention``, the labelling convention, by default the pack's default.

    Raises:
        OptionError: if an option has an invalid value.
    """

    name = "face"
    needs = (FACES,)
    takes = ("pack", "person", "policy", "convention")

    def __init__(self, options: Mapping[str, Any]) -> None:
        super().__init__(options)
        self._person = str(options.get("person", "primary"))
        self._policy = str(options.get("policy", "mean"))
        self._convention: str | None = options.get("convention")
        if self._person not in WHO and not self._person.isdecimal():
            raise OptionError(
                f"person cannot be {self._person!r}; choose one of: {', '.join(WHO)}, the number "
                "of a person."
            )
        if self._policy not in POLICIES:
            raise OptionError.choice("face policy", self._policy, POLICIES)
        self._memory: WeakKeyDictionary[CropStore, _Known] = WeakKeyDictionary()
        self._turn = threading.Lock()

    def __getstate__(self) -> dict[str, Any]:
        """The options, without the loaded model."""
        names = ("_person", "_policy", "_convention")
        return super().__getstate__() | {name: getattr(self, name) for name in names}

    def __setstate__(self, state: dict[str, Any]) -> None:
        """Restore the options; cached probabilities are not transferred between processes."""
        self.__dict__ |= state | {"_memory": WeakKeyDictionary(), "_turn": threading.Lock()}

    @cached_property
    def _model(self) -> FaceModel:
        return FaceModel(self.pack, self._convention)

    def judge(self, scene: Scene, segments: Sequence[Segment]) -> Evidence:
        """See :class:`mien.branches.Branch`."""
        faces = scene.get(FACES)
        if faces is None:
            return Evidence.absent("face", segments, scene.why_missing(FACES))
        people = self._samples(faces)
        if people and self._person.isdecimal():
            return self._of(int(self._person), people, faces, segments)
        chosen = [_primary(people, segment) if people else None for segment in segments]
        return Evidence.of_rows("face", segments, self._rows(faces, chosen, segments))

    def judge_people(self, scene: Scene, segments: Sequence[Segment]) -> dict[int, Evidence]:
        """See :class:`mien.branches.PeopleBranch`."""
        faces = scene.get(FACES)
        if faces is None or self._person == "primary":
            return {}
        people = self._samples(faces)
        shown = list(people) if self._person == "all" else [int(self._person)]
        return {i: self._of(i, people, faces, segments) for i in shown if i in people}

    def _samples(self, faces: Faces) -> dict[int, FaceSamples]:
        return {identity: faces.of(identity) for identity in faces.people}

    def _of(
        self, who: int, people: Mapping[int, FaceSamples], faces: Faces, segments: Sequence[Segment]
    ) -> Evidence:
        if who not in people:
            why = f"there is no person {who}; the last is {max(people)}"
            return Evidence.absent("face", segments, why)
        chosen = [people[who].within(segment) for segment in segments]
        return Evidence.of_rows("face", segments, self._rows(faces, chosen, segments))

    def _rows(
        self, faces: Faces, chosen: Sequence[FaceSamples | None], segments: Sequence[Segment]
    ) -> list[tuple[FloatArray, float] | str]:
        """The rows of one person's samples in each segment; all crops are judged at once."""
        examined = [len(faces.times[rows_within(faces.times, segment)]) for segment in segments]
        good = [usable(samples, count) for samples, count in zip(chosen, examined, strict=True)]
        crops = [samples.crops for samples in good if not isinstance(samples, str)]
        if crops:
            self._probs(faces, np.unique(np.concatenate(crops)))
        return [
            samples if isinstance(samples, str) else self._row(faces, samples, count)
            for samples, count in zip(good, examined, strict=True)
        ]

    def _row(self, faces: Faces, good: FaceSamples, examined: int) -> tuple[FloatArray, float]:
        weights = sample_quality(good)
        probs = self._probs(faces, good.crops)
        quality = float(weights.mean()) * min(1.0, len(good) / examined)
        if self._policy == "peak":
            best = int(probs[:, NEUTRAL].argmin())
            return probs[best], float(weights[best])
        return log_pool(probs, weights), quality

    def _probs(self, faces: Faces, crops: npt.NDArray[np.int64]) -> FloatArray:
        """Probabilities of crops, each computed once per store, although segments overlap."""
        with self._turn:
            known = self._memory.setdefault(faces.crops, _Known())
            known.make_room(crops, getattr(faces.crops, "first", 0))
            new = crops[np.isnan(known.of(crops)[:, 0])]
            # The crops of a whole film would take tens of megabytes.
            for start in range(0, len(new), _TAKEN):
                some = new[start : start + _TAKEN]
                pictures = faces.crops.take(some.tolist())
                parts = np.array_split(pictures, -(-len(some) // BATCH))
                known.set(some, np.concatenate(self.pack.each(self._model.probs, parts)))
            return known.of(crops).astype(np.float64)


@dataclass
class _Known:
    """Probabilities of the crops of a store by their index, 28 bytes each; NaN if not computed.

    Args:
        first: index of the first row.
        rows: ``(n, 7)``.
    """

    first: int = 0
    rows: npt.NDArray[np.float32] = field(default_factory=lambda: np.zeros((0, 7), np.float32))

    def make_room(self, crops: npt.NDArray[np.int64], first: int) -> None:
        """Rows for some crops; those of crops before ``first``, which are gone, are dropped."""
        if not len(crops) or int(crops.max()) < self.first + len(self.rows):
            return
        kept = self.rows[max(0, first - self.first) :]
        self.first = max(self.first, first)
        count = max(int(crops.max()) - self.first + 1, len(kept) * 3 // 2, _TAKEN)
        self.rows = np.full((count, 7), np.nan, np.float32)
        self.rows[: len(kept)] = kept

    def of(self, crops: npt.NDArray[np.int64]) -> npt.NDArray[np.float32]:
        """Rows of crops."""
        return self.rows[crops - self.first]

    def set(self, crops: npt.NDArray[np.int64], probs: FloatArray) -> None:
        """Keep the probabilities of crops."""
        self.rows[crops - self.first] = probs


def usable(samples: FaceSamples | None, examined: int) -> FaceSamples | str:
    """The usable samples, or the reason why there are none.

    Args:
        samples: samples of one person within a segment; None if no one is in view.
        examined: number of pictures of the segment that were searched for faces.
    """
    if not examined:
        return "no picture in this segment"
    if samples is None or not len(samples):
        return f"no face in view ({examined} picture{'s' if examined > 1 else ''} examined)"
    for passes, why in _CHECKS:
        good = samples[passes(samples)]
        if not len(good):
            return why(samples)
        samples = good
    return samples


def _rolled(samples: FaceSamples) -> str:
    """How the face lies in the picture most of the time."""
    angles, counts = np.unique(samples.rolls, return_counts=True)
    if angles[counts.argmax()] == 180:
        return "face upside down (turn the recording by 180 degrees)"
    return "face on its side (turn the recording by 90 degrees)"


_CHECKS: tuple[tuple[Callable[[FaceSamples], Any], Callable[[FaceSamples], str]], ...] = (
    (
        lambda s: s.sides >= SMALLEST,
        lambda s: f"face too small ({s.sides.max():.0f} px, at least {SMALLEST:.0f} needed)",
    ),
    (lambda s: s.rolls == 0, _rolled),
    (
        lambda s: ~(s.turns > TURNED),
        lambda s: f"face turned away ({s.turns.min():.0f} degrees, at most {TURNED:.0f} allowed)",
    ),
    (
        lambda s: s.sharpness >= BLURRED,
        lambda s: (
            f"face too blurred (sharpness {s.sharpness.max():.2f}, at least {BLURRED:.2f} needed)"
        ),
    ),
)
"""What a sample must pass to be judged, in this order, and what is said where none does."""


def _primary(people: Mapping[int, FaceSamples], segment: Segment) -> FaceSamples:
    """The samples of the person who is most prominent over time inside a segment."""
    inside = (samples.within(segment) for samples in people.values())
    return max(inside, key=lambda samples: float(samples.prominence.sum()))


def sample_quality(samples: FaceSamples) -> FloatArray:
    """Quality of each sample, ``(n,)`` in (0, 1].

    The geometric mean of the detector's score, the size (1 from 96 px on), the sharpness, and the
    cosine of the turn to the side, if known.
    """
    size = np.minimum(1.0, samples.sides / LARGE)
    facing = np.cos(np.radians(np.nan_to_num(samples.turns, nan=0.0)))
    product = samples.scores * size * samples.sharpness * facing
    return np.asarray(np.clip(product, 1e-3, 1.0) ** 0.25, np.float64)
