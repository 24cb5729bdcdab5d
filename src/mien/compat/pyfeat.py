"""Faces as a table with the columns of py-feat's ``Fex`` (py-feat 2.1), without py-feat."""

from __future__ import annotations

import math
from pathlib import Path
from typing import TYPE_CHECKING, Any

from mien.compat.looks import Look, Looks, look_at
from mien.emotions import MIEN7
from mien.errors import MissingExtraError
from mien.options import Options

if TYPE_CHECKING:
    import pandas

FACEBOX = ("FaceRectX", "FaceRectY", "FaceRectWidth", "FaceRectHeight", "FaceScore")
EMOTIONS = {
    "anger": "anger", "disgust": "disgust", "fear": "fear", "happiness": "joy",
    "sadness": "sadness", "surprise": "surprise", "neutral": "neutral",
}  # fmt: skip
"""py-feat's labels in its order, and mien's for each."""
COLUMNS = (*FACEBOX, *EMOTIONS, "input", "frame", "approx_time", "Identity")


def detect(path: str | Path, options: Options | None = None) -> pandas.DataFrame:
    """A row for each face of each picture that was looked at, as ``Detector.detect`` gives it.

    Args:
        path: a picture or a film.
        options: how faces are found and judged; ``faces.frame_rate`` pictures a second are looked
            at, so that ``frame`` has gaps where the film has more.

    Returns:
        a table with the columns ``COLUMNS``: the box in pixels with the detector's score, seven
        probabilities (sum 1; NaN where a face is not judged), the file, the number of the picture
        from 0, the time as ``MM:SS`` (empty for a picture) and ``Person_0`` ... A picture without a
        face has one row of NaN, as in py-feat. Action units, landmarks and poses, which mien does
        not measure, are not among the columns.

    Raises:
        MissingExtraError: if pandas is not installed.
        MediaError: if the file cannot be decoded.
    """
    try:
        import pandas
    except ImportError:
        raise MissingExtraError("mien.compat.pyfeat", "frame") from None
    found = look_at(path, options)
    rows = [
        _row(found, i, time, look)
        for i, time in enumerate(found.times)
        for look in (found.at(time) or (None,))
    ]
    return pandas.DataFrame(rows, columns=list(COLUMNS))


def _row(found: Looks, number: int, time: float, look: Look | None) -> dict[str, Any]:
    film, rate = found.facts.kind == "recording", found.frame_rate
    row: dict[str, Any] = dict.fromkeys((*FACEBOX, *EMOTIONS), math.nan)
    row["input"] = found.facts.path
    row["frame"] = round(time * rate) if film and rate is not None else number
    row["approx_time"] = f"{int(time) // 60:02d}:{int(time) % 60:02d}" if film else None
    row["Identity"] = None if look is None else f"Person_{look.identity}"
    if look is not None:
        row |= dict(zip(FACEBOX, (*map(float, look.box), look.score), strict=True))
        if look.probs is not None:
            row |= {name: float(look.probs[MIEN7.index(own)]) for name, own in EMOTIONS.items()}
    return row
