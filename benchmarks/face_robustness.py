"""Loss of accuracy of a face net by lighting, blur, codecs, size, occlusion and framing.

    python benchmarks/face_robustness.py --data fer2013.npz --pack before=DIR --pack now=DIR --out D

The pictures of PublicTest on whose label more than half of the observers agree are degraded by one
condition at a time and predicted by each pack; a drop is relative to the same pack on clean
pictures. The conditions are implemented independently of the training's augmentation, with OpenCV
and a real H.264 encoder. Without ``--pack`` only the shipped pack is tested. Writes
``face_robustness.md``, ``.json`` and, for visual inspection, ``.png`` with some faces in every
condition.
"""

from __future__ import annotations

import argparse
import io
import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import av
import cv2
import numpy as np

Array = np.ndarray[Any, np.dtype[Any]]
Spoil = Callable[[Array, np.random.Generator], Array]
SIDE = 48
WORST = 0.08
"""Maximum accepted drop, except under conditions marked as hopeless."""


@dataclass(frozen=True)
class Condition:
    """One kind of degradation.

    Args:
        name: name in the table.
        spoil: function from pictures ``(n, 48, 48) uint8`` and a random generator to pictures of
            the same shape.
        hopeless: why a larger drop is accepted; empty if it is not.
    """

    name: str
    spoil: Spoil
    hopeless: str = ""


def one_by_one(change: Callable[[Array], Array]) -> Spoil:
    """A degradation of single pictures."""
    return lambda pictures, _: np.stack([change(picture) for picture in pictures])


def levels(change: Callable[[Array], Array]) -> Spoil:
    """A degradation of gray levels from 0 to 1."""
    return lambda pictures, _: np.asarray(
        (change(pictures.astype(np.float64) / 255).clip(0, 1) * 255).round(), np.uint8
    )


def dim(pictures: Array, rng: np.random.Generator) -> Array:
    """A twelfth of the light, with sensor noise of low light."""
    dark = pictures / 12 + rng.normal(0, 1.2, pictures.shape)
    return np.asarray(dark.clip(0, 255).round(), np.uint8)


def side_light(pictures: Array, _: np.random.Generator) -> Array:
    """A lamp at the left: from 1.6 times to a quarter of the light."""
    ramp = np.geomspace(1.6, 0.25, SIDE)
    return np.asarray((pictures * ramp).clip(0, 255), np.uint8)


def back_light(pictures: Array, _: np.random.Generator) -> Array:
    """A window behind: the face at a third of its light with glare, upper corners clipped."""
    y, x = np.mgrid[:SIDE, :SIDE] / (SIDE - 1)
    window = 255 * np.clip(1.6 * np.hypot(x - 0.5, 0.8 * (y - 0.6)) - 0.45, 0, 1)
    return np.asarray((pictures / 3 + 70 + window).clip(0, 255), np.uint8)


def motion(picture: Array) -> Array:
    """Diagonal motion blur of 6 px of 48."""
    kernel = np.zeros((7, 7), np.float32)
    cv2.line(kernel, (0, 5), (6, 1), 1.0)
    return cv2.filter2D(picture, -1, kernel / kernel.sum(), borderType=cv2.BORDER_REPLICATE)


def jpeg(times: int, quality: int) -> Spoil:
    """JPEG compression at a multiple of the size."""

    def change(picture: Array) -> Array:
        large = cv2.resize(picture, None, fx=times, fy=times, interpolation=cv2.INTER_CUBIC)
        coded = cv2.imencode(".jpg", large, (cv2.IMWRITE_JPEG_QUALITY, quality))[1]
        back = cv2.imdecode(coded, cv2.IMREAD_GRAYSCALE)
        return cv2.resize(back, (SIDE, SIDE), interpolation=cv2.INTER_AREA)

    return one_by_one(change)


def h264(factor: int) -> Spoil:
    """H.264 at a rate factor: faces of 96 px on frames of 576x480, cropped after decoding.

    The studio range of the codec's luma is converted to full range, as in a player.
    """
    return lambda pictures, _: _filmed(pictures, factor)


def _filmed(pictures: Array, factor: int) -> Array:
    wide, high, times = 6, 5, 2
    cell = SIDE * times
    frames = -(-len(pictures) // (wide * high))
    padded = pictures[np.arange(frames * wide * high) % len(pictures)]
    large = padded.repeat(times, axis=1).repeat(times, axis=2)
    sheets = large.reshape(frames, high, wide, cell, cell).transpose(0, 1, 3, 2, 4)
    sheets = sheets.reshape(frames, high * cell, wide * cell)
    file = io.BytesIO()
    options = {"crf": str(factor), "preset": "veryfast"}
    with av.open(file, "w", format="mp4") as out:
        stream = out.add_stream("libx264", rate=25, options=options)
        stream.width, stream.height, stream.pix_fmt = wide * cell, high * cell, "yuv420p"
        for sheet in sheets:
            # Each sheet twice, so that the second, which is used, is an inter-predicted frame.
            for _again in range(2):
                out.mux(stream.encode(av.VideoFrame.from_ndarray(sheet, format="gray")))
        out.mux(stream.encode())
    file.seek(0)
    with av.open(file) as back:
        seen = [f.to_ndarray(format="gray") for f in back.decode(video=0)][1::2]
    cells = np.stack(seen).reshape(frames, high, cell, wide, cell).transpose(0, 1, 3, 2, 4)
    shrunk = [
        cv2.resize(c, (SIDE, SIDE), interpolation=cv2.INTER_AREA)
        for c in cells.reshape(-1, cell, cell)
    ]
    return np.stack(shrunk)[: len(pictures)]


def small(side: int) -> Spoil:
    """A face downscaled to ``side`` px and enlarged."""

    def change(picture: Array) -> Array:
        little = cv2.resize(picture, (side, side), interpolation=cv2.INTER_AREA)
        return cv2.resize(little, (SIDE, SIDE), interpolation=cv2.INTER_LINEAR)

    return one_by_one(change)


def glasses(picture: Array) -> Array:
    """Dark glasses over both eyes."""
    out = picture.copy()
    for eye in (15, 33):
        cv2.ellipse(out, (eye, 18), (7, 5), 0, 0, 360, 25, -1)
    cv2.line(out, (20, 17), (28, 17), 25, 2)
    return out


def microphone(picture: Array) -> Array:
    """A microphone in front of the chin and a part of the mouth."""
    out = picture.copy()
    cv2.circle(out, (29, 41), 7, 40, -1)
    cv2.line(out, (32, 44), (42, 47), 60, 4)
    return out


def hand(picture: Array) -> Array:
    """A hand in front of a cheek and the side of the mouth, as bright as the face."""
    out = picture.copy()
    cv2.ellipse(out, (6, 36), (14, 12), -30, 0, 360, int(picture[12:40, 10:38].mean()), -1)
    return out


def mask(picture: Array) -> Array:
    """A mask over nose and mouth."""
    out = picture.copy()
    out[27:46, 6:42] = 200
    return out


def turned(pictures: Array, rng: np.random.Generator) -> Array:
    """In-plane rotation by 20 degrees to either side."""
    signs = rng.choice([-1, 1], len(pictures))
    return np.stack(
        [_moved(p, 20.0 * s, 1.0, (0, 0)) for p, s in zip(pictures, signs, strict=True)]
    )


def framed(pictures: Array, rng: np.random.Generator) -> Array:
    """Another framing: shift by 3 px and scale by 10 % (standard deviations)."""
    shifts = rng.normal(0, 3, (len(pictures), 2))
    scales = np.exp(rng.normal(0, 0.1, len(pictures)))
    return np.stack(
        [_moved(p, 0.0, k, s) for p, k, s in zip(pictures, scales, shifts, strict=True)]
    )


def _moved(picture: Array, degrees: float, scale: float, shift: Any) -> Array:
    matrix = cv2.getRotationMatrix2D(((SIDE - 1) / 2, (SIDE - 1) / 2), degrees, scale)
    matrix[:, 2] += shift
    return cv2.warpAffine(picture, matrix, (SIDE, SIDE), borderMode=cv2.BORDER_REPLICATE)


CONDITIONS = (
    Condition("clean", lambda pictures, _: pictures),
    Condition("low light: a twelfth, with noise", dim),
    Condition("gamma .45 (pale)", levels(lambda x: x**0.45)),
    Condition("gamma 2.2 (dark)", levels(lambda x: x**2.2)),
    Condition("light from a side", side_light),
    Condition("back light", back_light),
    Condition("out of focus, 1 px of 48", one_by_one(lambda p: cv2.GaussianBlur(p, (0, 0), 1.0))),
    Condition("out of focus, 1.6 px", one_by_one(lambda p: cv2.GaussianBlur(p, (0, 0), 1.6))),
    Condition("motion, 6 px", one_by_one(motion)),
    Condition("JPEG at 96 px, quality 15", jpeg(2, 15)),
    Condition("JPEG at 48 px, quality 20", jpeg(1, 20)),
    Condition("H.264 at 96 px, rate factor 34", h264(34)),
    Condition("H.264 at 96 px, rate factor 40", h264(40)),
    Condition("24 px, enlarged", small(24)),
    Condition("16 px, enlarged", small(16), "mien does not use faces below 24 px"),
    Condition("dark glasses", one_by_one(glasses)),
    Condition("a hand at a cheek", one_by_one(hand)),
    Condition("a microphone", one_by_one(microphone)),
    Condition("a mask", one_by_one(mask), "the mouth separates most labels"),
    Condition("another frame", framed),
    Condition("turned by 20 degrees", turned),
    Condition("studio range as it is", levels(lambda x: (16 + 219 * x) / 255)),
    Condition("full range read as studio range", levels(lambda x: (255 * x - 16) / 219)),
)


def judge(
    packs: Mapping[str, Path], pictures: Array, labels: Array
) -> dict[str, dict[str, dict[str, float]]]:
    """Accuracy and UAR by pack and condition."""
    from mien.branches.face import FaceModel
    from mien.metrics import classification_figures
    from mien.packs import Pack

    models = {name: FaceModel(Pack(folder, "face")) for name, folder in packs.items()}
    out: dict[str, dict[str, dict[str, float]]] = {name: {} for name in packs}
    for number, condition in enumerate(CONDITIONS):
        spoilt = condition.spoil(pictures, np.random.default_rng(number))
        assert spoilt.shape == pictures.shape, condition.name
        assert spoilt.dtype == np.uint8, condition.name
        for name, model in models.items():
            figures = classification_figures(labels, model.probs(spoilt))
            out[name][condition.name] = {k: round(figures[k], 4) for k in ("accuracy", "uar")}
        listed = "  ".join(f"{name} {out[name][condition.name]['accuracy']:.3f}" for name in out)
        print(f"{condition.name}: {listed}", flush=True)
    return out


def table(found: Mapping[str, Mapping[str, Mapping[str, float]]]) -> list[str]:
    """Accuracy and drop of every pack, and UAR of the last, in Markdown."""
    names = list(found)
    heads = [f"{name} | drop" for name in names]
    lines = [f"| condition | {' | '.join(heads)} | UAR, {names[-1]} | |"]
    lines.append("|---" * (2 * len(names) + 3) + "|")
    for condition in CONDITIONS:
        cells = []
        for name in names:
            clean = found[name]["clean"]["accuracy"]
            here = found[name][condition.name]["accuracy"]
            cells += [f"{here:.3f}", "" if condition.name == "clean" else f"{clean - here:+.3f}"]
        clean, here = (found[names[-1]][c]["accuracy"] for c in ("clean", condition.name))
        why = f"hopeless: {condition.hopeless}" if condition.hopeless else ""
        if not why and clean - here > WORST:
            why = "**more than 8 points**"
        uar = found[names[-1]][condition.name]["uar"]
        lines.append(f"| {condition.name} | {' | '.join(cells)} | {uar:.3f} | {why} |")
    return lines


def montage(pictures: Array, count: int = 8) -> Array:
    """Some faces in every condition, one condition per row, with its name."""
    rows = []
    for number, condition in enumerate(CONDITIONS):
        spoilt = condition.spoil(pictures[:count], np.random.default_rng(number))
        large = np.hstack(
            [cv2.resize(p, (96, 96), interpolation=cv2.INTER_NEAREST) for p in spoilt]
        )
        name = np.full((96, 300), 255, np.uint8)
        cv2.putText(name, condition.name, (6, 54), cv2.FONT_HERSHEY_SIMPLEX, 0.5, 0, 1, cv2.LINE_AA)
        rows.append(np.hstack([name, large]))
    return np.vstack(rows)


def main() -> None:
    """Evaluate, print and write."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").split("\n", 1)[0])
    parser.add_argument("--data", type=Path, required=True, help="FER-2013 with FER+ votes, .npz")
    parser.add_argument("--pack", action="append", metavar="NAME=DIR", help="repeatable")
    parser.add_argument("--limit", type=int, help="maximum number of rows")
    parser.add_argument("--out", type=Path, help="folder for the table, the figures and faces")
    args = parser.parse_args()

    from mien.convert.provenance import commit, machine
    from mien.datasets import load_faces
    from mien.datasets.facevotes import OBSERVERS, judged_rows
    from mien.packs import EMBEDDED, file_sha256

    given = dict(pair.split("=", 1) for pair in args.pack or [f"mien={EMBEDDED / 'face'}"])
    packs = {name: Path(folder) for name, folder in given.items()}
    test = load_faces(args.data).split("PublicTest")
    labelled = judged_rows(test, OBSERVERS)
    pictures, labels = (
        test.items[labelled.which][: args.limit],
        labelled.labels[labelled.which][: args.limit],
    )
    found = judge(packs, pictures, labels)
    about = {
        "data": f"FER-2013 PublicTest, {len(labels)} pictures with a majority of observers",
        "packs": {n: file_sha256(p / "model.onnx")[:12] for n, p in packs.items()},
        "seed": "the number of the condition",
        "commit": commit(),
        "machine": machine(),
    }
    lines = ["# Accuracy of the face net on degraded pictures", ""]
    lines += [*(f"* {k}: {v}" for k, v in about.items()), "", *table(found), ""]
    print("\n".join(lines))
    if args.out is not None:
        args.out.mkdir(parents=True, exist_ok=True)
        where = args.out / "face_robustness"
        where.with_suffix(".md").write_text("\n".join(lines), encoding="utf-8")
        value = json.dumps({"about": about, "found": found}, indent=1) + "\n"
        where.with_suffix(".json").write_text(value, encoding="utf-8")
        some = np.random.default_rng(1).permutation(len(pictures))[:8]
        cv2.imwrite(str(where.with_suffix(".png")), montage(pictures[np.sort(some)]))


if __name__ == "__main__":
    main()
