"""What it brings to turn face crops upright: by landmarks, by boxes, on turned heads and on clips.

    python benchmarks/face_alignment.py fer2013.npz --teacher YUNET --clips DIR --pack PACK

Pictures of PublicTest of which more than half of FER+'s annotators name the same of our labels are
enlarged, turned and laid into larger pictures; two detectors look for them there. A crop is made
by the detector's five landmarks, by its box as it is, or by its box brought to the framing that
the net was taught: a shift and a scale, the least squares over pictures of Training. ``truth`` is
where the picture was laid; ``no turn`` lies there too but is not turned back. Faces that either
detector missed are counted and left out of the rest, so that every column judges the same ones.

On clips nothing is labelled: what is told is how much the answer changes from one look to the next
(total variation, the mean over looks 0.2 s apart): crops that jitter make it larger.
"""

from __future__ import annotations

import argparse
import json
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import cv2
import numpy as np

from mien.branches.face import FaceModel
from mien.media import open_clip
from mien.packs import find_pack
from mien.perceive.anchors import overlaps
from mien.perceive.crops import SIDE, _warp, crop_face
from mien.perceive.detect import Detection, Detector, make_detector
from mien.perceive.tracks import START
from mien.scene import Frame
from mien.train.origin import commit, machine

ANGLES = (0, 10, 20, 30, 45)
"""Degrees in the plane, to either side by chance."""
FEWEST = 10
"""Faces of a label whose recall counts."""
LAID, PICTURE = 140, (240, 320)
"""Side of the face picture when it lies in the larger one, and height and width of that."""
TO_MIEN = {"neutral": 4, "happiness": 3, "surprise": 6, "sadness": 5, "anger": 0, "disgust": 1,
           "fear": 2}  # fmt: skip
Array = np.ndarray[Any, np.dtype[Any]]
Laid = tuple[Array, Array]
"""A picture, and the affine map from it to the 48x48 picture that lies in it."""


def majority(path: Path, usage: str) -> tuple[Array, Array]:
    """Pictures and labels of a part of which more than half of the ten annotators agree."""
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
    """The face picture turned and laid into a larger one, its edges faded into a gray ground."""
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
    ground = cv2.GaussianBlur(laid, (0, 0), 40).astype(np.float32)
    mixed = laid * weight + ground * (1 - weight) + rng.normal(0, 2, laid.shape)
    back = cv2.invertAffineTransform(forth)
    return np.clip(mixed, 0, 255).astype(np.uint8), back


def find(detector: Detector, gray: Array, back: Array) -> Detection | None:
    """The detection over the face that was laid there, if it is sure enough."""
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
    """Brings boxes to where the net's pictures begin and end, by a shift and a scale."""

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


def crops_of(
    gray: Array, found: dict[str, Detection], framings: dict[str, Framing]
) -> dict[str, Array]:
    """The crops by each detector's landmarks and boxes."""
    crops = {}
    for name, face in found.items():
        crops[f"{name}: landmarks"] = crop_face(gray, face)
        crops[f"{name}: box"] = crop_face(gray, replace(face, landmarks=None))
        crops[f"{name}: box, framed"] = crop_face(gray, framings[name](face))
    return crops


def composed(
    images: Array, labels: Array, detectors: dict[str, Detector], framings: dict[str, Framing],
    model: FaceModel,
) -> list[dict[str, Any]]:  # fmt: skip
    """A row an angle: how many were found, and accuracy and mean recall by each kind of crop."""
    table = []
    for angle in ANGLES:
        rng = np.random.default_rng(angle + 1)
        kinds: dict[str, list[Array]] = {}
        kept, found_by = [], dict.fromkeys(detectors, 0)
        for image, label in zip(images, labels, strict=True):
            gray, back = lay(image, angle * float(rng.choice((-1, 1))), rng)
            found = {name: find(one, gray, back) for name, one in detectors.items()}
            for name, face in found.items():
                found_by[name] += face is not None
            sure = {name: face for name, face in found.items() if face is not None}
            if len(sure) < len(detectors):
                continue
            kept.append(label)
            scale = float(np.hypot(*back[:, 0]))
            upright = np.column_stack([np.eye(2) * scale, np.zeros(2)])
            upright[:, 2] = 23.5 - scale * (cv2.invertAffineTransform(back) @ [23.5, 23.5, 1.0])
            crops = {"truth": _warp(gray, back), "no turn": _warp(gray, upright)}
            for kind, crop in (crops | crops_of(gray, sure, framings)).items():
                kinds.setdefault(kind, []).append(crop)
        told = {
            kind: figures(model.probs(np.stack(some)), np.array(kept))
            for kind, some in kinds.items()
        }
        table.append(
            {"angle": angle, "faces": len(images), "judged": len(kept)}
            | {"found": found_by, "by": told}
        )
        show(table[-1])
    return table


def figures(probs: Array, labels: Array) -> dict[str, float]:
    """Accuracy, and mean recall of the labels with enough faces to tell."""
    right = probs.argmax(axis=1) == labels
    recalls = [right[labels == k].mean() for k in range(7) if (labels == k).sum() >= FEWEST]
    return {"accuracy": float(right.mean()), "mean recall": float(np.mean(recalls))}


def show(row: dict[str, Any]) -> None:
    """One angle of the table."""
    found = ", ".join(f"{n} {c}" for n, c in row["found"].items())
    print(f"\n{row['angle']} degrees: {row['faces']} faces, found by {found}.", end=" ")
    print(f"Judged: {row['judged']}\n")
    print("| crop | accuracy | mean recall |\n|---|---|---|")
    for kind, told in row["by"].items():
        print(f"| {kind} | {told['accuracy']:.3f} | {told['mean recall']:.3f} |", flush=True)


def looks(
    path: Path, detectors: dict[str, Detector], framings: dict[str, Framing]
) -> Iterator[tuple[float, dict[str, Array]]]:
    """Time and crops of the largest face of each look at a clip that all detectors see."""
    clip = open_clip(path)
    for moment in clip.play(5.0):
        if not isinstance(moment, Frame):
            continue
        found = {}
        for name, detector in detectors.items():
            sure = [f for f in detector.detect(moment.image) if f.score >= START]
            if sure:
                found[name] = max(sure, key=lambda face: face.box[3])
        boxes = [np.array(face.box, np.float32) for face in found.values()]
        if len(found) < len(detectors) or any(overlaps(boxes[0], b[None])[0] < 0.3 for b in boxes):
            continue
        gray = np.asarray(cv2.cvtColor(moment.image, cv2.COLOR_BGR2GRAY), np.uint8)
        yield moment.time, crops_of(gray, found, framings)
    clip.close()


def on_clips(
    folder: Path, detectors: dict[str, Detector], framings: dict[str, Framing], model: FaceModel
) -> dict[str, Any]:
    """Change from look to look by each kind of crop, over all clips with a face."""
    changes: dict[str, list[float]] = {}
    count = 0
    for path in sorted(folder.iterdir()):
        if path.suffix not in (".mp4", ".mov", ".avi"):
            continue
        every = list(looks(path, detectors, framings))
        if len(every) < 2:
            continue
        near = np.diff([time for time, _ in every]) < 0.3
        count += int(near.sum())
        for kind in every[0][1]:
            probs = model.probs(np.stack([crops[kind] for _, crops in every]))
            moved = np.abs(np.diff(probs, axis=0)).sum(axis=1) / 2
            changes.setdefault(kind, []).extend(moved[near].tolist())
    told = {kind: float(np.mean(some)) for kind, some in changes.items()}
    print(f"\nClips: change of the answer from look to look, {count} pairs 0.2 s apart\n")
    print("| crop | total variation |\n|---|---|")
    for kind, change in told.items():
        print(f"| {kind} | {change:.3f} |")
    return {"pairs": count, "total variation": told}


def main() -> None:
    """Print the tables; write them as JSON where asked."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("data", type=Path)
    parser.add_argument("--teacher", required=True, help="A YuNet file: the second detector.")
    parser.add_argument("--clips", type=Path)
    parser.add_argument("--pack", type=Path, help="Of a face net; by default the one that ships.")
    parser.add_argument("--faces", type=int, default=800)
    parser.add_argument("--out", type=Path)
    chosen = parser.parse_args()
    cv2.setNumThreads(1)
    model = FaceModel(find_pack("face", chosen.pack))
    detectors = {
        "embedded": make_detector("embedded"),
        "YuNet": make_detector(f"yunet:{chosen.teacher}"),
    }
    rng = np.random.default_rng(0)
    train, _ = majority(chosen.data, "Training")
    some = train[rng.permutation(len(train))[:200]]
    framings = {name: fitted(one, some, rng) for name, one in detectors.items()}
    for name, framing in framings.items():
        print(
            f"{name}: boxes are moved by {framing.shift.round(3)} and scaled by {framing.scale:.3f}"
        )
    images, labels = majority(chosen.data, "PublicTest")
    rows = np.sort(rng.permutation(len(images))[: chosen.faces])
    print(f"pack {model.pack.identity}; commit {commit()}, {machine()}")
    told: dict[str, Any] = {"commit": commit(), "machine": machine(), "pack": model.pack.identity}
    told["composed"] = composed(images[rows], labels[rows], detectors, framings, model)
    if chosen.clips is not None:
        told["clips"] = on_clips(chosen.clips, detectors, framings, model)
    if chosen.out is not None:
        chosen.out.write_text(json.dumps(told, indent=1) + "\n")


if __name__ == "__main__":
    main()
