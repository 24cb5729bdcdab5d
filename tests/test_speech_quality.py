"""What the voice branch measures: planted noise, clipping, sounds that are no speech."""

import tracemalloc
import wave

import numpy as np
import pytest

import mien
from mien.branches import make_branches, speech_quality
from mien.branches.speech_quality import SpeechQuality, agreement, measure
from mien.media import AudioSpool, load_audio
from mien.packs import EMBEDDED
from mien.perceive.speech import find_speech
from mien.scene import AUDIO, SPEECH, ClipFacts, Scene, Speech
from mien.timebase import Segment

RATE = 16_000
SECONDS = 6.0
WHOLE = Segment(0.0, SECONDS)
TIME = np.arange(int(SECONDS * RATE)) / RATE


def spooled(samples):
    spool = AudioSpool()
    spool.append(np.asarray(samples, dtype=np.float32))
    return spool


def judged(samples, turns):
    facts = ClipFacts("x", "recording", SECONDS, "wav", has_audio=True)
    scene = Scene(facts, {AUDIO: spooled(samples), SPEECH: Speech(tuple(turns))})
    return make_branches()["voice"].judge(scene, [WHOLE])


@pytest.fixture(scope="module")
def speech():
    """The demo's sentence with a pause before and after, 6 s in all, and its turns."""
    said = load_audio(EMBEDDED / "demo" / "speech.flac")
    samples = np.zeros(len(TIME), dtype=np.float32)
    samples[RATE : RATE + len(said)] = said[: len(TIME) - RATE]
    return samples, (Segment(1.0, min(SECONDS, 1.0 + len(said) / RATE)),)


def noise(colour, rng):
    spectrum = np.fft.rfft(rng.standard_normal(len(TIME)))
    hertz = np.maximum(np.fft.rfftfreq(len(TIME), 1 / RATE), 20.0)
    made = np.fft.irfft(spectrum * hertz ** (-colour / 2), len(TIME))
    return made / np.sqrt(np.square(made).mean())


@pytest.mark.parametrize("colour", [0, 1])
@pytest.mark.parametrize("snr", [-5, 0, 5, 10, 20])
def test_the_planted_noise_is_measured(speech, snr, colour):
    samples, turns = speech
    said = samples[int(turns[0].start * RATE) : int(turns[0].end * RATE)]
    level = np.sqrt(np.square(said).mean() / 10 ** (snr / 10))
    noisy = samples + level * noise(colour, np.random.default_rng(snr + 10))
    found = measure(spooled(noisy), turns, WHOLE).ratio
    assert found == pytest.approx(snr, abs=1.0 if snr >= 0 else 2.0)
    # Without a gap, from the short pauses inside the speech.
    assert measure(spooled(noisy), turns, turns[0]).ratio == pytest.approx(snr, abs=4.0)


def test_what_is_said_of_clean_speech(speech):
    samples, turns = speech
    sound = measure(spooled(samples), turns, WHOLE)
    assert sound.ratio > 30
    assert sound.clipped < 0.001
    assert sound.change > 5
    assert sound.bands > 5
    assert sound.unfit == ""
    assert sound.quality == pytest.approx(1.0, abs=0.01)


def test_loudness_alone_changes_nothing(speech):
    samples, turns = speech
    loud, quiet = (measure(spooled(samples * gain), turns, WHOLE) for gain in (1.0, 0.01))
    assert quiet.quality == pytest.approx(loud.quality, abs=0.01)
    assert quiet.change == pytest.approx(loud.change, abs=0.5)


def test_noise_clipping_and_brevity_lower_the_quality(speech):
    samples, turns = speech
    rng = np.random.default_rng(0)
    level = np.sqrt(np.square(samples).mean())
    noisy = measure(spooled(samples + 0.5 * level * noise(0, rng)), turns, WHOLE)
    over = samples / np.abs(samples).max() * 10
    # Clipped and then turned down: what has been cut off does not come back.
    clipped = measure(spooled(0.3 * np.clip(over, -1, 1)), turns, WHOLE)
    brief = measure(spooled(samples), (Segment(1.0, 2.0),), WHOLE)
    assert noisy.quality < 0.7
    assert clipped.clipped > 0.05
    assert clipped.quality < 0.8
    assert brief.quality < 0.6


def test_the_formula_is_the_documented_one():
    sound = SpeechQuality(seconds=1.0, share=0.1, ratio=7.5, clipped=0.1, change=8.0, bands=9.0)
    assert sound.quality == pytest.approx(0.5 * 0.75 * 0.5 * 0.75)


def tone(hertz):
    return 0.3 * np.sin(2 * np.pi * hertz * TIME)


def chord():
    return sum(0.1 * np.sin(2 * np.pi * f * TIME) for f in (220, 277, 330, 440))


def organ():
    """A saw-tooth that swells four times a second: the speech detector takes it for speech."""
    return 0.2 * (2 * ((120 * TIME) % 1) - 1) * (0.5 + 0.5 * np.sin(8 * np.pi * TIME))


def tune():
    notes = (131, 147, 165, 175, 196, 220, 247, 262, 247, 220, 196, 175)
    fade = TIME[: RATE // 2]
    return np.concatenate([0.3 * (2 * ((f * fade) % 1) - 1) * np.exp(-3 * fade) for f in notes])


def band():
    """A melody with vibrato, a bass and drums four times a second."""
    beat = TIME % 0.25
    pitch = np.repeat((262, 294, 330, 349, 392, 440, 494, 523), RATE // 2)
    pitch = np.resize(pitch, len(TIME)) * (1 + 0.01 * np.sin(2 * np.pi * 5.5 * TIME))
    turned = 2 * np.pi * np.cumsum(pitch) / RATE
    melody = sum(np.sin(k * turned) / k**1.5 for k in range(1, 9)) * np.exp(-(TIME % 0.5))
    drums = np.random.default_rng(3).standard_normal(len(TIME)) * np.exp(-30 * beat)
    bass = sum(np.sin(2 * np.pi * 131 * k * TIME) / k for k in range(1, 12))
    return (
        0.15 * melody
        + 0.15 * drums
        + 0.3 * np.sin(120 * np.pi * TIME) * np.exp(-12 * beat)
        + 0.06 * bass
    )


NO_SPEECH = {
    "silence": np.zeros(len(TIME)),
    "hiss of 16 bits": np.round(np.random.default_rng(0).standard_normal(len(TIME))) / 32768,
    "white noise": 0.1 * noise(0, np.random.default_rng(1)),
    "brown noise": 0.1 * noise(2, np.random.default_rng(2)),
    "tone": tone(440),
    "low tone": tone(140),
    "sweep": 0.3 * np.sin(2 * np.pi * (100 * TIME + 200 * TIME**2)),
    "chord": chord(),
    "organ": organ(),
    "tune": tune(),
    "band": band(),
}
MUSIC = ("tune", "band")


@pytest.mark.parametrize("name", NO_SPEECH)
def test_what_is_no_speech_gets_no_emotion(name):
    samples = np.asarray(NO_SPEECH[name], dtype=np.float32)
    evidence = judged(samples, find_speech(spooled(samples)).turns)
    assert not evidence.present.any()
    assert any(word in evidence.reasons[0] for word in ("speech", "silence"))


@pytest.mark.parametrize("name", [name for name in NO_SPEECH if name not in MUSIC])
def test_nor_where_the_detector_took_it_for_speech(name):
    evidence = judged(NO_SPEECH[name], [WHOLE])
    assert not evidence.present.any(), name


@pytest.mark.parametrize("name", ["silence", "white noise", "tone", "band"])
def test_a_file_without_speech_gets_no_emotion_anywhere(name, tmp_path):
    path = tmp_path / "sound.wav"
    with wave.open(str(path), "wb") as file:
        file.setnchannels(1)
        file.setsampwidth(2)
        file.setframerate(RATE)
        file.writeframes((NO_SPEECH[name] * 32767).astype("<i2").tobytes())
    analysis = mien.analyze(path)
    for evidence in (analysis.fused, analysis.whole.fused, *analysis.by_branch.values()):
        assert not evidence.present.any()
        assert evidence.reasons[0]
    assert analysis.events == ()


def test_masked_speech_is_absent_with_what_was_measured(speech):
    samples, turns = speech
    others = np.resize(
        samples[int(turns[0].start * RATE) : int(turns[0].end * RATE)][::-1], len(TIME)
    )
    evidence = judged(0.05 * samples + others, turns)
    assert "masked by other sound (signal-to-noise ratio -" in evidence.reasons[0]


def test_parts_that_contradict_one_another_agree_less():
    joy, fear = np.eye(7)[3] * 0.94 + 0.01, np.eye(7)[2] * 0.94 + 0.01
    assert agreement(np.stack([joy]), np.ones(1)) == 1.0
    assert agreement(np.stack([joy, joy]), np.ones(2)) == pytest.approx(1.0)
    assert agreement(np.stack([joy, fear]), np.ones(2)) < 0.3
    nearly = 0.8 * joy + 0.2 * fear
    assert agreement(np.stack([joy, nearly]), np.ones(2)) > 0.9


@pytest.mark.data
@pytest.mark.parametrize("name", ["churchill.wav", "jfk.flac", "obama_speech.mp4"])
def test_real_speech_is_judged(shared, name):
    evidence = mien.analyze(
        shared / "clips" / name,
        mien.Options(speech=mien.SpeechOptions(asr="none"), faces=mien.FaceOptions(frame_rate=0.2)),
    ).by_branch["voice"]
    assert evidence.present.all()
    assert 0.2 < evidence.quality[0] < 1.0


@pytest.mark.data
@pytest.mark.parametrize("by", ["clip", "window"])
def test_speech_under_a_laughter_track_is_not_judged(shared, by):
    def judged(**more):
        options = mien.Options(
            speech=mien.SpeechOptions(asr="none"), faces=mien.FaceOptions(frame_rate=0.2), **more
        )
        return mien.analyze(shared / "clips" / "test.avi", options)

    # The laughter begins at about 12 s; the clip's speech ends at 16 s, its sound at 18 s.
    laughter = judged(start=11.5, end=18.0).by_branch["voice"]
    assert "masked" in laughter.reasons[0]
    # What is said before it is judged, by itself and in the answer for the whole.
    value = judged(segmentation=mien.SegmentationOptions(by=by))
    whole = value.whole.by_branch["voice"]
    assert value.by_branch["voice"].present[0]
    assert whole.present[0]
    assert whole.quality[0] < 0.7


@pytest.mark.parametrize("decibels", [-9, -18, -40])
def test_speech_is_found_at_the_same_times_at_any_level(speech, decibels):
    samples, _ = speech
    loud, soft = (
        find_speech(spooled(samples * gain)).turns for gain in (1.0, 10 ** (decibels / 20))
    )
    assert sum(turn.duration for turn in loud) > 3
    assert len(soft) == len(loud)
    for one, other in zip(loud, soft, strict=True):
        assert other.start == pytest.approx(one.start, abs=0.2)
        assert other.end == pytest.approx(one.end, abs=0.2)


def test_a_door_that_slams_does_not_hide_soft_speech(speech):
    samples, _ = speech
    slam = samples * np.float32(0.02)
    slam[:800] = np.random.default_rng(0).uniform(-1, 1, 800)
    turns = find_speech(spooled(slam)).turns
    assert sum(turn.duration for turn in turns) > 3


def test_long_speech_is_measured_alike_from_fewer_rows(speech, monkeypatch):
    samples, turns = speech
    said = samples[int(turns[0].start * RATE) : int(turns[0].end * RATE)]

    def heard():
        shape = speech_quality.Shape()
        tracemalloc.start()
        for _ in range(40):
            shape.add(said)
        kept, _ = tracemalloc.get_traced_memory()
        tracemalloc.stop()
        return shape, kept

    heard()  # what is made once and kept, such as filters, is not counted below
    whole, _ = heard()
    monkeypatch.setattr(speech_quality, "MOST_ROWS", 800)
    thin, kept = heard()
    assert whole.rows > 1500
    assert 400 <= thin.rows <= 800
    assert thin.change == pytest.approx(whole.change, rel=0.1)
    assert thin.bands == pytest.approx(whole.bands, rel=0.1)
    # A view of a block in place of a copy would keep all of the block: five times the rows.
    assert kept < 1.5 * 800 * 82 * 8


def test_quiet_speech_of_a_part_is_found_at_its_time(speech):
    samples, turns = speech
    quiet = (samples * 0.02).astype(np.float32)
    spool = AudioSpool(start=100.0)
    spool.append(quiet)
    found = find_speech(spool, 100.0).turns
    assert found[0].start == pytest.approx(100 + turns[0].start, abs=0.4)
    assert found[-1].end == pytest.approx(100 + turns[-1].end, abs=0.5)
