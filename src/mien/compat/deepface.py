"""Faces in the shape of ``DeepFace.analyze`` (deepface 0.0.103), without deepface.

A script that reads ``dominant_emotion``, ``emotion``, ``region`` and ``face_confidence`` runs
unchanged with ``from mien.compat.deepface import analyze``.
"""

from __future__ import annotations

import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from mien.compat.looks import Look, look_at
from mien.emotions import MIEN7
from mien.errors import InputError, OptionError
from mien.facts import shown
from mien.options import Options

LABELS = {
    "angry": "anger", "disgust": "disgust", "fear": "fear", "happy": "joy", "sad": "sadness",
    "surprise": "surprise", "neutral": "neutral",
}  # fmt: skip
"""deepface's labels in its order, and mien's for each."""
ACTIONS = ("emotion",)

Face = dict[str, Any]
Source = str | Path | npt.NDArray[np.uint8]


def analyze(
    img_path: Source | Sequence[Source],
    actions: str | Sequence[str] = ACTIONS,
    enforce_detection: bool = True,
    *,
    options: Options | None = None,
) -> list[Face] | list[list[Face]]:
    """The faces of a picture, a list of them for each of several, or for each look at a film.

    Args:
        img_path: a picture as a path or an array ``(height, width, 3) uint8`` in BGR order, several
            of them, or a film (looked at ``options.faces.frame_rate`` times a second).
        actions: ``emotion`` alone; mien tells no age, gender or race.
        enforce_detection: whether a picture without a face that can be judged is an error; else,
            and in a film, its list is empty.
        options: how faces are found and judged.

    Returns:
        for each face ``emotion`` (per cent by deepface's labels, sum 100), ``dominant_emotion``,
        ``region`` (``x``, ``y``, ``w``, ``h`` in pixels; ``left_eye`` and ``right_eye`` are None)
        and ``face_confidence`` (0 to 1). Faces that mien does not judge (too small, turned away,
        blurred) are left out.

    Raises:
        OptionError: if another action is asked for.
        InputError: if no face is found in a picture and ``enforce_detection`` is True; the message
            says why.
        MediaError: if a file cannot be decoded.
    """
    asked = (actions,) if isinstance(actions, str) else tuple(actions)
    other = [action for action in asked if action not in ACTIONS]
    if other or not asked:
        raise OptionError.choice("An action", other[0] if other else "", ACTIONS)
    if isinstance(img_path, str | Path) or (isinstance(img_path, np.ndarray) and img_path.ndim < 4):
        faces: list[Face] | list[list[Face]] = _of_one(img_path, enforce_detection, options)
        return faces
    return [_of_one(one, enforce_detection, options) for one in img_path]


def film(path: str | Path, options: Options | None = None) -> list[tuple[float, list[Face]]]:
    """The seconds of each look at a film, and the faces in it as from :func:`analyze`."""
    found = look_at(path, options)
    return [(time, _faces(found.at(time))) for time in found.times]


def _of_one(given: Source, enforce: bool, options: Options | None) -> Any:
    if isinstance(given, np.ndarray):
        return _of_array(given, enforce, options)
    found = look_at(given, options)
    if found.facts.kind == "recording" and not found.missing:
        return [_faces(found.at(time)) for time in found.times]
    faces = _faces(found.looks)
    if not faces and enforce:
        why = found.missing or next((look.reason for look in found.looks), "no face in view")
        raise InputError(
            f"No face of {shown(given)} can be judged: {why}. Give another picture, or "
            "enforce_detection=False for an empty list."
        )
    return faces


def _of_array(picture: npt.NDArray[np.uint8], enforce: bool, options: Options | None) -> Any:
    import cv2

    with tempfile.TemporaryDirectory(prefix="mien-") as folder:
        file = Path(folder, "array.png")
        if picture.dtype != np.uint8 or not picture.size or not cv2.imwrite(str(file), picture):
            raise InputError(
                f"A picture needs (height, width, 3) uint8 in BGR order, got {picture.shape} "
                f"{picture.dtype}."
            )
        return _of_one(file, enforce, options)


def _faces(looks: Sequence[Look]) -> list[Face]:
    return [_face(look, look.probs) for look in looks if look.probs is not None]


def _face(look: Look, probs: npt.NDArray[np.float64]) -> Face:
    shares = 100 * probs / probs.sum()
    emotion = {name: float(shares[MIEN7.index(own)]) for name, own in LABELS.items()}
    x, y, w, h = look.box
    return {
        "emotion": emotion,
        "dominant_emotion": max(emotion, key=lambda name: emotion[name]),
        "region": {"x": x, "y": y, "w": w, "h": h, "left_eye": None, "right_eye": None},
        "face_confidence": round(look.score, 2),
    }
