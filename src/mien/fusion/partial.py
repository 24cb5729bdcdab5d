"""Branches that name some of the seven labels: they have no say on the others."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from mien.mathematics import BoolArray
from mien.posteriors import Posteriors


def spread(posteriors: Posteriors, named: BoolArray) -> Posteriors:
    """Posteriors of some labels as posteriors of all, which say nothing about the others.

    A branch that names ``m`` of ``k`` labels gives each of them ``m / k`` of its probability, and
    ``1 / k`` to each label that it cannot name. Against an even distribution the log-odds of these
    labels are 0: neither the branch's certainty nor its doubt about the labels that it names counts
    against them. A uniform answer changes nothing.

    Args:
        posteriors: columns of labels that are not named are 0.
        named: ``(k,)``, the labels that the branch can name, at least one.

    Returns:
        Posteriors of the same class; the same object where all labels are named.

    Examples:
        >>> three = np.array([True, False, False, True, True, False, False])
        >>> calm = np.array([[0.2, 0, 0, 0.2, 0.6, 0, 0]])
        >>> spread(Posteriors(calm, np.ones(1)), three).probs.round(3).tolist()
        [[0.086, 0.143, 0.143, 0.086, 0.257, 0.143, 0.143]]
    """
    if named.all():
        return posteriors
    share = named.sum() / len(named)
    probs = np.where(named, posteriors.probs * share, 1 / len(named))
    probs[~posteriors.present] = np.nan
    return replace(posteriors, probs=probs)
