"""What a labelled set of faces asks for under each labelling convention, and the figures of it."""

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
    """The rows that a convention asks for a label, and the votes behind them.

    Args:
        which: ``(n,)``, the rows of the set whose label is judged.
        labels: ``(n,)``, columns of our seven; of no meaning where ``which`` is False.
        shares: ``(n, 7)``, vote shares, zero where there are none; None under a convention of
            labels.
    """

    which: npt.NDArray[np.bool_]
    labels: IntArray
    shares: FloatArray | None = None

    def figures(self, probs: FloatArray) -> dict[str, float]:
        """Figures of merit of probabilities ``(n, 7)``.

        Those of :func:`mien.metrics.classification_figures` over the rows with a label. Under the
        convention of observers ``nll`` and ``ece`` are against the vote shares of all rows that
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
    """The convention that a set carries: the votes of observers if there are any."""
    return OBSERVERS if VOTES in faces.extra else FER2013


def judged_rows(faces: LabelledSet, convention: str) -> JudgedRows:
    """What a set asks for under a convention.

    Under ``observers`` the label is the one that more than half of all observers name
    (:func:`mien.datasets.faces.majority`), under ``fer2013`` the one that the set gives.

    Raises:
        DataError: if the set has no votes and they are asked for.
        OptionError: if there is no such convention.
    """
    if convention == OBSERVERS:
        which = majority(faces)
        shares = faces.extra[VOTES]
        return JudgedRows(which, np.asarray(shares.argmax(axis=1), np.int64), shares)
    if convention == FER2013:
        return JudgedRows(faces.single, faces.labels)
    raise OptionError.choice("convention", convention, CONVENTIONS)
