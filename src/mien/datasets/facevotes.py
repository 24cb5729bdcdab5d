"""The labels of a face set under each labelling convention, and the metrics against them."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from mien.datasets.faces import FER2013, OBSERVERS, VOTES, majority
from mien.datasets.table import LabelledSet
from mien.errors import OptionError
from mien.mathematics import FloatArray, IntArray
from mien.metrics import classification_figures, vote_figures

CONVENTIONS = (OBSERVERS, FER2013)


@dataclass(frozen=True)
class JudgedRows:
    """The rows with a label under a convention, and the vote shares.

    Args:
        which: ``(n,)``, the rows of the set that have a label.
        labels: ``(n,)``, columns of our seven labels; meaningless where ``which`` is False.
        shares: ``(n, 7)``, vote shares, zero where there are none; None for ``fer2013``.
    """

    which: npt.NDArray[np.bool_]
    labels: IntArray
    shares: FloatArray | None = None

    def figures(self, probs: FloatArray) -> dict[str, float]:
        """Metrics of probabilities ``(n, 7)``.

        Those of :func:`mien.metrics.classification_figures` over the rows with a label. Under
        ``observers``, ``nll`` and ``ece`` are computed against the vote shares of all rows that
        have any, see :func:`mien.metrics.vote_figures`.
        """
        if not self.which.any():
            return {}
        out = classification_figures(self.labels[self.which], probs[self.which])
        if self.shares is not None:
            voted = self.shares.sum(axis=1) > 0
            out |= vote_figures(self.shares[voted], probs[voted])
        return out


def default_convention(faces: LabelledSet) -> str:
    """The convention of a set: observers' votes if it has them."""
    return OBSERVERS if VOTES in faces.extra else FER2013


def judged_rows(faces: LabelledSet, convention: str) -> JudgedRows:
    """The rows and labels of a set under a convention.

    Under ``observers`` the label is the one that more than half of all observers chose
    (:func:`mien.datasets.faces.majority`), under ``fer2013`` it is the set's.

    Raises:
        DataError: if the convention needs votes and the set has none.
        OptionError: if there is no such convention.
    """
    if convention == OBSERVERS:
        which = majority(faces)
        shares = faces.extra[VOTES]
        return JudgedRows(which, np.asarray(shares.argmax(axis=1), np.int64), shares)
    if convention == FER2013:
        return JudgedRows(faces.single, faces.labels)
    raise OptionError.choice("convention", convention, CONVENTIONS)
