"""Files whose first bytes are a lure: one error of ours, whatever the fields behind them hold."""

from __future__ import annotations

import itertools
import os
import random
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import closing, contextmanager, suppress
from pathlib import Path

import av
import numpy as np
import pytest
from tests.fuzz_seeds import PICTURES

from mien.errors import MediaError, OptionError
from mien.media import guard, open_clip, picture
from mien.media.files import lend, read_start, take_back
from mien.media.picture import claimed_size, gif_frames, picture_format
from mien.options import MediaOptions

from .listen import listen
from .make import beeps, write

HEADS = [head for head in PICTURES if picture_format(head)]


@pytest.mark.parametrize("head", HEADS, ids=picture_format)
def test_a_picture_cut_off_anywhere(tmp_path: Path, head: bytes) -> None:
    path = tmp_path / "a.png"
    for length in range(1, min(len(head), 60)):
        path.write_bytes(head[:length])
        with suppress(MediaError):
            open_clip(path).close()


@pytest.mark.parametrize("head", HEADS, ids=picture_format)
def test_the_fields_of_a_header_may_hold_anything(head: bytes) -> None:
    kind = picture_format(head)
    draw = random.Random(kind)
    for size, value in itertools.product((2, 4, 8), (b"\xff", b"\0", b"\x80")):
        for at in range(min(len(head), 80)):
            data = head[:at] + value * size + head[at + size :]
            if draw.random() < 0.5:
                data += draw.randbytes(20)
            with suppress(ValueError):
                claimed_size(data, kind)


@pytest.mark.parametrize("length", range(4, 14))
def test_a_gif_that_ends_within_its_header(tmp_path: Path, length: int) -> None:
    head = b"GIF89a\4\0\2\0\x80\0\0"[:length]
    assert gif_frames(head) == 0
    (tmp_path / "a.gif").write_bytes(head)
    with pytest.raises(MediaError, match="damaged gif picture"):
        open_clip(tmp_path / "a.gif")


@pytest.mark.parametrize("suffix", ["gif", "mp3", "aac", "mp4", "wav", "h264", "mkv", "ts", ""])
def test_a_terabyte_of_zeros_is_refused_at_once(tmp_path: Path, suffix: str) -> None:
    path = tmp_path / f"a.{suffix}"
    with path.open("wb") as file:
        file.truncate(1 << 36)
    began = time.process_time()
    with pytest.raises(MediaError, match="a file of zeros"):
        open_clip(path)
    assert time.process_time() - began < 2


@contextmanager
def given(path: Path, is_lent: bool) -> Iterator[None]:
    """A file that is opened by its name, or by a descriptor as in the sandbox."""
    if not is_lent:
        yield
        return
    with path.open("rb") as file:
        lend(path, file.fileno())
        try:
            yield
        finally:
            take_back(path)


@pytest.mark.parametrize("is_lent", [False, True])
@pytest.mark.parametrize(("suffix", "codec"), [("wav", "pcm_s16le"), ("mkv", "flac")])
def test_a_search_through_a_terabyte_ends_in_time(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, suffix: str, codec: str, is_lent: bool
) -> None:
    monkeypatch.setattr(guard, "PATIENCE", 0.5)
    path = write(tmp_path / f"a.{suffix}", sound=beeps(2, [0.5]), acodec=codec)
    with path.open("r+b") as file:
        file.truncate(1 << 40)
    began = time.monotonic()
    late = r"no picture within 0\.5 s of reading"
    with given(path, is_lent), pytest.raises(MediaError, match=late):
        listen(path)
    assert time.monotonic() - began < 10


@pytest.mark.parametrize("is_lent", [False, True])
def test_the_time_of_the_listener_does_not_count(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, is_lent: bool
) -> None:
    path = write(tmp_path / "a.mkv", sound=beeps(20, [0.5]), acodec="flac")
    monkeypatch.setattr(guard, "PATIENCE", 0.2)
    with given(path, is_lent), closing(open_clip(path)) as clip:
        time.sleep(0.3)
        moments = clip.play(0)
        seconds = 0
        for _ in moments:
            seconds += 1
            if seconds in (1, 5):
                time.sleep(0.3)
    assert seconds >= 19


def test_a_picture_that_became_something_else_meanwhile(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "a.png"
    path.write_bytes(PICTURES[0])
    monkeypatch.setattr(picture, "read_start", lambda *_: b"another file")
    with pytest.raises(MediaError, match="is a damaged picture"):
        open_clip(path)
    with pytest.raises(ValueError, match="no picture"):
        claimed_size(b"no picture", "")


def test_some_zeros_before_a_recording_are_passed_over(tmp_path: Path) -> None:
    whole = write(tmp_path / "a.mp3", sound=beeps(2, [0.5]), acodec="libmp3lame")
    path = tmp_path / "b.mp3"
    path.write_bytes(bytes(5000) + whole.read_bytes())
    assert open_clip(path).facts.has_audio


def test_a_thousand_tracks_do_not_make_a_long_message(tmp_path: Path) -> None:
    path = tmp_path / "a.mkv"
    with av.open(str(path), "w") as container:
        for _ in range(40):
            container.add_stream("pcm_s16le", rate=8000)
        frame = av.AudioFrame.from_ndarray(np.zeros((1, 800), np.int16), "s16", "mono")
        frame.sample_rate = 8000
        for stream in container.streams.audio:
            for packet in stream.encode(frame):
                container.mux(packet)
    (note,) = open_clip(path).facts.notes
    assert "Audio track 1 of 40 is used" in note
    assert "; and 32 more. --audio-track" in note
    assert len(open_clip(path).facts.audio_tracks) == 40
    with pytest.raises(OptionError, match="; and 32 more"):
        open_clip(path, MediaOptions(audio_track=41))


def test_a_full_disk_ends_in_an_error_of_ours() -> None:
    code = (
        "import resource, numpy; from mien.media import AudioSpool;"
        "resource.setrlimit(resource.RLIMIT_FSIZE, (100_000, 100_000));"
        "AudioSpool(memory=1000).append(numpy.zeros(1_000_000, numpy.float32))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert "OutputError: The temporary files in" in done.stderr
    assert "(File too large); make room there" in done.stderr


def test_a_file_that_becomes_a_fifo_is_not_waited_for(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Between the look at what it is and the opening of it."""
    from mien.media import files

    os.mkfifo(tmp_path / "a.wav")
    first, then = Path, files.regular_file
    looks = itertools.chain([first], itertools.repeat(then))

    def look(path: Path) -> Path:
        return next(looks)(path)

    monkeypatch.setattr(files, "regular_file", look)
    with pytest.raises(MediaError, match="not a regular file"):
        read_start(tmp_path / "a.wav", 100)
