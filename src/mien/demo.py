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
from mien.outputs import check_output, written
from mien.packs import EMBEDDED
from mien.report.export import export
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


def run_demo(
    out: Path, progress: Callable[[str, float], None], overwrite: bool = False
) -> DemoResult:
    """Write ``demo.mp4`` into a folder and analyse it.

    ``analysis.json`` and ``report.html`` contain the windows, the table and ``analysis.png`` the
    overall prediction.

    Args:
        out: the folder, made if it does not exist.
        progress: told what is being done and the share done.
        overwrite: whether existing files of these names that mien did not write are replaced.

    Raises:
        OptionError, OutputError: if one of the files may not or cannot be written.
    """
    out.mkdir(parents=True, exist_ok=True)
    clip, data, figure = out / "demo.mp4", out / "analysis.json", out / "analysis.png"
    report = out / "report.html"
    for path in (clip, data, figure, report):
        check_output(path, (), overwrite, "The demo")
    with written(clip, (), overwrite) as fresh:
        make_clip(fresh)
    analysis = Analyzer(Options(segmentation=BY_WINDOW, portraits=24)).analyze(clip, progress)
    export(analysis, data, overwrite=overwrite)
    analysis.save_report(report, clip, overwrite=overwrite)
    overall = at_once(analysis)
    save(overall.plot(), figure, overwrite=overwrite, inputs=(clip,))
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
