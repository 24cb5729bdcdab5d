"""Formats of laboratories, phones and recorders; and every other one named for what it is."""

from __future__ import annotations

import struct
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from mien.errors import MediaError
from mien.media import open_clip
from mien.media.guard import FORMATS

from .listen import listen
from .make import GREEN, SECONDS, Picture, beeps, onsets, plain, steps, write
from .watch import watching

AT = [0.5, 1.0, 2.5]
FILM: dict[str, Any] = {"times": steps(3, 25), "clock": 25}


def large(time: float) -> Picture:
    """A picture in the size of European television."""
    return plain(SECONDS[int(time + 1e-6)], 720, 576)


def sphere(path: Path) -> Path:
    """A NIST SPHERE file, as TIMIT and the LDC's corpora have."""
    samples = (beeps(3, AT, 16_000)[0] * 32_000).astype("<i2")
    head = (
        "NIST_1A\n   1024\nchannel_count -i 1\nsample_rate -i 16000\nsample_n_bytes -i 2\n"
        f"sample_byte_format -s2 01\nsample_count -i {len(samples)}\nsample_coding -s3 pcm\n"
        "end_head\n"
    )
    path.write_bytes(head.encode().ljust(1024) + samples.tobytes())
    return path


def recipe(rate: int, codec: str, **more: Any) -> dict[str, Any]:
    return {"sound": beeps(3, AT, rate), "rate": rate, "acodec": codec} | more


MADE: dict[str, dict[str, Any]] = {
    "asf.wmv": recipe(44_100, "wmav2", bits=64_000, vcodec="wmv2", format="asf", **FILM),
    "asf.wma": recipe(44_100, "wmav2", bits=64_000, format="asf"),
    "mpeg.mpg": recipe(44_100, "mp2", vcodec="mpeg1video", format="mpeg", **FILM),
    "mpeg.vob": recipe(48_000, "ac3", vcodec="mpeg2video", format="vob", **FILM),
    "mpegvideo.m1v": {"vcodec": "mpeg1video", "format": "mpeg1video", **FILM},
    "mxf.mxf": recipe(48_000, "pcm_s16le", vcodec="mpeg2video", **FILM),
    "gxf.gxf": {"vcodec": "mpeg2video", "format": "gxf", "picture": large, **FILM},
    "dv.dv": {
        "sound": np.repeat(beeps(3, AT), 2, axis=0), "layout": "stereo", "acodec": "pcm_s16le",
        "vcodec": "dvvideo", "format": "dv", "picture": large, **FILM,
    },
    "wtv.wtv": recipe(48_000, "mp2", vcodec="mpeg2video", format="wtv", **FILM),
    "rm.rm": recipe(44_100, "ac3", vcodec="rv10", format="rm", **FILM),
    "nut.nut": recipe(48_000, "mp2", format="nut"),
    "mov.3gp": recipe(8000, "libopencore_amrnb", times=steps(3, 25), vcodec="libx264"),
    "ivf.ivf": {"vcodec": "libvpx", "format": "ivf", **FILM},
    "h264.h264": {"vcodec": "libx264", "format": "h264", **FILM},
    "m4v.m4v": {"vcodec": "mpeg4", "format": "m4v", **FILM},
    "mjpeg.mjpeg": {"vcodec": "mjpeg", "format": "mjpeg", "pixels": "yuvj420p", **FILM},
    "yuv4mpegpipe.y4m": {"vcodec": "wrapped_avframe", "format": "yuv4mpegpipe", **FILM},
    "gif.gif": {"vcodec": "gif", "pixels": "rgb8", "times": steps(3, 10), "clock": 10},
    "amr.amr": recipe(8000, "libopencore_amrnb", format="amr"),
    "caf.caf": recipe(48_000, "alac", format="caf"),
    "w64.w64": recipe(48_000, "pcm_s16le"),
    "au.au": recipe(8000, "pcm_mulaw", format="au"),
    "ac3.ac3": recipe(48_000, "ac3"),
    "eac3.eac3": recipe(48_000, "eac3"),
    "loas.loas": recipe(48_000, "aac", format="latm"),
    "wv.wv": recipe(48_000, "wavpack"),
    "tta.tta": recipe(48_000, "tta"),
    "voc.voc": recipe(8000, "pcm_u8"),
    "ircam.sf": recipe(48_000, "pcm_s16le", format="ircam"),
    "sox.sox": recipe(48_000, "pcm_s32le", format="sox"),
    "mp3.mp2": recipe(48_000, "mp2"),
    "wav.wav": recipe(48_000, "pcm_s16le", format="wav", options={"rf64": "always"}),
}  # fmt: skip
"""By FFmpeg's name of the format and the usual suffix."""


def made(folder: Path, name: str) -> Path:
    path = folder / f"a.{name.partition('.')[2]}"
    return sphere(path) if name == "nistsphere.sph" else write(path, **MADE[name])


@pytest.mark.parametrize("name", [*MADE, "nistsphere.sph"])
def test_every_format_opens_with_its_times(tmp_path: Path, name: str) -> None:
    heard = listen(made(tmp_path, name), 100)
    assert heard.facts.container == name.partition(".")[0]
    assert heard.after.duration == pytest.approx(3, abs=0.12)
    assert heard.after.claimed is None
    if heard.facts.has_audio:
        # WMA's decoder leaves its delay of 2,048 samples in.
        assert onsets(heard.samples) == pytest.approx(AT, abs=0.05)
    if heard.facts.has_video:
        assert heard.times[heard.colours.index(GREEN)] == pytest.approx(1.0, abs=0.05)
        assert len(heard.frames) in (30, 74, 75)


def planted(content: bytes, names: list[bytes], seed: int) -> bytes:
    """Names of other files written over stretches of a file, behind what tells its format."""
    rng = np.random.default_rng(seed)
    hurt = bytearray(content)
    for name in names:
        for _ in range(3):
            at = int(rng.integers(24, max(25, len(hurt) - len(name))))
            hurt[at : at + len(name)] = name
    return bytes(hurt)


@pytest.mark.parametrize("name", [*MADE, "nistsphere.sph"])
def test_no_format_leads_to_another_file(tmp_path: Path, name: str) -> None:
    """What FFmpeg could follow: a name inside, an index, subtitles or samples beside the file."""
    path = made(tmp_path, name)
    suffixes = (".ts", ".sub", ".idx", ".srt", ".ass", ".aux", ".smi", ".sup", ".index", ".m3u8")
    beside = [path.with_suffix(suffix) for suffix in suffixes]
    sound = write(tmp_path / "sibling.ts", sound=beeps(1, [0.5]), acodec="aac").read_bytes()
    for file in beside:
        file.write_bytes(sound)
    others = [*beside, tmp_path / "sibling.ts"]
    names = [str(f).encode() + b"\0" for f in (tmp_path / "sibling.ts", path.with_suffix(".sub"))]
    names += [b"sibling.ts\0", b"file:sibling.ts\0", b"concat:sibling.ts\0"]
    content = path.read_bytes()
    with watching(*others) as watch:
        for seed in range(4):
            path.write_bytes(content if seed == 0 else planted(content, names, seed))
            with suppress(MediaError):
                listen(path, 1, may_leap=True)
            assert not watch.opened


def test_every_format_of_the_list_is_tried() -> None:
    tried = {name.partition(".")[0] for name in MADE} | {"nistsphere"}
    elsewhere = {"mov", "mp4", "m4a", "3gp", "3g2", "mj2", "matroska", "webm", "avi", "mpegts"}
    elsewhere |= {"flv", "mp3", "aac", "wav", "aiff", "flac", "ogg"}
    # Written by a recorder or an encoder that is not at hand; see the test of bare headers.
    bare = {"dss", "hevc"}
    assert set(FORMATS.split(",")) == tried | elsewhere | bare


@pytest.mark.parametrize(
    ("name", "head"),
    [
        ("a.dss", b"\x02dss" + bytes(600)),
        ("a.hevc", b"\0\0\0\x01\x40\x01\x0c\x01\xff\xff\x01\x60" + bytes(40)),
    ],
)
def test_bare_headers_lead_nowhere(tmp_path: Path, name: str, head: bytes) -> None:
    other = write(tmp_path / "sibling.ts", sound=beeps(1, [0.5]), acodec="aac")
    path = tmp_path / name
    noise = np.random.default_rng(3).integers(0, 256, 40_000, dtype=np.uint8).tobytes()
    names = [str(other).encode() + b"\0", b"sibling.ts\0"]
    with watching(other) as watch:
        for seed in range(6):
            path.write_bytes(head + planted(noise, names, seed))
            with suppress(MediaError):
                listen(path, 1, may_leap=True)
            assert not watch.opened


OTHERS: dict[str, tuple[bytes, str]] = {
    "a.ape": (b"MAC \x96\x0f" + bytes(90), r"Monkey's Audio; convert it \(ffmpeg -i .*ape .*wav"),
    "a.dsf": (b"DSD \x1c" + bytes(90), r"DSD sound \(DSF\); convert it \(ffmpeg"),
    "a.dts": (b"\x7f\xfe\x80\x01" + bytes(90), "DTS sound; convert it"),
    "a.mpc": (b"MPCKSH" + bytes(90), "Musepack sound; convert it"),
    "a.cine": (b"CI,\0" + bytes(90), "Phantom Cine film; convert it .*mp4"),
    "a.swf": (b"FWS\x08" + bytes(90), "Flash film"),
    "a.jxl": (b"\xff\x0a" + bytes(90), "JPEG XL picture; convert it .*png"),
    "a.psd": (b"8BPS\0\1" + bytes(90), "Photoshop picture"),
    "a.dcm": (bytes(128) + b"DICM" + bytes(90), "DICOM picture; export it as PNG"),
    "a.mid": (b"MThd\0\0\0\6" + bytes(90), "MIDI file: notes and no sound"),
    "a.m3u8": (b"#EXTM3U\n#EXTINF:2,\nb.ts\n", "HLS or M3U playlist, which only names"),
    "a.mpd": (b'<?xml version="1.0"?>\n<MPD xmlns="x"></MPD>', "DASH manifest"),
    "a.mp4": (b"<!DOCTYPE html><html>" + b"<p>" * 99, "web page, not the recording"),
    "b.mp4": (bytes(5000), "zeros, as a download or a copy leaves that was not finished"),
    "._c.mp4": (b"\0\x05\x16\x07\0\2\0\0" + bytes(4000), r"macOS writes .*without \._"),
    "VTS_01_0.IFO": (b"DVDVIDEO-VTS" + bytes(4000), r"index of a DVD .*\.VOB"),
    "a.docx": (b"PK\3\4" + bytes(90), "Office document; .*save its text as .txt"),
    "a.pdf": (b"%PDF-1.7\n" + bytes(90), "PDF document; save its text as .txt"),
    "a.aax": (struct.pack(">I", 24) + b"ftypaax " + bytes(90), "Audible book, which is encrypted"),
    "a.gsm": (b"\xd2" * 990, "GSM sound without a header; convert it"),
    "a.pcm": (b"\1\2\3\4" * 990, r"without a header; convert it \(ffmpeg -f s16le -ar RATE"),
    "a.ds2": (b"\x03ds2" + bytes(990), "Olympus dictation"),
    "a.json": (b'{"segments": []}', "JSON file"),
    "a.eaf": (b'<?xml version="1.0"?><ANNOTATION_DOCUMENT/>', "ELAN annotation"),
    "a.TextGrid": (b'File type = "ooTextFile"', "Praat annotation"),
    "a.npy": (b"\x93NUMPY\1\0" + bytes(90), "NumPy array"),
}


@pytest.mark.parametrize("name", OTHERS)
def test_other_kinds_are_named(tmp_path: Path, name: str) -> None:
    content, words = OTHERS[name]
    path = tmp_path / name
    path.write_bytes(content)
    with pytest.raises(MediaError, match=f"{words}.*mien reads recordings"):
        open_clip(path)


@pytest.mark.parametrize("suffix", [".txt", ".md"])
@pytest.mark.parametrize("start", ["<html> is a tag.", '{"a": 1}', "MZ", "P5 is a key", "%PDF"])
def test_a_text_is_a_text_however_it_begins(tmp_path: Path, start: str, suffix: str) -> None:
    path = tmp_path / f"a{suffix}"
    path.write_text(f"{start} I am so glad that you came.\n")
    assert open_clip(path).facts.kind == "text"


def garble(seed: int) -> Callable[[bytes], bytes]:
    """Some bytes changed, anywhere."""

    def change(content: bytes) -> bytes:
        rng = np.random.default_rng(seed)
        hurt = bytearray(content)
        for at in rng.integers(0, len(hurt), 20):
            hurt[int(at)] = int(rng.integers(0, 256))
        return bytes(hurt)

    return change


@pytest.mark.slow
@pytest.mark.parametrize("name", [*MADE, "nistsphere.sph"])
def test_damage_is_named_or_stepped_over(tmp_path: Path, name: str) -> None:
    path = made(tmp_path, name)
    content = path.read_bytes()
    for seed in range(20):
        path.write_bytes(garble(seed)(content))
        try:
            heard = listen(path, 1, may_leap=True)
        except MediaError as error:
            assert path.name in str(error)  # noqa: PT017
        else:
            assert heard.after.duration < 20 * 60
