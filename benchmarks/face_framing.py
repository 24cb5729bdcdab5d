"""Positions of eyes, nose and mouth in pictures of FER-2013: the framing of crops.

Usage: ``python benchmarks/face_framing.py fer2013.npz yunet:FILE [--faces 1500]``
"""

from __future__ import annotations

import argparse
from pathlib import Path

import cv2
import numpy as np

from mien.perceive.crops import FRAMING
from mien.perceive.detectors import make_detector

TIMES, EDGE = 4, 48


def main() -> None:
    """Print the medians over pictures in which the detector finds a face."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("data", type=Path)
    parser.add_argument("detector")
    parser.add_argument("--faces", type=int, default=1500)
    chosen = parser.parse_args()
    pictures = np.load(chosen.data)["images"]
    detector = make_detector(chosen.detector)
    order = np.random.default_rng(0).permutation(len(pictures))[: chosen.faces]
    points = []
    for picture in pictures[order]:
        large = cv2.resize(picture, None, fx=TIMES, fy=TIMES, interpolation=cv2.INTER_CUBIC)
        large = cv2.copyMakeBorder(large, *(EDGE,) * 4, cv2.BORDER_REPLICATE)
        faces = detector.detect(cv2.cvtColor(large, cv2.COLOR_GRAY2BGR))
        if faces and faces[0].landmarks is not None:
            points.append((faces[0].landmarks - EDGE) / TIMES)
    found = np.array(points)
    quarter, half, three = np.percentile(found, [25, 50, 75], axis=0)
    print(f"{len(found)} of {len(order)} pictures of {chosen.data.name}, seed 0")
    print("landmark      median x, y    quartiles apart    used")
    names = ("left eye", "right eye", "nose", "left mouth", "right mouth")
    for name, middle, apart, used in zip(names, half, three - quarter, FRAMING, strict=True):
        print(f"{name:12}  {middle.round(1)!s:14} {apart.round(1)!s:18} {used}")


if __name__ == "__main__":
    main()
