"""Subtitle tracks: times, and words without markup."""

from __future__ import annotations

from pathlib import Path

import pytest

from mien.media.captions import plain
from mien.timebase import Segment

from .listen import listen
from .make import beeps, write

LINES = [(0.5, 1.2, "<i>Well,</i> hello\nthere"), (2.0, 2.5, "Goodbye")]


@pytest.mark.parametrize(
    ("suffix", "codec", "acodec"),
    [("mkv", "subrip", "aac"), ("mp4", "mov_text", "aac"), ("webm", "webvtt", "libopus")],
)
def test_lines_of_every_format(tmp_path: Path, suffix: str, codec: str, acodec: str) -> None:
    lines = LINES if codec != "mov_text" else [(0.5, 1.2, "Well, hello\nthere"), LINES[1]]
    path = write(
        tmp_path / f"a.{suffix}",
        sound=beeps(3, [1]),
        acodec=acodec,
        captions=lines,
        scodec=codec,
    )
    captions = listen(path).captions
    assert [c.text for c in captions] == ["Well, hello\nthere", "Goodbye"]
    assert [c.segment.start for c in captions] == pytest.approx([0.5, 2.0], abs=0.002)
    assert [c.segment.end for c in captions] == pytest.approx([1.2, 2.5], abs=0.002)


def test_substation_tags_and_drawings(tmp_path: Path) -> None:
    path = write(
        tmp_path / "a.mkv",
        sound=beeps(3, [1]),
        captions=[
            (0.5, 1.0, r"0,0,Default,,0,0,0,,{\i1}Well,{\i0}\Nhello, there"),
            (1.0, 1.5, r"1,0,Default,,0,0,0,,{\p1}m 0 0 l 5 5{\p0}"),
        ],
        scodec="ass",
    )
    assert [(c.segment, c.text) for c in listen(path).captions] == [
        (Segment(0.5, 1.0), "Well,\nhello, there")
    ]


@pytest.mark.parametrize(
    ("languages", "count"),
    [(("eng", "eng"), 1), (("eng", "fre"), 0), (("", "fre"), 1), (("eng", ""), 1)],
)
def test_only_lines_in_the_language_of_the_sound(
    tmp_path: Path, languages: tuple[str, str], count: int
) -> None:
    path = write(
        tmp_path / "a.mkv",
        sound=beeps(3, [1]),
        captions=[(0.5, 1.0, "Bonjour")],
        language=languages,
    )
    assert len(listen(path).captions) == count


def test_plain_words() -> None:
    assert plain(r"{\an8}{\fs20}One\htwo\nthree \N four{note}") == "One two\nthree\nfour"
    assert plain("no markup, commas, too") == "no markup, commas, too"
    assert plain(r"{\pos(1,2)}kept") == "kept"
    assert plain(r"{\k20}ke{\pos(1,2)\p1}m 0 0 l 1 1{\p0}pt") == "kept"
    assert plain("a {b {c} d} e {f") == "a  d} e {f".replace("  ", " ")
