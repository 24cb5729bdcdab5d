"""What becomes of faces that are upside down or on their side, and what upright ones lose.

``python benchmarks/face_turns.py FER.npz BACKGROUND [--faces 400]`` sets faces of FER-2013's
PublicTest into pictures of a recording without faces, turns each by 0, 90, 180 and 270 degrees, and
looks at it as at a still picture. Printed are the shares that are judged, absent as turned, and not
found.
"""

from __future__ import annotations

import argparse
from collections import Counter
from contextlib import closing
from pathlib import Path

import cv2
import numpy as np

from mien.branches.face import usable
from mien.media import ArrayRaster, open_clip
from mien.perceive.detectors import make_detector
from mien.perceive.faces import FaceFinder, followed
from mien.scene import Frame, Image

SIDE = 160


def backgrounds(path: Path) -> list[Image]:
    """Pictures of a recording, two a second."""
    with closing(open_clip(path)) as clip:
        return [moment.image for moment in clip.play(2.0) if isinstance(moment, Frame)]


def composed(face: Image, behind: Image, quarters: int) -> Image:
    """A face, turned counterclockwise, in the middle of a picture."""
    picture = behind.copy()
    large = cv2.resize(face, (SIDE, SIDE), interpolation=cv2.INTER_CUBIC)
    top, left = ((side - SIDE) // 2 for side in picture.shape[:2])
    picture[top : top + SIDE, left : left + SIDE] = np.rot90(large, quarters)[..., None]
    return picture


def outcome(finder: FaceFinder, picture: Image) -> str:
    """What the face branch would say of a still picture."""
    finder.look(Frame(0.0, ArrayRaster(picture)))
    tracks = followed(finder.found()).tracks
    if not tracks:
        return "not found"
    good = usable(tracks[0].samples, 1)
    return good.partition(" (")[0] if isinstance(good, str) else "judged"


def main() -> None:
    """Print a line for each way of turning."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("faces_file", type=Path)
    parser.add_argument("background", type=Path)
    parser.add_argument("--faces", type=int, default=400)
    parser.add_argument("--seed", type=int, default=0)
    given = parser.parse_args()
    data = np.load(given.faces_file, allow_pickle=True)
    images = data["images"]
    clear = (data["usage"] == "PublicTest") & (images.std(axis=(1, 2)) > 10)
    rng = np.random.default_rng(given.seed)
    chosen = rng.choice(np.flatnonzero(clear), given.faces, replace=False)
    behind = backgrounds(given.background)
    detector = make_detector("auto")
    print(f"{given.faces} faces of PublicTest, seed {given.seed}, {given.background.name}")
    for quarters in range(4):
        counts = Counter(
            outcome(FaceFinder(detector), composed(images[i], behind[k % len(behind)], quarters))
            for k, i in enumerate(chosen)
        )
        shares = ", ".join(f"{what} {n / given.faces:.1%}" for what, n in counts.most_common())
        print(f"turned by {90 * quarters:3d}: {shares}")


if __name__ == "__main__":
    main()
