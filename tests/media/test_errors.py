"""Every file that cannot be used: one sentence that names it and says what to do."""

from __future__ import annotations

import os
import wave
from pathlib import Path

import numpy as np
import pytest

from mien.errors import MediaError, OptionError
from mien.media import load_audio, open_clip
from mien.media.recording import Recording
from mien.scene import Frame

from .listen import listen
from .make import beeps, plain, steps, write


def garbage(n: int) -> bytes:
    return np.random.default_rng(7).integers(0, 256, n, dtype=np.uint8).tobytes()


def test_missing_empty_and_folder(tmp_path: Path) -> None:
    (tmp_path / "empty.mp4").touch()
    (tmp_path / "folder.mp4").mkdir()
    for name, words in {
        "missing.mp4": "does not exist",
        "empty.mp4": "is empty",
        "folder.mp4": "is not a regular file",
    }.items():
        with pytest.raises(MediaError, match=f"{name} {words}.*;"):
            open_clip(tmp_path / name)
        with pytest.raises(MediaError, match=words):
            load_audio(tmp_path / name)


def test_a_name_that_no_system_has() -> None:
    with pytest.raises(MediaError, match="does not exist"):
        open_clip("a\0b.wav")


@pytest.mark.parametrize("suffix", [".mp4", ".wav", ".mkv", ".mp3", ".ts", ".bin"])
@pytest.mark.parametrize(
    "content", [b"I am a letter, not a film.\n" * 99, garbage(50_000)], ids=["text", "garbage"]
)
def test_what_is_no_recording(tmp_path: Path, suffix: str, content: bytes) -> None:
    path = tmp_path / f"odd{suffix}"
    path.write_bytes(content)
    with pytest.raises(MediaError, match=r"odd.* is damaged, cut off or of an unknown kind"):
        listen(path, 5)


def test_a_movie_without_its_index(tmp_path: Path) -> None:
    whole = write(tmp_path / "whole.mp4", sound=beeps(2, [0.5]), times=steps(2, 10))
    path = tmp_path / "cut.mp4"
    path.write_bytes(whole.read_bytes()[: whole.stat().st_size // 2])
    with pytest.raises(MediaError, match=r"cut\.mp4 is damaged"):
        open_clip(path)


def test_no_sound_at_all(tmp_path: Path) -> None:
    path = tmp_path / "zero.wav"
    with wave.open(str(path), "wb") as out:
        out.setnchannels(1)
        out.setsampwidth(2)
        out.setframerate(16_000)
    with pytest.raises(MediaError, match=r"zero\.wav"):
        listen(path)
    with pytest.raises(MediaError, match=r"zero\.wav"):
        load_audio(path)


def test_sound_wanted_of_a_silent_film(tmp_path: Path) -> None:
    path = write(tmp_path / "silent.mp4", times=steps(1, 10))
    with pytest.raises(MediaError, match=r"silent\.mp4 has no sound"):
        load_audio(path)


def test_a_list_of_words_only(tmp_path: Path) -> None:
    path = write(tmp_path / "words.mkv", captions=[(0, 1, "hello")])
    with pytest.raises(MediaError, match="neither sound nor pictures"):
        open_clip(path)


def test_subtitles_are_not_judged(tmp_path: Path) -> None:
    path = tmp_path / "lines.srt"
    path.write_text("1\n00:00:01,000 --> 00:00:02,000\nHello\n")
    with pytest.raises(MediaError, match="holds subtitles; give the recording"):
        open_clip(path)


def test_pictures_beyond_the_limit(tmp_path: Path) -> None:
    path = write(
        tmp_path / "wide.mkv",
        times=[0.0],
        vcodec="libx264",
        picture=lambda t: plain((0, 0, 255), 8208, 16),
    )
    with pytest.raises(MediaError, match=r"wide\.mkv has pictures of 8208x16 pixels.*scale"):
        open_clip(path)
    stretched = write(
        tmp_path / "stretched.mkv",
        times=[0.0],
        vcodec="libx264",
        picture=lambda t: plain((0, 0, 255), 4096, 16),
        aspect=3,
    )
    with pytest.raises(MediaError, match="12288x16"):
        open_clip(stretched)


@pytest.mark.parametrize("rate", [-1.0, float("nan"), float("inf")])
def test_frame_rates_that_cannot_be(tmp_path: Path, rate: float) -> None:
    clip = open_clip(write(tmp_path / "a.wav", sound=beeps(0.2, []), acodec="pcm_s16le"))
    with pytest.raises(OptionError, match="frame_rate"):
        clip.play(rate)
    clip.close()


def test_a_recording_plays_once(tmp_path: Path) -> None:
    clip = open_clip(write(tmp_path / "a.wav", sound=beeps(0.2, []), acodec="pcm_s16le"))
    assert list(clip.play(0))
    with pytest.raises(MediaError, match="was played already; open it again"):
        clip.play(0)
    clip.close()
    clip.close()
    assert clip.facts.duration == pytest.approx(0.2)
    with pytest.raises(MediaError, match="was closed already"):
        clip.play(0)


def test_closing_half_way_ends_the_play(tmp_path: Path) -> None:
    path = write(tmp_path / "a.mkv", sound=beeps(3, [1]), times=steps(3, 10))
    clip = open_clip(path)
    moments = clip.play(10)
    next(moments)
    clip.close()
    with pytest.raises(MediaError, match="was closed while it was played"):
        list(moments)


def test_damage_in_the_middle_is_stepped_over(tmp_path: Path) -> None:
    whole = write(
        tmp_path / "whole.mkv",
        sound=beeps(6, [0.5, 5.5]),
        acodec="libmp3lame",
        times=steps(6, 10),
    )
    content = bytearray(whole.read_bytes())
    middle, size = len(content) // 2, len(content) // 8
    content[middle : middle + size] = garbage(size)
    path = tmp_path / "hurt.mkv"
    path.write_bytes(content)
    heard = listen(path, 5)
    assert 2.5 < len(heard.samples) / 16_000 < 6.5
    assert len(heard.frames) > 10
    assert heard.times == sorted(heard.times)


def test_a_stream_that_never_decodes_leaves_the_others(tmp_path: Path) -> None:
    path = write(tmp_path / "a.mkv", sound=beeps(2, [0.5]), acodec="flac", times=steps(2, 10))
    content = path.read_bytes()
    clip = Recording(str(_without_syncs(path, content)))
    frames = [m for m in clip.play(5) if isinstance(m, Frame)]
    assert len(frames) == 10
    clip.close()


def _without_syncs(path: Path, content: bytes) -> Path:
    """Every FLAC frame begins with ff f8; without it nothing of the sound decodes."""
    path.write_bytes(content.replace(b"\xff\xf8", b"\x00\x00"))
    return path


def test_a_file_that_may_not_be_read(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "mine.txt"
    path.write_text("hello")

    def deny(*args: object, **kwargs: object) -> None:
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr(os, "open", deny)
    with pytest.raises(MediaError, match=r"mine\.txt cannot be read \(Permission denied\)"):
        open_clip(path)
