"""Why the pool answers as it does, where the witnesses disagree, and when to say nothing."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from mien.errors import OptionError
from mien.fusion.pooled import Pool
from mien.results import Evidence
from mien.witness import FLOOR, FloatArray, Witness

# From this share of the largest possible divergence on, two different answers are a conflict.
CONFLICT = 0.3


@dataclass(frozen=True)
class Contribution:
    """What one modality brought to one answer.

    Args:
        name: of the modality.
        says: its own likeliest label.
        log_odds: of the answer against the second label, in nats; below 0 it spoke against.
        weight: ``a_m`` in this company; see :meth:`mien.fusion.pooled.Pool.weight`.
        quality: in [0, 1].
        decisive: whether the answer would be another without it.
    """

    name: str
    says: str
    log_odds: float
    weight: float
    quality: float
    decisive: bool


@dataclass(frozen=True)
class Explanation:
    """One answer taken apart.

    Args:
        answer: the likeliest label.
        second: the next.
        log_odds: of the answer against the second; the prior's and the contributions' sum.
        prior: what the prior alone gives.
        contributions: of the modalities that are present.
    """

    answer: str
    second: str
    log_odds: float
    prior: float
    contributions: tuple[Contribution, ...]


def explain(pool: Pool, evidences: Mapping[str, Evidence], row: int) -> Explanation | None:
    """The pooled answer to one segment taken apart; None where nothing could be judged.

    "Without it" is judged as the pool judges the smaller company, not by leaving out a term.
    """
    present = {
        name: Witness(e.probs[[row]], e.quality[[row]])
        for name, e in sorted(evidences.items())
        if e.present[row]
    }
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
        contributions.append(
            Contribution(
                name=name,
                says=str(evidences[name].top(row)),
                log_odds=float(term[answer] - term[second]),
                weight=pool.weight(name, tuple(present)),
                quality=float(evidences[name].quality[row]),
                decisive=bool(np.argmax(without) != answer),
            )
        )
    return Explanation(
        answer=pool.labels[answer],
        second=pool.labels[second],
        log_odds=float(total[answer] - total[second]),
        prior=float(prior[answer] - prior[second]),
        contributions=tuple(contributions),
    )


def divergence(rows: FloatArray) -> float:
    """Jensen-Shannon divergence of m distributions ``(m, k)``, in [0, 1].

    Entropy of the mean less the mean entropy (Lin 1991, "Divergence measures based on the Shannon
    entropy", eq. 5.1, equal weights), over its greatest value, ``log min(m, k)``; 0 for one row.

    Examples:
        >>> divergence(np.eye(2)), divergence(np.array([[0.5, 0.5], [0.5, 0.5]]))
        (1.0, 0.0)
    """
    if len(rows) < 2:
        return 0.0
    gap = _entropy(rows.mean(axis=0)) - np.mean([_entropy(row) for row in rows])
    return float(np.clip(gap / np.log(min(rows.shape)), 0.0, 1.0))


def _entropy(row: FloatArray) -> float:
    some = row[row > FLOOR**2]
    return float(-(some * np.log(some)).sum())


@dataclass(frozen=True)
class Disagreement:
    """How far the modalities contradict one another.

    Args:
        degree: normalised Jensen-Shannon divergence, in [0, 1].
        words: ``"text says joy; face and voice say disgust"``, "" where it is no conflict.
    """

    degree: float
    words: str


def disagreement(
    evidences: Mapping[str, Evidence], row: int, conflict: float = CONFLICT
) -> Disagreement:
    """The disagreement of the modalities that are present on one segment.

    It is a conflict, put in words, where they name different labels and diverge by ``conflict``.
    """
    present = {name: e for name, e in sorted(evidences.items()) if e.present[row]}
    if len(present) < 2:
        return Disagreement(0.0, "")
    degree = divergence(np.stack([e.probs[row] for e in present.values()]))
    camps: dict[str, list[str]] = {}
    for name, evidence in present.items():
        camps.setdefault(str(evidence.top(row)), []).append(name)
    if len(camps) < 2 or degree < conflict:
        return Disagreement(degree, "")
    smallest_first = sorted(camps.items(), key=lambda camp: len(camp[1]))
    words = [f"{_listed(who)} {'say' if len(who) > 1 else 'says'} {x}" for x, who in smallest_first]
    return Disagreement(degree, "; ".join(words))


def _listed(names: list[str]) -> str:
    return names[0] if len(names) == 1 else f"{', '.join(names[:-1])} and {names[-1]}"


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
