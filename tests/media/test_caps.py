"""What a recording may hold at most, whatever it claims."""

from __future__ import annotations

import struct
from pathlib import Path

import av
import numpy as np
import pytest

from mien.errors import MediaError
from mien.media import caps, open_clip
from mien.options import MediaOptions

from .listen import listen
from .make import beeps, steps, write


def play(path: Path, rate: float = 1.0, **options: float) -> float:
    """Seconds of what was decoded."""
    clip = open_clip(path, MediaOptions(**options))  # type: ignore[arg-type]
    for _ in clip.play(rate):
        pass
    return clip.facts.duration


@pytest.mark.parametrize("pictures", [False, True])
def test_a_recording_that_is_longer_than_allowed_is_refused(tmp_path: Path, pictures: bool) -> None:
    recipe = {"times": steps(20, 5)} if pictures else {"sound": beeps(20, [0.5])}
    path = write(tmp_path / "a.mkv", **recipe)
    assert play(path, max_hours=21 / 3600) == pytest.approx(20, abs=0.3)
    with pytest.raises(MediaError, match=r"longer than 0.005 hours; raise --max-hours"):
        play(path, max_hours=18 / 3600)


def test_a_claim_and_gaps_do_not_count(tmp_path: Path) -> None:
    path = write(
        tmp_path / "a.mkv",
        sound=beeps(2, [0.5], 8000),
        rate=8000,
        acodec="pcm_s16le",
        warp=lambda t: t + round(t) * 3000.0,
    )
    assert play(path, max_hours=0.01) > 5000
    content = bytearray(write(tmp_path / "b.mkv", sound=beeps(2, [0.5])).read_bytes())
    at = content.index(b"\x44\x89\x88") + 3
    content[at : at + 8] = struct.pack(">d", 1e11)
    (tmp_path / "b.mkv").write_bytes(content)
    assert play(tmp_path / "b.mkv", max_hours=0.01) == pytest.approx(2, abs=0.1)


def wav(path: Path, channels: int, rate: int, frames: int = 4000) -> Path:
    """A WAV file written by hand."""
    body = bytes(frames * channels * 2)
    head = struct.pack("<HHIIHH", 1, channels, rate, rate * channels * 2, channels * 2, 16)
    parts = b"WAVEfmt " + struct.pack("<I", 16) + head + b"data" + struct.pack("<I", len(body))
    path.write_bytes(b"RIFF" + struct.pack("<I", len(parts) + len(body)) + parts + body)
    return path


@pytest.mark.parametrize("channels", [1, 2, 5, 16, 63, 64])
def test_channels_that_are_read(tmp_path: Path, channels: int) -> None:
    assert play(wav(tmp_path / "a.wav", channels, 16_000)) == pytest.approx(0.25, abs=0.01)


@pytest.mark.parametrize("channels", [65, 100, 255])
def test_too_many_channels(tmp_path: Path, channels: int) -> None:
    with pytest.raises(MediaError, match=rf"sound of {channels} channels; at most 64 are read"):
        open_clip(wav(tmp_path / "a.wav", channels, 16_000))


@pytest.mark.parametrize("rate", [1, 100, 1999, 800_001, 3_000_000])
def test_rates_that_no_recording_has(tmp_path: Path, rate: int) -> None:
    with pytest.raises(MediaError, match=rf"{rate} samples a second; 2000 to 800000 are read"):
        open_clip(wav(tmp_path / "a.wav", 1, rate))


@pytest.mark.parametrize("rate", [2000, 8000, 192_000, 800_000])
def test_rates_that_are_read(tmp_path: Path, rate: int) -> None:
    assert play(wav(tmp_path / "a.wav", 1, rate, rate)) == pytest.approx(1, abs=0.05)


@pytest.mark.parametrize("count", [256, 257, 300])
def test_streams(tmp_path: Path, count: int) -> None:
    path = tmp_path / "a.mkv"
    with av.open(str(path), "w") as out:
        streams = [out.add_stream("pcm_s16le", rate=8000, layout="mono") for _ in range(count)]
        for stream in streams:
            frame = av.AudioFrame.from_ndarray(np.zeros((1, 800), np.int16), "s16", "mono")
            frame.sample_rate, frame.pts = 8000, 0
            for packet in stream.encode(frame):
                out.mux(packet)
    if count <= caps.MAX_STREAMS:
        assert play(path) == pytest.approx(0.1, abs=0.01)
    else:
        with pytest.raises(MediaError, match=f"has {count} streams; at most 256 are read"):
            open_clip(path)


def test_pictures_a_second(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    fast = write(tmp_path / "a.mkv", times=[i / 900 for i in range(900)])
    assert play(fast, 5) == pytest.approx(1, abs=0.1)
    monkeypatch.setattr(caps, "SLACK", 0.1)
    faster = write(tmp_path / "b.mkv", times=[i / 5000 for i in range(5000)], clock=5000)
    with pytest.raises(MediaError, match="more than 1000 pictures a second"):
        play(faster, 5)
    with pytest.raises(MediaError, match="more than 1000 pictures a second"):
        play(faster, 0)


def test_subtitles(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    lines = [(i / 10, i / 10 + 0.1, "word " * 10) for i in range(50)]
    path = write(tmp_path / "a.mkv", sound=beeps(5, [0.5]), captions=lines)
    assert len(listen(path).captions) == 50
    monkeypatch.setattr(caps, "MAX_LINES", 49)
    with pytest.raises(MediaError, match="more than 49 lines"):
        play(path)
    monkeypatch.setattr(caps, "MAX_LINES", 50)
    monkeypatch.setattr(caps, "MAX_CHARACTERS", 2000)
    with pytest.raises(MediaError, match="2000 characters of subtitles"):
        play(path)
