"""Every way of answering side by side: each modality alone, the plain rules, the learned pool."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from itertools import combinations

import numpy as np
import numpy.typing as npt

from mien.emotions import MIEN7
from mien.errors import DataError
from mien.fusion.fit import FitOptions, fit_pool
from mien.fusion.pool import Pool
from mien.fusion.rules import fuse
from mien.fusion.speaker_normalisation import groups_are_large, with_speaker_means
from mien.mathematics import FloatArray, IntArray
from mien.posteriors import PosteriorTable, group_folds

Progress = Callable[[str, float], None]

MAJORITY, BEST_SINGLE = "majority", "best_single"
PLAIN_RULES = ("mean", "product", "length")
POOLED, PERSON = "pooled", "pooled_person"
CALIBRATED = "_calibrated"
# Companies are written so: face+voice.
JOIN = "+"


@dataclass(frozen=True)
class Pools:
    """The two pools that are compared.

    Args:
        plain: judges each item on its own; the one that a pack holds and an analysis uses.
        person: also reads the mean of each person, to tell what speaker normalisation would bring;
            None where groups are too small. It needs all items of a person at once and is in no
            pack.
    """

    plain: Pool
    person: Pool | None = None

    @classmethod
    def fit(cls, table: PosteriorTable, options: FitOptions | None = None) -> Pools:
        """Both pools from labelled items; see :func:`mien.fusion.fit.fit_pool`.

        With few parameters the means of persons are not read.
        """
        options = options or FitOptions()
        plain = fit_pool(table, options)
        wanted = options.matrices and groups_are_large(table)
        return cls(plain, fit_pool(with_speaker_means(table), options) if wanted else None)


@dataclass(frozen=True, eq=False)
class Answers:
    """Probabilities ``(n, 7)`` of the same items, by method and by subset.

    Args:
        methods: ``majority``, each modality raw and calibrated, ``best_single``, the plain rules,
            ``pooled`` and, where there is one, ``pooled_person``.
        subsets: of the pool when it is given just these modalities (``face+voice``).
        best: the modality behind ``best_single``, as often as it was chosen.
    """

    methods: Mapping[str, FloatArray]
    subsets: Mapping[str, FloatArray]
    best: Mapping[str, int]


def answers(pools: Pools, table: PosteriorTable) -> Answers:
    """What every method says of a table that the pools were not fitted to.

    A modality that is absent answers with the prior, since it knows no better.
    """
    pool, posteriors = pools.plain, table.posteriors
    prior = np.zeros(len(MIEN7))
    prior[[MIEN7.index(label) for label in pool.labels]] = pool.prior
    subsets = {
        JOIN.join(subset): _filled(pool.probs({n: posteriors[n] for n in subset}), prior)
        for size in range(1, len(posteriors) + 1)
        for subset in combinations(sorted(posteriors), size)
    }
    methods = {MAJORITY: np.tile(prior, (len(table), 1))}
    for name, single in posteriors.items():
        methods[name] = _filled(single.probs, prior)
        methods[name + CALIBRATED] = subsets[name]
    best = pool.best if pool.best in posteriors else sorted(posteriors)[0]
    methods[BEST_SINGLE] = subsets[best]
    seconds = table.seconds.tolist()
    for rule in PLAIN_RULES:
        methods[rule] = _filled(fuse(posteriors, rule, seconds).probs, prior)
    methods[POOLED] = subsets[JOIN.join(sorted(posteriors))]
    if pools.person is not None:
        methods[PERSON] = _filled(pools.person.probs(with_speaker_means(table).posteriors), prior)
    return Answers(methods, subsets, {best: 1})


def out_of_fold(
    table: PosteriorTable,
    folds: int,
    seed: int,
    progress: Progress = lambda doing, share: None,
    options: FitOptions | None = None,
) -> Answers:
    """The answers to every item by pools that were fitted without its fold.

    Folds divide the groups; everything learnt, the penalty and the choice of the best modality
    too, is learnt inside the other folds.

    Raises:
        DataError: if there are fewer groups than folds, or fewer than three.
    """
    fold_of = judging_folds(table.groups, folds, seed)
    parts = []
    for fold in range(folds):
        progress(f"fold {fold + 1} of {folds}", fold / folds)
        pools = Pools.fit(table.select(fold_of != fold), options)
        parts.append(answers(pools, table.select(fold_of == fold)))
    # A method that one fold could not fit is left out.
    shared = [name for name in parts[0].methods if all(name in part.methods for part in parts)]
    back = np.argsort(np.argsort(fold_of, kind="stable"), kind="stable")
    best: dict[str, int] = {}
    for part in parts:
        best |= {name: best.get(name, 0) + count for name, count in part.best.items()}
    return Answers(
        {name: np.concatenate([part.methods[name] for part in parts])[back] for name in shared},
        {
            name: np.concatenate([part.subsets[name] for part in parts])[back]
            for name in parts[0].subsets
        },
        best,
    )


def judging_folds(groups: npt.NDArray[np.str_], folds: int, seed: int) -> IntArray:
    """The fold of every item in :func:`out_of_fold`.

    Raises:
        DataError: if there are fewer groups than folds, or fewer than three.
    """
    count = len(np.unique(groups))
    if count < 3:
        raise DataError(
            f"The items are of {count} group{'s' * (count != 1)}; cross-validation, which chooses "
            "within the other folds, needs three at least. Give more speakers or dialogues."
        )
    return group_folds(groups, folds, seed)


def _filled(probs: FloatArray, prior: FloatArray) -> FloatArray:
    return np.where(np.isfinite(probs), probs, prior)
