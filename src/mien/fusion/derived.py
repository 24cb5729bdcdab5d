"""What is derived from the seven labels: named blends and valence. Derived, not judged."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from mien.emotions import MIEN7
from mien.errors import OptionError
from mien.mathematics import FloatArray


@dataclass(frozen=True)
class Blend:
    """A named mixture.

    Args:
        name: of the mixture.
        parts: share of each label in it; any positive numbers.
        conflict: whether it also needs the modalities to contradict one another.
    """

    name: str
    parts: Mapping[str, float]
    conflict: bool = False

    def __post_init__(self) -> None:
        positive = all(0 < share < math.inf for share in self.parts.values())
        if len(self.parts) < 2 or not positive:
            raise OptionError(
                f"The blend {self.name!r} has the parts {dict(self.parts)}; give two or more "
                "labels with shares above 0."
            )
        for label in self.parts:
            MIEN7.index(label)

    @property
    def vector(self) -> FloatArray:
        """The mixture as a distribution, ``(7,)``."""
        out = np.array([self.parts.get(label, 0.0) for label in MIEN7.labels])
        return np.asarray(out / out.sum())


# Dyads of Plutchik (1980, "A general psychoevolutionary theory of emotion") within the seven, and
# the two that the paper speaks of. Extend it: ``(*BLENDS, Blend("awe", {"fear": 1, ...}))``.
BLENDS = (
    Blend("anxiety", {"fear": 1, "surprise": 1, "sadness": 1}),
    Blend("sarcasm", {"disgust": 1, "joy": 1}, conflict=True),
    Blend("contempt", {"disgust": 1, "anger": 1}),
    Blend("remorse", {"sadness": 1, "disgust": 1}),
    Blend("alarm", {"fear": 1, "surprise": 1}),
    Blend("delight", {"joy": 1, "surprise": 1}),
    Blend("disappointment", {"surprise": 1, "sadness": 1}),
)


def blend_scores(
    probs: FloatArray, disagreement: float = 0.0, blends: Sequence[Blend] = BLENDS
) -> dict[str, float]:
    """Likeness of a distribution to each blend, in [0, 1].

    The Bhattacharyya coefficient ``sum sqrt(p q)`` (1943), 1 for the very mixture, less the
    greatest that a single label of it would score, so that a pure emotion is no blend: scaled to
    1 for the mixture and cut off at 0. Where the blend needs a conflict, times ``disagreement``.

    Args:
        probs: ``(7,)``.
        disagreement: degree in [0, 1]; see :func:`mien.fusion.explain.disagreement`.
        blends: the table.

    Examples:
        >>> even = np.array([0, 0.5, 0, 0.5, 0, 0, 0])
        >>> blend_scores(even, disagreement=0.8)["sarcasm"]
        0.8
    """
    scores = {}
    for blend in blends:
        vector = blend.vector
        pure = float(np.sqrt(vector.max()))
        likeness = (float(np.sqrt(probs * vector).sum()) - pure) / (1 - pure)
        score = max(0.0, likeness) * (disagreement if blend.conflict else 1.0)
        scores[blend.name] = round(score, 6)
    return scores


# Signs after Russell (1980, "A circumplex model of affect", fig. 2): on which side of the pleasure
# axis each word lies. Surprise lies near its middle and counts, like neutral, as 0.
VALENCE: Mapping[str, float] = {
    "anger": -1.0, "disgust": -1.0, "fear": -1.0, "joy": 1.0,
    "neutral": 0.0, "sadness": -1.0, "surprise": 0.0,
}  # fmt: skip


def valence(probs: FloatArray, signs: Mapping[str, float] = VALENCE) -> FloatArray:
    """Expected pleasantness in [-1, 1] of distributions ``(..., 7)``.

    Examples:
        >>> float(valence(np.array([0.5, 0, 0, 0.25, 0.25, 0, 0])))
        -0.25
    """
    return np.asarray(probs @ np.array([signs[label] for label in MIEN7.labels]))


def intensity(probs: FloatArray) -> FloatArray:
    """How strongly something other than calm is shown, in [0, 1], of distributions ``(..., 7)``.

    ``(1 - p(neutral)) * (1 - entropy / log 7)``: high where one emotion stands out, 0 for a neutral
    face and for one that could be anything. A rule of thumb: on human votes compare it with
    the raters' own before use.

    Examples:
        >>> intensity(np.array([[1.0, 0, 0, 0, 0, 0, 0], [0, 0, 0, 0, 1.0, 0, 0]])).tolist()
        [1.0, 0.0]
    """
    logs = np.log(np.where(probs > 0, probs, 1.0))
    sureness = 1 + (probs * logs).sum(axis=-1) / np.log(len(MIEN7))
    return np.asarray((1 - probs[..., MIEN7.index("neutral")]) * np.clip(sureness, 0, 1))
