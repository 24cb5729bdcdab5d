"""Effect of rotating face crops upright: by landmarks or by boxes, on turned heads and on clips.

    python benchmarks/face_alignment.py fer2013.npz --teacher YUNET --clips DIR --pack PACK

Pictures of PublicTest for which more than half of FER+'s annotators chose the same of our labels
are enlarged, rotated and inserted into larger pictures, in which two detectors search for them. A
crop is made from the detector's five landmarks, from its box, or from its box with the framing of
the net's training data: a shift and a scale, the medians over pictures of Training. ``truth`` is
the position at which the picture was inserted; ``not turned`` has the same position but is not
rotated back. Each detector is tested on the faces that it found, so that columns are comparable but
detectors are not; the gain of landmarks over the plain box is given with its standard error over
the same faces.

Clips have no labels: the table shows how much the prediction changes between frames 0.2 s apart
(mean total variation), which jitter of the crops increases.
"""

from __future__ import annotations

import argparse
import json
from collections.abc import Iterator
from dataclasses import replace
from itertools import product
from pathlib import Path
from typing import Any

import cv2
import numpy as np

from mien.branches.face import FaceModel
from mien.convert.provenance import commit, machine
from mien.media import open_clip
from mien.pack_folders import find_pack
from mien.perceive.anchors import overlaps
from mien.perceive.crops import SIDE, crop_face, warp
from mien.perceive.detectors import Detection, Detector, make_detector
from mien.perceive.tracks import START
from mien.scene import Frame

ANGLES = (0, 10, 20, 30)
"""In-plane rotation in degrees, in a random direction."""
KINDS = ("truth", "not turned", "landmarks", "box", "box, framed")
LAID, PICTURE = 140, (240, 320)
"""Side of the face picture in the larger picture, and height and width of the latter."""
TO_MIEN = {"neutral": 4, "happiness": 3, "surprise": 6, "sadness": 5, "anger": 0, "disgust": 1,
           "fear": 2}  # fmt: skip
Array = np.ndarray[Any, np.dtype[Any]]
Laid = tuple[Array, Array]
"""A picture, and the affine map from it to the 48x48 picture in it."""


def majority(path: Path, usage: str) -> tuple[Array, Array]:
    """Pictures and labels of a split for which more than half of the ten annotators agree."""
    with np.load(path) as stored:
        names = stored["ferplus_names"].tolist()
        votes = stored["ferplus_votes"]
        wanted = stored["usage"] == usage
        images = stored["images"]
    total = votes.sum(axis=1)
    ours = np.zeros((len(votes), 7))
    for column, name in enumerate(names):
        if name in TO_MIEN:
            ours[:, TO_MIEN[name]] += votes[:, column]
    clear = wanted & (ours.max(axis=1) > total / 2) & (total > 0)
    return images[clear], ours[clear].argmax(axis=1)


def lay(face: Array, angle: float, rng: np.random.Generator) -> Laid:
    """Rotate the face picture and insert it into a larger one, with edges faded into gray."""
    height, width = PICTURE
    scale = LAID / SIDE * float(np.exp(rng.uniform(-0.25, 0.25)))
    cos, sin = (scale * f(np.radians(angle)) for f in (np.cos, np.sin))
    linear = np.array([[cos, -sin], [sin, cos]])
    middle = np.array([width, height]) / 2 + rng.uniform(-0.08, 0.08, 2) * height
    forth = np.column_stack([linear, middle - linear @ np.full(2, (SIDE - 1) / 2)])
    laid = cv2.warpAffine(
        face, forth, (width, height), flags=cv2.INTER_CUBIC, borderMode=cv2.BORDER_REPLICATE
    )
    line = np.abs(np.linspace(-1, 1, SIDE, dtype=np.float32))
    soft = np.clip((1.0 - np.maximum(line[:, None], line[None])) / 0.12, 0, 1)
    weight = cv2.warpAffine(soft, forth, (width, height))
    coarse = cv2.resize(laid, (8, 6), interpolation=cv2.INTER_AREA).astype(np.float32)
    ground = cv2.resize(coarse, (width, height), interpolation=cv2.INTER_LINEAR)
    mixed = laid * weight + ground * (1 - weight) + rng.normal(0, 2, laid.shape)
    back = cv2.invertAffineTransform(forth)
    return np.clip(mixed, 0, 255).astype(np.uint8), back


def find(detector: Detector, gray: Array, back: Array) -> Detection | None:
    """The detection of the inserted face, if its score is sufficient."""
    forth = cv2.invertAffineTransform(back)
    middle = forth @ np.array([SIDE / 2, SIDE / 2, 1.0])
    side = SIDE * float(np.hypot(*forth[:, 0]))
    there = np.array([*(middle - 0.4 * side), 0.8 * side, 0.8 * side], np.float32)
    best, fit = None, 0.3
    for face in detector.detect(cv2.cvtColor(gray, cv2.COLOR_GRAY2BGR)):
        shared = float(overlaps(there, np.array([face.box], np.float32))[0])
        if face.score >= START and shared > fit:
            best, fit = face, shared
    return best


class Framing:
    """Maps boxes to the framing of the net's training data by a shift and a scale."""

    def __init__(self, boxes: Array, truths: Array) -> None:
        side = boxes[:, 2:].max(axis=1, keepdims=True)
        middles = boxes[:, :2] + boxes[:, 2:] / 2
        self.shift = np.median((truths[:, :2] - middles) / side, axis=0)
        self.scale = float(np.median(truths[:, 2:] / side))

    def __call__(self, face: Detection) -> Detection:
        """The same face with another box and no landmarks."""
        left, top, wide, high = face.box
        side = max(wide, high)
        x, y = np.array([left + wide / 2, top + high / 2]) + self.shift * side
        half = self.scale * side / 2
        return replace(face, box=(x - half, y - half, 2 * half, 2 * half), landmarks=None)


def fitted(detector: Detector, images: Array, rng: np.random.Generator) -> Framing:
    """The framing of a detector's boxes, on upright pictures."""
    boxes, truths = [], []
    for image in images:
        gray, back = lay(image, 0.0, rng)
        face = find(detector, gray, back)
        if face is not None:
            forth = cv2.invertAffineTransform(back)
            middle = forth @ np.array([SIDE / 2 - 0.5, SIDE / 2 - 0.5, 1.0])
            boxes.append(face.box)
            truths.append([*middle, SIDE * float(np.hypot(*forth[:, 0]))])
    return Framing(np.array(boxes), np.array(truths))


def crops_of(gray: Array, face: Detection, framing: Framing) -> tuple[Array, Array, Array]:
    """The crops by landmarks, box, and framed box."""
    box = replace(face, landmarks=None)
    return crop_face(gray, face), crop_face(gray, box), crop_face(gray, framing(face))


def composed(
    images: Array, labels: Array, detectors: dict[str, Detector], framings: dict[str, Framing],
    models: dict[str, FaceModel],
) -> list[dict[str, Any]]:  # fmt: skip
    """One row per angle, detector and pack: number found, and accuracy by kind of crop."""
    table = []
    for angle in ANGLES:
        rng = np.random.default_rng(angle + 1)
        crops: dict[str, list[list[Array]]] = {name: [] for name in detectors}
        kept: dict[str, list[int]] = {name: [] for name in detectors}
        for image, label in zip(images, labels, strict=True):
            gray, back = lay(image, angle * float(rng.choice((-1, 1))), rng)
            for name, detector in detectors.items():
                face = find(detector, gray, back)
                if face is not None:
                    laid = [*laid_crops(gray, back), *crops_of(gray, face, framings[name])]
                    crops[name].append(laid)
                    kept[name].append(int(label))
        for name, pack in product(detectors, models):
            every = np.array(crops[name]).swapaxes(0, 1)
            right = [models[pack].probs(some).argmax(axis=1) == kept[name] for some in every]
            table.append({"angle": angle, "detector": name, "pack": pack, "faces": len(images)})
            table[-1] |= accuracies(dict(zip(KINDS, right, strict=True)))
            show(table[-1])
    return table


def laid_crops(gray: Array, back: Array) -> tuple[Array, Array]:
    """Crops at the true position, rotated back and not."""
    scale = float(np.hypot(*back[:, 0]))
    middle = cv2.invertAffineTransform(back) @ [23.5, 23.5, 1.0]
    upright = np.column_stack([np.eye(2) * scale, 23.5 - scale * middle])
    return warp(gray, back), warp(gray, upright)


def accuracies(right: dict[str, Array]) -> dict[str, Any]:
    """Accuracy by kind, and the paired gain of landmarks over the box."""
    gain = right["landmarks"].astype(float) - right["box"]
    return {
        "found": len(gain),
        "accuracy": {kind: float(one.mean()) for kind, one in right.items()},
        "gain": float(gain.mean()),
        "gain, standard error": float(gain.std() / np.sqrt(max(len(gain), 1))),
    }


def show(row: dict[str, Any]) -> None:
    """One line of the table."""
    accuracy = " | ".join(f"{row['accuracy'][kind]:.3f}" for kind in KINDS)
    gain = f"{row['gain']:+.3f} ± {row['gain, standard error']:.3f}"
    found = f"{row['found']} of {row['faces']}"
    print(
        f"| {row['angle']} | {row['detector']} | {row['pack']} | {found} | {accuracy} | {gain} |",
        flush=True,
    )


def looks(path: Path, detector: Detector, framing: Framing) -> Iterator[tuple[float, Any]]:
    """Time and crops of the largest face in each examined frame of a clip."""
    clip = open_clip(path)
    for moment in clip.play(5.0):
        if isinstance(moment, Frame):
            sure = [face for face in detector.detect(moment.image) if face.score >= START]
            if sure:
                gray = np.asarray(cv2.cvtColor(moment.image, cv2.COLOR_BGR2GRAY), np.uint8)
                largest = max(sure, key=lambda face: face.box[3])
                yield moment.time, crops_of(gray, largest, framing)
    clip.close()


def on_clips(
    folder: Path, detectors: dict[str, Detector], framings: dict[str, Framing],
    models: dict[str, FaceModel],
) -> list[dict[str, Any]]:  # fmt: skip
    """Change between examined frames by kind of crop, over all clips with a face."""
    table = []
    for name, detector in detectors.items():
        clips = [list(looks(path, detector, framings[name])) for path in videos(folder)]
        for pack, model in models.items():
            moves: list[Array] = []
            for every in clips:
                if len(every) > 1:
                    near = np.diff([time for time, _ in every]) < 0.3
                    kinds = np.array([crops for _, crops in every]).swapaxes(0, 1)
                    probs = np.stack([model.probs(some) for some in kinds])
                    moves.append((np.abs(np.diff(probs, axis=1)).sum(axis=2) / 2)[:, near])
            moved = np.concatenate(moves, axis=1)
            means = dict(zip(KINDS[2:], moved.mean(axis=1).tolist(), strict=True))
            table.append({"detector": name, "pack": pack, "pairs": moved.shape[1]} | means)
            said = " | ".join(f"{value:.3f}" for value in means.values())
            print(f"| {name} | {pack} | {moved.shape[1]} | {said} |", flush=True)
    return table


def videos(folder: Path) -> list[Path]:
    """The clips with a picture."""
    return sorted(path for path in folder.iterdir() if path.suffix in (".mp4", ".mov", ".avi"))


def main() -> None:
    """Print the tables; optionally write them as JSON."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("data", type=Path)
    parser.add_argument("--teacher", required=True, help="A YuNet file: the second detector.")
    parser.add_argument("--clips", type=Path)
    parser.add_argument("--pack", type=Path, action="append", help="The shipped pack by default.")
    parser.add_argument("--faces", type=int, default=800)
    parser.add_argument("--out", type=Path)
    chosen = parser.parse_args()
    cv2.setNumThreads(1)
    packs = [find_pack("face", pack) for pack in chosen.pack or [None]]
    models = {pack.identity[pack.manifest.name][:8]: FaceModel(pack) for pack in packs}
    detectors = {
        "embedded": make_detector("embedded"),
        "YuNet": make_detector(f"yunet:{chosen.teacher}"),
    }
    rng = np.random.default_rng(0)
    train, _ = majority(chosen.data, "Training")
    some = train[rng.permutation(len(train))[:200]]
    framings = {name: fitted(one, some, rng) for name, one in detectors.items()}
    for name, one in framings.items():
        print(f"{name}: boxes are moved by {one.shift.round(3)} and scaled by {one.scale:.3f}")
    images, labels = majority(chosen.data, "PublicTest")
    rows = np.sort(rng.permutation(len(images))[: chosen.faces])
    result: dict[str, Any] = {"commit": commit(), "machine": machine(), "seed": 0}
    print(f"commit {result['commit']}, {result['machine']}\n")
    print(f"| degrees | detector | pack | found | {' | '.join(KINDS)} | landmarks less box |")
    print("|---" * (5 + len(KINDS)) + "|")
    result["composed"] = composed(images[rows], labels[rows], detectors, framings, models)
    if chosen.clips is not None:
        print(f"\n| detector | pack | pairs of looks | {' | '.join(KINDS[2:])} |")
        print("|---" * 6 + "|")
        result["clips"] = on_clips(chosen.clips, detectors, framings, models)
    if chosen.out is not None:
        chosen.out.write_text(json.dumps(result, indent=1) + "\n")


if __name__ == "__main__":
    main()
