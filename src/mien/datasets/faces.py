"""Face sets: FER-2013 as CSV, as ``.npz`` or as folders, and any CSV of picture paths."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any
from zipfile import BadZipFile

import numpy as np
import numpy.typing as npt

from mien.datasets.csvfile import column, labels_of, read_rows
from mien.datasets.table import LabelledSet, build, files_under
from mien.emotions import MIEN7, canonical_label, one_hot
from mien.errors import DataError, InputError
from mien.files import read_regular

SIDE = 48
# fer2013.csv numbers its classes in this order (Goodfellow et al. 2013).
FER_ORDER = ("anger", "disgust", "fear", "joy", "sadness", "surprise", "neutral")
PICTURES = (".png", ".jpg", ".jpeg", ".bmp", ".webp")
OBSERVERS, FER2013 = "observers", "fer2013"
"""Labelling conventions of faces: the votes of ten observers, and the data set's label."""
VOTES, KEPT = "ferplus", "ferplus_kept"
"""Extra columns: vote shares over our seven labels ``(n, 7)``, and their share of all votes."""
# FER+ names of our seven labels. Contempt is not mapped: its pictures have FER-2013 labels of every
# kind (anger 36 %, fear 18, disgust 16, sadness 13), so its votes match no single label.
FERPLUS = {
    "anger": "anger",
    "disgust": "disgust",
    "fear": "fear",
    "happiness": "joy",
    "neutral": "neutral",
    "sadness": "sadness",
    "surprise": "surprise",
}
LEAST_KEPT = 0.5
"""Pictures with a smaller share of votes for our seven labels get no vote shares."""


def load_faces(path: Path) -> LabelledSet:
    """Faces at ``path``: a FER-2013 CSV, an ``.npz``, class folders, or a CSV of paths.

    Raises:
        DataError: if nothing there can be read as faces with labels.
    """
    if path.is_dir():
        return _from_folders(path)
    if path.suffix == ".npz":
        return _from_npz(path)
    if path.suffix == ".csv":
        rows = read_rows(path)
        if rows and "pixels" in rows[0]:
            return _from_fer_csv(path, rows)
        return _from_path_csv(path, rows)
    raise DataError(f"{path} is not a face set; expected a CSV, an .npz or a folder.")


def _from_npz(path: Path) -> LabelledSet:
    try:
        with np.load(path, allow_pickle=False) as file:
            arrays: dict[str, npt.NDArray[Any]] = {name: file[name] for name in file.files}
    except (ValueError, EOFError, BadZipFile):
        raise DataError(f"{path} is not a readable .npz of plain arrays.") from None
    missing = {"images", "labels"} - set(arrays)
    if missing:
        raise DataError(f"{path} lacks the arrays {sorted(missing)}.")
    names = [canonical_label(n) for n in arrays.get("label_names", np.asarray(MIEN7.labels))]
    images = arrays["images"]
    if images.dtype != np.uint8 or images.shape[1:] not in ((SIDE, SIDE), (SIDE, SIDE, 1)):
        raise DataError(
            f"{path}: images are {images.dtype} {images.shape}; expected uint8 (n, {SIDE}, {SIDE})."
        )
    labels = [_named(str(i), names, f"{path}, label {n}") for n, i in enumerate(arrays["labels"])]
    extra: dict[str, npt.NDArray[Any]] = {}
    if "ferplus_votes" in arrays:
        extra = vote_shares(arrays["ferplus_votes"], arrays["ferplus_names"].tolist())
    usage = arrays.get("usage")
    return build(
        images.reshape(-1, SIDE, SIDE),
        one_hot(labels),
        "fer2013",
        splits=None if usage is None else [str(u) for u in usage],
        extra=extra,
    )


def _named(number: str, names: Sequence[str], where: str) -> str:
    """The name of a numbered class."""
    if not number.strip().isdecimal() or int(number) >= len(names):
        raise DataError(f"{where}: unknown class {number!r}; expected 0 to {len(names) - 1}.")
    return names[int(number)]


def vote_shares(
    votes: npt.NDArray[Any], names: Sequence[str]
) -> dict[str, npt.NDArray[np.float64]]:
    """FER+ votes as the extra columns of a face set.

    Votes for contempt, unknown and not-a-face (1.7, 4.8 and .05 % of those for Training) are left
    out and the rest is normalised to sum to 1: the shares are those of the observers who chose one
    of our seven labels. If these are fewer than half, or there are no votes, the shares are all
    zero and the picture has no label under this convention (152 and 149 of the 28,710 pictures of
    Training).

    Args:
        votes: counts ``(n, k)``.
        names: FER+ names of the ``k`` columns.

    Returns:
        ``VOTES``, shares over our seven labels ``(n, 7)``; ``KEPT``, the share of all votes that
        these include ``(n,)``.
    """
    counts = np.zeros((len(votes), len(MIEN7)))
    for name, count in zip(names, votes.T, strict=True):
        if str(name) in FERPLUS:
            counts[:, MIEN7.index(FERPLUS[str(name)])] += count
    ours, every = counts.sum(axis=1), votes.sum(axis=1)
    counted = ours / np.maximum(every, 1)
    usable = (counted >= LEAST_KEPT)[:, None]
    shares = np.where(usable, counts / np.maximum(ours, 1)[:, None], 0.0)
    return {VOTES: shares, KEPT: counted}


def majority(faces: LabelledSet) -> npt.NDArray[np.bool_]:
    """The rows where more than half of all observers chose the same of our seven labels, ``(n,)``.

    Votes for contempt, unknown and not-a-face count among all observers.

    Raises:
        DataError: if the set has no votes.
    """
    if VOTES not in faces.extra:
        raise DataError(
            "This set has no votes of observers (FER+); use an .npz with ferplus_votes, or "
            f"evaluate with --convention {FER2013}."
        )
    most = faces.extra[VOTES].max(axis=1) * faces.extra[KEPT]
    return np.asarray(most > 0.5 + 1e-9)


def _from_fer_csv(path: Path, rows: list[dict[str, str]]) -> LabelledSet:
    images = np.empty((len(rows), SIDE, SIDE), dtype=np.uint8)
    for i, row in enumerate(rows):
        try:
            pixels = np.array(row["pixels"].split(), dtype=np.uint8)
        except (ValueError, OverflowError) as error:
            raise DataError(f"{path}, row {i + 2}: pixels must be 0 to 255 ({error}).") from None
        if pixels.size != SIDE * SIDE:
            raise DataError(f"{path}, row {i + 2}: {pixels.size} pixels, expected {SIDE * SIDE}.")
        images[i] = pixels.reshape(SIDE, SIDE)
    labels = [
        _named(column(row, "emotion", path), FER_ORDER, f"{path}, row {i + 2}")
        for i, row in enumerate(rows)
    ]
    splits = [row.get("usage", "") for row in rows]
    return build(images, one_hot(labels), "fer2013", splits=splits)


def _read_picture(path: Path) -> npt.NDArray[np.uint8]:
    import cv2

    try:
        content = np.frombuffer(read_regular(path), dtype=np.uint8)
        picture = cv2.imdecode(content, cv2.IMREAD_GRAYSCALE) if len(content) else None
    except InputError as error:
        raise DataError(str(error)) from None
    except cv2.error:
        picture = None
    if picture is None:
        raise DataError(f"{path} is not a readable picture.")
    return np.asarray(cv2.resize(picture, (SIDE, SIDE), interpolation=cv2.INTER_AREA), np.uint8)


def _from_folders(root: Path) -> LabelledSet:
    """``[split/]class/picture``: the folder above the picture names the class."""
    files = files_under(root, PICTURES)
    if not files:
        raise DataError(f"{root} holds no pictures; expected class folders with pictures in them.")
    labels = [canonical_label(p.parent.name) for p in files]
    splits = [p.parent.parent.name if p.parent.parent != root else "" for p in files]
    images = np.stack([_read_picture(p) for p in files])
    return build(images, one_hot(labels), root.name, splits=splits)


def _from_path_csv(path: Path, rows: list[dict[str, str]]) -> LabelledSet:
    images = [_read_picture(path.parent / column(row, "path", path)) for row in rows]
    labels = labels_of(rows, path)
    splits = [row.get("split", "") for row in rows]
    stacked = np.stack(images) if images else np.empty((0, SIDE, SIDE), np.uint8)
    return build(stacked, one_hot(labels), path.stem, splits=splits)
