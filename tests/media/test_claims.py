"""What a file claims against what it holds; time and memory are bounded by its bytes."""

from __future__ import annotations

import struct
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from mien.errors import MediaError, OptionError
from mien.media import AudioSpool, Part, load_audio, open_clip
from mien.media.frames import ALLOWED, LONGEST, SHORTER
from mien.scene import AudioBlock
from mien.timebase import Segment

from .listen import listen
from .make import GREEN, beeps, by_second, onsets, steps, write


def leaps(path: Path, count: int, leap: float, suffix: str = "mkv") -> Path:
    """Sound of 0.1 s, then a leap, and so on."""
    return write(
        path.with_suffix(f".{suffix}"),
        sound=beeps(count * 1024 / 8000, [0.05], 8000),
        rate=8000,
        acodec="pcm_s16le",
        warp=lambda t: t + round(t * 8000 / 1024) * leap,
    )


@pytest.mark.parametrize("kept", [0.3, 0.6, 0.9])
@pytest.mark.parametrize(("suffix", "codec"), [("mkv", "aac"), ("avi", "pcm_s16le"), ("ts", "aac")])
def test_a_recording_that_was_cut_off_ends_where_it_ends(
    tmp_path: Path, suffix: str, codec: str, kept: float
) -> None:
    whole = write(tmp_path / f"a.{suffix}", sound=beeps(8, [0.5]), acodec=codec, times=steps(8, 10))
    path = tmp_path / f"cut.{suffix}"
    path.write_bytes(whole.read_bytes()[: round(whole.stat().st_size * kept)])
    heard = listen(path, 5)
    last = max(len(heard.samples) / 16_000, heard.times[-1])
    assert heard.after.duration == pytest.approx(last, abs=0.25)
    if heard.facts.duration > last + 1:  # the demuxer may find out by itself
        assert heard.after.claimed == pytest.approx(8, abs=0.3)
        assert f"claims {heard.facts.duration:.1f} s" in heard.after.notes[0]
        assert f"ends at {heard.after.duration:.1f} s" in heard.after.notes[0]


def test_an_intact_recording_has_nothing_to_note(tmp_path: Path) -> None:
    for suffix in ("mp4", "mkv", "avi", "ts", "mov"):
        path = write(tmp_path / f"a.{suffix}", sound=beeps(3, [0.5]), times=steps(3, 25))
        for rate in (0.0, 5.0):
            after = listen(path, rate).after
            assert (after.notes, after.claimed, after.gaps) == ((), None, ())
            assert after.duration == pytest.approx(3, abs=0.15)


@pytest.mark.parametrize("bit", [0, 8, 20, 27, 35])
def test_one_flipped_bit_in_the_length_of_a_flac(tmp_path: Path, bit: int) -> None:
    path = write(tmp_path / "a.flac", sound=beeps(2, [0.5], 16_000), rate=16_000, acodec="flac")
    content = bytearray(path.read_bytes())
    at = content.index(b"fLaC") + 8 + 13  # 36 bits of samples in STREAMINFO
    number = int.from_bytes(content[at : at + 5], "big") ^ 1 << bit
    content[at : at + 5] = number.to_bytes(5, "big")
    path.write_bytes(content)
    after = listen(path).after
    assert after.duration == pytest.approx(2, abs=0.51)
    assert bool(after.notes) == (abs(bit - 14) > 0 and 2**bit > 8000)


def test_a_length_of_years(tmp_path: Path) -> None:
    path = write(tmp_path / "a.mkv", sound=beeps(2, [0.5]), times=steps(2, 10))
    content = bytearray(path.read_bytes())
    at = content.index(b"\x44\x89\x88") + 3  # Duration, eight bytes
    content[at : at + 8] = struct.pack(">d", 1e11)
    path.write_bytes(content)
    after = listen(path, 5).after
    assert after.duration == pytest.approx(2, abs=0.1)
    assert "days" in after.notes[0]


def test_a_header_that_claims_too_little(tmp_path: Path) -> None:
    path = write(tmp_path / "a.mkv", sound=beeps(5, [4.5]), acodec="pcm_s16le")
    content = bytearray(path.read_bytes())
    at = content.index(b"\x44\x89\x88") + 3
    content[at : at + 8] = struct.pack(">d", 1000.0)
    path.write_bytes(content)
    heard = listen(path)
    assert heard.facts.duration == pytest.approx(1)
    assert heard.after.duration == pytest.approx(5, abs=0.05)
    assert "claims 1.0 s, but 5.0 s could be decoded" in heard.after.notes[0]
    clip = Part(open_clip(path), Segment(4.0, 9.0))  # beyond what is claimed
    blocks = [m for m in clip.play(0) if isinstance(m, AudioBlock)]
    assert onsets(np.concatenate([b.samples for b in blocks])) == pytest.approx([0.5], abs=0.01)


def test_a_part_behind_the_end_is_refused_whatever_the_header_claims(tmp_path: Path) -> None:
    whole = write(tmp_path / "a.mkv", sound=beeps(8, [0.5]), acodec="pcm_s16le")
    path = tmp_path / "cut.mkv"
    path.write_bytes(whole.read_bytes()[: whole.stat().st_size // 2])
    with pytest.raises(OptionError, match=r"begins at 6 s, but .*cut.mkv ends at [34]"):
        list(Part(open_clip(path), Segment(6.0, 9.0)).play(0))


def test_leaps_are_gaps_and_no_samples(tmp_path: Path) -> None:
    heard = []
    clip = open_clip(leaps(tmp_path / "a", 4, 3500.0))
    for moment in clip.play(5):
        assert isinstance(moment, AudioBlock)
        heard.append((moment.start, len(moment.samples)))
    assert sum(n for _, n in heard) == pytest.approx(4 * 0.128 * 16_000, abs=50)
    assert [start for start, _ in heard] == pytest.approx(
        [i * (3500 + 0.128) for i in range(4)], abs=0.01
    )
    facts = clip.facts
    clip.close()
    assert [gap.duration for gap in facts.gaps] == pytest.approx([3500] * 3, abs=0.01)
    assert "3 gaps" in facts.notes[-1]
    with pytest.raises(MediaError, match="gap of 3500 s"):
        load_audio(tmp_path / "a.mkv")


def test_many_small_gaps_ask_for_no_more_silence_than_there_is_sound(tmp_path: Path) -> None:
    heard = open_clip(leaps(tmp_path / "a", 200, 4.0))
    blocks = [m for m in heard.play(0) if isinstance(m, AudioBlock)]
    samples = sum(len(b.samples) for b in blocks)
    assert samples <= (2 * 200 * 0.128 + 31) * 16_000
    assert heard.facts.duration == pytest.approx(199 * 4.128 + 0.128, abs=0.1)


def test_a_gap_that_pictures_cover_is_none(tmp_path: Path) -> None:
    path = write(
        tmp_path / "a.mkv",
        sound=beeps(4, [0.5]),
        acodec="pcm_s16le",
        times=steps(30, 5),
        warp=lambda t: t + (20.0 if t >= 2 else 0.0),
    )
    heard = open_clip(path)
    starts = [m.start for m in heard.play(1) if isinstance(m, AudioBlock)]
    assert heard.facts.gaps == ()
    assert max(np.diff(starts)) == pytest.approx(20, abs=0.6)


def test_a_picture_does_not_stand_for_hours(tmp_path: Path) -> None:
    times = [0.0, 3500.0, 7000.0]
    path = write(tmp_path / "a.mkv", times=times, picture=lambda t: by_second(t % 4))
    clip = open_clip(path)
    shown = [m.time for m in clip.play(5)]  # type: ignore[union-attr]
    assert len(shown) <= 3 * (2 * LONGEST + 2)
    assert [g.start for g in clip.facts.gaps] == pytest.approx([LONGEST, 3500 + LONGEST], abs=0.1)


def test_pictures_that_stand_for_days_are_not_looked_at_for_days(tmp_path: Path) -> None:
    """A moving GIF of two kilobytes whose pictures stand for 655 s each."""
    path = write(
        tmp_path / "a.gif",
        times=[i * 655.0 for i in range(40)],
        clock=100,
        vcodec="gif",
        pixels="rgb8",
        picture=lambda t: by_second(t / 655),
    )
    clip = open_clip(path)
    looks = sum(1 for _ in clip.play(5))
    assert clip.facts.duration > 39 * 655
    assert looks <= 2 * (ALLOWED + 40 * SHORTER) + 80
    assert len(clip.facts.gaps) == 39


LIES: dict[str, tuple[dict[str, Any], bytes, int, bytes, float]] = {
    "aiff": ({"acodec": "pcm_s16be"}, b"COMM", 10, b"\x7f\xff\xff\xff", 134_217.7),
    "au": ({"acodec": "pcm_s16be"}, b".snd", 8, b"\x7f\xff\xff\xff", 67_108.9),
    "wv": ({"acodec": "wavpack"}, b"wvpk", 12, b"\xff\xff\xff\x7f", 134_217.7),
    "mp3": ({"acodec": "libmp3lame"}, b"Info", 8, b"\x0f\xff\xff\xff", 9_663_676.3),
    "flv": (
        {"sound": beeps(3, [0.5], 44_100), "rate": 44_100},
        b"duration\0", 9, struct.pack(">d", 1e9), 1e9,
    ),
    "avi": ({"acodec": "pcm_s16le", "times": steps(3, 25)}, b"strh", 40, b"\x80\x96\x98\0", 4e5),
}  # fmt: skip
"""By suffix: what is written, a mark, where its length lies from there, a length, seconds of it."""


@pytest.mark.parametrize("suffix", LIES)
def test_a_length_that_the_header_invents(tmp_path: Path, suffix: str) -> None:
    recipe, mark, offset, length, claimed = LIES[suffix]
    given = {"sound": beeps(3, [0.5], 16_000), "rate": 16_000} | recipe
    path = write(tmp_path / f"a.{suffix}", **given)
    content = bytearray(path.read_bytes())
    at = content.find(mark) if mark in content else content.find(b"Xing")
    content[at + offset : at + offset + len(length)] = length
    path.write_bytes(content)
    heard = listen(path, 5)
    assert heard.facts.duration == pytest.approx(claimed, rel=0.01)
    assert heard.after.duration == pytest.approx(3, abs=0.1)
    assert heard.after.claimed == heard.facts.duration
    assert f"claims {claimed:.0f}"[:10] in heard.after.notes[0]


def test_a_picture_that_stands_is_given_again(tmp_path: Path) -> None:
    path = write(tmp_path / "a.mkv", times=[0.0, 1.01, 1.05, 6.0, 6.1], vcodec="libx264")
    heard = listen(path, 5)
    # None was due at 1.05, and what was shown then stood until 6.0.
    assert heard.times[:4] == pytest.approx([0.0, 1.01, 1.2, 1.7], abs=0.01)
    assert max(np.diff(heard.times)) <= 1.02
    assert heard.colours[1:4] == [GREEN] * 3
    assert heard.frames[2].image is heard.frames[3].image
    assert listen(path, 0.25).times == pytest.approx([0.0, 4.0], abs=0.01)


def test_a_spool_with_gaps() -> None:
    with AudioSpool(memory=100, start=10.0) as spool:
        spool.append(np.full(8000, 0.5, np.float32), at=10.0)
        spool.append(np.full(8000, 0.25, np.float32), at=10.5)
        spool.append(np.full(1600, -0.5, np.float32), at=10_000.0)
        assert spool.duration == pytest.approx(9990.1)
        assert spool.stretches() == (Segment(10, 11), Segment(10_000, 10_000.1))
        read = spool.read(Segment(10.9, 11.2))
        assert (read[:1600] == 0.25).all()
        assert len(read) == 4800
        assert not read[1600:].any()
        assert (spool.read(Segment(9_999.9, 20_000))[1600:] == -0.5).all()
        blocks = list(spool.blocks(0.75))
        assert [(b.start, len(b.samples)) for b in blocks] == [
            (10.0, 12_000),
            (10.75, 4000),
            (10_000.0, 1600),
        ]


_LIMITS = (
    "import resource; resource.setrlimit(resource.RLIMIT_FSIZE, (20_000_000,) * 2); "
    "resource.setrlimit(resource.RLIMIT_CPU, (60, 60))"
)
# Read in the process itself: what the system reports of a child begins with the memory of the
# process that it was forked from.
_MEASURED = (
    "from mien.cli import app; app(standalone_mode=False); "
    "print('peak', *[r.split()[1] for r in open('/proc/self/status') if r.startswith('VmHWM')], "
    "file=sys.stderr)"
)


@pytest.mark.slow
def test_twenty_kilobytes_that_claim_days_take_seconds(tmp_path: Path) -> None:
    """In a process that may write 20 MB a file and use 60 s: 97 hours would be 11 GB."""
    path = leaps(tmp_path / "days", 100, 3500.0)
    target = tmp_path / "a.json"
    words = ["mien", "analyze", str(path), "--by", "window", "--json", str(target)]
    done = subprocess.run(
        [sys.executable, "-c", f"{_LIMITS}; import sys; sys.argv = {words!r}; {_MEASURED}"],
        capture_output=True,
        text=True,
        timeout=180,
        check=False,
        env={"PYTHONPATH": ":".join(sys.path), "PATH": ""},
    )
    assert done.returncode == 0, done.stderr
    assert target.stat().st_size < 1_000_000
    assert "99 gaps" in done.stdout.replace("\n", " ")
    assert int(done.stderr.rsplit("peak ", 1)[1].split()[0]) < 800_000  # KB


def test_green_comes_at_its_second(tmp_path: Path) -> None:
    """A slide show: a picture a second, looked at five times a second."""
    heard = listen(write(tmp_path / "a.mkv", times=steps(4, 1), vcodec="libx264"), 5)
    assert heard.times[heard.colours.index(GREEN)] == pytest.approx(1.0, abs=0.01)
