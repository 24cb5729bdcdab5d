"""Learned pooling: log-linear, prior-corrected, weighted by quality, whole with any of its parts.

    log p(y) = log pi(y) + sum over the present m of q_m [W_mS f_m + b_mS](y) + const

``f_m`` are the features of modality m (log-probabilities, probabilities, extras), ``q_m`` its
quality, S the subset, i.e. which modalities are present. A modality alone has its own Dirichlet
calibration (Kull et al. 2019, "Beyond temperature scaling", eq. 4): its bracket is then
``log p_m(y|x) - log pi(y)`` of the calibrated classifier, and with ``W_mS = a_m W_m`` this is the
log-linear opinion pool with one weight a modality. What is missing is a zero term. Numpy only.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np

from mien.emotions import MIEN7
from mien.errors import OptionError, PackError
from mien.mathematics import BoolArray, FloatArray, softmax
from mien.posteriors import FLOOR, Posteriors

FORMAT = 2
# Decimals of a weight in a pack: finer than anything that changes a probability by 1e-5.
DECIMALS = 7

Subset = tuple[str, ...]


@dataclass(frozen=True, eq=False)
class Reader:
    """How the features of one modality are made of what it says.

    Args:
        labels: k labels; the columns of the features.
        shares: whether the k probabilities stand beside their k logarithms.
        extras: names of further numbers that the posteriors may carry.
        centre: ``(d,)`` what is taken from each feature; an unknown extra counts as its centre.
        scale: ``(d,)`` > 0, what each feature is divided by.
    """

    labels: tuple[str, ...]
    shares: bool
    extras: tuple[str, ...]
    centre: FloatArray
    scale: FloatArray

    @classmethod
    def plain(cls, labels: tuple[str, ...], shares: bool, extras: tuple[str, ...]) -> Reader:
        """A reader that neither centres nor scales."""
        d = len(labels) * (1 + shares) + len(extras)
        return cls(labels, shares, extras, np.zeros(d), np.ones(d))

    def features(self, posteriors: Posteriors) -> FloatArray:
        """Features ``(n, d)``; absent rows are 0."""
        probs = conditional(posteriors.probs, self.labels)
        columns = [np.log(np.maximum(probs, FLOOR))]
        if self.shares:
            columns.append(probs)
        unknown = np.full((len(posteriors), 1), np.nan)
        columns += [posteriors.extras.get(name, unknown).reshape(-1, 1) for name in self.extras]
        scaled = (np.hstack(columns) - self.centre) / self.scale
        return np.nan_to_num(scaled, nan=0.0)


def conditional(probs: FloatArray, labels: tuple[str, ...]) -> FloatArray:
    """Probabilities among k of the seven labels, ``(n, k)``; equal where all k are 0."""
    chosen = probs[:, [MIEN7.index(label) for label in labels]] + FLOOR**2
    return np.asarray(chosen / chosen.sum(axis=1, keepdims=True))


@dataclass(frozen=True, eq=False)
class Pool:
    """A fitted pool.

    Args:
        labels: the k of our labels that it can answer; the others get probability 0.
        prior: ``(k,)`` share of each in the data that it was fitted to.
        readers: by modality.
        subsets: by subset (names in alphabetical order), for each of its members the matrix
            ``(k, d + 1)`` of weights, bias last.
        weights: by subset of two or more, each member's factor; see :meth:`weight`.
        best: the modality that is best alone, by the data that it was fitted to.
        risk: rows of threshold, coverage and risk (see :func:`mien.metrics.risk_coverage`), from
            answers out of fold; empty if not known.
        calibrated: whether the posteriors that it reads are calibrated; then a modality that is
            alone is answered as it is. Otherwise it is answered by its own calibration here.
        given: weights by modality that the user has set; see :meth:`reweighted`. Not stored.
    """

    labels: tuple[str, ...]
    prior: FloatArray
    readers: Mapping[str, Reader]
    subsets: Mapping[Subset, Mapping[str, FloatArray]]
    weights: Mapping[Subset, Mapping[str, float]]
    best: str
    risk: tuple[tuple[float, float, float], ...] = ()
    calibrated: bool = False
    given: Mapping[str, float] = field(default_factory=dict)

    def reweighted(self, weights: Mapping[str, float]) -> Pool:
        """The pool with weights ``a_m`` of the user's in place of the learned ones.

        A modality that is named speaks with its own calibration times its weight, whoever else is
        present; 0 silences it. The others keep what was learned.

        Raises:
            OptionError: if a weight is below 0 or not finite.
        """
        for name, weight in weights.items():
            if not 0 <= weight < np.inf:
                raise OptionError(f"The weight of {name} is {weight}; give a number >= 0.")
        return replace(self, given=dict(weights))

    def terms(self, posteriors: Mapping[str, Posteriors]) -> dict[str, FloatArray]:
        """The term of each modality, ``(n, k)`` log-odds against the prior; 0 where it is missing.

        Each term counts by the quality of the modality, relative to the highest quality of a
        fitted modality in the row: a poor input counts less beside a good one, and a modality that
        is alone counts in full. A subset that was not in the training data is pooled from its
        members' own calibrations. A modality that the pool does not know enters uncalibrated,
        ``log p - log 1/k``.
        """
        shape = (len(next(iter(posteriors.values()))), len(self.labels))
        out = {name: np.zeros(shape) for name in posteriors}
        relative = relative_quality(posteriors, self.readers)
        for subset, rows in subsets_of(posteriors):
            known = tuple(name for name in subset if name in self.readers)
            met = self.subsets.get(known)
            for name in subset:
                here = posteriors[name].select(rows)
                if len(subset) == 1 and self.calibrated:
                    bracket = self._as_it_is(here) - np.log(self.prior)
                elif name not in self.readers:
                    bracket = self._as_it_is(here) + np.log(len(self.labels))
                else:
                    fitted = None if name in self.given else met
                    bracket = self._bracket(name, here, fitted or self.subsets[(name,)])
                weight = self.given.get(name, 1.0) * relative[name][rows]
                out[name][rows] = weight[:, None] * bracket
        return out

    def calibration(self, name: str, posteriors: Posteriors) -> FloatArray:
        """Log-odds ``(n, k)`` against the prior by a modality's own calibration, quality aside."""
        return self._bracket(name, posteriors, self.subsets[(name,)])

    def calibrated_probs(self, name: str, posteriors: Posteriors) -> FloatArray:
        """Probabilities ``(n, 7)`` by a modality's own calibration; absent rows are NaN."""
        out = self._over_all(np.log(self.prior) + self.calibration(name, posteriors))
        out[~posteriors.present] = np.nan
        return out

    def _as_it_is(self, posteriors: Posteriors) -> FloatArray:
        return np.asarray(np.log(np.maximum(conditional(posteriors.probs, self.labels), FLOOR)))

    def _bracket(
        self, name: str, posteriors: Posteriors, fitted: Mapping[str, FloatArray]
    ) -> FloatArray:
        features, weights = self.readers[name].features(posteriors), fitted[name]
        return np.asarray(features @ weights[:, :-1].T + weights[:, -1])

    def _over_all(self, logits: FloatArray) -> FloatArray:
        out = np.zeros((len(logits), len(MIEN7)))
        out[:, [MIEN7.index(label) for label in self.labels]] = softmax(logits)
        return out

    def probs(
        self, posteriors: Mapping[str, Posteriors], prior: Mapping[str, float] | None = None
    ) -> FloatArray:
        """Pooled probabilities ``(n, 7)``; a row without any modality is NaN.

        Args:
            posteriors: by name, of the same n items.
            prior: share of each label where the pool is used; that of its own data by default.

        Raises:
            OptionError: if there are no posteriors, or the prior lacks a label.
        """
        if not posteriors:
            raise OptionError(
                "There is nothing to pool: give the posteriors of at least one modality."
            )
        logits = np.log(self._target(prior)) + sum(self.terms(posteriors).values())
        out = self._over_all(np.asarray(logits))
        anyone = np.logical_or.reduce([w.present for w in posteriors.values()])
        out[~anyone] = np.nan
        return out

    def _target(self, prior: Mapping[str, float] | None) -> FloatArray:
        if prior is None:
            return self.prior
        missing = [label for label in self.labels if prior.get(label, 0.0) <= 0]
        if missing:
            raise OptionError(
                f"The prior gives no share above 0 to {', '.join(missing)}; name every label of "
                f"{', '.join(self.labels)}."
            )
        shares = np.array([prior[label] for label in self.labels])
        return np.asarray(shares / shares.sum())

    def weight(self, name: str, subset: Subset) -> float:
        """How loud a modality speaks in a subset: the ``a_m`` of the log-linear pool.

        The factor from the modality's own calibrated log-odds to its term; 1 alone or where the
        subset or the modality is not known.
        """
        if name in self.given:
            return self.given[name]
        return self.weights.get(tuple(sorted(subset)), {}).get(name, 1.0)

    def fuse(self, posteriors: Mapping[str, Posteriors]) -> Posteriors:
        """The pooled posteriors; their quality is the mean of those that are present.

        Args:
            posteriors: by name, of the same n items.

        Raises:
            OptionError: if there are none at all.
        """
        if not posteriors:
            raise OptionError("There is nothing to fuse: no branch is installed or asked for.")
        present = np.stack([one.present for one in posteriors.values()])
        quality = np.stack([one.quality for one in posteriors.values()])
        mean = (present * quality).sum(axis=0) / np.maximum(present.sum(axis=0), 1)
        return Posteriors(self.probs(posteriors), mean)

    def to_dict(self) -> dict[str, Any]:
        """Plain values that JSON can hold."""
        return {
            "format": FORMAT,
            "labels": list(self.labels),
            "prior": _rounded(self.prior),
            "readers": {
                name: {
                    "shares": reader.shares,
                    "extras": list(reader.extras),
                    "centre": _rounded(reader.centre),
                    "scale": _rounded(reader.scale),
                }
                for name, reader in self.readers.items()
            },
            "subsets": [
                {
                    "present": list(subset),
                    "matrices": {n: _rounded(w) for n, w in met.items()},
                    "weights": dict(self.weights.get(subset, {})),
                }
                for subset, met in self.subsets.items()
            ],
            "best": self.best,
            "risk": [list(row) for row in self.risk],
            "calibrated": self.calibrated,
        }

    @classmethod
    def from_dict(cls, value: Mapping[str, Any]) -> Pool:
        """The inverse of :meth:`to_dict`.

        Raises:
            PackError: if the value is of another format or not whole.
        """
        said = value.get("format") if isinstance(value, Mapping) else None
        if said != FORMAT:
            raise PackError(
                f"The pool has the format {str(said)[:40]!r}; this version of mien reads "
                f"{FORMAT}. Fit it again with 'mien train fusion'."
            )
        try:
            labels = tuple(value["labels"])
            return cls(
                labels,
                np.array(value["prior"]),
                {
                    name: Reader(
                        labels,
                        r["shares"],
                        tuple(r["extras"]),
                        np.array(r["centre"]),
                        np.array(r["scale"]),
                    )
                    for name, r in value["readers"].items()
                },
                {
                    tuple(c["present"]): {n: np.array(w) for n, w in c["matrices"].items()}
                    for c in value["subsets"]
                },
                {tuple(c["present"]): c["weights"] for c in value["subsets"]},
                value["best"],
                tuple((t, c, r) for t, c, r in value["risk"]),
                bool(value["calibrated"]),
            )
        except (KeyError, TypeError, ValueError) as error:
            raise PackError(f"The pool is incomplete ({error!r}); fit it again.") from None


def _rounded(values: FloatArray) -> Any:
    return np.round(values, DECIMALS).tolist()


def relative_quality(
    posteriors: Mapping[str, Posteriors], fitted: Collection[str] = ()
) -> dict[str, FloatArray]:
    """Quality of each modality over the highest of its row, ``(n,)`` in [0, 1]; 0 where absent.

    Where all that are present have quality 0, they count the same.

    Args:
        posteriors: by name, of the same n items.
        fitted: the modalities whose highest quality is the measure, in rows where one of them is
            present: a further branch does not make them count less. All by default.
    """
    present = np.stack([one.present for one in posteriors.values()])
    quality = np.where(present, np.stack([one.quality for one in posteriors.values()]), 0.0)
    measure = np.array([name in fitted for name in posteriors])[:, None] & present
    measure = np.where(measure.any(axis=0), measure, present)
    highest = np.where(measure, quality, 0.0).max(axis=0)
    relative = np.where(highest > 0, quality / np.where(highest > 0, highest, 1.0), present)
    capped = np.minimum(relative, 1.0)
    return {name: np.asarray(row) for name, row in zip(posteriors, capped, strict=True)}


def subsets_of(posteriors: Mapping[str, Posteriors]) -> Iterator[tuple[Subset, BoolArray]]:
    """Each subset that occurs, names in alphabetical order, with the rows where it does."""
    names = sorted(posteriors)
    present = np.stack([posteriors[name].present for name in names], axis=1)
    for pattern in np.unique(present, axis=0):
        subset = tuple(name for name, here in zip(names, pattern, strict=True) if here)
        if subset:
            yield subset, np.asarray((present == pattern).all(axis=1))
