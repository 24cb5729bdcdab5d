"""``mien train voice``: small heads on what Whisper's encoder hears in speech."""

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
from mien.train.voice_features import Heard

Values = npt.NDArray[np.float32]


@dataclass(frozen=True)
class VoiceRecipe:
    """Settings of a head and of what it is shown.

    Args:
        hidden: width of the hidden layer.
        dropout: before the first and before the second layer.
        shares: weight of a corpus among the draws, by name; 1 for the others. Two speakers of TESS
            would drown the others; ordinary speech is there to be told from acted speech.
        augmented: chance that an augmented copy is drawn in place of the recording as it is.
        mixup: parameter of the Beta distribution (Zhang et al. 2018), one draw a row.
        noise: deviation of the noise added to the standardised features.
        nuisance: directions in which speakers differ that are projected out of the features.
        heads: how many heads answer together, as the mean of their logarithms.
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
    """The schedule of the shipped recipe; an epoch is as many steps as the recipe says."""
    return Schedule(epochs, lr=1e-3, optimizer="adamw", weight_decay=0.1, ema=0.98, seed=seed)


def drawing_weights(train: LabelledSet, recipe: VoiceRecipe) -> FloatArray:
    """Chance ``(n,)`` of each row: corpora by their share, the labels of a corpus evenly."""
    weights = np.zeros(len(train))
    for corpus in sorted(set(train.corpora.tolist())):
        inside = train.corpora == corpus
        labels = np.unique(train.labels[inside])
        for label in labels:
            rows = inside & (train.labels == label)
            weights[rows] = recipe.shares.get(corpus, 1.0) / len(labels) / rows.sum()
    return np.asarray(weights / weights.sum())


class VoiceTask:
    """Features as mixed and noisy batches.

    Args:
        train: labels and corpora of the training rows.
        heard: what was heard, of all rows.
        rows: the training rows among those that were heard, ``(n,)``.
        recipe: settings.
    """

    def __init__(
        self, train: LabelledSet, heard: Heard, rows: IntArray, recipe: VoiceRecipe
    ) -> None:
        self.recipe, self.heard, self.rows = recipe, heard, rows
        self.targets = train.targets.astype(np.float32)
        self.weights = drawing_weights(train, recipe)
        clean = heard.clean[rows].astype(np.float32)
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
        """Drawn with the weights of :func:`drawing_weights`."""
        for _ in range(self.steps_per_epoch):
            drawn = rng.choice(len(self.rows), self.recipe.batch, p=self.weights)
            copies = self.heard.copies[self.rows[drawn]]
            which = 1 + (rng.random(len(drawn)) * copies).astype(np.int64)
            which = np.where(rng.random(len(drawn)) < self.recipe.augmented, which, 0)
            places = self.heard.first[self.rows[drawn]] + np.minimum(which, copies)
            features = torch.from_numpy(self.heard.features[places].astype(np.float32))
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
        """Nothing: the protocols judge on speakers and corpora that were left out."""
        return {}


def scale(features: Values, weights: FloatArray) -> tuple[Values, Values]:
    """The weighted mean and deviation ``(d,)`` of features ``(n, d)``."""
    shares = weights.astype(np.float32)
    mean = shares @ features
    return mean, np.sqrt(shares @ np.square(features - mean)) + np.float32(1e-4)


def nuisance_directions(features: Values, train: LabelledSet, count: int) -> Values:
    """Directions ``(d, count)`` in which speakers of the same label differ the most.

    Nuisance attribute projection (Solomonoff, Campbell & Boardman 2005): the leading right singular
    vectors of the speakers' means, after the mean of each label was taken off. The mean of
    a label is that of its means by corpus. Rooms and corpora are differences between speakers too.

    Args:
        features: standardised, ``(n, d)``.
        train: labels, speakers and corpora of the n rows.
        count: how many directions.
    """
    rest = features.copy()
    for label in np.unique(train.labels):
        rows = train.labels == label
        names = sorted(set(train.corpora[rows].tolist()))
        rest[rows] -= np.mean([features[rows & (train.corpora == c)].mean(0) for c in names], 0)
    means = [rest[train.groups == who].mean(0) for who in sorted(set(train.groups.tolist()))]
    return np.ascontiguousarray(np.linalg.svd(np.stack(means), full_matrices=False)[2][:count].T)
