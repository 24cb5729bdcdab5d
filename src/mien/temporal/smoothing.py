"""Smoothing over time: a sticky hidden Markov model over the rows of one evidence.

The hidden state is the label. Between two moments it stays with probability ``exp(-dt / TAU)``
and is else drawn anew from the prior (a Markov jump process), so that rows of any length and
distance fit. Given the rows, forward-backward (Rabiner 1989, "A tutorial on hidden Markov
models", eqs. 19-27) gives the probability of each label at each row by all rows of its stretch.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace
from itertools import pairwise

import numpy as np
import numpy.typing as npt

from mien.analysis.evidence import Evidence
from mien.emotions import MIEN7
from mien.mathematics import FloatArray
from mien.posteriors import FLOOR
from mien.timebase import Segment

TAU = 3.4
"""Seconds after which the state was drawn anew with probability 1 - 1/e. Fitted on the utterances
of MELD (``benchmarks/stickiness.py``)."""


def smooth(
    evidence: Evidence,
    breaks: Sequence[float] = (),
    tau: float = TAU,
    prior: npt.ArrayLike | None = None,
) -> Evidence:
    """The evidence with each present row smoothed by its neighbours; absent rows stay absent.

    Judgements a few seconds apart are of the same face and the same voice and err alike; taken as
    independent they would make the model ever surer of itself. So the rows within each other's
    memory count together as one: the log-likelihood of row i is divided by ``sum over j of
    exp(-|t_i - t_j| / tau)``. Rows that all say the same are left as they are, nearly, and so is
    a row that stands alone. Qualities and reasons stay as they are.

    Args:
        evidence: rows in time order.
        breaks: seconds at which memory ends: shot cuts, another person.
        tau: of the state, seconds, above 0.
        prior: ``(k,)`` of the labels, that the rows were judged under; uniform by default.
    """
    k = len(MIEN7)
    base = np.full(k, 1 / k) if prior is None else np.asarray(prior, dtype=np.float64)
    probs = np.array(evidence.probs)
    for rows in stretches(evidence.segments, breaks):
        present = evidence.present[rows]
        stays = _stays(evidence.segments[rows], tau)
        said = np.where(present[:, None], evidence.probs[rows], base)
        logs = np.log(np.maximum(said, FLOOR)) - np.log(base)
        probs[rows] = _posteriors(logs / _subset(present, stays)[:, None], stays, base)
    probs[~evidence.present] = np.nan
    return replace(evidence, probs=probs)


def stretches(segments: Sequence[Segment], breaks: Sequence[float]) -> Iterator[slice]:
    """The runs of rows with no break between their middles."""
    if not segments:
        return
    middles = np.array([segment.middle for segment in segments])
    shot = np.searchsorted(np.sort(np.asarray(breaks, dtype=np.float64)), middles, side="right")
    edges = [0, *(np.flatnonzero(np.diff(shot)) + 1).tolist(), len(segments)]
    yield from (slice(start, end) for start, end in pairwise(edges))


def _subset(present: npt.NDArray[np.bool_], stays: FloatArray) -> FloatArray:
    """How many present rows count as one with each row, at least 1, ``(n,)``."""
    ahead, back = present.astype(np.float64), present.astype(np.float64)
    for i in range(1, len(present)):
        ahead[i] += stays[i - 1] * ahead[i - 1]
    for i in range(len(present) - 2, -1, -1):
        back[i] += stays[i] * back[i + 1]
    return np.asarray(np.maximum(ahead + back - present, 1.0))


def _stays(segments: Sequence[Segment], tau: float) -> FloatArray:
    """Probability of no jump between each row and the one before, ``(n - 1,)``."""
    middles = np.array([segment.middle for segment in segments])
    return np.asarray(np.exp(-np.maximum(np.diff(middles), 0.0) / tau))


def _posteriors(logs: FloatArray, stays: FloatArray, prior: FloatArray) -> FloatArray:
    n = len(logs)
    likelihood = np.exp(logs - logs.max(axis=1, keepdims=True))
    forward, backward = np.empty_like(likelihood), np.ones_like(likelihood)
    forward[0] = prior * likelihood[0]
    forward[0] /= forward[0].sum()
    for i in range(1, n):
        ahead = stays[i - 1] * forward[i - 1] + (1 - stays[i - 1]) * prior
        forward[i] = ahead * likelihood[i]
        forward[i] /= forward[i].sum()
    for i in range(n - 2, -1, -1):
        seen = likelihood[i + 1] * backward[i + 1]
        backward[i] = stays[i] * seen + (1 - stays[i]) * (prior @ seen)
        backward[i] /= backward[i].sum()
    joint = forward * backward
    return np.asarray(joint / joint.sum(axis=1, keepdims=True))
