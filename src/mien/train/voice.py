"""``mien train voice``: small heads on the states of Whisper's encoder."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor, nn

from mien.datasets import LabelledSet
from mien.mathematics import FloatArray, IntArray
from mien.train.loop import Schedule, soft_cross_entropy
from mien.train.nets import PooledHead
from mien.train.voice_features import Features

Values = npt.NDArray[np.float32]


@dataclass(frozen=True)
class VoiceRecipe:
    """Settings of a head and of its training data.

    Args:
        hidden: width of the hidden layer.
        dropout: before the first and before the second layer.
        shares: sampling weight of a corpus by name; 1 for the others. TESS, with two speakers, gets
            a low weight, and so does read speech, which only has to be separated from acted speech.
        augmented: probability that an augmented copy is drawn instead of the original recording.
        mixup: parameter of the Beta distribution (Zhang et al. 2018), one draw per row.
        noise: deviation of the noise added to the standardised features.
        nuisance: number of directions of speaker differences to project out of the features.
        heads: number of heads in the ensemble, which averages log-probabilities.
    """

    hidden: int = 256
    dropout: tuple[float, float] = (0.3, 0.5)
    shares: Mapping[str, float] = field(
        default_factory=lambda: {"tess": 0.5, "ravdess": 1.5, "libri": 0.15}
    )
    augmented: float = 0.65
    mixup: float = 0.5
    noise: float = 0.1
    nuisance: int = 20
    smoothing: float = 0.1
    batch: int = 256
    steps: int = 20
    heads: int = 3


def schedule(epochs: int, seed: int) -> Schedule:
    """The schedule of the shipped recipe, which sets the steps of an epoch."""
    return Schedule(epochs, lr=1e-3, optimizer="adamw", weight_decay=0.1, ema=0.98, seed=seed)


def drawing_weights(train: LabelledSet, recipe: VoiceRecipe) -> FloatArray:
    """Sampling probability ``(n,)`` of a row: corpora by weight, their labels evenly."""
    weights = np.zeros(len(train))
    for corpus in sorted(set(train.corpora.tolist())):
        inside = train.corpora == corpus
        labels = np.unique(train.labels[inside])
        for label in labels:
            rows = inside & (train.labels == label)
            weights[rows] = recipe.shares.get(corpus, 1.0) / len(labels) / rows.sum()
    return np.asarray(weights / weights.sum())


class VoiceTask:
    """Batches of features with mixup and noise.

    Args:
        train: labels and corpora of the training rows.
        features: those of all rows.
        rows: indices of the training rows in ``features``, ``(n,)``.
        recipe: settings.
    """

    def __init__(
        self, train: LabelledSet, features: Features, rows: IntArray, recipe: VoiceRecipe
    ) -> None:
        self.recipe, self.features, self.rows = recipe, features, rows
        self.targets = train.targets.astype(np.float32)
        self.weights = drawing_weights(train, recipe)
        clean = features.clean[rows].astype(np.float32)
        inputs = clean.shape[1]
        nuisance = min(recipe.nuisance, len(set(train.groups.tolist())), inputs)
        head = PooledHead(inputs, recipe.hidden, recipe.dropout, nuisance)
        self.head = head
        self.model: nn.Module = head
        mean, deviation = scale(clean, self.weights)
        head.mean.copy_(torch.from_numpy(mean))
        head.deviation.copy_(torch.from_numpy(deviation))
        found = nuisance_directions((clean - mean) / deviation, train, nuisance)
        head.nuisance.copy_(torch.from_numpy(found))
        self.steps_per_epoch = recipe.steps

    def batches(self, epoch: int, rng: np.random.Generator) -> Iterator[tuple[Tensor, Tensor]]:
        """Batches drawn with the probabilities of :func:`drawing_weights`."""
        for _ in range(self.steps_per_epoch):
            drawn = rng.choice(len(self.rows), self.recipe.batch, p=self.weights)
            copies = self.features.copies[self.rows[drawn]]
            which = 1 + (rng.random(len(drawn)) * copies).astype(np.int64)
            which = np.where(rng.random(len(drawn)) < self.recipe.augmented, which, 0)
            places = self.features.first[self.rows[drawn]] + np.minimum(which, copies)
            features = torch.from_numpy(self.features.values[places].astype(np.float32))
            targets = torch.from_numpy(self.targets[drawn])
            noise = rng.standard_normal(features.shape, np.float32) * self.recipe.noise
            features = features + torch.from_numpy(noise) * self.head.deviation
            share = rng.beta(self.recipe.mixup, self.recipe.mixup, (len(drawn), 1))
            other = rng.permutation(len(drawn))
            part = torch.from_numpy(share.astype(np.float32))
            yield (
                part * features + (1 - part) * features[other],
                part * targets + (1 - part) * targets[other],
            )

    def loss(self, model: nn.Module, batch: tuple[Tensor, Tensor]) -> Tensor:
        """Smoothed soft cross-entropy."""
        features, targets = batch
        return soft_cross_entropy(model(features), targets, self.recipe.smoothing)

    def validate(self, model: nn.Module) -> dict[str, float]:
        """Nothing: the protocols test on left-out speakers and corpora."""
        return {}


def scale(features: Values, weights: FloatArray) -> tuple[Values, Values]:
    """The weighted mean and deviation ``(d,)`` of features ``(n, d)``."""
    shares = weights.astype(np.float32)
    mean = shares @ features
    return mean, np.sqrt(shares @ np.square(features - mean)) + np.float32(1e-4)


def nuisance_directions(features: Values, train: LabelledSet, count: int) -> Values:
    """Directions ``(d, count)`` in which speakers of the same label differ the most.

    Nuisance attribute projection (Solomonoff, Campbell & Boardman 2005): the leading right singular
    vectors of the speakers' means, after the mean of each label is subtracted. The mean of a label
    is the mean over its corpus means. Differences of rooms and corpora count as speaker
    differences.

    Args:
        features: standardised, ``(n, d)``.
        train: labels, speakers and corpora of the n rows.
        count: number of directions.
    """
    rest = features.copy()
    for label in np.unique(train.labels):
        rows = train.labels == label
        names = sorted(set(train.corpora[rows].tolist()))
        rest[rows] -= np.mean([features[rows & (train.corpora == c)].mean(0) for c in names], 0)
    means = [rest[train.groups == who].mean(0) for who in sorted(set(train.groups.tolist()))]
    return np.ascontiguousarray(np.linalg.svd(np.stack(means), full_matrices=False)[2][:count].T)
