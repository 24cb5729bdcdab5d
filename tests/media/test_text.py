"""Texts: whatever encoding they are in."""

from __future__ import annotations

from pathlib import Path

import pytest

from mien.errors import MediaError
from mien.media import open_clip, read_text
from mien.media.text import MAX_BYTES

WORDS = "Größe — “so happy”!\nSecond line\n"


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16", "cp1252"])
@pytest.mark.parametrize("suffix", [".txt", ".md", ".TXT"])
def test_every_encoding(tmp_path: Path, encoding: str, suffix: str) -> None:
    path = tmp_path / f"a{suffix}"
    path.write_bytes(WORDS.replace("\n", "\r\n").encode(encoding))
    assert read_text(path) == WORDS
    clip = open_clip(path)
    assert (clip.facts.kind, clip.facts.duration, clip.facts.path) == ("text", 0.0, str(path))
    assert not clip.facts.has_audio
    assert not clip.facts.has_video
    assert list(clip.play(5)) == []
    clip.close()


def test_utf_16_in_the_other_order(tmp_path: Path) -> None:
    path = tmp_path / "a.txt"
    path.write_bytes(b"\xfe\xff" + WORDS.encode("utf-16-be"))
    assert read_text(path) == WORDS


def test_a_mark_alone_is_an_empty_text(tmp_path: Path) -> None:
    path = tmp_path / "a.txt"
    path.write_bytes(b"\xef\xbb\xbf")
    assert read_text(path) == ""


def test_other_suffixes_can_be_read_too(tmp_path: Path) -> None:
    path = tmp_path / "a.srt"
    path.write_text("1\n", encoding="utf-8")
    assert read_text(path) == "1\n"


@pytest.mark.parametrize(
    "content", [b"\x00\x01\x02binary" * 20, bytes(range(1, 32)) * 9, b"\xff\xfe\0\0a\0"]
)
def test_binary_content(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "a.txt"
    path.write_bytes(content)
    with pytest.raises(MediaError, match=r"a\.txt is not a text .*; give a UTF-8 text file"):
        read_text(path)


def test_a_recording_named_txt_is_a_recording(tmp_path: Path) -> None:
    from .make import beeps, write

    wav = write(tmp_path / "a.wav", sound=beeps(0.5, [0.1]), acodec="pcm_s16le")
    assert open_clip(wav.rename(tmp_path / "a.txt")).facts.kind == "recording"


def test_too_large(tmp_path: Path) -> None:
    path = tmp_path / "a.txt"
    with path.open("wb") as out:
        out.truncate(MAX_BYTES + 1)
    with pytest.raises(MediaError, match=r"larger than 10 MB; split"):
        read_text(path)


def test_missing(tmp_path: Path) -> None:
    with pytest.raises(MediaError, match="does not exist"):
        read_text(tmp_path / "a.txt")
