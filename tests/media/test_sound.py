"""Sound: rates, channels, gaps and jumps, with beeps planted at known times."""

from __future__ import annotations

import struct
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from mien.errors import MediaError
from mien.media import load_audio
from mien.media.mixer import Mixer
from mien.media.reader import Timeline

from .listen import listen
from .make import GREEN, beeps, onsets, steps, write

AT = [0.5, 1.25, 2.5]


@pytest.mark.parametrize("rate", [8000, 11_025, 16_000, 22_050, 44_100, 48_000, 96_000])
def test_every_rate(tmp_path: Path, rate: int) -> None:
    path = write(tmp_path / "a.wav", sound=beeps(3, AT, rate), rate=rate, acodec="pcm_s16le")
    samples = load_audio(path)
    assert len(samples) == pytest.approx(48_000, abs=2)
    assert onsets(samples) == pytest.approx(AT, abs=0.002)
    assert np.abs(samples).max() == pytest.approx(0.5, abs=0.02)


@pytest.mark.parametrize("codec", ["pcm_u8", "pcm_s24le", "pcm_s32le", "pcm_f32le", "pcm_f64le"])
def test_every_sample_format(tmp_path: Path, codec: str) -> None:
    path = write(tmp_path / "a.wav", sound=beeps(3, AT), acodec=codec)
    assert onsets(load_audio(path)) == pytest.approx(AT, abs=0.002)


def test_sixteen_bits_come_through_unchanged(tmp_path: Path) -> None:
    planted = np.random.default_rng(1).integers(-32768, 32768, 20_000).astype(np.int16)
    path = tmp_path / "a.wav"
    header = struct.pack("<4sI4s4sIHHIIHH4sI", b"RIFF", 36 + 40_000, b"WAVE", b"fmt ", 16, 1, 1,
                         16_000, 32_000, 2, 16, b"data", 40_000)  # fmt: skip
    path.write_bytes(header + planted.tobytes())
    assert np.array_equal(load_audio(path) * 32768, planted)


@pytest.mark.parametrize("layout", ["stereo", "5.1", "5.1(side)", "7.1", "3.0", "quad"])
@pytest.mark.parametrize("codec", ["pcm_s16le", "flac", "aac"])
def test_every_layout(tmp_path: Path, layout: str, codec: str) -> None:
    channels = {"stereo": 2, "3.0": 3, "quad": 4, "7.1": 8}.get(layout, 6)
    path = write(
        tmp_path / "a.mkv",
        sound=np.repeat(beeps(3, AT), channels, axis=0),
        layout=layout,
        acodec=codec,
    )
    heard = listen(path)
    assert onsets(heard.samples) == pytest.approx(AT, abs=0.025)
    assert 0.3 < np.abs(heard.samples).max() < 0.6


@pytest.mark.parametrize("channel", range(6))
def test_each_surround_channel_is_heard(tmp_path: Path, channel: int) -> None:
    sound = np.zeros((6, 3 * 48_000), np.float32)
    sound[channel] = beeps(3, AT)
    samples = load_audio(write(tmp_path / "a.wav", sound=sound, layout="5.1", acodec="pcm_s16le"))
    if channel == 3:
        assert np.abs(samples).max() < 0.01  # bass effects carry no voice
    else:
        assert onsets(samples, level=0.03) == pytest.approx(AT, abs=0.005)


def test_opposite_phases_do_not_cancel(tmp_path: Path) -> None:
    beep = beeps(3, AT)
    sound = np.concatenate([beep, -beep])
    samples = load_audio(
        write(tmp_path / "a.wav", sound=sound, layout="stereo", acodec="pcm_s16le")
    )
    assert onsets(samples) == pytest.approx(AT, abs=0.002)
    assert np.abs(samples).max() == pytest.approx(0.5, abs=0.02)


def test_a_silent_side_does_not_dilute(tmp_path: Path) -> None:
    beep = beeps(3, AT)
    sound = np.concatenate([0 * beep, beep])
    samples = load_audio(
        write(tmp_path / "a.wav", sound=sound, layout="stereo", acodec="pcm_s16le")
    )
    assert onsets(samples) == pytest.approx(AT, abs=0.002)
    assert np.abs(samples).max() == pytest.approx(0.5, abs=0.02)


def test_a_channel_is_taken_alone_only_while_they_cancel() -> None:
    mixer, rng = Mixer(), np.random.default_rng(3)
    noise = rng.normal(0, 0.1, (9, 8000)).astype(np.float32)
    for n in noise[:3]:
        assert np.allclose(mixer.mix(np.stack([n, n], 1)), n, atol=1e-6)
    louder = [np.stack([n, -n * (1.1 if i % 2 else 1 / 1.1)], 1) for i, n in enumerate(noise[3:6])]
    alone = [mixer.mix(block) for block in louder]
    assert np.allclose(alone[0][320:], noise[3][320:], atol=1e-6)  # after 20 ms of fading
    assert np.allclose(alone[0][:2], 0, atol=0.02)
    assert np.allclose(alone[1], noise[4], atol=1e-6)  # no leap to the one slightly louder
    assert np.allclose(alone[2], noise[5], atol=1e-6)
    one_sided = np.stack([0 * noise[6], noise[6]], 1)
    assert np.allclose(mixer.mix(one_sided)[320:], noise[6][320:] / 2, atol=1e-6)


def test_numbers_that_are_no_sound() -> None:
    block = np.array([[np.nan], [np.inf], [-np.inf], [3.0], [0.25]], np.float32)
    assert Mixer().mix(block).tolist() == [0.0, 1.0, -1.0, 1.0, 0.25]


@pytest.mark.parametrize("wrong", [1, 1999, 1_073_789_824])
def test_a_rate_that_no_sound_has(tmp_path: Path, wrong: int) -> None:
    path = write(tmp_path / "a.wav", sound=beeps(0.3, [0.1]), acodec="pcm_s16le")
    content = path.read_bytes()
    rate = struct.pack("<I", 48_000)
    path.write_bytes(content.replace(rate, struct.pack("<I", wrong), 1))
    with pytest.raises(MediaError, match=rf"{wrong} samples a second; 2000 to 800000 are read"):
        load_audio(path)


def test_more_channels_than_have_names(tmp_path: Path) -> None:
    path = write(
        tmp_path / "a.wav",
        sound=np.repeat(beeps(3, AT), 16, axis=0),
        layout="16 channels",
        acodec="pcm_s16le",
    )
    assert onsets(load_audio(path)) == pytest.approx(AT, abs=0.002)


def test_a_channel_order_of_its_own_does_not_bring_us_down(tmp_path: Path) -> None:
    path = write(
        tmp_path / "a.mov",
        sound=np.repeat(beeps(3, AT), 3, axis=0),
        layout="3.0",
        acodec="pcm_s16le",
    )
    left_right_centre, centre_left_right = (struct.pack(">I", n << 16 | 3) for n in (113, 114))
    content = path.read_bytes()
    assert content.count(left_right_centre) == 1
    path.write_bytes(content.replace(left_right_centre, centre_left_right))
    script = (
        "import sys; from mien.media import load_audio, open_clip\n"
        "print(open_clip(sys.argv[1]).facts.audio, len(load_audio(sys.argv[1])))"
    )
    done = subprocess.run(
        [sys.executable, "-c", script, str(path)],
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
        env={"PYTHONPATH": ":".join(sys.path)},
    )
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout.split()[-2:] == ["(FC+FL+FR)", "48000"]
    assert onsets(load_audio(path)) == pytest.approx(AT, abs=0.002)


@pytest.mark.parametrize("suffix", ["mkv", "mp4", "mov"])
def test_late_sound_keeps_its_place(tmp_path: Path, suffix: str) -> None:
    path = write(
        tmp_path / f"a.{suffix}",
        sound=beeps(2, [0.5]),
        acodec="aac",
        warp=lambda t: t + 1.5,
        times=steps(4, 25),
    )
    heard = listen(path, 25)
    assert onsets(heard.samples) == pytest.approx([2.0], abs=0.025)
    assert not heard.samples[:22_000].any()
    assert heard.times[heard.colours.index(GREEN)] == pytest.approx(1.0, abs=0.025)
    assert load_audio(path).shape == heard.samples.shape


@pytest.mark.parametrize(("suffix", "codec"), [("mkv", "pcm_s16le"), ("mp4", "aac")])
def test_a_gap_becomes_silence(tmp_path: Path, suffix: str, codec: str) -> None:
    path = write(
        tmp_path / f"a.{suffix}",
        sound=beeps(3, AT),
        acodec=codec,
        warp=lambda t: t + (1.5 if t >= 1 else 0.0),
    )
    heard = listen(path)
    assert onsets(heard.samples) == pytest.approx([0.5, 2.75, 4.0], abs=0.025)
    assert len(heard.samples) / 16_000 == pytest.approx(4.5, abs=0.03)


def test_a_gap_too_small_to_hear_is_closed(tmp_path: Path) -> None:
    path = write(
        tmp_path / "a.mkv",
        sound=beeps(3, AT),
        acodec="pcm_s16le",
        warp=lambda t: t + (0.03 if t >= 1 else 0.0),
    )
    assert len(load_audio(path)) == 48_000


def test_a_clock_that_jumps_is_not_believed(tmp_path: Path) -> None:
    path = write(
        tmp_path / "a.mkv",
        sound=beeps(3, AT),
        acodec="pcm_s16le",
        warp=lambda t: t + (90_000 if t >= 1 else 0.0),
    )
    samples = load_audio(path)
    assert onsets(samples) == pytest.approx(AT, abs=0.01)
    assert len(samples) / 16_000 == pytest.approx(3, abs=0.01)


def test_the_timeline_bounds_the_silence_a_stamp_can_ask_for() -> None:
    assert Timeline(origin=0.0, end=0.0).place(59.0, due=0.0) == 59.0
    assert Timeline(origin=0.0, end=0.0).place(61.0, due=0.0) == 0.0
    assert Timeline(origin=0.0, end=1800.0).place(1700.0, due=10.0) == 1700.0
    assert Timeline(origin=0.0, end=90_000.0).place(80_000.0, due=10.0) == 10.0
    assert Timeline(origin=5.0, end=10.0).place(4.5, due=0.0) == -0.5


def test_a_format_that_changes_on_the_way(tmp_path: Path) -> None:
    first = write(tmp_path / "a.ts", sound=beeps(2, [0.5]))
    second = write(
        tmp_path / "b.ts",
        sound=np.repeat(beeps(2, [0.5], 44_100), 2, axis=0),
        rate=44_100,
        layout="stereo",
    )
    both = tmp_path / "both.ts"
    both.write_bytes(first.read_bytes() + second.read_bytes())
    heard = listen(both)
    assert len(onsets(heard.samples)) == 2
    assert len(heard.samples) / 16_000 == pytest.approx(4, abs=0.15)
