"""What a hand over the forehead costs, and what the second look brings.

``python benchmarks/face_covered.py FER.npz BACKGROUND... [--faces 400]`` sets faces of FER-2013's
PublicTest into pictures of recordings without faces, with nothing, a band or four fingers in the
colour of the skin over the forehead, and looks at each as at a still picture. Printed are the
shares that are judged with and without the second look, and the false alarms on the pictures.
"""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from pathlib import Path
from unittest.mock import patch

import cv2
import numpy as np

from face_turns import SIDE, backgrounds, outcome
from mien.perceive import second
from mien.perceive.detectors import make_detector
from mien.perceive.faces import FaceFinder
from mien.scene import Image

COVERS = (("nothing", 0.0), ("band", 0.2), ("band", 0.3), ("hand", 0.2), ("hand", 0.3))
"""Kind of cover, and the share of the picture of FER-2013 above its lower edge; brows are at .3."""


def covered(face: Image, kind: str, share: float) -> Image:
    """A face ``(n, n)`` with its upper part covered."""
    side = len(face)
    rows, columns = np.mgrid[:side, :side]
    skin = 1.05 * float(np.median(face[side // 2 : 3 * side // 4, side // 4 : 3 * side // 4]))
    if kind == "hand":
        slanted = rows + 0.25 * (columns - side / 2)
        fingers = slanted * 4 / max(1.0, share * side)
        shade = skin * (1 - 0.25 * np.abs(np.cos(np.pi * fingers)) ** 8)
        return np.where(slanted < share * side, shade.clip(0, 255), face).astype(np.uint8)
    return np.where(rows < share * side, min(skin, 255.0), face).astype(np.uint8)


def judged(pictures: Sequence[Image]) -> float:
    """The share of pictures in which a face is judged."""
    detector = make_detector("auto")
    return float(np.mean([outcome(FaceFinder(detector), p) == "judged" for p in pictures]))


def main() -> None:
    """Print a line for each cover, and one for pictures without a face."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("faces_file", type=Path)
    parser.add_argument("backgrounds", type=Path, nargs="+")
    parser.add_argument("--faces", type=int, default=400)
    parser.add_argument("--seed", type=int, default=0)
    given = parser.parse_args()
    data = np.load(given.faces_file, allow_pickle=True)
    images = data["images"]
    clear = (data["usage"] == "PublicTest") & (images.std(axis=(1, 2)) > 10)
    rng = np.random.default_rng(given.seed)
    chosen = rng.choice(np.flatnonzero(clear), given.faces, replace=False)
    behind = [picture for path in given.backgrounds for picture in backgrounds(path)]
    names = ", ".join(path.name for path in given.backgrounds)
    print(
        f"{given.faces} faces of PublicTest, seed {given.seed}, {len(behind)} pictures of {names}"
    )
    for kind, share in COVERS:
        pictures = []
        for k, i in enumerate(chosen):
            picture = behind[k % len(behind)].copy()
            large = cv2.resize(images[i], (SIDE, SIDE), interpolation=cv2.INTER_CUBIC)
            top, left = ((side - SIDE) // 2 for side in picture.shape[:2])
            face = covered(large, kind, share)
            picture[top : top + SIDE, left : left + SIDE] = face[..., None]
            pictures.append(picture)
        with patch.object(second, "DOUBTFUL", 9.0):
            without = judged(pictures)
        print(f"{kind} {share}: judged {judged(pictures):.1%}, without second look {without:.1%}")
    turned = [np.ascontiguousarray(np.rot90(p, q)) for p in behind for q in range(4)]
    with patch.object(second, "DOUBTFUL", 9.0):
        without = judged(turned)
    print(f"no face: judged {judged(turned):.1%} of {len(turned)}, without {without:.1%}")


if __name__ == "__main__":
    main()
