"""Fitting a pool: every subset of modalities learns how much each of its members counts."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from itertools import combinations

import numpy as np

from mien.emotions import MIEN7
from mien.errors import DataError
from mien.fusion.pool import DECIMALS, Pool, Reader, Subset, relative_quality
from mien.mathematics import BoolArray, FloatArray, IntArray, softmax
from mien.metrics import negative_log_likelihood
from mien.posteriors import FLOOR, Posteriors, PosteriorTable, group_folds

# Newton's method ends after a step that promised (half of) less than this, in nats over all rows;
# it converges quadratically, so what is left then is far less.
ENOUGH = 1e-3
STEPS = 50
SHORTEST = 2.0**-20
# Factors on the log-odds that are tried: inverse temperatures.
FACTORS = np.exp(np.linspace(np.log(0.5), np.log(2.0), 141))


@dataclass(frozen=True)
class FitOptions:
    """How a pool is fitted.

    Args:
        shares: whether probabilities stand beside their logarithms as features.
        extras: names of further numbers to use; None for all that the posteriors carry.
        penalties: L2 penalties to choose from, on weights of scaled features.
        folds: of the training groups, by which the penalty is chosen.
        seed: of these folds.
        smallest: a subset with fewer rows is not fitted and pooled from its members' own.
        matrices: False for few parameters: a modality alone is calibrated by one factor on its
            logarithms, one on its probabilities and a bias a label, and counts in subset by its
            weight alone. Wanted where the subsets are composed and not observed.
    """

    shares: bool = True
    extras: tuple[str, ...] | None = None
    penalties: Sequence[float] = (1.0, 3.0, 10.0, 30.0, 100.0)
    folds: int = 4
    seed: int = 0
    smallest: int = 50
    matrices: bool = True


def fit_pool(table: PosteriorTable, options: FitOptions | None = None) -> Pool:
    """A pool from labelled items; numpy only, the same result at every run.

    Every modality is calibrated alone on all items where it is present; then every subset of two
    or more on the items where all of it are present, whoever else is (this is modality dropout,
    each subset once). First each member gets one weight >= 0 on its own calibration, the
    log-linear pool; the penalty then draws the subset's matrices towards that. The penalty of
    each subset is the one with the least negative log-likelihood across folds of the groups.

    Raises:
        DataError: if fewer than two labels or two groups occur, or no modality is in two groups.
    """
    options = options or FitOptions()
    columns, counts = np.unique(table.labels, return_counts=True)
    if len(columns) < 2:
        raise DataError(f"{table.name} has items of one label alone; a pool needs at least two.")
    labels = tuple(MIEN7.labels[i] for i in columns)
    target = np.searchsorted(columns, table.labels)
    folds = group_folds(
        table.groups, min(options.folds, len(np.unique(table.groups))), options.seed
    )
    posteriors = _met(table, folds)
    readers = {n: _reader(w, labels, options) for n, w in posteriors.items()}
    prior = counts / counts.sum()
    pool = Pool(labels, prior, readers, {}, {}, "", calibrated=not options.matrices)
    losses: dict[str, float] = {}
    for subset, rows in _subsets(posteriors, options.smallest):
        design = _design(pool, table, subset, rows)
        data = Regression(design, target[rows], np.log(pool.prior), _own(pool, subset))
        data = replace(data, home=data.home * _amplitudes(data, pool, subset))
        if not options.matrices:
            data = replace(data, basis=_tied(subset, len(labels), options.shares))
        penalty, odds = _choose(data, folds[rows], options.penalties)
        factor, loss = _temper(data, odds)
        weights = factor * newton(data, penalty)
        met = _unstack(weights, [pool.readers[n] for n in subset], subset)
        pool = replace(pool, subsets={**pool.subsets, subset: met})
        if len(subset) == 1:
            losses[subset[0]] = loss
            continue
        weights_of = _subset_weights(pool, table, subset, rows)
        pool = replace(pool, weights={**pool.weights, subset: weights_of})
    return replace(pool, best=min(losses, key=lambda name: losses[name]))


def _met(table: PosteriorTable, folds: IntArray) -> dict[str, Posteriors]:
    """The modalities that can be fitted and tested: present in two folds at least."""
    met = {
        name: posteriors
        for name, posteriors in sorted(table.posteriors.items())
        if len(np.unique(folds[posteriors.present])) > 1
    }
    if not met:
        raise DataError(f"{table.name}: no modality is present in two groups; give more items.")
    return met


def _reader(posteriors: Posteriors, labels: tuple[str, ...], options: FitOptions) -> Reader:
    if not options.matrices:
        # One factor for all logarithms means them as they are.
        return Reader.plain(labels, options.shares, ())
    extras = tuple(sorted(posteriors.extras)) if options.extras is None else options.extras
    extras = tuple(name for name in extras if name in posteriors.extras)
    plain = Reader.plain(labels, options.shares, extras)
    here = posteriors.select(posteriors.present)
    # An unknown extra must not pull the mean: it counts as its own centre.
    known = {name: np.nanmean(here.extras[name]) for name in extras}
    filled = {
        n: np.where(np.isnan(here.extras[n]), mean, here.extras[n]) for n, mean in known.items()
    }
    features = plain.features(Posteriors(here.probs, here.quality, filled))
    spread = features.std(axis=0)
    # A spread that a pack would round to 0 is that of a constant.
    scale = np.where(spread > 10.0**-DECIMALS, spread, 1.0)
    return replace(plain, centre=features.mean(axis=0), scale=scale)


def _subsets(posteriors: Mapping[str, Posteriors], smallest: int) -> list[tuple[Subset, BoolArray]]:
    """Modalities alone, then larger and larger subsets, with the rows where all are present."""
    out = []
    for size in range(1, len(posteriors) + 1):
        for subset in combinations(sorted(posteriors), size):
            rows = np.logical_and.reduce([posteriors[name].present for name in subset])
            if size == 1 or rows.sum() >= smallest:
                out.append((subset, rows))
    return out


def _design(pool: Pool, table: PosteriorTable, subset: Subset, rows: BoolArray) -> FloatArray:
    """Features and a one for the bias, of each member in turn, times its relative quality."""
    blocks = []
    members = {name: table.posteriors[name].select(rows) for name in subset}
    quality = relative_quality(members)
    for name, here in members.items():
        features = pool.readers[name].features(here)
        ones = np.ones((len(features), 1))
        blocks.append(np.hstack([features, ones]) * quality[name][:, None])
    return np.hstack(blocks)


def _own(pool: Pool, subset: Subset) -> FloatArray:
    """Where the penalty draws the weights: nothing for one alone, else the members' own."""
    if len(subset) == 1:
        return np.zeros((len(pool.readers[subset[0]].centre) + 1, len(pool.labels)))
    return np.vstack([pool.subsets[(name,)][name].T for name in subset])


def _subset_weights(
    pool: Pool, table: PosteriorTable, subset: Subset, rows: BoolArray
) -> dict[str, float]:
    """The least-squares factor from each member's own log-odds to its term in the subset."""
    out = {}
    together = {name: table.posteriors[name].select(rows) for name in subset}
    terms, quality = pool.terms(together), relative_quality(together)
    for name in subset:
        own = pool.calibration(name, together[name]) * quality[name][:, None]
        # Log-odds are known but for a constant of each row, and a bias is no weight.
        own, here = (_centred(term) for term in (own, terms[name]))
        out[name] = round(float((own * here).sum() / max(float((own * own).sum()), FLOOR)), 4)
    return out


def _centred(term: FloatArray) -> FloatArray:
    rows = term - term.mean(axis=1, keepdims=True)
    return np.asarray(rows - rows.mean(axis=0))


def _amplitudes(data: Regression, pool: Pool, subset: Subset) -> FloatArray:
    """The weight >= 0 of each member on its own calibration, a row of ``home`` each, ``(d, 1)``.

    Least negative log-likelihood by coordinate-wise Newton steps, cut off at 0; the loss is convex
    and the bounds are separate, so that this ends at the minimum.
    """
    sizes = [len(pool.readers[name].centre) + 1 for name in subset]
    if len(subset) == 1:
        return np.ones((sizes[0], 1))
    ends = np.cumsum(sizes)[:-1]
    parts = zip(np.split(data.design, ends, axis=1), np.split(data.home, ends), strict=True)
    terms = [block @ home for block, home in parts]
    amplitudes = np.ones(len(terms))
    rows = np.arange(len(data.target))
    for _ in range(STEPS):
        before = amplitudes.copy()
        for m, term in enumerate(terms):
            mixed = sum(a * t for a, t in zip(amplitudes, terms, strict=True))
            probs = softmax(data.offset + np.asarray(mixed))
            mean = (probs * term).sum(axis=1)
            slope = float((mean - term[rows, data.target]).sum())
            bend = float(((probs * term**2).sum(axis=1) - mean**2).sum())
            amplitudes[m] = max(0.0, amplitudes[m] - slope / max(bend, FLOOR))
        if np.abs(amplitudes - before).max() < ENOUGH:
            break
    return np.repeat(amplitudes, sizes)[:, None]


def _unstack(
    weights: FloatArray, readers: Sequence[Reader], subset: Subset
) -> dict[str, FloatArray]:
    ends = np.cumsum([len(reader.centre) + 1 for reader in readers])
    return {name: block.T for name, block in zip(subset, np.split(weights, ends[:-1]), strict=True)}


@dataclass(frozen=True, eq=False)
class Regression:
    """A multinomial regression: ``logits = offset + design @ weights``, drawn towards ``home``.

    Shapes: design ``(n, d)``, target ``(n,)`` in 0..k-1, offset ``(k,)``, home ``(d, k)``, basis
    ``(k d, r)``: the directions, class by class, in which the weights may leave home; None for all.
    """

    design: FloatArray
    target: IntArray
    offset: FloatArray
    home: FloatArray
    basis: FloatArray | None = None

    @cached_property
    def products(self) -> FloatArray:
        """Products of every two features of a row, ``(n, d (d + 1) / 2)``."""
        left, right = np.triu_indices(self.design.shape[1])
        return np.asarray(self.design[:, left] * self.design[:, right])

    def select(self, rows: BoolArray) -> Regression:
        """The regression on some of the rows."""
        return replace(self, design=self.design[rows], target=self.target[rows])

    def probs(self, weights: FloatArray) -> FloatArray:
        """Probabilities ``(n, k)`` under weights ``(d, k)``."""
        return softmax(self.offset + self.design @ weights)

    def loss(self, weights: FloatArray, penalty: float) -> float:
        """Penalised negative log-likelihood, in nats over all rows."""
        nll = negative_log_likelihood(self.target, self.probs(weights)) * len(self.target)
        return nll + penalty / 2 * float(((weights - self.home) ** 2).sum())


def _choose(
    data: Regression, folds: IntArray, penalties: Sequence[float]
) -> tuple[float, FloatArray]:
    """The penalty with the least loss out of fold, and its log-odds out of fold, ``(n, k)``."""
    odds = {penalty: np.zeros((len(data.target), len(data.offset))) for penalty in penalties}
    for fold in np.unique(folds):
        inside, outside = data.select(folds != fold), folds == fold
        weights = data.home
        for penalty in sorted(penalties, reverse=True):
            weights = newton(inside, penalty, weights)
            odds[penalty][outside] = data.design[outside] @ weights
    losses = {
        penalty: negative_log_likelihood(data.target, softmax(data.offset + logits))
        for penalty, logits in odds.items()
    }
    best = min(losses, key=lambda penalty: losses[penalty])
    return best, odds[best]


def _temper(data: Regression, odds: FloatArray) -> tuple[float, float]:
    """The factor on log-odds out of fold with the least loss, and that loss (Guo et al. 2017).

    Unseen groups are judged a little less surely than those that the weights were fitted to.
    """
    losses = [
        negative_log_likelihood(data.target, softmax(data.offset + factor * odds))
        for factor in FACTORS
    ]
    return float(FACTORS[int(np.argmin(losses))]), min(losses)


def newton(data: Regression, penalty: float, start: FloatArray | None = None) -> FloatArray:
    """The weights ``(d, k)`` of least penalised loss, by Newton's method with halved steps.

    The loss is strictly convex for ``penalty > 0``, so there is one minimum.
    """
    weights = data.home.copy() if start is None else start
    if data.basis is not None and not data.basis.size:
        return weights
    d, k = weights.shape
    onehot = np.eye(k)[data.target]
    loss = data.loss(weights, penalty)
    for _ in range(STEPS):
        probs = data.probs(weights)
        slope = data.design.T @ (probs - onehot) + penalty * (weights - data.home)
        step = _step(curvature_of(data, probs, penalty), slope.T.ravel(), data.basis)
        move = step.reshape(k, d).T
        length = 1.0
        while (new := data.loss(weights - length * move, penalty)) > loss and length > SHORTEST:
            length /= 2
        weights, loss = weights - length * move, new
        if float((slope * move).sum()) < ENOUGH:
            break
    return weights


def _step(curvature: FloatArray, slope: FloatArray, basis: FloatArray | None) -> FloatArray:
    if basis is None:
        return np.asarray(np.linalg.solve(curvature, slope))
    inner = np.linalg.solve(basis.T @ curvature @ basis, basis.T @ slope)
    return np.asarray(basis @ inner)


def _tied(subset: Subset, k: int, shares: bool) -> FloatArray:
    """Directions of a modality alone when it has few parameters; a subset has none of its own."""
    blocks = 1 + shares
    d = k * blocks + 1
    if len(subset) > 1:
        return np.zeros((k * d * len(subset), 0))
    basis = np.zeros((k, d, blocks + k))
    for label in range(k):
        for block in range(blocks):
            basis[label, block * k + label, block] = 1.0
        basis[label, -1, blocks + label] = 1.0
    return basis.reshape(k * d, blocks + k)


def curvature_of(data: Regression, probs: FloatArray, penalty: float) -> FloatArray:
    """The Hessian ``(k d, k d)``, class by class: sum of ``p_a (delta_ab - p_b) x x^T``."""
    (_, d), k = data.design.shape, probs.shape[1]
    a, b = np.triu_indices(k)
    shares = -probs[:, a] * probs[:, b]
    shares[:, a == b] += probs
    left, right = np.triu_indices(d)
    sums = data.products.T @ shares
    blocks = np.empty((d, d, len(a)))
    blocks[left, right] = blocks[right, left] = sums
    out = np.empty((k, d, k, d))
    out[a, :, b, :] = out[b, :, a, :] = blocks.transpose(2, 0, 1)
    return out.reshape(k * d, k * d) + penalty * np.eye(k * d)
