"""The face detectors against the boxes of a YuNet file: recall, precision, false alarms, time.

    taskset -c 0 python benchmarks/detector.py CLIPS --teacher YUNET --pictures DIR --nobody DIR

Recall is measured on frontal faces larger than 48 px that the teacher detects with a high score
(0.8 on pictures of at most 640 px; and 0.9, OpenCV's default for YuNet), at an intersection over
union of 0.5. A detection is right if the teacher detects a face with any score (0.3) and an overlap
of 0.4; detections below 24 px are not counted. Composed pictures are made as by ``mien train
detector`` from the folders of ``--pictures``; only pictures held out from the training are used. On
pictures without people, blank frames and printed patterns every detection is a false alarm.
``haar``, for comparison, is OpenCV's cascade for frontal faces.
"""

from __future__ import annotations

import argparse
import json
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import cv2
import numpy as np

from mien.convert.provenance import commit, machine
from mien.datasets.people import Teacher, concatenate_pictures, load_pictures
from mien.media import open_clip
from mien.perceive.anchors import overlaps
from mien.perceive.detectors import Detection, Detector, make_detector, shrink
from mien.perceive.tracks import START
from mien.scene import Frame
from mien.train.detector.compose import Composer, pattern
from mien.train.detector.net import DetectorRecipe, divide

SURE, SURER, SEEN, FRONTAL = 0.8, 0.9, 0.3, 0.35
LEAST, SMALLEST = 48, 24
Array = np.ndarray[Any, np.dtype[Any]]


class HaarDetector:
    """The cascade on pictures of at most 480 px, for faces of at least 8 % of the shorter side.

    The score is the last stage's margin over its threshold on a logistic scale; margins above 5 are
    rarely false alarms.
    """

    def __init__(self) -> None:
        folder = Path(cv2.__file__).parent / "data"
        self._cascade = cv2.CascadeClassifier(str(folder / "haarcascade_frontalface_default.xml"))

    def detect(self, image: Array) -> list[Detection]:
        """The faces in a picture, without landmarks."""
        small, scale = shrink(image, 480)
        smallest = max(24, int(0.08 * min(small.shape[:2])))
        boxes, _, margins = self._cascade.detectMultiScale3(
            cv2.equalizeHist(cv2.cvtColor(small, cv2.COLOR_BGR2GRAY)),
            scaleFactor=1.1,
            minNeighbors=6,
            minSize=(smallest, smallest),
            outputRejectLevels=True,
        )
        scores = 1 / (1 + np.exp(2.0 - np.ravel(margins)))
        return [
            Detection(tuple(float(side) / scale for side in box), float(score))
            for box, score in zip(boxes, scores, strict=True)
        ]


class Count:
    """Hits, misses and false alarms."""

    def __init__(self) -> None:
        self.hits = dict.fromkeys((SURE, SURER), 0)
        self.wanted = dict.fromkeys((SURE, SURER), 0)
        self.right = self.found = 0

    def add(self, reference: Array, found: Array) -> None:
        """Add one picture: the teacher's faces ``(k, 15)``, and boxes ``(n, 4)``."""
        for face in reference:
            left, right, nose = face[4:6], face[6:8], face[8:10]
            aside = abs(nose[0] - (left[0] + right[0]) / 2)
            frontal = aside <= FRONTAL * max(abs(right[0] - left[0]), 1e-6)
            hit = bool(len(found) and overlaps(face[:4], found).max() >= 0.5)
            for level in (SURE, SURER):
                if face[14] >= level and face[2:4].max() > LEAST and frontal:
                    self.wanted[level] += 1
                    self.hits[level] += hit
        for box in found:
            if box[2:4].max() >= SMALLEST:
                self.found += 1
                self.right += bool(len(reference) and overlaps(box, reference).max() >= 0.4)

    def row(self) -> dict[str, float]:
        """Figures."""
        return {
            "recall": self.hits[SURE] / max(self.wanted[SURE], 1),
            "faces": self.wanted[SURE],
            "recall of the surer": self.hits[SURER] / max(self.wanted[SURER], 1),
            "surer faces": self.wanted[SURER],
            "precision": self.right / max(self.found, 1),
            "detections": self.found,
        }


def boxes(detector: Detector, image: Array) -> Array:
    """Boxes of the detections with a sufficient score to start a track."""
    found = [face.box for face in detector.detect(image) if face.score >= START]
    return np.array(found, np.float32).reshape(-1, 4)


def clip_frames(folder: Path, rate: float) -> Iterator[Array]:
    """Frames of all clips with a picture, at most 640 px."""
    for path in sorted(folder.iterdir()):
        if path.suffix.lower() not in (".mp4", ".mov", ".avi", ".mkv", ".webm"):
            continue
        clip = open_clip(path)
        for moment in clip.play(rate):
            if isinstance(moment, Frame):
                yield shrink(moment.image, 640)[0]
        clip.close()


def composed(folders: list[Path], teacher: Path, cache: Path, count: int) -> Iterator[Any]:
    """Composed pictures ``(512, 512)`` and the teacher's faces in them."""
    every = concatenate_pictures(
        [load_pictures(f, Teacher(teacher), cache / f"{f.name}.npz") for f in folders]
    )
    held = divide(every, DetectorRecipe().valid_share)[1]
    composer, rng = Composer(held, None, 512), np.random.default_rng(0)
    for _ in range(count):
        image, faces = composer.draw(rng)
        yield cv2.cvtColor(image, cv2.COLOR_GRAY2BGR), faces


def nobody(folders: list[Path]) -> Iterator[tuple[str, Array]]:
    """Kind and picture, all without people."""
    rng = np.random.default_rng(0)
    for level in (0, 60, 128, 255):
        yield "blank", np.full((480, 640, 3), level, np.uint8)
    for _ in range(100):
        side = pattern(480, rng)
        yield "pattern", cv2.cvtColor(side, cv2.COLOR_GRAY2BGR)
        noise = rng.integers(0, 256, (480, 640, 3), dtype=np.uint8)
        yield "noise", noise
    for folder in folders:
        for path in sorted(p for p in folder.rglob("*") if p.suffix.lower() in (".jpg", ".png")):
            image = cv2.imread(str(path))
            if image is not None:
                yield folder.name, shrink(image, 640)[0]


def milliseconds(detector: Detector, frames: list[Array]) -> float:
    """Time for a 640x480 frame: the median over frames of the minimum of five runs.

    The minimum excludes delays by other processes; the caller must bind the process to a core.
    """
    spent = []
    for frame in frames:
        picture, runs = cv2.resize(frame, (640, 480)), []
        for _ in range(5):
            started = time.perf_counter()
            detector.detect(picture)
            runs.append(time.perf_counter() - started)
        spent.append(min(runs))
    return float(np.median(spent) * 1e3)


def main() -> None:
    """Print the table; optionally write it as JSON."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("clips", type=Path)
    parser.add_argument("--teacher", type=Path, required=True)
    parser.add_argument("--pictures", type=Path, action="append", default=[])
    parser.add_argument("--nobody", type=Path, action="append", default=[])
    parser.add_argument("--detectors", default="embedded,haar")
    parser.add_argument("--cache", type=Path, default=Path(tempfile.gettempdir()) / "mien-pictures")
    parser.add_argument("--out", type=Path)
    chosen = parser.parse_args()
    cv2.setNumThreads(1)
    teacher = Teacher(chosen.teacher, SEEN)
    frames = list(clip_frames(chosen.clips, 2.0))
    references = [teacher.faces(frame) for frame in frames]
    made = (
        list(composed(chosen.pictures, chosen.teacher, chosen.cache, 400))
        if chosen.pictures
        else []
    )
    table: dict[str, Any] = {}
    for name in chosen.detectors.split(","):
        detector = HaarDetector() if name == "haar" else make_detector(name)
        on_clips, on_composed = Count(), Count()
        for frame, reference in zip(frames, references, strict=True):
            on_clips.add(reference, boxes(detector, frame))
        for image, faces in made:
            on_composed.add(faces, boxes(detector, image))
        alarms: dict[str, list[int]] = {}
        for kind, image in nobody(chosen.nobody):
            alarms.setdefault(kind, []).append(len(boxes(detector, image)))
        table[name] = {
            "clips": on_clips.row(),
            "composed": on_composed.row(),
            "false alarms": {k: f"{sum(v)} in {len(v)}" for k, v in alarms.items()},
            "ms": milliseconds(detector, frames[:60]),
        }
    head = {"commit": commit(), "machine": machine(), "frames": len(frames), "score": START}
    head["pictures"] = [folder.name for folder in chosen.pictures]
    report(head, table)
    if chosen.out is not None:
        chosen.out.write_text(json.dumps(head | {"detectors": table}, indent=1) + "\n")


def report(head: dict[str, Any], table: dict[str, Any]) -> None:
    """The table as Markdown."""
    print(f"{head['frames']} frames of clips; commit {head['commit']}, {head['machine']}\n")
    print(
        f"| detector | set | recall, teacher {SURE} | of faces | recall, teacher {SURER} | of "
        "faces | precision | of detections | ms a 640x480 frame |"
    )
    print("|---" * 9 + "|")
    for name, row in table.items():
        for kind in ("clips", "composed"):
            r = row[kind]
            if r["faces"]:
                shown = (
                    f"{r['recall']:.3f} | {r['faces']} | {r['recall of the surer']:.3f} | "
                    f"{r['surer faces']} | {r['precision']:.3f} | {r['detections']}"
                )
                print(f"| {name} | {kind} | {shown} | {row['ms']:.1f} |")
    for name, row in table.items():
        print(f"\n{name}: false alarms on pictures without people: {row['false alarms']}")


if __name__ == "__main__":
    main()
