"""``mien train face``: a small residual net on FER-2013, at 48x48 gray."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import torch
import torch.nn.functional as F
from torch import Tensor, nn

from mien.branches.face import CONTRACT, normalise
from mien.datasets import LabelledSet
from mien.emotions import MIEN7
from mien.metrics import FloatArray, IntArray, classification_figures
from mien.train.loop import Schedule, channels_last, soft_cross_entropy
from mien.train.nets import FaceNet


@dataclass(frozen=True)
class FaceRecipe:
    """Settings of the net and of what it is shown.

    Args:
        widths, depths: channels and blocks of each stage.
        ferplus: weight of the FER+ vote shares in the targets, where there are any.
        taught: weight of a teacher's posteriors in the targets, where there is one.
        small_share: share of the epochs trained at ``small_side`` before full size: the first
            epochs learn as much from small pictures at half the cost.
        small_side: side of the small pictures.
        least_share: least share of each label among the draws of an epoch; rare labels are drawn
            again until they reach it.
    """

    widths: tuple[int, ...] = (32, 64, 128, 256)
    depths: tuple[int, ...] = (2, 2, 2, 2)
    dropout: float = 0.2
    ferplus: float = 0.3
    taught: float = 0.0
    small_share: float = 0.6
    small_side: int = 40
    least_share: float = 0.05
    batch: int = 128
    valid_share: float = 0.05


# The votes steady the first cycle; what is asked for in the end is the label.
SECOND_CYCLE = FaceRecipe(ferplus=0.1, small_share=0.0)
# A teacher's posteriors tell what the votes tell, of every picture and with less noise.
TAUGHT = FaceRecipe(ferplus=0.2, taught=0.5)

EXAMPLE = {"pictures": torch.zeros(2, 1, CONTRACT.side, CONTRACT.side)}
AXES = {"pictures": {0: "n"}}


def schedule(epochs: int, seed: int) -> Schedule:
    """The schedule of the shipped recipe."""
    return Schedule(epochs, lr=0.1, optimizer="sgd", weight_decay=5e-4, ema=0.999, seed=seed)


def divide(faces: LabelledSet, valid_share: float) -> tuple[LabelledSet, ...]:
    """Training, validation and test rows, with no picture of the test in the other two.

    The test is the published splits PublicTest, PrivateTest and ``test``; without one there is none
    and the third set is empty. Exact copies of a test picture are dropped from training, and copies
    within training stay on one side. A picture is always on the same side, whatever the seed of a
    run: a second cycle is calibrated on pictures that the first has not seen either.
    """
    prints = np.array([hashlib.sha1(p.tobytes()).hexdigest() for p in faces.items])
    held = np.isin(np.char.lower(faces.splits), ["publictest", "privatetest", "test"])
    rest = ~held & ~np.isin(prints, prints[held])
    # The picture's own hash decides the side, so that copies go together.
    draw = np.array([int(p[:8], 16) for p in prints])
    valid = rest & ((draw % 10_000) < valid_share * 10_000)
    return faces.select(rest & ~valid), faces.select(valid), faces.select(held)


def by_split(test: LabelledSet) -> dict[str, LabelledSet]:
    """The test rows by the corpus and the published split that they are of, named by both."""
    keys = np.char.add(np.char.add(test.corpora, " "), test.splits)
    return {
        str(key).replace("fer2013", "FER-2013"): test.select(keys == key) for key in np.unique(keys)
    }


def note(nets: int) -> str:
    """What the card says of a pack that is the mean of so many nets."""
    return (
        "Exact copies of test pictures were dropped from training; temperature and bias were "
        "fitted on validation rows of the training split. FER-2013 is mostly posed or acted "
        "pictures from the web, labelled by few: other cameras, ages and cultures will fare "
        f"worse. The pack runs in 8 bits{', the mean of two nets' if nets > 1 else ''}; the "
        "figures are of it as it ships."
    )


def sample_pictures(
    train: LabelledSet, count: int, seed: int
) -> list[dict[str, npt.NDArray[np.float32]]]:
    """Inputs by name to read the ranges of the activations off, 16 pictures each."""
    rows = np.random.default_rng(seed).permutation(len(train))[: count * 16]
    parts = np.array_split(rows, max(1, len(rows) // 16))
    return [{"pictures": normalise(train.items[part])} for part in parts]


class FaceTask:
    """Faces as batches of augmented pictures and soft targets.

    Args:
        train, valid: pictures and their labels.
        recipe: settings.
        epochs: passes in all.
        taught: a teacher's posteriors ``(n, 7)`` of the training pictures, if there is one.
    """

    def __init__(
        self,
        train: LabelledSet,
        valid: LabelledSet,
        recipe: FaceRecipe,
        epochs: int,
        taught: FloatArray | None = None,
    ) -> None:
        self.recipe, self.valid = recipe, valid
        self.model = channels_last(FaceNet(recipe.widths, recipe.depths, recipe.dropout))
        self.images = torch.from_numpy(normalise(train.items))
        self.targets = torch.from_numpy(soft_targets(train, recipe, taught)).float()
        self.draws = draw_shares(train.labels, recipe.least_share)
        self.prior = (self.draws @ self.targets.double().numpy()) / self.draws.sum()
        self.small_epochs = int(recipe.small_share * epochs)
        self.steps_per_epoch = len(train) // recipe.batch

    def batches(self, epoch: int, rng: np.random.Generator) -> Iterator[tuple[Tensor, Tensor]]:
        """Shuffled batches, small pictures in the first epochs."""
        side = self.recipe.small_side if epoch < self.small_epochs else CONTRACT.side
        order = draw(self.draws, rng)
        for step in range(self.steps_per_epoch):
            rows = torch.from_numpy(
                order[step * self.recipe.batch : (step + 1) * self.recipe.batch]
            )
            yield augment(self.images[rows], side, rng), self.targets[rows]

    def loss(self, model: nn.Module, batch: tuple[Tensor, Tensor]) -> Tensor:
        """Soft cross-entropy."""
        pictures, targets = batch
        return soft_cross_entropy(
            model(pictures.to(memory_format=torch.channels_last)), targets, smoothing=0.05
        )

    def validate(self, model: nn.Module) -> dict[str, float]:
        """On the validation rows, without augmentation."""
        return classification_figures(self.valid.labels, predict(model, self.valid.items))


def soft_targets(
    train: LabelledSet, recipe: FaceRecipe, taught: FloatArray | None = None
) -> FloatArray:
    """Labels mixed with the FER+ vote shares, and that with a teacher's posteriors ``(n, 7)``."""
    targets = train.targets
    if "ferplus" in train.extra:
        votes = train.extra["ferplus"]
        weight = recipe.ferplus * (votes.sum(axis=1, keepdims=True) > 0)
        targets = np.asarray(targets * (1 - weight) + votes * weight)
    if taught is not None:
        targets = targets * (1 - recipe.taught) + taught * recipe.taught
    return targets


def draw_shares(labels: IntArray, least: float) -> FloatArray:
    """How often each row is drawn in an epoch, so that no label makes up less than ``least``.

    Returns:
        Expected draws ``(n,)``, which sum to ``n``; equal within a label.
    """
    counts = np.bincount(labels, minlength=len(MIEN7))
    shares = np.where(counts > 0, np.maximum(counts / len(labels), least), 0)
    return np.asarray((shares / shares.sum() * len(labels) / np.maximum(counts, 1))[labels])


def draw(expected: FloatArray, rng: np.random.Generator) -> IntArray:
    """Rows in random order, each as often as expected: systematic sampling over a shuffle."""
    shuffled = rng.permutation(len(expected))
    ends = np.cumsum(expected[shuffled])
    points = np.arange(len(expected)) + rng.random()
    chosen = shuffled[np.searchsorted(ends, points, side="right").clip(max=len(expected) - 1)]
    return np.asarray(rng.permutation(chosen))


def augment(pictures: Tensor, side: int, rng: np.random.Generator) -> Tensor:
    """Random flip, turn, scale, shift, contrast, brightness and a cut-out patch.

    Args:
        pictures: ``(n, 1, h, w)`` with values about [-1, 1].
        side: side of the result.
        rng: where the randomness comes from.
    """
    n = len(pictures)
    angle = rng.normal(0, 0.17, n)
    scale = np.exp(rng.normal(0, 0.1, n))
    flip = rng.choice([-1.0, 1.0], n)
    matrix = np.zeros((n, 2, 3), dtype=np.float32)
    matrix[:, 0, 0], matrix[:, 0, 1] = flip * np.cos(angle) * scale, -np.sin(angle) * scale
    matrix[:, 1, 0], matrix[:, 1, 1] = flip * np.sin(angle) * scale, np.cos(angle) * scale
    matrix[:, :, 2] = rng.normal(0, 0.08, (n, 2))
    grid = F.affine_grid(torch.from_numpy(matrix), [n, 1, side, side], align_corners=False)
    out = F.grid_sample(pictures, grid, padding_mode="reflection", align_corners=False)
    contrast = torch.from_numpy(np.exp(rng.normal(0, 0.25, n)).astype(np.float32))
    shift = torch.from_numpy(rng.normal(0, 0.15, n).astype(np.float32))
    out = out * contrast[:, None, None, None] + shift[:, None, None, None]
    return _cut_out(out, rng)


def _cut_out(pictures: Tensor, rng: np.random.Generator) -> Tensor:
    """Half of the pictures lose a square of up to 40 % of their side (DeVries & Taylor 2017)."""
    n, side = len(pictures), pictures.shape[-1]
    size = (rng.uniform(0.1, 0.4, n) * side).astype(int) * (rng.random(n) < 0.5)
    top, left = rng.integers(0, side, n), rng.integers(0, side, n)
    line = np.arange(side)
    rows = (line >= top[:, None]) & (line < (top + size)[:, None])
    columns = (line >= left[:, None]) & (line < (left + size)[:, None])
    keep = torch.from_numpy(~(rows[:, :, None] & columns[:, None, :]))
    return pictures * keep[:, None]


@torch.inference_mode()
def predict(model: nn.Module, images: npt.NDArray[np.uint8], batch: int = 512) -> FloatArray:
    """Probabilities ``(n, 7)`` of gray pictures ``(n, 48, 48)``."""
    model.eval()
    parts = [np.zeros((0, len(MIEN7)))]
    for start in range(0, len(images), batch):
        pictures = torch.from_numpy(normalise(images[start : start + batch]))
        parts.append(torch.softmax(model(pictures).double(), dim=1).numpy())
    return np.concatenate(parts)
