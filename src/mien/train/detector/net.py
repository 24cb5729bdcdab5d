"""``mien train detector``: a single-shot face detector, taught by another detector."""

from __future__ import annotations

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor, nn

from mien.datasets.people import FIELDS, FloatArray, Gray, Pictures
from mien.perceive.anchors import (
    STRIDES,
    WIDEST_LOG,
    centres,
    decode,
    overlaps,
    suppress,
)
from mien.train.calibrate import Scaling
from mien.train.detector.compose import DOUBTFUL, SURE, Composer
from mien.train.loop import Schedule, channels_last

MIDDLE = 127.5
"""Gray level that the net maps to 0; black and white map to -1 and 1."""
RANGES = ((0, 40), (28, 96), (68, 1000))
"""Maximum side of the faces of each stride, pixels; the ranges of neighbours overlap."""


@dataclass(frozen=True)
class DetectorRecipe:
    """Settings of the net and of its training data.

    Args:
        widths: channels of the stem's two layers and of the three strides.
        side: side of the composed pictures, pixels.
        draws: pictures per epoch.
        batch: pictures per step.
        valid_share: share of the pictures for validation, selected by their hash.
        judged: number of composed validation pictures, evaluated after every epoch.
    """

    widths: tuple[int, ...] = (12, 24, 32, 48, 64)
    side: int = 256
    draws: int = 12_000
    batch: int = 32
    valid_share: float = 0.03
    judged: int = 400


LEAST_SCORE = 0.1
"""Minimum score of a detection, before calibration."""
EXAMPLE = {"picture": torch.zeros(1, 192, 256, dtype=torch.uint8)}
AXES = {"picture": {0: "n", 1: "height", 2: "width"}, "logits": {0: "n", 1: "cells"}}


def schedule(epochs: int, seed: int) -> Schedule:
    """The schedule of the shipped recipe."""
    return Schedule(epochs, lr=2e-3, weight_decay=0.01, warmup=0.1, ema=0.998, seed=seed)


def _layer(inputs: int, outputs: int, stride: int = 1, size: int = 3) -> nn.Sequential:
    return nn.Sequential(
        nn.Conv2d(inputs, outputs, size, stride, size // 2, bias=False),
        nn.BatchNorm2d(outputs),
        nn.ReLU(inplace=True),
    )


def _head(inputs: int) -> nn.Sequential:
    between = max(32, inputs // 2)
    last = nn.Conv2d(between, FIELDS, 1)
    with torch.no_grad():
        last.weight.zero_()
        last.bias.zero_()  # type: ignore[union-attr]
        # Before training, the predicted probability of a face is about 0.01.
        last.bias[0] = -4.6  # type: ignore[index]
    return nn.Sequential(_layer(inputs, between), last)


class Stage(nn.Module):
    """Halves the sides, then adds ``depth`` residual pairs of layers."""

    def __init__(self, inputs: int, outputs: int, depth: int) -> None:
        super().__init__()
        self.enter = _layer(inputs, outputs, 2)
        self.pairs = nn.ModuleList(
            nn.Sequential(_layer(outputs, outputs), _layer(outputs, outputs)) for _ in range(depth)
        )

    def forward(self, x: Tensor) -> Tensor:
        x = self.enter(x)
        for pair in self.pairs:
            x = x + pair(x)
        return x


class DetectorNet(nn.Module):
    """Gray pictures ``(n, h, w) uint8`` to one row per cell ``(n, cells, 15)``.

    See :mod:`mien.perceive.anchors` for the rows. h and w are multiples of 32.
    """

    def __init__(self, widths: tuple[int, ...]) -> None:
        super().__init__()
        a, b, c, d, e = widths
        self.stem = nn.Sequential(_layer(1, a, 2), _layer(a, b, 2))
        self.stages = nn.ModuleList([Stage(b, c, 1), Stage(c, d, 2), Stage(d, e, 1)])
        self.down = nn.ModuleList([_layer(d, c, size=1), _layer(e, d, size=1)])
        self.heads = nn.ModuleList(_head(w) for w in (c, d, e))

    def forward(self, x: Tensor) -> Tensor:
        maps = []
        x = ((x.float() - MIDDLE) / MIDDLE)[:, None]
        x = self.stem(x.contiguous(memory_format=torch.channels_last))
        for stage in self.stages:
            x = stage(x)
            maps.append(x)
        fine, middle, coarse = maps
        middle = middle + F.interpolate(self.down[1](coarse), scale_factor=2.0)
        fine = fine + F.interpolate(self.down[0](middle), scale_factor=2.0)
        rows = [
            head(m).flatten(2) for head, m in zip(self.heads, (fine, middle, coarse), strict=True)
        ]
        return torch.cat(rows, dim=2).transpose(1, 2)


def targets(faces: FloatArray, side: int) -> tuple[FloatArray, FloatArray]:
    """Targets for the cells of a picture.

    Args:
        faces: ``(k, 15)``.
        side: side of the picture.

    Returns:
        ``(cells,)`` with 1 for a face, 0 for none and -1 for ignored cells; and the face of each
        cell ``(cells, 14)``, in pixels.
    """
    points, strides = centres(side, side)
    wanted_scores = np.zeros(len(points), np.float32)
    whose = np.zeros((len(points), 14), np.float32)
    # The largest first, so that a small face before a large one keeps its cells.
    for face in faces[np.argsort(-faces[:, 2:4].max(axis=1, initial=0))]:
        middle, size = face[:2] + face[2:4] / 2, face[2:4]
        away = np.abs(points - middle)
        if face[14] < SURE:
            if face[14] >= DOUBTFUL:
                wanted_scores[
                    (away <= size / 2 + strides[:, None]).all(axis=1) & (wanted_scores == 0)
                ] = -1
            continue
        for stride, (low, high) in zip(STRIDES, RANGES, strict=True):
            if not low <= size.max() < high:
                continue
            level = strides == stride
            near = (away <= np.maximum(0.2 * size, 0.5 * stride)).all(axis=1) & level
            wanted_scores[near], whose[near] = 1, face[:14]
    return wanted_scores, whose


class DetectorTask:
    """Batches of composed pictures; recall and precision on held-out pictures."""

    def __init__(self, train: Composer, valid: Composer, recipe: DetectorRecipe) -> None:
        self.recipe = recipe
        self.model = channels_last(DetectorNet(recipe.widths))
        self.train = train
        self.steps_per_epoch = recipe.draws // recipe.batch
        rng = np.random.default_rng(0)
        self.valid = [valid.draw(rng) for _ in range(recipe.judged)]

    def batches(self, epoch: int, rng: np.random.Generator) -> Iterator[tuple[Tensor, ...]]:
        """Pictures, the target score of each cell, and the faces."""
        # The next batch is composed while the net is trained on this one.
        with ThreadPoolExecutor(1) as composing:
            ahead = composing.submit(self._compose, rng)
            for step in range(self.steps_per_epoch):
                batch = ahead.result()
                if step + 1 < self.steps_per_epoch:
                    ahead = composing.submit(self._compose, rng)
                yield batch

    def _compose(self, rng: np.random.Generator) -> tuple[Tensor, ...]:
        images, wanted_scores, whose = [], [], []
        for _ in range(self.recipe.batch):
            image, faces = self.train.draw(rng)
            wanted, face = targets(faces, self.recipe.side)
            images.append(image)
            wanted_scores.append(wanted)
            whose.append(face)
        return (
            torch.from_numpy(np.stack(images)),
            torch.from_numpy(np.stack(wanted_scores)),
            torch.from_numpy(np.stack(whose)),
        )

    def loss(self, model: nn.Module, batch: tuple[Tensor, ...]) -> Tensor:
        """Quality focal loss (Li et al. 2020), generalised IoU and distance of the points."""
        pictures, wanted_scores, whose = batch
        rows = model(pictures)
        side = self.recipe.side
        points, strides = (torch.tensor(a) for a in centres(side, side))
        found = wanted_scores == 1
        count = max(int(found.sum()), 1)
        middles = points.expand(*found.shape, 2)[found]
        stride = strides.expand(*found.shape)[found][:, None]
        predicted, face = rows[found], whose[found]
        distances = torch.exp(predicted[:, 1:5].clamp(max=WIDEST_LOG)) * stride
        boxes = torch.cat([middles - distances[:, :2], middles + distances[:, 2:]], dim=1)
        wanted = torch.cat([face[:, :2], face[:, :2] + face[:, 2:4]], dim=1)
        shared, generalised = _overlap(boxes, wanted)
        quality = torch.zeros_like(wanted_scores)
        quality[found] = shared.detach().clamp(0, 1)
        scores = rows[..., 0]
        weight = (torch.sigmoid(scores).detach() - quality) ** 2 * (wanted_scores >= 0)
        focal = F.binary_cross_entropy_with_logits(scores, quality, weight, reduction="sum")
        size = face[:, 2:4].amax(dim=1, keepdim=True)
        marks = predicted[:, 5:] * stride + middles.repeat(1, 5) - face[:, 4:]
        near = F.smooth_l1_loss(marks / size, torch.zeros_like(marks), beta=0.02, reduction="sum")
        return (focal + 2 * (1 - generalised).sum() + near) / count

    def validate(self, model: nn.Module) -> dict[str, float]:
        """Recall, precision and mean IoU at a score of 0.5 on held-out composed pictures."""
        return judge(model, self.valid)


def _overlap(a: Tensor, b: Tensor) -> tuple[Tensor, Tensor]:
    """IoU and generalised IoU (Rezatofighi et al. 2019) of boxes given by their corners."""
    low, high = torch.maximum(a[:, :2], b[:, :2]), torch.minimum(a[:, 2:], b[:, 2:])
    shared = (high - low).clamp(min=0).prod(dim=1)
    either = (a[:, 2:] - a[:, :2]).prod(dim=1) + (b[:, 2:] - b[:, :2]).prod(dim=1) - shared
    low, high = torch.minimum(a[:, :2], b[:, :2]), torch.maximum(a[:, 2:], b[:, 2:])
    around = (high - low).prod(dim=1)
    iou = shared / either.clamp(min=1e-6)
    return iou, iou - (around - either) / around.clamp(min=1e-6)


@torch.inference_mode()
def judge(
    model: nn.Module, pictures: list[tuple[Gray, FloatArray]], least: float = 0.5, size: float = 20
) -> dict[str, float]:
    """Recall and precision at IoU 0.5 on pictures with known faces.

    Faces that are doubtful or smaller than ``size`` pixels are ignored.
    """
    model.eval()
    hits, wanted, found, right, fits = 0, 0, 0, 0, []
    for image, faces in pictures:
        rows = model(torch.from_numpy(image[None]))[0].numpy()
        seen = suppress(decode(rows, image.shape[0], image.shape[1], least))
        clear = (faces[:, 14] >= SURE) & (faces[:, 2:4].max(axis=1, initial=0) >= size)
        clear_faces = faces[clear]
        best = np.array([overlaps(f, seen).max(initial=0) for f in clear_faces])
        hits, wanted = hits + int((best >= 0.5).sum()), wanted + len(clear_faces)
        fits += best[best >= 0.5].tolist()
        known = faces[faces[:, 14] >= DOUBTFUL]
        for face in seen:
            if face[2:4].max() >= size:
                match = overlaps(face, known).max(initial=0)
                found, right = found + 1, right + int(match >= 0.4)
    return {
        "recall": hits / max(wanted, 1),
        "precision": right / max(found, 1),
        "iou": float(np.mean(fits)) if fits else 0.0,
    }


@torch.inference_mode()
def fit_scores(model: nn.Module, pictures: list[tuple[Gray, FloatArray]]) -> tuple[float, float]:
    """Slope and intercept that map a score's logit to the logit of the probability of a face.

    The net's score predicts the IoU of its box (quality focal loss), not whether a face is present.
    Logistic regression (Platt 1999) on detections with known ground truth.
    """
    model.eval()
    scores, right = [], []
    for image, faces in pictures:
        rows = model(torch.from_numpy(image[None]))[0].numpy()
        confident = faces[faces[:, 14] >= SURE]
        known = faces[faces[:, 14] >= DOUBTFUL]
        for face in suppress(decode(rows, image.shape[0], image.shape[1], LEAST_SCORE)):
            match = overlaps(face, confident).max(initial=0) >= 0.4
            if match or overlaps(face, known).max(initial=0) < 0.2:
                scores.append(float(face[14]))
                right.append(match)
    if len(set(right)) < 2:
        return 1.0, 0.0
    probs = np.stack([1 - np.array(scores), np.array(scores)], axis=1)
    fit = Scaling.fit(np.array(right, np.int64), probs, biased=True)
    return 1 / fit.temperature, fit.bias[1] - fit.bias[0]


def divide(people: Pictures, share: float) -> tuple[Pictures, Pictures]:
    """Training and validation pictures, divided by each picture's hash."""
    held = [int(p[:8], 16) % 10_000 < share * 10_000 for p in people.prints]
    rows = np.arange(len(people))
    return people.select(rows[~np.array(held)]), people.select(rows[np.array(held)])


def sample_pictures(composer: Composer, count: int, seed: int) -> list[dict[str, Gray]]:
    """Calibration inputs for the quantisation, by input name."""
    rng = np.random.default_rng(seed)
    return [{"picture": composer.draw(rng)[0][None]} for _ in range(count)]
