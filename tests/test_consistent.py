"""The answer for the whole agrees with the rows; people are shown; a slice may be empty."""

import io
from dataclasses import replace

import numpy as np
import pytest
from rich.console import Console

from mien.analysis.evidence import Evidence
from mien.branches import make_branches
from mien.branches.batches import as_rows_say
from mien.emotions import MIEN7
from mien.errors import DataError, OptionError
from mien.media import AudioSpool, load_audio
from mien.packs import EMBEDDED
from mien.report.table import render
from mien.scene import AUDIO, SPEECH, ClipFacts, Scene, Speech
from mien.timebase import Segment
from tests.pages import planted, says

RATE = 16_000
SECONDS = 90.0


def film(loud):
    """A sentence in quiet at 5 s and at 65 s; between 20 and 60 s noise, ``loud`` times it."""
    said = load_audio(EMBEDDED / "demo" / "speech.flac")
    samples = np.random.default_rng(0).normal(0, 1e-4, int(SECONDS * RATE)).astype(np.float32)
    turns = []
    for start in (5, 65):
        samples[start * RATE : start * RATE + len(said)] += said
        turns.append(Segment(float(start), start + len(said) / RATE))
    level = loud * float(np.sqrt(np.square(said).mean()))
    noisy = slice(20 * RATE, 60 * RATE)
    samples[noisy] += np.random.default_rng(1).normal(0, level, 40 * RATE).astype(np.float32)
    spool = AudioSpool()
    spool.append(np.clip(samples, -1, 1))
    facts = ClipFacts("film.wav", "recording", SECONDS, "wav", has_audio=True)
    return Scene(facts, {AUDIO: spool, SPEECH: Speech(tuple(turns))})


def judged(scene, *segments):
    return make_branches()["voice"].judge(scene, segments)


@pytest.mark.parametrize("loud", [0.0, 1.0, 3.0])
def test_noise_elsewhere_in_a_film_does_not_silence_its_speech(loud):
    scene = film(loud)
    rows = judged(scene, Segment(4.0, 10.0), Segment(64.0, 70.0))
    assert rows.present.all()
    whole = judged(scene, Segment(0.0, SECONDS))
    assert whole.present[0], whole.reasons
    assert whole.top(0) in {rows.top(0), rows.top(1)}
    assert 0 < whole.quality[0] <= max(rows.quality) + 0.05


def test_a_film_without_fit_speech_stays_absent():
    rng = np.random.default_rng(2)
    spool = AudioSpool()
    spool.append(rng.normal(0, 0.1, int(SECONDS * RATE)).astype(np.float32))
    facts = ClipFacts("film.wav", "recording", SECONDS, "wav", has_audio=True)
    turns = Speech((Segment(5.0, 8.0), Segment(65.0, 68.0)))
    found = judged(Scene(facts, {AUDIO: spool, SPEECH: turns}), Segment(0.0, SECONDS))
    assert not found.present[0]
    assert "no speech" in found.reasons[0]


def test_a_whole_that_is_absent_is_what_its_rows_say():
    segments = (Segment(0.0, 2.0), Segment(2.0, 4.0), Segment(4.0, 8.0))
    rows = Evidence.of_rows("voice", segments, [says("joy", 0.8, 0.5), "silence", says("fear")])
    absent = Evidence.absent("voice", (Segment(0.0, 8.0),), "drowned")
    whole = as_rows_say(absent, rows)
    assert whole.top(0) == "fear"  # four seconds at .9 against two at .5
    assert whole.quality[0] == pytest.approx((0.5 * 2 + 0.9 * 4) / 8)
    weights = np.array([0.5 * 2, 0.9 * 4])
    logs = np.log(rows.probs[[0, 2]])
    pooled = np.exp(weights / weights.sum() @ logs)
    assert np.allclose(whole.probs[0], pooled / pooled.sum())
    nothing = Evidence.absent("voice", segments, "silence")
    assert as_rows_say(absent, nothing) is absent
    judged_whole = Evidence.of_rows("voice", absent.segments, [says("joy")])
    assert as_rows_say(judged_whole, rows) is judged_whole


def shown(value, width):
    out = io.StringIO()
    Console(width=width, file=out).print(render(value))
    return out.getvalue()


@pytest.mark.parametrize("width", [60, 80, 160])
@pytest.mark.parametrize("count", [2, 3])
def test_people_are_shown_in_a_table_of_many_segments(count, width):
    value = planted(10.0)
    labels = MIEN7.labels[:count]
    people = {
        who: Evidence.of_rows("face", value.segments, [says(label, 0.77)] * len(value.segments))
        for who, label in enumerate(labels)
    }
    text = shown(replace(value, people=people), width)
    assert len(value.segments) > 6
    for who, label in enumerate(labels):
        assert f"face {who}" in text
        assert f"{label} 0.77" in text or f"{label} .77" in text
    assert "face 0" not in shown(replace(value, people={}), width)


def test_of_a_crowd_the_most_prominent_are_shown_and_the_rest_counted():
    value = planted(10.0)
    rows = [says("joy", 0.77)] * len(value.segments)
    crowd = {who: Evidence.of_rows("face", value.segments, rows) for who in range(9)}
    text = shown(replace(value, people=crowd), 160)
    assert "face 5" in text
    assert "face 6" not in text
    assert "and 3 more people" in text


def test_a_slice_may_be_empty_as_that_of_a_list():
    value = planted(6.0)
    nothing = value[10:20]
    assert nothing.segments == ()
    assert nothing.at(12.5) is None
    assert value[2:4].at(2.5) == value.at(2.5)
    assert value[4:2].at(3.0) is None
    assert nothing.to_dict()["segments"] == []
    assert shown(nothing, 80)
    with pytest.raises(OptionError, match="nothing to draw"):
        nothing.plot()
    with pytest.raises(OptionError, match="No segment lies"):
        value.between(10, 20)


def test_two_speakers_in_five_folds_are_refused_with_what_is_needed():
    pytest.importorskip("torch", reason="torch is not installed (extra 'train')")
    from mien.datasets import LabelledSet
    from mien.train.voice_protocols import assign_folds

    def voices(speakers):
        n = len(speakers)
        return LabelledSet(
            items=[f"{i}.wav" for i in range(n)],
            targets=np.eye(7)[np.arange(n) % 7],
            groups=np.array([f"tess/{s}" for s in speakers]),
            corpora=np.array(["tess"] * n),
            splits=np.array([""] * n),
        )

    with pytest.raises(DataError, match=r"tess has 2 speakers: give --folds 2, or add --data"):
        assign_folds(voices(["OAF", "YAF"] * 7), 5)
    with pytest.raises(DataError, match=r"tess has 1 speaker: add --data") as one:
        assign_folds(voices(["OAF"] * 7), 5)
    assert "give --folds" not in str(one.value)
    assert set(assign_folds(voices(["OAF", "YAF"] * 7), 2).tolist()) == {0, 1}
