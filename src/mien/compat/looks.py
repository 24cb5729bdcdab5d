"""Every look at every face of a picture or a film, judged one by one."""

from __future__ import annotations

import re
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt

from mien.branches.face import FaceBranch, FaceModel, usable
from mien.facts import ClipFacts
from mien.options import Options
from mien.perceive import PerceiveOptions, perceive
from mien.sandbox import open_source
from mien.scene import FACES, SHOTS, FaceSamples

_RATE = re.compile(r"([\d.]+) fps")


@dataclass(frozen=True, eq=False)
class Look:
    """One look at one face.

    Args:
        time: seconds; 0 in a picture.
        identity: of the person; 0 is the most prominent.
        box: left, top, width, height in whole pixels, inside the upright picture.
        score: how sure the detector is that it is a face, 0 to 1.
        probs: ``(7,)`` in the order of :data:`mien.emotions.MIEN7`; None if it was not judged.
        reason: why it was not judged, in words.
    """

    time: float
    identity: int
    box: tuple[int, int, int, int]
    score: float
    probs: npt.NDArray[np.float64] | None
    reason: str = ""


@dataclass(frozen=True, eq=False)
class Looks:
    """All looks at a file.

    Args:
        facts: of the file.
        times: when a picture was looked at, seconds, in order.
        looks: by time, then by identity.
        missing: why no picture was looked at, in words.
    """

    facts: ClipFacts
    times: tuple[float, ...]
    looks: tuple[Look, ...]
    missing: str = ""

    @property
    def frame_rate(self) -> float | None:
        """Pictures per second of the film, where it says so."""
        found = _RATE.search(self.facts.video)
        return float(found[1]) if found and float(found[1]) > 0 else None

    def at(self, time: float) -> tuple[Look, ...]:
        """The looks at one picture."""
        return tuple(look for look in self.looks if look.time == time)


def look_at(path: str | Path, options: Options | None = None) -> Looks:
    """Find the faces of a picture or a film, and judge each look by the face pack.

    Args:
        path: of the file.
        options: ``faces`` and ``media`` are used, and the pack of the branch ``face``.

    Raises:
        MediaError: if the file cannot be decoded.
        PackError: if the pack cannot be used.
    """
    options = options or Options()
    faces = options.faces
    branch = FaceBranch(options.for_branches()["face"])
    asked = PerceiveOptions(faces.frame_rate, "none", detector=faces.detector)
    with closing(open_source(path, options.media, faces.detector)) as source:
        scene = perceive(source, (FACES, SHOTS), asked)
    found = scene.get(FACES)
    if found is None:
        return Looks(scene.facts, (), (), scene.why_missing(FACES))
    looks: list[Look] = []
    model = FaceModel(branch.pack, faces.convention)
    for who in found.people:
        samples = found.of(who)
        reasons = [_reason(samples[i : i + 1]) for i in range(len(samples))]
        good = [i for i, reason in enumerate(reasons) if not reason]
        crops = found.crops.take(samples.crops[good].tolist())
        probs = dict(zip(good, model.probs(crops), strict=True))
        looks += [
            _look(scene.facts, who, samples, i, probs.get(i), reasons[i])
            for i in range(len(samples))
        ]
    looks.sort(key=lambda look: (look.time, look.identity))
    return Looks(scene.facts, tuple(found.times.tolist()), tuple(looks))


def _reason(sample: FaceSamples) -> str:
    """Why one look is not judged; empty if it is."""
    found = usable(sample, 1)
    return found if isinstance(found, str) else ""


def _look(
    facts: ClipFacts, who: int, samples: FaceSamples, row: int,
    probs: npt.NDArray[np.float64] | None, reason: str,
) -> Look:  # fmt: skip
    left, top, width, height = (float(value) for value in samples.boxes[row])
    x, y = max(0, round(left)), max(0, round(top))
    right = min(facts.width or round(left + width), round(left + width))
    bottom = min(facts.height or round(top + height), round(top + height))
    box = (x, y, max(0, right - x), max(0, bottom - y))
    return Look(float(samples.times[row]), who, box, float(samples.scores[row]), probs, reason)
