"""Nothing but the named file is ever opened."""

from __future__ import annotations

import os
import shutil
import socket
from pathlib import Path

import av
import numpy as np
import pytest

from mien.errors import MediaError
from mien.media import load_audio, open_clip

from .hostile import PLAYLISTS, gab2, refer
from .listen import listen
from .make import beeps, onsets, plain, write
from .watch import watching

RATE = 8000


def movie(path: Path, beep: float) -> Path:
    return write(path, sound=beeps(2, [beep], RATE), rate=RATE, acodec="pcm_s16le")


@pytest.fixture
def sibling(tmp_path: Path) -> Path:
    return write(tmp_path / "sibling.ts", sound=beeps(2, [0.5]), acodec="aac")


def test_the_watch_sees_a_sibling_that_ffmpeg_opens_by_default(
    tmp_path: Path, sibling: Path
) -> None:
    path = tmp_path / "list.ffconcat"
    path.write_text(PLAYLISTS["ffconcat"].format(name=sibling.name))
    with watching(sibling) as watch, av.open(str(path)) as container:
        assert container.format.name == "concat"
        assert watch.opened


@pytest.mark.parametrize("suffix", [".mp4", ".m3u8", ".ffconcat", ".mpd", ".sdp", ".wav", ""])
@pytest.mark.parametrize("kind", PLAYLISTS)
def test_a_list_is_refused_whatever_it_is_named(
    tmp_path: Path, sibling: Path, kind: str, suffix: str
) -> None:
    path = tmp_path / f"innocent{suffix}"
    path.write_text(PLAYLISTS[kind].format(name=sibling.name))
    with watching(sibling) as watch:
        with pytest.raises(MediaError, match=r"innocent.*mien reads"):
            open_clip(path)
        assert not watch.opened


@pytest.mark.parametrize("kind", ["ffconcat", "hls"])
def test_a_list_is_refused_beside_the_working_directory(
    tmp_path: Path, sibling: Path, kind: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    Path("list.mp4").write_text(PLAYLISTS[kind].format(name=sibling.resolve()))
    with watching(sibling) as watch:
        with pytest.raises(MediaError):
            load_audio("list.mp4")
        assert not watch.opened


def test_a_movie_does_not_reach_its_external_samples(tmp_path: Path) -> None:
    own, other = movie(tmp_path / "own.mov", 0.5), movie(tmp_path / "other.mov", 1.5)
    path = tmp_path / "refers.mov"
    path.write_bytes(refer(own, other.name))
    with watching(other) as watch:
        with av.open(str(path), options={"enable_drefs": "1"}) as container:
            samples = [f.to_ndarray()[0] / 32768 for f in container.decode(audio=0)]
        assert watch.opened
        # The lure works: what is heard is the beep of the other file.
        assert onsets(np.concatenate(samples), RATE) == pytest.approx([1.5], abs=0.01)
        with pytest.raises(MediaError):
            listen(path)
        assert not watch.opened


def test_subtitles_inside_an_avi_are_no_way_to_a_playlist(tmp_path: Path, sibling: Path) -> None:
    path = tmp_path / "lure.avi"
    path.write_bytes(gab2(PLAYLISTS["hls"].format(name=sibling.name).encode()))
    with watching(sibling) as watch:
        heard = listen(path)
        assert not watch.opened
    assert heard.captions == []
    assert not heard.samples.any()


def test_a_pattern_is_no_image_sequence(tmp_path: Path) -> None:
    for number in range(3):
        av.VideoFrame.from_ndarray(plain((0, 0, 255)), "bgr24").save(
            str(tmp_path / f"img{number:03d}.png")
        )
    with pytest.raises(MediaError, match="does not exist"):
        open_clip(tmp_path / "img%03d.png")


@pytest.mark.parametrize("name", ["concat:a.wav|b.wav", "file:a.wav", "http:a.wav", "img%03d.wav"])
def test_a_name_is_a_name_and_no_protocol(
    tmp_path: Path, name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    parts = [movie(tmp_path / part, 1.5) for part in ("a.wav", "b.wav", "img000.wav")]
    shutil.copy(movie(tmp_path / "mine.wav", 0.5), name)
    with watching(*parts) as watch:
        assert onsets(load_audio(name)) == pytest.approx([0.5], abs=0.01)
        assert not watch.opened


def test_an_address_is_refused_without_a_connection(monkeypatch: pytest.MonkeyPatch) -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:
        server.setblocking(False)
        port = server.getsockname()[1]
        for scheme in ("http", "tcp", "rtmp"):
            with pytest.raises(MediaError, match="is an address; download the file"):
                open_clip(f"{scheme}://127.0.0.1:{port}/clip.mp4")
        with pytest.raises(BlockingIOError):
            server.accept()


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="no named pipes on this system")
def test_a_pipe_is_refused_without_waiting(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe.wav")
    with pytest.raises(MediaError, match="is not a regular file"):
        open_clip(tmp_path / "pipe.wav")
