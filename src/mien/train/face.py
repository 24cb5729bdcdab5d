"""``mien train face``: a small residual net on FER-2013, at 48x48 gray."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor, nn

from mien.branches.face import CONTRACT, normalise
from mien.datasets import LabelledSet
from mien.datasets.faces import FER2013, KEPT, OBSERVERS, VOTES
from mien.datasets.facevotes import judged_rows
from mien.emotions import MIEN7
from mien.mathematics import FloatArray, IntArray
from mien.train.face_augment import augment
from mien.train.loop import Schedule, channels_last, has_bfloat16, soft_cross_entropy
from mien.train.nets import FaceNet


@dataclass(frozen=True)
class FaceRecipe:
    """Settings of the net and of its training data.

    Args:
        widths, depths: channels and blocks of each stage.
        side: px to which the net enlarges its input of 48 px.
        augmented: share of the pictures with full augmentation; the others get a geometric one.
        labels: weight of the loss under the second convention, the data set's labels, relative to
            the first, the vote shares of observers.
        taught: weight of a teacher's posteriors in the label targets, if there is a teacher; half
            as much in the vote targets, if the teacher predicts under that convention.
        smoothing: label smoothing towards uniform; the votes are not smoothed.
        small_share: share of the epochs that are trained at ``small_side``, before those at full
            size. They cost half as much, and the final result is as good.
        small_side: side of the small pictures.
        least_share: minimum share of each label among the draws of an epoch, by votes and by
            labels; rare labels are oversampled to reach it.
        most_draws: maximum draws of one picture in an epoch.
    """

    widths: tuple[int, ...] = (32, 64, 128, 256)
    depths: tuple[int, ...] = (2, 2, 2, 2)
    dropout: float = 0.2
    side: int = 48
    augmented: float = 0.5
    labels: float = 0.7
    taught: float = 0.0
    smoothing: float = 0.05
    small_share: float = 0.6
    small_side: int = 40
    least_share: float = 0.05
    most_draws: float = 6.0
    batch: int = 128
    valid_share: float = 0.05


# A second cycle starts from trained weights and uses full size only.
SECOND_CYCLE = FaceRecipe(small_share=0.0)
# A teacher's posteriors approximate the vote shares of every picture, with less noise.
TAUGHT = 0.5

EXAMPLE = {"pictures": torch.zeros(2, 1, CONTRACT.side, CONTRACT.side)}
AXES = {"pictures": {0: "n"}}


def schedule(epochs: int, seed: int) -> Schedule:
    """The schedule of the shipped recipe."""
    return Schedule(
        epochs,
        lr=0.1,
        optimizer="sgd",
        weight_decay=5e-4,
        ema=0.999,
        seed=seed,
        bfloat16=has_bfloat16(),
    )


def divide(faces: LabelledSet, valid_share: float) -> tuple[LabelledSet, ...]:
    """Training, validation and test rows; no test picture is in the other two.

    The test rows are the published splits PublicTest, PrivateTest and ``test``; without these the
    third set is empty. Exact copies of test pictures are dropped from training, and copies of each
    other are all in the training set or all in the validation set. The division does not depend on
    the seed, so that a second cycle is calibrated on pictures that were not in the first one's
    training set either. Blank pictures are dropped.
    """
    prints = np.array([hashlib.sha1(p.tobytes()).hexdigest() for p in faces.items])
    held = np.isin(np.char.lower(faces.splits), ["publictest", "privatetest", "test"])
    blank = np.ptp(faces.items.reshape(len(faces), -1), axis=1) == 0
    rest = ~held & ~blank & ~np.isin(prints, prints[held])
    # The division is by the picture's hash, so that copies stay together.
    draw = np.array([int(p[:8], 16) for p in prints])
    valid = rest & ((draw % 10_000) < valid_share * 10_000)
    return faces.select(rest & ~valid), faces.select(valid), faces.select(held)


def by_split(test: LabelledSet) -> dict[str, LabelledSet]:
    """The test rows by corpus and published split; the keys name both."""
    keys = np.char.add(np.char.add(test.corpora, " "), test.splits)
    return {
        str(key).replace("fer2013", "FER-2013"): test.select(keys == key) for key in np.unique(keys)
    }


def note(nets: int, train: LabelledSet, conventions: Sequence[str]) -> str:
    """The card's note on the data, the ensemble of ``nets`` nets and the metrics."""
    text = (
        "Exact copies of test pictures were dropped from training; temperature and bias were "
        "fitted on validation rows of the training split. FER-2013 consists mostly of posed or "
        "acted pictures from the web, labelled by few people: expect lower accuracy for other "
        "cameras, ages and cultures. The model runs in 8 bits and predicts the "
        f"mean{' of two nets' if nets > 1 else ''} over each picture and its mirror image; the "
        "figures are those of the shipped model."
    )
    if OBSERVERS not in conventions:
        return text
    shares, kept = train.extra[VOTES], train.extra[KEPT]
    without = int((shares.sum(axis=1) == 0).sum())
    return (
        f"{text}\n\nObservers' votes for contempt, unknown and not-a-face "
        f"({1 - kept[kept > 0].mean():.1%}) are left out and the remaining votes are normalised to "
        f"sum to 1. {without} training pictures have no votes, or fewer than half of their votes "
        "for the seven labels; they are used for the second convention only. Under `observers`, "
        "accuracy, UAR and F1 are computed on the pictures for which more than half of the ten "
        "observers chose the same label; NLL and ECE are computed against the vote shares of all "
        "pictures (the ECE for the vote of a randomly drawn observer)."
    )


def sample_pictures(
    train: LabelledSet, count: int, seed: int
) -> list[dict[str, npt.NDArray[np.float32]]]:
    """Calibration inputs for the quantisation, by input name, 16 pictures each."""
    rng = np.random.default_rng(seed)
    rows = rng.permutation(len(train))[: count * 16]
    parts = np.array_split(rows, max(1, len(rows) // 16))
    # Every other batch is augmented, so that the activation ranges cover poor pictures, too.
    return [
        {
            "pictures": augment(train.items[part], CONTRACT.side, rng).numpy()
            if i % 2
            else normalise(train.items[part])
        }
        for i, part in enumerate(parts)
    ]


class FaceTask:
    """Batches of augmented face pictures with soft targets under each convention.

    Args:
        train, valid: pictures and their labels.
        recipe: settings.
        epochs: total number of passes.
        taught: a teacher's posteriors ``(n, 7)`` of the training pictures by convention.
    """

    def __init__(
        self,
        train: LabelledSet,
        valid: LabelledSet,
        recipe: FaceRecipe,
        epochs: int,
        taught: Mapping[str, FloatArray] | None = None,
    ) -> None:
        self.recipe, self.valid = recipe, valid
        self.conventions = conventions_of(train)
        heads, enlarged = len(self.conventions), recipe.side / CONTRACT.side
        net = FaceNet(recipe.widths, recipe.depths, recipe.dropout, heads, enlarged)
        self.model = channels_last(net)
        self.pictures = train.items
        targets = soft_targets(train, recipe, taught or {})
        self.targets = torch.from_numpy(np.stack([targets[c] for c in self.conventions], 1)).float()
        self.draws = expected_draws(train, recipe)
        self.small_epochs = int(recipe.small_share * epochs)
        self.steps_per_epoch = len(train) // recipe.batch

    def batches(self, epoch: int, rng: np.random.Generator) -> Iterator[tuple[Tensor, Tensor]]:
        """Shuffled batches, small pictures in the first epochs."""
        side = self.recipe.small_side if epoch < self.small_epochs else CONTRACT.side
        order = draw(self.draws, rng)
        for step in range(self.steps_per_epoch):
            rows = order[step * self.recipe.batch : (step + 1) * self.recipe.batch]
            pictures = augment(self.pictures[rows], side, rng, self.recipe.augmented)
            yield pictures, self.targets[torch.from_numpy(rows)]

    def loss(self, model: nn.Module, batch: tuple[Tensor, Tensor]) -> Tensor:
        """Sum of the conventions' soft cross-entropies; that of the labels is weighted.

        A picture without vote shares has zero targets there and contributes no gradient.
        """
        pictures, targets = batch
        logits = model(pictures.to(memory_format=torch.channels_last)).float()
        total: Tensor = torch.zeros(())
        for i, convention in enumerate(self.conventions):
            known = targets[:, i].sum(dim=1, keepdim=True)
            by_label = convention == FER2013
            total = total + (self.recipe.labels if by_label else 1.0) * soft_cross_entropy(
                logits[:, 7 * i : 7 * i + 7] * known,
                targets[:, i] + (1 - known) / 7,
                smoothing=self.recipe.smoothing if by_label else 0.0,
            )
        return total

    def validate(self, model: nn.Module) -> dict[str, float]:
        """Metrics of each convention on the validation rows, without augmentation."""
        out: dict[str, float] = {}
        for convention, probs in predict(model, self.valid.items, self.conventions).items():
            rows = judged_rows(self.valid, convention)
            out |= {f"{convention}_{k}": v for k, v in rows.figures(probs).items()}
        return out


def conventions_of(faces: LabelledSet) -> tuple[str, ...]:
    """The conventions for which a set has targets: observers' votes first, if it has them."""
    return (OBSERVERS, FER2013) if VOTES in faces.extra else (FER2013,)


def soft_targets(
    train: LabelledSet, recipe: FaceRecipe, taught: Mapping[str, FloatArray]
) -> dict[str, FloatArray]:
    """Targets ``(n, 7)`` by convention: vote shares and labels, mixed with a teacher's posteriors.

    Rows without vote shares stay zero under that convention.
    """
    out = {FER2013: train.targets}
    if VOTES in train.extra:
        out[OBSERVERS] = train.extra[VOTES]
    for convention, posteriors in taught.items():
        weight = recipe.taught if convention == FER2013 else recipe.taught / 2
        if convention in out:
            known = out[convention].sum(axis=1, keepdims=True) > 0
            mixed = out[convention] * (1 - weight) + posteriors * weight
            out[convention] = np.where(known, mixed, 0.0)
    return out


def expected_draws(train: LabelledSet, recipe: FaceRecipe) -> FloatArray:
    """Expected draws of each row in an epoch ``(n,)``, sum ``n``; rare labels are oversampled.

    The factors by label and by votes are multiplied.
    """
    draws = draw_shares(train.labels, recipe.least_share)
    if VOTES in train.extra:
        shares = train.extra[VOTES]
        voted = np.where(shares.sum(axis=1) > 0, shares.argmax(axis=1), train.labels)
        draws = draws * draw_shares(voted, recipe.least_share)
    draws = np.minimum(draws * len(draws) / draws.sum(), recipe.most_draws)
    return np.asarray(draws * len(draws) / draws.sum())


def draw_shares(labels: IntArray, least: float) -> FloatArray:
    """Expected draws of each row in an epoch, so that each label has at least the share ``least``.

    Returns:
        Expected draws ``(n,)``, which sum to ``n``; equal within a label.
    """
    counts = np.bincount(labels, minlength=len(MIEN7))
    shares = np.where(counts > 0, np.maximum(counts / len(labels), least), 0)
    return np.asarray((shares / shares.sum() * len(labels) / np.maximum(counts, 1))[labels])


def draw(expected: FloatArray, rng: np.random.Generator) -> IntArray:
    """Rows in random order with the expected draws, by systematic sampling over a shuffle."""
    shuffled = rng.permutation(len(expected))
    ends = np.cumsum(expected[shuffled])
    points = np.arange(len(expected)) + rng.random()
    chosen = shuffled[np.searchsorted(ends, points, side="right").clip(max=len(expected) - 1)]
    return np.asarray(rng.permutation(chosen))


@torch.inference_mode()
def predict(
    model: nn.Module,
    images: npt.NDArray[np.uint8],
    conventions: Sequence[str],
    batch: int = 512,
) -> dict[str, FloatArray]:
    """Probabilities ``(n, 7)`` by convention of gray pictures ``(n, 48, 48)``."""
    model.eval()
    parts = [torch.zeros((0, len(conventions), 7), dtype=torch.float64)]
    for start in range(0, len(images), batch):
        pictures = torch.from_numpy(normalise(images[start : start + batch]))
        parts.append(torch.softmax(model(pictures).double().unflatten(1, (-1, 7)), dim=2))
    probs = torch.cat(parts).numpy()
    return {convention: probs[:, i] for i, convention in enumerate(conventions)}
