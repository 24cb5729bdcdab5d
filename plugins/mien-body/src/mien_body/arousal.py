"""Arousal against the person's own baseline, and a map from it to the labels for fusion.

Arousal here is a composite of autonomic measures and no emotion: the heart beats faster, the skin
conducts more and responds more often, and the heart rate varies less (Boucsein 2012; Task Force of
the ESC and NASPE 1996; Kreibig 2010 reviews how these differ between emotions). Movement, speech,
heat, coffee and mental work change them as well. Each measure is standardised within the person
(Ben-Shakhar 1985), robustly: by median and median absolute deviation of a baseline.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from mien.emotions import MIEN7
from mien_body.grid import Grid, Track
from mien_body.measured import Floats

SHORTEST_BASELINE = 20
"""Usable seconds that a measure needs in the baseline."""
MOST = 5.0
"""Greatest absolute value of a measure; one artefact must not decide."""
TO_DEVIATION = 1.4826
"""Median absolute deviations of a normal distribution in a standard deviation."""


@dataclass(frozen=True)
class Part:
    """A measure as part of the arousal.

    Args:
        sign: 1 if it rises with arousal, -1 if it falls.
        logarithm: whether its logarithm counts, for measures that are positive and skewed.
        least: the least scale; smaller deviations in a calm baseline are noise.
    """

    sign: float
    logarithm: bool
    least: float


PARTS: Mapping[str, Part] = {
    "heart rate": Part(1.0, False, 2.0),
    "RMSSD": Part(-1.0, True, 0.15),
    "skin level": Part(1.0, True, 0.05),
    "skin response rate": Part(1.0, False, 1.0),
}
"""By name of the track. Scales: 2 beats a minute, 15 %, 5 %, one response a minute."""


def arousal(tracks: Mapping[str, Track], grid: Grid, baseline: np.ndarray) -> Track:
    """The mean of the measures as robust z values, each weighted by its quality.

    z = (x - median) / max(1.4826 MAD, least scale), both over the baseline; x is the logarithm of
    RMSSD and of the skin conductance level. The quality is the sum of the qualities of the present
    measures over the number of all four, so that one measure alone has at most 0.25.

    Args:
        tracks: by name; those of ``PARTS`` count.
        grid: of the tracks.
        baseline: ``(n,)`` which seconds belong to it.
    """
    columns = {
        name: z
        for name, part in PARTS.items()
        if name in tracks and (z := _standard(tracks[name], part, baseline)) is not None
    }
    if not columns:
        seconds = f"no measure has {SHORTEST_BASELINE} usable seconds in the baseline"
        return Track([seconds] * len(grid.times), np.zeros(len(grid.times)))
    z = np.array(list(columns.values()))
    weights = np.array([tracks[name].quality for name in columns]) * np.isfinite(z)
    total = weights.sum(axis=0)
    sums = (weights * np.nan_to_num(z)).sum(axis=0)
    there = total > 1e-6
    values: list[float | str] = [
        float(sums[i] / total[i]) if there[i] else "no measure is present"
        for i in range(len(grid.times))
    ]
    return Track(values, np.where(there, total / len(PARTS), 0.0))


def _standard(track: Track, part: Part, baseline: np.ndarray) -> Floats | None:
    """The z values of a measure, NaN where it is absent; None if its baseline is too short."""
    x = track.numbers
    if part.logarithm:
        x = np.log(np.where(x > 0, x, np.nan))
    own = x[baseline & np.isfinite(x)]
    if len(own) < SHORTEST_BASELINE:
        return None
    middle = float(np.median(own))
    scale = max(TO_DEVIATION * float(np.median(np.abs(own - middle))), part.least)
    return np.asarray(np.clip(part.sign * (x - middle) / scale, -MOST, MOST))


# --- from arousal to the labels ---------------------------------------------------------------

AROUSAL_OF = {
    "anger": 0.59, "disgust": 0.35, "fear": 0.60, "joy": 0.48, "neutral": 0.0, "sadness": -0.27,
    "surprise": 0.67,
}  # fmt: skip
"""Mean arousal of each word, in [-1, 1], as raters judged it (Russell and Mehrabian 1977, table 1:
angry, disgusted, fearful, joyful, sad, surprised; neutral is the middle of the scale)."""
WIDTH = 0.5
"""Standard deviation of the arousal of a label, about the mean of those in the same table."""


def label_probabilities(z: float) -> Floats:
    """Probabilities of the seven labels for an arousal ``z``, ``(7,)``, sum 1.

    p(y) is proportional to exp(-(a - a_y)^2 / (2 WIDTH^2)), a = 0.67 tanh(z / 2), so that it stays
    within the arousal of the words (that of surprise is 0.67). This says no more than
    that anger, fear, joy and surprise go with more arousal than sadness and neutral; it was fitted
    to no data and cannot tell the four from one another.

    Args:
        z: arousal against the person's baseline.
    """
    a = max(AROUSAL_OF.values()) * np.tanh(z / 2)
    centres = np.array([AROUSAL_OF[label] for label in MIEN7.labels])
    log = -((a - centres) ** 2) / (2 * WIDTH**2)
    p = np.exp(log - log.max())
    return np.asarray(p / p.sum())
