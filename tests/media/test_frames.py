"""Pictures: sampled by time, upright, in BGR."""

from __future__ import annotations

from collections.abc import Sequence
from fractions import Fraction
from pathlib import Path

import numpy as np
import numpy.typing as npt
import pytest

from mien.media import open_clip

from .listen import listen
from .make import BLUE, GREEN, RED, WHITE, nearest, plain, steps, write


@pytest.mark.parametrize(
    ("times", "rate", "expected"),
    [
        (steps(2, 25), 5, steps(2, 5)),
        (steps(1, 10), 100, steps(1, 10)),
        (steps(2, 25), 1, [0.0, 1.0]),
        (steps(1, 30), 3, [0.0, 1 / 3, 2 / 3]),
        (steps(1, 30), 4, [0.0, 8 / 30, 0.5, 23 / 30]),
        (steps(9, 5), 0.25, [0.0, 4.0, 8.0]),
    ],
)
@pytest.mark.parametrize("suffix", ["mp4", "mkv"])
def test_the_first_frame_at_or_after_each_slot(
    tmp_path: Path, times: Sequence[float], rate: float, expected: Sequence[float], suffix: str
) -> None:
    heard = listen(write(tmp_path / f"a.{suffix}", times=times, vcodec="libx264"), rate)
    assert heard.times == pytest.approx(expected, abs=0.0011)


def test_a_variable_frame_rate_is_sampled_by_time(tmp_path: Path) -> None:
    times = [0.0, 0.05, 0.1, 0.9, 1.0, 1.02, 1.04, 1.06, 2.55, 3.3]
    heard = listen(write(tmp_path / "a.mp4", times=times, vcodec="libx264"), 5)
    assert heard.times == pytest.approx([0.0, 0.9, 1.0, 2.55, 3.3], abs=0.002)
    assert heard.colours == [RED, RED, GREEN, BLUE, WHITE]


def test_never_more_than_were_asked_for(tmp_path: Path) -> None:
    times = sorted(np.random.default_rng(5).choice(2000, 150, replace=False) / 1000)
    heard = listen(write(tmp_path / "a.mkv", times=[float(t) for t in times]), 7)
    slots = [int((t + 0.001) * 7) for t in heard.times]
    assert len(slots) == len(set(slots)) <= 15
    assert heard.times == sorted(heard.times)


def test_colours_are_bgr(tmp_path: Path) -> None:
    heard = listen(write(tmp_path / "a.mp4", times=steps(3, 10), vcodec="libx264"), 1)
    assert heard.colours == [RED, GREEN, BLUE]
    assert heard.frames[0].image.shape == (48, 64, 3)
    assert heard.frames[0].image[24, 32] == pytest.approx(RED, abs=12)


def quarters(time: float) -> npt.NDArray[np.uint8]:
    """Red and green above, blue and white below."""
    image = plain(RED)
    image[:24, 32:] = GREEN
    image[24:, :32] = BLUE
    image[24:, 32:] = WHITE
    return image


def corners(image: npt.NDArray[np.uint8]) -> list[tuple[int, int, int]]:
    height, width = image.shape[:2]
    half = (slice(0, height // 2), slice(height // 2, height))
    sides = (slice(0, width // 2), slice(width // 2, width))
    return [nearest(image[rows, columns]) for rows in half for columns in sides]


@pytest.mark.parametrize("suffix", ["mp4", "mov", "mkv"])
@pytest.mark.parametrize("rotation", [0, 90, 180, -90])
def test_a_turned_video_is_set_upright(tmp_path: Path, rotation: int, suffix: str) -> None:
    path = write(
        tmp_path / f"a.{suffix}",
        times=steps(0.5, 10),
        picture=quarters,
        vcodec="libx264",
        rotation=rotation,
    )
    heard = listen(path, 10)
    image = heard.frames[0].image
    expected = np.rot90(quarters(0), rotation // 90)  # counterclockwise, as the file says
    assert (heard.facts.height, heard.facts.width) == image.shape[:2] == expected.shape[:2]
    assert corners(image) == corners(expected)
    assert image.flags.c_contiguous
    assert f"{heard.facts.width}x{heard.facts.height}" in heard.facts.video


@pytest.mark.parametrize(("hflip", "vflip"), [(True, False), (False, True), (True, True)])
def test_a_mirrored_video_is_mirrored_back(tmp_path: Path, hflip: bool, vflip: bool) -> None:
    path = write(
        tmp_path / "a.mp4",
        times=steps(0.5, 10),
        picture=quarters,
        vcodec="libx264",
        rotation=360,
        flips=(hflip, vflip),
    )
    expected = quarters(0)[:: -1 if vflip else 1, :: -1 if hflip else 1]
    assert corners(listen(path, 10).frames[0].image) == corners(expected)


def test_a_width_that_is_no_multiple_of_anything(tmp_path: Path) -> None:
    def stripes(time: float) -> npt.NDArray[np.uint8]:
        image = plain(RED, 118, 46)
        image[:, 78:] = GREEN
        return image

    path = write(tmp_path / "a.mp4", times=[0.0, 0.1], vcodec="libx264", picture=stripes)
    image = listen(path, 10).frames[1].image
    assert image.shape == (46, 118, 3)
    assert [nearest(image[:, :70]), nearest(image[:, 88:])] == [RED, GREEN]
    assert (image[:, 10] == image[0, 10]).all()


def test_pixels_become_square(tmp_path: Path) -> None:
    path = write(tmp_path / "a.mp4", times=steps(0.5, 10), vcodec="libx264", aspect=Fraction(3, 2))
    heard = listen(path, 10)
    assert heard.frames[0].image.shape == (48, 96, 3)
    assert (heard.facts.width, heard.facts.height) == (96, 48)


def test_facts_are_known_before_the_play(tmp_path: Path) -> None:
    path = write(tmp_path / "a.mov", times=steps(0.5, 10), vcodec="libx264", rotation=90)
    facts = open_clip(path).facts
    assert (facts.width, facts.height) == (48, 64)
