"""Training pictures for the face detector, composed by scaling, rotation, pasting, augmentation."""

from __future__ import annotations

from dataclasses import dataclass, field

import cv2
import numpy as np

from mien.datasets.people import FIELDS, FloatArray, Gray, Pictures

SURE, DOUBTFUL = 0.7, 0.3
"""Scores from the first on mean a face, scores below the second none; others are ignored."""
SMALLEST = 10.0
"""Minimum size of a face in canvas pixels; smaller faces are ignored."""
_MIRRORED = [2, 3, 0, 1, 4, 5, 8, 9, 6, 7]


@dataclass(eq=False)
class Canvas:
    """A picture during composition: ``(side, side)`` gray, and its faces so far."""

    image: Gray
    faces: list[FloatArray] = field(default_factory=list)

    @property
    def side(self) -> int:
        """Pixels."""
        return int(self.image.shape[0])


class Composer:
    """Draws training pictures.

    Args:
        people: pictures with annotated faces, and pictures without any.
        crops: face crops to paste; their edges are feathered.
        side: side of the canvas, pixels.
    """

    def __init__(self, people: Pictures, crops: Pictures | None, side: int) -> None:
        self.side, self.crops = side, crops
        self.people = people
        best = np.array([f[:, 14].max(initial=0.0) for f in people.faces])
        self._with = np.flatnonzero(best >= SURE)
        self._without = np.flatnonzero(best < DOUBTFUL)
        # Sets are sampled by the square root of their size, so that a large one does not dominate.
        sources = np.array(people.sources)
        counts = {name: int((sources[self._with] == name).sum()) for name in set(people.sources)}
        weights = np.array([counts[name] ** -0.5 for name in sources[self._with]])
        self._shares = weights / weights.sum()

    def draw(self, rng: np.random.Generator) -> tuple[Gray, FloatArray]:
        """One picture ``(side, side)`` and its faces ``(k, 15)``, including doubtful ones."""
        kind = rng.choice(4, p=[0.45, 0.25, 0.15, 0.15])
        canvas = Canvas(self._backdrop(rng))
        if kind == 0:
            self.place(canvas, self._one(rng), rng)
        elif kind == 1:
            canvas = self._mosaic(rng)
        elif kind == 2 and self.crops is not None:
            for _ in range(rng.integers(1, 5)):
                self._paste(canvas, rng)
        elif rng.random() < 0.5:
            canvas.image = pattern(self.side, rng)
        faces = np.concatenate([np.zeros((0, FIELDS), np.float32), *canvas.faces])
        if rng.random() < 0.3:
            write(canvas.image, faces, rng)
        return augment(canvas.image, rng), faces

    def _one(self, rng: np.random.Generator) -> int:
        if rng.random() < 0.8 or not len(self._without):
            return int(rng.choice(self._with, p=self._shares))
        return int(rng.choice(self._without))

    def _backdrop(self, rng: np.random.Generator) -> Gray:
        if not len(self._without) or rng.random() < 0.1:
            return pattern(self.side, rng)
        image = self.people.images[int(rng.choice(self._without))]
        scale = self.side / min(image.shape) * rng.uniform(1.0, 2.0)
        matrix = _matrix(image.shape, scale, 0.0, bool(rng.random() < 0.5))
        room = np.maximum(0, scale * np.array(image.shape[::-1]) - self.side) / 2
        matrix[:, 2] += self.side / 2 + rng.uniform(-room, room)
        return _warp(image, matrix, (self.side, self.side))

    def place(
        self, canvas: Canvas, index: int, rng: np.random.Generator, largest: float = 0.9
    ) -> None:
        """Place a whole picture so that the size of its largest face is log-uniform."""
        image, faces = self.people.images[index], self.people.faces[index]
        sure = faces[faces[:, 14] >= SURE]
        centre = np.array(image.shape[::-1]) / 2
        scale = canvas.side / max(image.shape) * rng.uniform(0.5, 1.6)
        if len(sure):
            box = sure[sure[:, 3].argmax()]
            size = np.exp(rng.uniform(np.log(14), np.log(largest * canvas.side)))
            scale = min(size / max(box[2], box[3]), 3.0)
            centre = box[:2] + box[2:4] / 2
        turn = rng.normal(0, 8) if rng.random() < 0.5 else 0.0
        mirror = bool(rng.random() < 0.5)
        matrix = _matrix(image.shape, scale, turn, mirror)
        target = rng.uniform(0.1, 0.9, 2) * canvas.side
        matrix[:, 2] += target - matrix @ np.array([*centre, 1.0])
        _lay(canvas, image, matrix)
        canvas.faces.append(_moved(faces, matrix, scale, mirror, canvas.side))

    def _mosaic(self, rng: np.random.Generator) -> Canvas:
        """Four pictures in a 2x2 mosaic."""
        canvas = Canvas(self._backdrop(rng))
        cut = (rng.uniform(0.3, 0.7, 2) * self.side).astype(int)
        for rows in ((0, cut[1]), (cut[1], self.side)):
            for columns in ((0, cut[0]), (cut[0], self.side)):
                tile = Canvas(self._backdrop(rng))
                self.place(tile, self._one(rng), rng, largest=0.4)
                high, wide = rows[1] - rows[0], columns[1] - columns[0]
                left = int(rng.integers(0, self.side - wide + 1))
                top = int(rng.integers(0, self.side - high + 1))
                part = tile.image[top : top + high, left : left + wide]
                canvas.image[rows[0] : rows[1], columns[0] : columns[1]] = part
                move = np.array([columns[0] - left, rows[0] - top], np.float32)
                frame = (columns[0], rows[0], columns[1], rows[1])
                canvas.faces += [_framed(_shifted(f, move), frame) for f in tile.faces]
        return canvas

    def _paste(self, canvas: Canvas, rng: np.random.Generator) -> None:
        """Paste a face crop in a feathered oval, with changed contrast."""
        assert self.crops is not None
        index = int(rng.integers(len(self.crops)))
        image, faces = self.crops.images[index], self.crops.faces[index]
        size = np.exp(rng.uniform(np.log(16), np.log(0.7 * canvas.side)))
        scale = size / max(faces[0, 2:4])
        mirror = bool(rng.random() < 0.5)
        matrix = _matrix(image.shape, scale, float(rng.normal(0, 6)), mirror)
        matrix[:, 2] += rng.uniform(0.15, 0.85, 2) * canvas.side
        moved = _moved(faces, matrix, scale, mirror, canvas.side)
        if any(_touch(moved, other) for other in canvas.faces):
            return
        line = np.linspace(-1, 1, image.shape[0], dtype=np.float32)
        distance = np.sqrt(line[:, None] ** 2 + line[None, :] ** 2)
        oval = np.clip((1.1 - distance) / 0.25, 0, 1)
        frame = (canvas.side, canvas.side)
        weight = cv2.warpAffine(oval, matrix, frame, flags=cv2.INTER_LINEAR)
        face = cv2.warpAffine(image, matrix, frame, flags=cv2.INTER_AREA).astype(np.float32)
        face = (face - 128) * np.exp(rng.normal(0, 0.2)) + 128 + rng.normal(0, 15)
        mixed = canvas.image * (1 - weight) + face * weight
        canvas.image = np.clip(mixed, 0, 255).astype(np.uint8)
        canvas.faces.append(moved)


def _matrix(shape: tuple[int, ...], scale: float, turn: float, mirror: bool) -> FloatArray:
    """Scale, rotate and mirror about a picture's centre, which maps to the origin: ``(2, 3)``."""
    angle = np.deg2rad(turn)
    cos, sin = np.cos(angle) * scale, np.sin(angle) * scale
    linear = np.array([[cos, -sin], [sin, cos]]) @ np.diag([-1.0 if mirror else 1.0, 1.0])
    middle = np.array([shape[1], shape[0]]) / 2
    return np.asarray(np.column_stack([linear, -linear @ middle]), np.float32)


def _warp(image: Gray, matrix: FloatArray, size: tuple[int, int]) -> Gray:
    # Halve the picture first if it shrinks a lot: a plain warp skips pixels and aliases small
    # faces.
    scale = float(np.sqrt(abs(np.linalg.det(matrix[:, :2]))))
    if scale < 0.6:
        image = np.asarray(
            cv2.resize(image, None, fx=scale, fy=scale, interpolation=cv2.INTER_AREA), np.uint8
        )
        matrix = np.column_stack([matrix[:, :2] / scale, matrix[:, 2]])
    return np.asarray(
        cv2.warpAffine(
            image, matrix, size, flags=cv2.INTER_LINEAR, borderMode=cv2.BORDER_REFLECT_101
        ),
        np.uint8,
    )


def _lay(canvas: Canvas, image: Gray, matrix: FloatArray) -> None:
    size = (canvas.side, canvas.side)
    cover = cv2.warpAffine(np.full(image.shape, 255, np.uint8), matrix, size) > 127
    canvas.image = np.where(cover, _warp(image, matrix, size), canvas.image)


def _moved(
    faces: FloatArray, matrix: FloatArray, scale: float, mirror: bool, side: int
) -> FloatArray:
    out = faces.copy()
    centres = faces[:, :2] + faces[:, 2:4] / 2
    out[:, 2:4] *= scale
    out[:, :2] = centres @ matrix[:, :2].T + matrix[:, 2] - out[:, 2:4] / 2
    points = faces[:, 4:14].reshape(-1, 5, 2) @ matrix[:, :2].T + matrix[:, 2]
    points = points.reshape(-1, 10)
    out[:, 4:14] = points[:, _MIRRORED] if mirror else points
    return _framed(out, (0, 0, side, side))


def _shifted(faces: FloatArray, move: FloatArray) -> FloatArray:
    out = faces.copy()
    out[:, :2] += move
    out[:, 4:14] += np.tile(move, 5)
    return out


def _framed(faces: FloatArray, frame: tuple[int, int, int, int]) -> FloatArray:
    """Mark faces that are mostly outside a frame as doubtful; remove those entirely outside."""
    left, top, right, bottom = frame
    wide = np.minimum(faces[:, 0] + faces[:, 2], right) - np.maximum(faces[:, 0], left)
    high = np.minimum(faces[:, 1] + faces[:, 3], bottom) - np.maximum(faces[:, 1], top)
    seen = (
        np.clip(wide, 0, None)
        * np.clip(high, 0, None)
        / np.maximum(faces[:, 2] * faces[:, 3], 1e-6)
    )
    out = np.array(faces, np.float32)
    unclear = (seen < 0.7) | (faces[:, 2:4].max(axis=1, initial=0) < SMALLEST)
    out[unclear, 14] = np.minimum(out[unclear, 14], (SURE + DOUBTFUL) / 2)
    return np.asarray(out[seen > 0.05], np.float32)


def _touch(some: FloatArray, others: FloatArray) -> bool:
    for a in some:
        for b in others:
            if (
                abs(a[0] + a[2] / 2 - b[0] - b[2] / 2) < (a[2] + b[2]) * 0.8
                and abs(a[1] + a[3] / 2 - b[1] - b[3] / 2) < (a[3] + b[3]) * 0.8
            ):
                return True
    return False


def pattern(side: int, rng: np.random.Generator) -> Gray:
    """A background without faces: flat, noise, waves, discs or letters."""
    kind = rng.integers(5)
    base, swing = rng.uniform(20, 235), rng.uniform(5, 100)
    line = np.arange(side)
    if kind == 0:
        image = np.full((side, side), base)
    elif kind == 1:
        grain = rng.normal(0, 1, (side // int(rng.integers(1, 16)) + 1,) * 2)
        image = base + swing * cv2.resize(grain, (side, side), interpolation=cv2.INTER_CUBIC)
    elif kind == 2:
        a, b = rng.uniform(-0.6, 0.6, 2)
        image = base + swing * np.sign(np.sin(a * line[:, None] + b * line[None, :]))
    else:
        image = np.full((side, side), base)
        for _ in range(rng.integers(3, 40)):
            place = tuple(int(v) for v in rng.integers(0, side, 2))
            shade = float(rng.uniform(0, 255))
            if kind == 3:
                cv2.circle(image, place, int(rng.integers(2, 40)), shade, int(rng.choice([-1, 2])))
            else:
                word = "".join(rng.choice(list("abcdefghOoQ083%&@:-)("), 6))
                cv2.putText(image, word, place, int(rng.integers(0, 8)), rng.uniform(0.4, 2), shade)
    return np.asarray(np.clip(image, 0, 255), np.uint8)


LETTERS = list("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789%&@:;!?()")


def write(image: Gray, faces: FloatArray, rng: np.random.Generator) -> None:
    """Write words on a picture in place, like captions; never over a face."""
    side = image.shape[0]
    for _ in range(rng.integers(1, 8)):
        word = "".join(rng.choice(LETTERS, int(rng.integers(1, 14))))
        font, scale = int(rng.integers(0, 8)), float(np.exp(rng.uniform(np.log(0.4), np.log(3.0))))
        thick = int(rng.integers(1, max(2, round(3 * scale)) + 1))
        (wide, high), below = cv2.getTextSize(word, font, scale, thick)
        left, top = (int(v) for v in rng.integers(-side // 8, side, 2))
        apart = (
            (faces[:, 0] > left + wide)
            | (faces[:, 0] + faces[:, 2] < left)
            | (faces[:, 1] > top + high + below)
            | (faces[:, 1] + faces[:, 3] < top)
        )
        if apart.all():
            shade = float(rng.choice([rng.uniform(0, 255), 255, 0]))
            cv2.putText(image, word, (left, top + high), font, scale, shade, thick, cv2.LINE_AA)


def augment(image: Gray, rng: np.random.Generator) -> Gray:
    """Change exposure, blur, noise and compression at random."""
    out = image.astype(np.float64)
    if rng.random() < 0.7:
        out = 255 * (out / 255) ** np.exp(rng.normal(-0.05, 0.25))
        out = (out - out.mean()) * np.exp(rng.normal(-0.1, 0.25)) + out.mean() + rng.normal(5, 15)
    if rng.random() < 0.25:
        out = np.asarray(cv2.GaussianBlur(out, (0, 0), rng.uniform(0.4, 1.6)), np.float64)
    if rng.random() < 0.25:
        out = out + rng.normal(0, rng.uniform(2, 14), out.shape)
    augmented = np.asarray(np.clip(out, 0, 255), np.uint8)
    if rng.random() < 0.2:
        quality = [cv2.IMWRITE_JPEG_QUALITY, int(rng.integers(15, 60))]
        coded = cv2.imencode(".jpg", augmented, quality)[1]
        augmented = np.asarray(cv2.imdecode(coded, cv2.IMREAD_GRAYSCALE), np.uint8)
    return augmented
