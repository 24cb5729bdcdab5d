"""``mien demo``: generate a clip and analyse it, to check the installation.

The picture is matplotlib's sample portrait of Grace Hopper (public domain, US Navy), slowly moving;
the sentence was synthesised with espeak-ng and is shipped with mien.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from rich.console import RenderableType

from mien.analyzer import Analyzer
from mien.media import load_audio
from mien.media.writer import write_clip
from mien.options import Options, SegmentationOptions
from mien.packs import EMBEDDED
from mien.report.figure import save
from mien.report.overall import at_once
from mien.report.table import render
from mien.scene import SAMPLE_RATE, Image

RATE = 12
WIDTH, HEIGHT = 480, 360
BY_WINDOW = SegmentationOptions("window", 1.5, 0.5)


@dataclass(frozen=True)
class DemoResult:
    """The result of the demo."""

    table: RenderableType
    files: tuple[Path, ...]


def run_demo(out: Path, progress: Callable[[str, float], None]) -> DemoResult:
    """Write ``demo.mp4`` into a folder and analyse it.

    ``analysis.json`` and ``report.html`` contain the windows, the table and ``analysis.png`` the
    overall prediction.
    """
    out.mkdir(parents=True, exist_ok=True)
    clip, data, figure = out / "demo.mp4", out / "analysis.json", out / "analysis.png"
    report = out / "report.html"
    make_clip(clip)
    analysis = Analyzer(Options(segmentation=BY_WINDOW, portraits=24)).analyze(clip, progress)
    data.write_text(analysis.to_json(), encoding="utf-8")
    analysis.save_report(report, clip)
    overall = at_once(analysis)
    save(overall.plot(), figure)
    return DemoResult(render(overall), (clip, data, figure, report))


def make_clip(path: Path) -> None:
    """Write the demo clip, about 5 s of a moving portrait and a spoken sentence."""
    speech = load_audio(EMBEDDED / "demo" / "speech.flac")
    pause = np.zeros(SAMPLE_RATE // 2, dtype=np.float32)
    samples = np.concatenate([pause, speech, pause])
    count = int(len(samples) / SAMPLE_RATE * RATE)
    write_clip(path, portrait_pictures(count), RATE, samples)


def portrait_pictures(count: int) -> Iterator[Image]:
    """The portrait under a camera that slowly closes in and sways."""
    import cv2
    from matplotlib import cbook

    source = cbook.get_sample_data("grace_hopper.jpg", asfileobj=False)
    portrait = cv2.imread(str(source))
    if portrait is None:
        raise FileNotFoundError(str(source))
    height, width = portrait.shape[:2]
    for index in range(count):
        share = index / max(1, count - 1)
        zoom = 0.72 + 0.12 * share
        shift = 12 * np.sin(2 * np.pi * share)
        matrix = np.array(
            [
                [zoom, 0, WIDTH / 2 - zoom * width / 2 + shift],
                [0, zoom, HEIGHT / 2 - zoom * (0.37 * height)],
            ]
        )
        moved = cv2.warpAffine(portrait, matrix, (WIDTH, HEIGHT), borderMode=cv2.BORDER_REPLICATE)
        yield np.asarray(moved, dtype=np.uint8)
