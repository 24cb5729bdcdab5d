"""Random augmentation of face pictures by batch: geometry, occlusion, light, blur, compression."""

from __future__ import annotations

import cv2
import numpy as np
import numpy.typing as npt
import torch
import torch.nn.functional as F
from torch import Tensor

from mien.branches.face import normalise

Rng = np.random.Generator
TURN = 20.0
"""Largest in-plane rotation, degrees."""


def augment(pictures: npt.NDArray[np.uint8], side: int, rng: Rng, augmented: float = 1.0) -> Tensor:
    """Augment faces as recordings may show them, and normalise them for the net.

    Every picture gets a random geometric transform. The pictures of the augmented share also get a
    random subset of occlusion, light, blur, downscaling and compression; about a fifth of them get
    none of these.

    Args:
        pictures: ``(n, 48, 48) uint8``.
        side: side of the result, px.
        rng: random generator.
        augmented: share of the pictures that get more than the geometric transform.

    Returns:
        ``(n, 1, side, side)`` float32, as from :func:`mien.branches.face.normalise`.
    """
    gray = frame(torch.from_numpy(pictures[:, None].astype(np.float32)), rng)
    # Rows come in random order, so the first ones are a random subset.
    some = round(augmented * len(gray))
    if some:
        poor = light(cover(gray[:some], rng), rng)
        poor = shrink(blur(poor, rng), rng)
        gray = torch.cat([poor, gray[some:]])
    coded = gray.clamp(0, 255).round().numpy().astype(np.uint8)[:, 0]
    coded[:some] = compress(coded[:some], rng)
    out = torch.from_numpy(normalise(coded))
    if side != out.shape[-1]:
        out = F.interpolate(out, size=(side, side), mode="area")
    return out


def frame(gray: Tensor, rng: Rng) -> Tensor:
    """Mirror, rotate by up to ``TURN`` degrees, scale, stretch and shift at random.

    Shift and scale match the differences between a detector's boxes and those of the data set.
    """
    n, side = len(gray), gray.shape[-1]
    angle = np.radians(rng.normal(0, 9, n).clip(-TURN, TURN))
    scale = np.exp(rng.normal(0, 0.1, (n, 1)) + rng.normal(0, 0.04, (n, 2)))
    flip = rng.choice([-1.0, 1.0], n)
    matrix = np.zeros((n, 2, 3), dtype=np.float32)
    matrix[:, 0, 0] = flip * np.cos(angle) * scale[:, 0]
    matrix[:, 0, 1] = -np.sin(angle) * scale[:, 0]
    matrix[:, 1, 0] = flip * np.sin(angle) * scale[:, 1]
    matrix[:, 1, 1] = np.cos(angle) * scale[:, 1]
    matrix[:, :, 2] = rng.normal(0, 0.08, (n, 2))
    grid = F.affine_grid(torch.from_numpy(matrix), [n, 1, side, side], align_corners=False)
    # A recording shows background beyond the box; a crop at the picture's border repeats it.
    padding = "border" if rng.random() < 0.5 else "reflection"
    return F.grid_sample(gray, grid, padding_mode=padding, align_corners=False)


def cover(gray: Tensor, rng: Rng, share: float = 0.3) -> Tensor:
    """Cover a patch of some pictures with uniform gray or a piece of another picture.

    Patches are rectangles and ellipses of 15 to 55 % of the side, like hands, microphones, hair or
    masks. A fifth of them are bands across both eyes, like dark glasses.
    """
    n, side = len(gray), gray.shape[-1]
    size = rng.uniform(0.15, 0.55, (n, 2)) * side
    centre = rng.uniform(0, side, (n, 2))
    band = rng.random(n) < 0.2
    size[band] = np.stack([rng.uniform(0.14, 0.24, n), rng.uniform(0.6, 0.9, n)], 1)[band] * side
    centre[band] = np.stack([rng.normal(0.38, 0.03, n), rng.normal(0.5, 0.04, n)], 1)[band] * side
    line = np.arange(side) + 0.5
    down = np.abs(line - centre[:, :1]) / (size[:, :1] / 2)
    across = np.abs(line - centre[:, 1:]) / (size[:, 1:] / 2)
    round_ = (rng.random(n) < 0.5) & ~band
    boxes = (down[:, :, None] < 1) & (across[:, None, :] < 1)
    ovals = down[:, :, None] ** 2 + across[:, None, :] ** 2 < 1
    hidden = np.where(round_[:, None, None], ovals, boxes) & (rng.random(n) < share)[:, None, None]
    mean = gray.mean((1, 2, 3), keepdim=True)
    level = torch.from_numpy(rng.uniform(0, 255, (n, 1, 1, 1)).astype(np.float32))
    # A hand is as bright as the face; cloth or a microphone can have any brightness.
    skin = torch.from_numpy((rng.random(n) < 0.4) & ~band)[:, None, None, None]
    other = gray.flip(0).roll(side // 3, 2)
    texture = torch.from_numpy(rng.random(n) < 0.3)[:, None, None, None]
    level = torch.where(torch.from_numpy(band)[:, None, None, None], level * 0.25, level)
    fill = torch.where(texture, other, torch.where(skin, mean, level).expand_as(gray))
    return torch.where(torch.from_numpy(hidden)[:, None], fill, gray)


def light(gray: Tensor, rng: Rng, share: float = 0.5) -> Tensor:
    """Change the light of some pictures: dim, gamma, side light, back light, clipping.

    Dim pictures lose levels and gain noise; strong side light clips the bright side; studio range
    read as full range clips, and the reverse loses contrast.
    """
    n, side = len(gray), gray.shape[-1]
    some = rng.random(n) < share

    def column(values: npt.NDArray[np.float64], neutral: float) -> Tensor:
        by_picture = np.where(some, values, neutral).astype(np.float32)
        return torch.from_numpy(by_picture)[:, None, None, None]

    x = (gray / 255).clamp(1e-4, 1) ** column(np.exp(rng.normal(0, 0.45, n)), 1.0)
    angle = rng.uniform(0, 2 * np.pi, n)
    line = torch.linspace(-1, 1, side)
    steep = np.where(rng.random(n) < 0.6, rng.exponential(0.5, n), 0).clip(0, 1.6)
    ramp = column(steep * np.cos(angle), 0.0) * line[None, None, None, :]
    ramp = ramp + column(steep * np.sin(angle), 0.0) * line[None, None, :, None]
    x = x * torch.exp(ramp)
    # Veiling glare of back light, then exposure.
    veil = column(np.where(rng.random(n) < 0.25, rng.uniform(0, 0.6, n), 0), 0.0)
    x = x * (1 - veil) + veil
    x = x * column(np.exp(rng.normal(-0.1, 0.4, n)), 1.0)
    # Studio range read as full range clips.
    studio = column(np.where(rng.random(n) < 0.3, 1.0, 0.0), 0.0)
    x = torch.where(studio > 0, (x * 255 - 16) / 219, x)
    dim = column(np.where(rng.random(n) < 0.3, rng.uniform(0.08, 0.5, n), 1.0), 1.0)
    x = x.clamp(0, 1) * dim
    grain = np.where(rng.random(n) < 0.5, rng.exponential(0.01, n), 0)
    noise = torch.from_numpy(rng.standard_normal(gray.shape, dtype=np.float32))
    return (x + noise * column(grain, 0.0)) * 255


def blur(gray: Tensor, rng: Rng, share: float = 0.35) -> Tensor:
    """Blur some pictures by defocus or motion, with a 9x9 kernel per picture.

    Defocus is a Gaussian with a deviation of 0.3 to 1.6 px of 48, motion a line of 2 to 9 px.
    """
    n = len(gray)
    chosen = np.flatnonzero(rng.random(n) < share)
    if not len(chosen):
        return gray
    kernels = torch.from_numpy(blur_kernels(len(chosen), rng))[:, None]
    padded = F.pad(gray[chosen], (4, 4, 4, 4), mode="replicate")
    out = gray.clone()
    out[chosen] = F.conv2d(padded.transpose(0, 1), kernels, groups=len(chosen)).transpose(0, 1)
    return out


def blur_kernels(n: int, rng: Rng) -> npt.NDArray[np.float32]:
    """Kernels ``(n, 9, 9)`` that sum to 1."""
    down, across = np.mgrid[-4:5, -4:5].astype(np.float64)
    sigma = rng.uniform(0.3, 1.6, (n, 1, 1))
    focus = np.exp(-(down**2 + across**2) / (2 * sigma**2))
    angle = rng.uniform(0, np.pi, (n, 1, 1))
    along = np.abs(across * np.cos(angle) + down * np.sin(angle))
    aside = np.abs(-across * np.sin(angle) + down * np.cos(angle))
    half = rng.uniform(1, 4.5, (n, 1, 1))
    motion = np.clip(half + 0.5 - along, 0, 1) * np.clip(1 - aside, 0, 1)
    kernels = np.where(rng.random((n, 1, 1)) < 0.4, focus, motion)
    return np.asarray(kernels / kernels.sum((1, 2), keepdims=True), np.float32)


def shrink(gray: Tensor, rng: Rng, share: float = 0.15) -> Tensor:
    """Downscale some pictures to 16 to 36 px and enlarge them again."""
    n, side = len(gray), gray.shape[-1]
    chosen = np.flatnonzero(rng.random(n) < share)
    if not len(chosen):
        return gray
    out = gray.clone()
    for part in np.array_split(chosen, 3):
        if len(part):
            small = int(rng.integers(16, 37))
            little = F.interpolate(gray[part], size=(small, small), mode="area")
            mode = "bilinear" if rng.random() < 0.6 else "bicubic"
            out[part] = F.interpolate(
                little, size=(side, side), mode=mode, align_corners=False
            ).clamp(0, 255)
    return out


def compress(
    pictures: npt.NDArray[np.uint8], rng: Rng, share: float = 0.3
) -> npt.NDArray[np.uint8]:
    """Compress some pictures as JPEG, at one to three times their size.

    The 8 px blocks then cover 8 to 3 px of the result; half of these pictures are smoothed, like
    the deblocking filters of video codecs.
    """
    out = pictures.copy()
    side = pictures.shape[1]
    for row in np.flatnonzero(rng.random(len(pictures)) < share):
        times = int(rng.integers(1, 4))
        picture = pictures[row]
        if times > 1:
            picture = cv2.resize(picture, (side * times,) * 2, interpolation=cv2.INTER_LINEAR)
        quality = int(rng.integers(14 if times == 1 else 6, 50))
        _, coded = cv2.imencode(".jpg", picture, (cv2.IMWRITE_JPEG_QUALITY, quality))
        picture = cv2.imdecode(coded, cv2.IMREAD_GRAYSCALE)
        if rng.random() < 0.5:
            picture = cv2.GaussianBlur(picture, (3, 3), 0.6 * times)
        if times > 1:
            picture = cv2.resize(picture, (side, side), interpolation=cv2.INTER_AREA)
        out[row] = picture
    return out
