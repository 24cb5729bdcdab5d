"""Why the pool answers as it does, where the posteriors disagree, and when to say nothing."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from mien.analysis.explanation import Contribution, Decomposition, Disagreement
from mien.errors import OptionError
from mien.fusion.pool import Pool
from mien.mathematics import FloatArray, jensen_shannon
from mien.posteriors import Posteriors

# From this share of the largest possible divergence on, two different answers are a conflict.
CONFLICT = 0.3


def decompose(pool: Pool, posteriors: Mapping[str, Posteriors], row: int) -> Decomposition | None:
    """The pooled answer to one item taken apart; None where nothing could be judged.

    "Without it" is judged as the pool judges the smaller subset, not by leaving out a term.
    """
    present = {n: one.select([row]) for n, one in sorted(posteriors.items()) if one.present[row]}
    if not present:
        return None
    terms = {name: term[0] for name, term in pool.terms(present).items()}
    prior = np.log(pool.prior)
    total = prior + np.sum(list(terms.values()), axis=0)
    second, answer = np.argsort(total, kind="stable")[-2:]
    contributions = []
    for name, term in terms.items():
        rest = {n: w for n, w in present.items() if n != name}
        without = prior + sum(t[0] for t in pool.terms(rest).values()) if rest else prior
        instead = int(np.argmax(without))
        contributions.append(
            Contribution(
                name=name,
                says=str(present[name].top(0)),
                log_odds=float(term[answer] - term[second]),
                weight=pool.weight(name, tuple(present)),
                quality=float(present[name].quality[0]),
                without=pool.labels[instead],
                decisive=bool(instead != answer),
            )
        )
    return Decomposition(
        answer=pool.labels[answer],
        second=pool.labels[second],
        log_odds=float(total[answer] - total[second]),
        prior=float(prior[answer] - prior[second]),
        contributions=tuple(contributions),
    )


def divergence(rows: FloatArray, weights: FloatArray | None = None) -> float:
    """Jensen-Shannon divergence of m distributions ``(m, k)``, in [0, 1].

    Entropy of the mean less the mean entropy (Lin 1991, "Divergence measures based on the Shannon
    entropy", eq. 5.1), over its greatest value under equal weights, ``log min(m, k)``; 0 for one
    row. Weights ``(m,)`` are >= 0, equal by default.

    Examples:
        >>> divergence(np.eye(2)), divergence(np.array([[0.5, 0.5], [0.5, 0.5]]))
        (1.0, 0.0)
    """
    weights = np.ones(len(rows)) if weights is None else weights
    if len(rows) < 2 or weights.sum() <= 0:
        return 0.0
    return min(1.0, jensen_shannon(rows, weights) / float(np.log(min(rows.shape))))


def disagreement(
    posteriors: Mapping[str, Posteriors], row: int, conflict: float = CONFLICT
) -> Disagreement:
    """The disagreement of the modalities that are present on one item.

    It is a conflict where they name different labels and diverge by ``conflict``. They count by
    their quality, so that a voice that cannot be made out contradicts nobody.
    """
    present = {name: one for name, one in sorted(posteriors.items()) if one.present[row]}
    if len(present) < 2:
        return Disagreement(0.0)
    rows = np.stack([one.probs[row] for one in present.values()])
    degree = divergence(rows, np.array([one.quality[row] for one in present.values()]))
    camps: dict[str, tuple[str, ...]] = {}
    for name, one in present.items():
        label = str(one.top(row))
        camps[label] = (*camps.get(label, ()), name)
    if len(camps) < 2 or degree < conflict:
        return Disagreement(degree)
    return Disagreement(degree, dict(sorted(camps.items(), key=lambda camp: len(camp[1]))))


def threshold_for(pool: Pool, max_risk: float) -> float:
    """The least top probability to answer at, that at most ``max_risk`` of the answers are wrong.

    Read off the pool's risk-coverage curve, which is of answers out of fold: it holds for data
    like that.

    Raises:
        OptionError: if the risk is not in (0, 1), the pool has no curve, or it never gets so low.
    """
    if not 0 < max_risk < 1:
        raise OptionError(f"--max-risk is {max_risk}; give a share of wrong answers in (0, 1).")
    if not pool.risk:
        raise OptionError("This pool has no risk-coverage curve; fit it with 'mien train fusion'.")
    good = [row for row in pool.risk if row[2] <= max_risk]
    if not good:
        least = min(row[2] for row in pool.risk)
        raise OptionError(f"No threshold keeps the risk at {max_risk}; the least is {least:.3f}.")
    return max(good, key=lambda row: row[1])[0]
