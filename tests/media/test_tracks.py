"""Audio tracks and channels: which one is heard, and what is not an LFE."""

from __future__ import annotations

import wave
from fractions import Fraction
from pathlib import Path
from typing import Any

import av
import numpy as np
import numpy.typing as npt
import pytest

from mien.analyzer import Analyzer
from mien.errors import OptionError
from mien.media import open_clip
from mien.media.mixer import Mixer, channel_weights
from mien.options import MediaOptions, Options, SpeechOptions
from mien.scene import AudioBlock

from .make import Sound, beeps, onsets, write

NO_WORDS = SpeechOptions(asr="none")

AT = [0.5, 1.25, 2.5]


def heard(path: Path, **options: Any) -> npt.NDArray[np.float32]:
    clip = open_clip(path, MediaOptions(**options))
    try:
        return np.concatenate([m.samples for m in clip.play(0) if isinstance(m, AudioBlock)])
    finally:
        clip.close()


def one_of(count: int, channel: int, quiet: float = 0.0, rate: int = 16_000) -> Sound:
    """Beeps on one channel (from 1), soft noise or nothing on the others."""
    sound = np.random.default_rng(1).normal(0, quiet or 1e-9, (count, 3 * rate))
    sound[channel - 1] += beeps(3, AT, rate)[0]
    return sound.astype(np.float32) if quiet else (sound * (np.abs(sound) > 1e-6)).astype("f4")


def plain_wav(path: Path, sound: Sound) -> Path:
    """A WAV file of field recorders: as many channels as it has, and no word on what they are."""
    with wave.open(str(path), "wb") as out:
        out.setnchannels(len(sound))
        out.setsampwidth(2)
        out.setframerate(16_000)
        out.writeframes((sound.T * 32_767).astype("<i2").tobytes())
    return path


@pytest.mark.parametrize("quiet", [0.0, 1e-5])
@pytest.mark.parametrize(("count", "channel"), [(3, 3), (4, 4), (6, 4), (8, 4), (8, 8), (12, 7)])
def test_a_voice_on_any_track_of_a_field_recorder_is_heard(
    tmp_path: Path, count: int, channel: int, quiet: float
) -> None:
    path = plain_wav(tmp_path / "a.wav", one_of(count, channel, quiet))
    samples = heard(path)
    assert onsets(samples) == pytest.approx(AT, abs=0.005)
    assert np.abs(samples).max() == pytest.approx(0.5, abs=0.03)  # not diluted
    assert open_clip(path).facts.audio.endswith(f"{count} channels")


@pytest.mark.parametrize("channel", [1, 4, 6, 8])
def test_flac_gives_every_eight_channels_a_layout_that_says_nothing(
    tmp_path: Path, channel: int
) -> None:
    path = write(
        tmp_path / "a.flac", sound=one_of(8, channel), rate=16_000, layout="7.1", acodec="flac"
    )
    samples = heard(path)
    assert onsets(samples) == pytest.approx(AT, abs=0.005)
    assert np.abs(samples).max() == pytest.approx(0.5, abs=0.03)


def test_open_microphones_beside_the_one_that_hears_the_voice(tmp_path: Path) -> None:
    """Seven that hear the room 30 dB below: the voice stands out at least as on its own track."""
    path = plain_wav(tmp_path / "a.wav", one_of(8, 5, 0.01))
    samples = heard(path)
    assert onsets(samples, level=0.2) == pytest.approx(AT, abs=0.02)  # a change is faded


def test_the_centre_of_a_cinema_is_not_diluted(tmp_path: Path) -> None:
    path = write(tmp_path / "a.wav", sound=one_of(6, 3), rate=16_000, layout="5.1",
                 acodec="pcm_s16le")  # fmt: skip
    assert np.abs(heard(path)).max() == pytest.approx(0.5, abs=0.02)


def test_a_full_cinema_is_mixed_as_ffmpeg_mixes_it(tmp_path: Path) -> None:
    rng = np.random.default_rng(5)
    sound = rng.normal(0, 0.05, (6, 48_000)).astype(np.float32)
    path = write(tmp_path / "a.wav", sound=sound, rate=16_000, layout="5.1", acodec="pcm_f32le")
    options = {"rematrix_maxval": "1.0"}
    mix = av.AudioResampler("flt", "stereo", 16_000, options=options)
    with av.open(str(path)) as container:
        frames = [b for f in container.decode(audio=0) for b in mix.resample(f)]
    wanted = np.concatenate([f.to_ndarray().reshape(-1, 2) for f in frames]).mean(axis=1)
    assert np.allclose(heard(path)[: len(wanted)], wanted, atol=2e-4)


def test_weights_of_layouts() -> None:
    names = ["FL", "FR", "FC", "LFE", "BL", "BR"]
    weights = channel_weights(names, stated=True)
    assert weights is not None
    assert weights.tolist() == pytest.approx([1, 1, 2**0.5, 0, 0.5**0.5, 0.5**0.5])
    assert channel_weights(names, stated=False) is None
    assert channel_weights(["NONE"] * 8, stated=True) is None
    assert channel_weights(["LFE"], stated=True) is None


def test_a_channel_counts_from_when_it_is_heard_and_changes_fade() -> None:
    mixer, rng = Mixer(), np.random.default_rng(2)
    noise = rng.normal(0, 0.1, (2, 8000)).astype(np.float32)
    silent = np.zeros(8000, np.float32)
    assert np.allclose(mixer.mix(np.stack([noise[0], silent], 1)), noise[0], atol=1e-6)
    both = np.stack([noise[0], noise[1]], 1)
    changed = mixer.mix(both)
    assert changed[0] == pytest.approx(noise[0, 0], abs=1e-3)
    assert np.allclose(changed[320:], both.mean(axis=1)[320:], atol=1e-6)
    assert np.allclose(mixer.mix(np.stack([noise[0], silent], 1)), noise[0] / 2, atol=1e-6)


@pytest.mark.parametrize("channel", range(1, 9))
def test_one_channel_alone(tmp_path: Path, channel: int) -> None:
    beep = beeps(3, [0.2 * i + 0.2 for i in range(8)], 16_000)
    sound = np.zeros((8, 48_000), np.float32)
    for i in range(8):
        at = slice(round((0.2 * i + 0.15) * 16_000), round((0.2 * i + 0.35) * 16_000))
        sound[i, at] = beep[0, at]
    path = plain_wav(tmp_path / "a.wav", sound)
    assert onsets(heard(path, audio_channel=channel)) == pytest.approx([0.2 * channel], abs=0.005)


def several(path: Path) -> Path:
    """Three audio tracks: English at .5 s, German at 1 s, a commentary at 1.5 s."""
    with av.open(str(path), "w") as out:
        streams = []
        for language, title in (("eng", ""), ("ger", "Deutsch"), ("", "commentary")):
            stream = out.add_stream("flac", rate=16_000)
            stream.codec_context.layout = "mono"  # type: ignore[union-attr]
            if language:
                stream.metadata["language"] = language
            if title:
                stream.metadata["title"] = title
            streams.append(stream)
        for number, stream in enumerate(streams):
            sound = beeps(3, [0.5 * (number + 1)], 16_000)
            frame = av.AudioFrame.from_ndarray((sound * 32_767).astype("<i2"), "s16", "mono")
            frame.sample_rate, frame.pts, frame.time_base = 16_000, 0, Fraction(1, 16_000)
            for packet in [*stream.encode(frame), *stream.encode(None)]:  # type: ignore[union-attr]
                out.mux(packet)
    return path


@pytest.mark.parametrize(
    ("track", "at"),
    [
        (None, 0.5), (1, 0.5), (2, 1.0), ("3", 1.5), ("eng", 0.5), ("en", 0.5), ("en-GB", 0.5),
        ("de", 1.0), ("deu", 1.0), ("GER", 1.0),
    ],
)  # fmt: skip
def test_a_track_is_chosen_by_number_or_language(
    tmp_path: Path, track: int | str | None, at: float
) -> None:
    path = several(tmp_path / "a.mkv")
    assert onsets(heard(path, audio_track=track)) == pytest.approx([at], abs=0.005)
    facts = open_clip(path).facts
    assert [track.partition(" ")[0] for track in facts.audio_tracks] == ["1", "2", "3"]
    assert "eng" in facts.audio_tracks[0]
    assert "ger, 'Deutsch'" in facts.audio_tracks[1]
    assert "'commentary'" in facts.audio_tracks[2]
    (note,) = facts.notes
    assert note.startswith("Audio track 1 of 3 is used: 1 (flac, 16000 Hz, mono, eng")
    assert "--audio-track" in note
    assert open_clip(path, MediaOptions(2)).facts.notes == ()


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ({"audio_track": 4}, r"no audio track 4 .*1 \(flac, 16000 Hz, mono, eng.*; 2 \("),
        ({"audio_track": "fr"}, "no audio track 'fr'"),
        ({"audio_channel": 2}, "no audio channel 2; the selected track has 1"),
    ],
)
def test_what_is_not_there_is_refused(tmp_path: Path, options: dict[str, Any], words: str) -> None:
    path = several(tmp_path / "a.mkv")
    with pytest.raises(OptionError, match=words):
        open_clip(path, MediaOptions(**options))


@pytest.mark.parametrize("options", [{"audio_track": 0}, {"audio_channel": 0}, {"audio_track": ""}])
def test_numbers_begin_at_one(options: dict[str, Any]) -> None:
    with pytest.raises(OptionError, match=r"the first is 1|cannot be empty"):
        MediaOptions(**options)


def test_of_weighted_channels_a_loud_one_without_weight_is_not_heard() -> None:
    """As of ambisonic sound, whose first channel is the sum of all directions."""
    tone = beeps(1, [0.1], 16_000)[0]
    mixer = Mixer(np.asarray([1.0, 0, 0, 0], np.float32))
    assert np.allclose(mixer.mix(np.stack([tone, tone * 2, -tone * 2, tone], 1)), tone, atol=1e-6)


def test_the_analyzer_hears_what_was_chosen(tmp_path: Path) -> None:
    path = several(tmp_path / "a.mkv")
    chosen = Options(media=MediaOptions("de"), speech=NO_WORDS)
    analysis = Analyzer(chosen).analyze(path)
    assert analysis.provenance.options["media"]["audio_track"] == "de"
    assert analysis.provenance.warnings == ()
    plain = Analyzer(Options(speech=NO_WORDS)).analyze(path)
    assert "Audio track 1 of 3" in plain.provenance.warnings[0]
    missing = Analyzer(Options(media=MediaOptions(audio_channel=3), speech=NO_WORDS))
    with pytest.raises(OptionError, match="no audio channel 3"):
        missing.analyze(path)
