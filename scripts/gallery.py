"""Make the reports of the documentation's gallery: ``python scripts/gallery.py FOLDER``.

The recordings are made here: the portrait and the synthesised sentence of ``mien demo``, at two
speeds, with pauses and black pictures. Nothing is done if the folder is newer than the package.
"""

from __future__ import annotations

import shutil
import sys
import tempfile
from collections.abc import Iterator
from itertools import islice
from pathlib import Path

import numpy as np

import mien
from mien.demo import HEIGHT, RATE, WIDTH, make_clip, portrait_pictures
from mien.media import load_audio
from mien.media.writer import write_clip
from mien.packs import EMBEDDED
from mien.report.figure import save
from mien.scene import SAMPLE_RATE, Image

ROOT = Path(__file__).resolve().parents[1]
REPORTS = ("demo", "gaps", "interview", "diary")
STAMP = "made"
TALK = """WEBVTT

00:00:00.500 --> 00:00:04.900
<v Ada>I am so happy that you came. This is wonderful news.

00:00:06.000 --> 00:00:11.200
<v Ben>I do not know. I am afraid that it will all go wrong.

00:00:12.200 --> 00:00:16.600
<v Ada>Do not worry. We will look at it together tomorrow.

00:00:17.700 --> 00:00:22.900
<v Ben>You said that last time, and you lied to me. I am furious.
"""
DIARY = """Monday. I slept badly and I was scared of the exam.
Tuesday. It is over, and I passed! I could hug everybody.
Wednesday. The train was late.
Thursday. Somebody broke into the shed. I am so angry.
Friday. I miss my sister very much.
"""


def speech(speed: float = 1.0) -> np.ndarray:
    """The synthesised sentence, played at another speed, which changes its pitch as well."""
    samples = load_audio(EMBEDDED / "demo" / "speech.flac")
    places = np.arange(0, len(samples) - 1, speed)
    return np.interp(places, np.arange(len(samples)), samples).astype(np.float32)


def silence(seconds: float) -> np.ndarray:
    """Silent samples."""
    return np.zeros(int(seconds * SAMPLE_RATE), dtype=np.float32)


def make_interview(path: Path) -> None:
    """Two voices that take turns, as sound over a gray picture, with a transcript beside it."""
    ada, ben = speech(1.0), speech(0.85)
    parts = [silence(0.5), ada, silence(1.1), ben, silence(1.0), ada, silence(1.1), ben, silence(1)]
    samples = np.concatenate(parts)
    gray = np.full((HEIGHT // 4, WIDTH // 4, 3), 60, dtype=np.uint8)
    count = int(len(samples) / SAMPLE_RATE * 2)
    write_clip(path, (gray for _ in range(count)), 2, samples)
    path.with_suffix(".vtt").write_text(TALK, encoding="utf-8")


def make_gaps(path: Path) -> None:
    """Five seconds with all, five of black silence, five of a face without sound."""
    said = np.concatenate([silence(0.5), speech()])[: 5 * SAMPLE_RATE]
    samples = np.concatenate([said, silence(15 - len(said) / SAMPLE_RATE)])
    write_clip(path, _gaps(5 * RATE), RATE, samples)


def _gaps(third: int) -> Iterator[Image]:
    yield from islice(portrait_pictures(third), third)
    yield from (np.zeros((HEIGHT, WIDTH, 3), dtype=np.uint8) for _ in range(third))
    yield from islice(portrait_pictures(third), third)


def windows(seconds: float) -> mien.Options:
    """Overlapping windows, with pictures of the faces."""
    return mien.Options(
        segmentation=mien.SegmentationOptions("window", seconds, seconds / 2), portraits=24
    )


def make(out: Path) -> None:
    """Write the reports into a folder."""
    with tempfile.TemporaryDirectory() as made:
        folder = Path(made)
        clip, gaps, talk = folder / "demo.mp4", folder / "gaps.mp4", folder / "interview.mp4"
        make_clip(clip)
        make_gaps(gaps)
        make_interview(talk)
        for path, options in ((clip, windows(1.5)), (gaps, windows(2.5))):
            analysis = mien.analyze(path, options)
            analysis.save_report(out / f"{path.stem}.html", path, overwrite=True)
            save(analysis.plot(), out / f"{path.stem}.png", overwrite=True, inputs=(path,))
        turns = mien.Options(segmentation=mien.SegmentationOptions("speaker"))
        mien.analyze(talk, turns).save_report(out / "interview.html", talk, overwrite=True)
        diary = folder / "diary.txt"
        diary.write_text(DIARY, encoding="utf-8")
        lines = mien.Options(segmentation=mien.SegmentationOptions("utterance"))
        mien.analyze(diary, lines).save_report(out / "diary.html", overwrite=True)


def main() -> int:
    """Make the folder unless it is up to date."""
    out = Path(sys.argv[1] if len(sys.argv) > 1 else ROOT / "build" / "gallery")
    sources = [Path(__file__), *(ROOT / "src" / "mien").rglob("*.*")]
    stamp = out / STAMP
    if stamp.is_file() and stamp.stat().st_mtime > max(p.stat().st_mtime for p in sources):
        return 0
    shutil.rmtree(out, ignore_errors=True)
    out.mkdir(parents=True)
    make(out)
    stamp.touch()
    return 0


if __name__ == "__main__":
    sys.exit(main())
