"""Input and output of the face branch: tracks and detections on frames, face rows over time.

Usage: ``python benchmarks/face_montage.py OUT CLIP... [--detector auto] [--frames 12]``

Writes for each clip ``OUT/CLIP.frames.png`` (boxes in the colour of the person, score, landmarks if
the detector has them; thin gray boxes are detections that were dropped as false alarms) and
``OUT/CLIP.rows.png`` (the seven probabilities and the quality of each person over time, the cuts as
lines, the reasons for absent rows). For visual inspection.
"""

from __future__ import annotations

import argparse
from itertools import groupby
from pathlib import Path

import cv2
import numpy as np
from matplotlib.figure import Figure

from mien.analysis.analysis import Analysis
from mien.analysis.evidence import Evidence
from mien.analyzer import Analyzer
from mien.emotions import MIEN7
from mien.media import open_clip
from mien.options import FaceOptions, Options, SegmentationOptions, SpeechOptions
from mien.perceive import PerceiveOptions, perceive
from mien.perceive.detectors import Detector, make_detector
from mien.scene import FACES, SHOTS, SPEECH, Faces, Frame, Image, Scene

WIDTH, COLUMNS = 400, 4
# Okabe and Ito's palette in BGR order.
PEOPLE = ((178, 114, 0), (0, 159, 230), (115, 158, 0), (167, 121, 204), (233, 180, 86))
SHOWN = ("#D55E00", "#009E73", "#000000", "#E69F00", "#999999", "#0072B2", "#CC79A7")
GRAY = (150, 150, 150)


def colour(identity: int) -> tuple[int, int, int]:
    """The colour of a person."""
    return PEOPLE[identity % len(PEOPLE)]


def frames(path: Path, detector: str, count: int) -> list[Image]:
    """Evenly spaced frames of a clip with all detections."""
    clip = open_clip(path)
    scene = perceive(clip, [FACES, SPEECH], PerceiveOptions(detector=detector))
    clip.close()
    faces = scene.get(FACES)
    if faces is None or not len(faces.times):
        return []
    wanted = {
        float(faces.times[i]) for i in np.linspace(0, len(faces.times) - 1, count).astype(int)
    }
    looker = make_detector(detector)
    clip = open_clip(path)
    found = [
        _drawn(moment, faces, looker, scene)
        for moment in clip.play(PerceiveOptions().frame_rate)
        if isinstance(moment, Frame) and moment.time in wanted
    ]
    clip.close()
    return found


def _drawn(frame: Frame, faces: Faces, detector: Detector, scene: Scene) -> Image:
    scale = WIDTH / frame.image.shape[1]
    picture = cv2.resize(frame.image, None, fx=scale, fy=scale, interpolation=cv2.INTER_AREA)
    for face in detector.detect(frame.image):
        _box(picture, np.array(face.box) * scale, GRAY, 1)
        for point in () if face.landmarks is None else face.landmarks * scale:
            cv2.circle(picture, tuple(int(v) for v in point), 2, (0, 255, 255), -1)
    for track in faces.tracks:
        for row in np.flatnonzero(track.samples.times == frame.time):
            box = track.samples.boxes[row] * scale
            _box(picture, box, colour(track.identity), 2)
            label = f"{track.identity}: {track.samples.scores[row]:.2f}"
            if np.isfinite(track.samples.turns[row]):
                label += f", {track.samples.turns[row]:.0f} deg"
            place = (int(box[0]), max(12, int(box[1]) - 4))
            _write(picture, label, place, colour(track.identity))
    shot = int(np.searchsorted(scene.get(SHOTS) or (), frame.time, "right"))
    _write(picture, f"{frame.time:.1f} s, shot {shot}", (4, picture.shape[0] - 6), (255, 255, 255))
    return picture


def _box(picture: Image, box: np.ndarray, shade: tuple[int, int, int], thick: int) -> None:
    left, top, wide, high = (round(float(v)) for v in box)
    cv2.rectangle(picture, (left, top), (left + wide, top + high), shade, thick)


def _write(picture: Image, text: str, place: tuple[int, int], shade: tuple[int, int, int]) -> None:
    cv2.putText(picture, text, place, cv2.FONT_HERSHEY_SIMPLEX, 0.42, (0, 0, 0), 3, cv2.LINE_AA)
    cv2.putText(picture, text, place, cv2.FONT_HERSHEY_SIMPLEX, 0.42, shade, 1, cv2.LINE_AA)


def montage(pictures: list[Image]) -> Image:
    """The pictures in rows of four."""
    empty = np.full_like(pictures[0], 255)
    pictures = pictures + [empty] * (-len(pictures) % COLUMNS)
    lines = [np.hstack(pictures[i : i + COLUMNS]) for i in range(0, len(pictures), COLUMNS)]
    return np.vstack(lines)


def rows(analysis: Analysis) -> Figure:
    """The face rows over time, one panel per person; the first panel is the fused one."""
    panels = {"primary (fused)": analysis.by_branch["face"]}
    if len(analysis.people) > 1:
        panels |= {f"person {who}": evidence for who, evidence in analysis.people.items()}
    figure = Figure(figsize=(11, 2.3 * len(panels) + 0.6), layout="constrained")
    all_axes = figure.subplots(len(panels), 1, sharex=True, squeeze=False)[:, 0]
    for axes, (name, evidence) in zip(all_axes, panels.items(), strict=True):
        _panel(axes, name, evidence, analysis)
    all_axes[-1].set_xlabel("seconds")
    handles, labels = all_axes[0].get_legend_handles_labels()
    figure.legend(handles, labels, loc="outside upper center", ncols=8, frameon=False)
    return figure


def _panel(axes, name: str, evidence: Evidence, analysis: Analysis) -> None:
    middles = [segment.middle for segment in analysis.segments]
    for label, shade, column in zip(MIEN7.labels, SHOWN, evidence.probs.T, strict=True):
        axes.plot(middles, column, ".-", color=shade, label=label, lw=1.6)
    quality = np.where(evidence.present, evidence.quality, np.nan)
    axes.plot(middles, quality, ":", color="#555555", lw=1, label="quality")
    for cut in analysis.shots:
        axes.axvline(cut, color="#bbbbbb", lw=1)
    runs = groupby(zip(analysis.segments, evidence.reasons, strict=True), lambda pair: pair[1][:12])
    for kind, run in runs:
        pairs = list(run)
        if kind:
            start, end = pairs[0][0].start, pairs[-1][0].end
            axes.axvspan(start, end, color="#eeeeee", lw=0)
            if end - start > 0.25 * analysis.clip.duration:
                axes.text(start, 0.5, " " + pairs[0][1], fontsize=8, color="#555555")
            elif end - start > 0.02 * analysis.clip.duration:
                short = pairs[0][1].split(" (")[0]
                axes.text((start + end) / 2, 0.5, short, rotation=90, ha="center", va="center",
                          fontsize=7, color="#555555")  # fmt: skip
    axes.set_ylim(0, 1)
    axes.set_title(name, loc="left", fontsize=10)
    axes.spines[["top", "right"]].set_visible(False)


def main() -> None:
    """Draw each clip."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("out", type=Path)
    parser.add_argument("clips", type=Path, nargs="+")
    parser.add_argument("--detector", default="auto")
    parser.add_argument("--frames", type=int, default=12)
    parser.add_argument("--window", type=float, default=1.0, help="length of a row in seconds")
    chosen = parser.parse_args()
    chosen.out.mkdir(parents=True, exist_ok=True)
    options = Options(
        segmentation=SegmentationOptions("window", chosen.window, chosen.window),
        speech=SpeechOptions(asr="none"),
        faces=FaceOptions(person="all", detector=chosen.detector),
    )
    for path in chosen.clips:
        pictures = frames(path, chosen.detector, chosen.frames)
        if not pictures:
            print(f"{path.name}: no picture")
            continue
        cv2.imwrite(str(chosen.out / f"{path.name}.frames.png"), montage(pictures))
        analysis = Analyzer(options).analyze(path)
        rows(analysis).savefig(chosen.out / f"{path.name}.rows.png", dpi=100)
        print(f"{path.name}: cuts {[round(c, 1) for c in analysis.shots]}")
        for track in analysis.faces:
            print(f"  person {track.identity}  {track.segment}  {track.samples} looks")


if __name__ == "__main__":
    main()
