"""Recordings of every container: facts, times, and what is left alone."""

from __future__ import annotations

import gc
import struct
import tracemalloc
import wave
from itertools import islice
from pathlib import Path

import av
import numpy as np
import pytest

from mien.media import load_audio, open_clip
from mien.media.recording import Recording
from mien.scene import AudioBlock, Frame

from .listen import listen
from .make import BLUE, GREEN, RED, beeps, onsets, plain, steps, write

AT = [0.5, 1.0, 2.5]

SOUND = [
    ("wav", "wav", "pcm_s16le", {}),
    ("mp3", "mp3", "libmp3lame", {}),
    ("flac", "flac", "flac", {}),
    ("ogg", "ogg", "libopus", {}),
    ("m4a", "mov", "aac", {}),
    ("aac", "aac", "aac", {"format": "adts"}),
    ("aiff", "aiff", "pcm_s16be", {}),
]
FILMS = [
    ("mp4", "mov", "aac", "libx264"),
    ("mov", "mov", "pcm_s16le", "mpeg4"),
    ("mkv", "matroska", "libopus", "libx264"),
    ("webm", "matroska", "libopus", "libvpx"),
    ("avi", "avi", "pcm_s16le", "mpeg4"),
    ("ts", "mpegts", "aac", "libx264"),
    ("flv", "flv", "aac", "libx264"),
]


@pytest.mark.parametrize(("suffix", "container", "codec", "more"), SOUND)
def test_sound_of_every_format(
    tmp_path: Path, suffix: str, container: str, codec: str, more: dict[str, str]
) -> None:
    path = write(tmp_path / f"a.{suffix}", sound=beeps(3, AT), acodec=codec, **more)
    heard = listen(path, 5)
    facts = heard.facts
    assert (facts.path, facts.kind, facts.container) == (str(path), "recording", container)
    assert (facts.has_audio, facts.has_video, facts.video) == (True, False, "")
    assert facts.audio.endswith(", 48000 Hz, mono")
    assert facts.duration == pytest.approx(3, abs=1.5 if suffix == "aac" else 0.2)  # no header
    assert onsets(heard.samples) == pytest.approx(AT, abs=0.025)
    assert heard.after.duration == pytest.approx(3, abs=0.05)
    assert np.array_equal(load_audio(path), heard.samples)


@pytest.mark.parametrize(("suffix", "container", "acodec", "vcodec"), FILMS)
def test_films_of_every_format(
    tmp_path: Path, suffix: str, container: str, acodec: str, vcodec: str
) -> None:
    path = write(
        tmp_path / f"a.{suffix}",
        sound=beeps(3, AT),
        acodec=acodec,
        times=steps(3, 25),
        vcodec=vcodec,
    )
    heard = listen(path, 100)
    facts = heard.facts
    assert (facts.kind, facts.container, facts.width, facts.height) == (
        "recording",
        container,
        64,
        48,
    )
    assert facts.has_audio
    assert facts.has_video
    assert "64x48" in facts.video
    assert facts.duration == pytest.approx(3, abs=0.15)
    assert onsets(heard.samples) == pytest.approx(AT, abs=0.025)
    assert len(heard.frames) >= 74
    turned = heard.times[heard.colours.index(GREEN)]
    assert turned == pytest.approx(1.0, abs=0.025)
    assert onsets(heard.samples)[1] == pytest.approx(turned, abs=0.025)  # the shared axis


def test_what_stands_in_the_facts(tmp_path: Path) -> None:
    path = write(
        tmp_path / "a.mp4",
        sound=np.repeat(beeps(2, AT, 44_100), 2, axis=0),
        rate=44_100,
        layout="stereo",
        times=steps(2, 25),
        vcodec="libx264",
    )
    facts = open_clip(path).facts
    assert facts.audio == "aac, 44100 Hz, stereo"
    assert facts.video.startswith("h264, 64x48, 25")
    assert facts.video.endswith(" fps")


def test_video_is_left_alone_when_no_picture_is_wanted(tmp_path: Path) -> None:
    path = write(tmp_path / "a.mp4", sound=beeps(2, AT), times=steps(2, 25))
    heard = listen(path, 0)
    assert heard.frames == []
    assert len(heard.samples) > 31_000
    silent = write(tmp_path / "b.mp4", times=steps(1, 25))
    assert listen(silent, 0).blocks == []


def test_a_look_ahead_does_not_change_the_pictures(tmp_path: Path) -> None:
    path = write(tmp_path / "a.mp4", times=steps(2, 25), vcodec="libx264")
    peeked, blind = Recording(str(path)), Recording(str(path), pictures=False)
    first = [(m.time, m.image) for m in peeked.play(100) if isinstance(m, Frame)]
    second = [(m.time, m.image) for m in blind.play(100) if isinstance(m, Frame)]
    assert len(first) == len(second) == 50
    for (time, image), (other_time, other_image) in zip(first, second, strict=True):
        assert time == other_time
        assert np.array_equal(image, other_image)
    peeked.close()
    blind.close()


def test_cover_art_is_no_video(tmp_path: Path) -> None:
    import cv2

    mp3 = write(tmp_path / "plain.mp3", sound=beeps(2, AT), acodec="libmp3lame").read_bytes()
    cover = cv2.imencode(".jpg", plain(RED, 200, 200))[1].tobytes()
    body = b"\0image/jpeg\0\x03\0" + cover
    frame = b"APIC" + struct.pack(">IH", len(body), 0) + body
    size = bytes(len(frame) >> shift & 0x7F for shift in (21, 14, 7, 0))
    path = tmp_path / "cover.mp3"
    path.write_bytes(b"ID3\x03\0\0" + size + frame + mp3[mp3.index(b"\xff\xfb") :])
    heard = listen(path, 5)
    assert (heard.facts.has_video, heard.facts.width, heard.frames) == (False, 0, [])
    assert onsets(heard.samples) == pytest.approx([0.5, 1.0], abs=0.05)


def test_the_duration_of_a_file_that_does_not_say(tmp_path: Path) -> None:
    path = write(
        tmp_path / "live.webm",
        sound=beeps(2, AT),
        acodec="libopus",
        times=steps(2, 25),
        vcodec="libvpx",
        options={"live": "1"},
    )
    heard = listen(path, 5)
    assert heard.facts.duration == 0
    assert heard.after.duration == pytest.approx(2, abs=0.05)


def test_a_truncated_film_plays_as_far_as_it_goes(tmp_path: Path) -> None:
    whole = write(tmp_path / "whole.mkv", sound=beeps(4, [0.5]), times=steps(4, 10))
    path = tmp_path / "cut.mkv"
    path.write_bytes(whole.read_bytes()[: whole.stat().st_size // 2])
    heard = listen(path, 5)
    assert 0.3 < len(heard.samples) / 16_000 < 3.7
    assert 1 < len(heard.frames) < 19
    assert heard.facts.duration == pytest.approx(4, abs=0.1)


def long_wav(path: Path, seconds: int) -> Path:
    with wave.open(str(path), "wb") as out:
        out.setnchannels(2)
        out.setsampwidth(2)
        out.setframerate(16_000)
        for _ in range(seconds):
            out.writeframes(bytes(64_000))
    return path


def test_sound_is_given_while_it_is_read(tmp_path: Path) -> None:
    clip = open_clip(long_wav(tmp_path / "long.wav", 120))
    list(islice(clip.play(0), 3))
    tracemalloc.start()
    try:
        clip = open_clip(tmp_path / "long.wav")
        blocks = [len(m.samples) for m in clip.play(0) if isinstance(m, AudioBlock)]
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
        clip.close()
    assert sum(blocks) == 120 * 16_000
    assert set(blocks) == {8000}
    assert peak < 600_000  # a minute alone would be 3.8 MB


def test_pictures_are_given_while_they_are_read(tmp_path: Path) -> None:
    path = write(
        tmp_path / "a.mkv",
        sound=beeps(4, [1]),
        times=steps(4, 25),
        picture=lambda t: plain(BLUE, 320, 240),
    )
    clip = open_clip(path)
    gc.collect()
    gc.disable()
    tracemalloc.start()
    try:
        count = sum(isinstance(m, Frame) for m in clip.play(25))
        peak = tracemalloc.get_traced_memory()[1]
        left = [o for o in gc.get_objects() if type(o) in (av.VideoFrame, av.AudioFrame)]
    finally:
        tracemalloc.stop()
        gc.enable()
        clip.close()
    assert count == 100
    assert peak < 10 * 320 * 240 * 3
    assert len(left) < 10  # a frame in a cycle would keep its memory


def test_what_is_given_cannot_be_changed(tmp_path: Path) -> None:
    path = write(tmp_path / "a.mkv", sound=beeps(1, [0.5]), times=steps(1, 10))
    heard = listen(path, 5)
    with pytest.raises(ValueError, match="read-only"):
        heard.blocks[0].samples[0] = 1
    with pytest.raises(ValueError, match="read-only"):
        heard.frames[0].image[0] = 1
