import io
import itertools
import re
from dataclasses import replace

import numpy as np
import pytest
from rich.console import Console

import mien
from mien.analysis.evidence import Evidence
from mien.branches import make_branches, needs_of
from mien.branches.face import normalise
from mien.branches.logmel import SETTINGS, chunks, log_mel, mel_filters, trim
from mien.branches.text import TextModel
from mien.emotions import MIEN7, EmotionSpace, LabelMap
from mien.errors import ContractError, OptionError
from mien.language import foreign
from mien.media import AudioSpool
from mien.pack_folders import find_pack
from mien.report.table import render
from mien.scene import AUDIO, FACES, SPEECH, TRANSCRIPT, ClipFacts, FaceTrack, Scene, Speech
from mien.testing import check_branch, planted_scene
from mien.timebase import Segment
from mien.words import Line, Transcript

RATE = 16_000


@pytest.mark.parametrize("name", sorted(make_branches()))
def test_every_registered_branch_keeps_the_contract(name):
    check_branch(make_branches()[name])


class Broken:
    """A branch whose faults a test chooses."""

    def __init__(self, fault):
        self.fault = fault

    @property
    def spec(self):
        spec = make_branches()["text"].spec
        few = EmotionSpace("few", ("anger", "joy"))
        named = {"label_map": LabelMap.by_name(few)} if self.fault == "names others" else {}
        return replace(spec, **named)

    def judge(self, scene, segments):
        row = (np.full(7, 1 / 7), 0.5)
        if self.fault in ("guesses", "names others"):
            return Evidence.of_rows("text", segments, [row] * len(segments))
        if self.fault == "other name":
            return Evidence.of_rows("words", segments, [row] * len(segments))
        if self.fault == "drops rows":
            return Evidence.of_rows("text", segments[:1], [row] * len(segments[:1]))
        return Evidence.absent("text", segments, "never")


@pytest.mark.parametrize(
    ("fault", "clause"),
    [("guesses", "tracks are missing"), ("other name", "another name"),
     ("drops rows", "rows are not the segments"), ("mute", "all rows are absent"),
     ("names others", "label that its label_map never names")],
)  # fmt: skip
def test_the_suite_finds_faults(fault, clause):
    with pytest.raises(ContractError, match=clause):
        check_branch(Broken(fault))


def test_an_unknown_branch_is_refused():
    with pytest.raises(OptionError, match="'smell'.*text, voice, face"):
        make_branches({"smell": {}})


# --- text ------------------------------------------------------------------------------------


def spoken(text, words=(), language="en"):
    line = Line(Segment(0.0, 3.0), text, tuple(words), 0.9)
    facts = ClipFacts("x", "recording", 3.0, "wav")
    return Scene(facts, {TRANSCRIPT: Transcript((line,), "given", language)})


@pytest.mark.parametrize(
    ("text", "label"),
    [
        ("I am so happy, this is wonderful, I love it!", "joy"),
        ("I am furious, how dare you do this to me!", "anger"),
        ("My grandmother died and I cannot stop crying.", "sadness"),
        ("I was terrified, I thought he would kill me.", "fear"),
        ("That is disgusting, the food was rotten and full of maggots.", "disgust"),
        ("The meeting is on the second floor at three.", "neutral"),
    ],
)
def test_plain_sentences_are_read_as_a_person_would(text, label):
    evidence = make_branches()["text"].judge(spoken(text), [Segment(0.0, 3.0)])
    assert evidence.top(0) == label


def test_a_text_is_judged_the_same_beside_others():
    model = TextModel(find_pack("text"))
    texts = ["I am so happy!", "WHY WOULD YOU DO THAT?! " * 8, "ok"]
    together = model.probs(texts, [False, True, False])
    for text, said, row in zip(texts, [False, True, False], together, strict=True):
        assert model.probs([text], [said])[0] == pytest.approx(row)


def test_other_languages_and_silence_have_their_reason():
    branch = make_branches()["text"]
    german = branch.judge(spoken("Ja", language="de"), [Segment(0.0, 3.0)])
    assert german.reasons == ("not English (German)",)
    later = branch.judge(spoken("hello there"), [Segment(5.0, 6.0)])
    assert later.reasons == ("no words",)


SAD = "My grandmother died and I cannot stop crying."
GERMAN = "Das habe ich wirklich nicht gewollt, es tut mir leid."


def test_a_text_that_is_not_english_is_absent_with_its_language():
    analyses = mien.analyze_text([GERMAN, SAD, "Je ne sais vraiment pas quoi te dire."])
    reasons = [analysis.by_branch["text"].reasons[0] for analysis in analyses]
    assert re.fullmatch(r"not English \(German, (1.00|0.9\d)\)", reasons[0])
    assert reasons[1] == ""
    assert reasons[2].startswith("not English (French")
    assert [analysis.transcript.language for analysis in analyses] == ["de", "en", "fr"]


def test_a_foreign_line_among_english_ones_is_left_out():
    many = f"{SAD}\nI miss her so much that it hurts.\nShe was the kindest person I ever met."
    alone, mixed = mien.analyze_text([many, f"{many}\n{GERMAN}"])
    assert mixed.by_branch["text"].probs == pytest.approx(alone.by_branch["text"].probs)


@pytest.mark.parametrize("text", ["Oh!", "Hahaha!", "Ok, say no more.", "No!", "Chandler!", "123"])
def test_a_few_words_are_taken_for_english(text):
    assert foreign(text) is None


def test_every_line_has_its_own_answer_whatever_the_cut():
    analysis = mien.analyze_text(f"{SAD}\n{GERMAN}\nI am so happy, I love it!")
    assert len(analysis.segments) == 1
    lines = analysis.lines
    assert [lines.top(row) for row in range(3)] == ["sadness", None, "joy"]
    assert lines.reasons[1].startswith("not English (German")
    assert mien.Analysis.from_dict(analysis.to_dict()).lines.reasons == lines.reasons
    shown = Console(width=100, record=True, file=io.StringIO())
    shown.print(render(analysis))
    assert re.search(r"sadness 0\.\d\d +My grandmother died", shown.export_text())


def test_a_long_text_is_read_to_its_end():
    """The net reads 96 tokens at once; what decides here stands behind them."""
    start = "The train stops at every station on the way to the coast, as it does each day. " * 8
    model = TextModel(find_pack("text"))
    texts = [start, start + f"{SAD} I am so sad. " * 6]
    plain, sad = model.probs(texts, [False, False])
    assert MIEN7.labels[plain.argmax()] == "neutral"
    assert sad[MIEN7.index("sadness")] > plain[MIEN7.index("sadness")] + 0.2


def test_the_net_is_told_what_was_said_and_what_was_written():
    line = "Oh, you are kidding me."
    texts = TextModel(find_pack("text"))
    said, written = texts.probs([line, line], [True, False])
    assert np.abs(said - written).max() > 0.01
    (of_a_clip,) = make_branches()["text"].judge(spoken(line), [Segment(0.0, 3.0)]).probs
    assert of_a_clip == pytest.approx(said)

    def of_a_text(source):
        options = mien.Options(speech=mien.SpeechOptions(words_source=source))
        return mien.analyze_text(line, options).by_branch["text"].probs[0]

    assert of_a_text("auto") == pytest.approx(written)
    assert of_a_text("written") == pytest.approx(written)
    assert of_a_text("spoken") == pytest.approx(said)


def test_a_list_of_texts_gives_what_each_alone_gives():
    texts = [SAD, "I love this! " * 9, "What?\nNo way!", "", GERMAN]
    analyzer = mien.Analyzer()
    together = analyzer.analyze_text(texts)
    for text, one in zip(texts, together, strict=True):
        alone, among = analyzer.analyze_text(text).to_dict(), one.to_dict()
        assert alone.pop("provenance")["options"] == among.pop("provenance")["options"]
        assert alone == among
    assert analyzer.analyze_text([]) == []


# --- voice -----------------------------------------------------------------------------------


def heard(samples, turns):
    spool = AudioSpool()
    spool.append(samples.astype(np.float32))
    seconds = len(samples) / RATE
    facts = ClipFacts("x", "recording", seconds, "wav", has_audio=True)
    return Scene(facts, {AUDIO: spool, SPEECH: Speech(tuple(turns))})


def test_too_little_speech_is_absent_with_that_reason():
    branch = make_branches()["voice"]
    scene = heard(np.random.default_rng(0).normal(0, 0.1, RATE * 3), [Segment(1.0, 1.3)])
    evidence = branch.judge(scene, [Segment(0.0, 3.0), Segment(2.0, 3.0)])
    assert "too little speech (0.3 s" in evidence.reasons[0]
    assert evidence.reasons[1] == "no speech (in 1.0 s of sound)"


def test_mel_filters_peak_where_they_should():
    filters = mel_filters()
    assert filters.shape == (SETTINGS.fft // 2 + 1, SETTINGS.bands)
    assert (filters.max(axis=0) > 0).all()
    time = np.arange(RATE) / RATE
    for hertz in (300.0, 1000.0, 4000.0):
        frames = log_mel(np.sin(2 * np.pi * hertz * time).astype(np.float32))
        band = int(frames.mean(axis=0).argmax())
        peak = filters[:, band].argmax() * RATE / SETTINGS.fft
        assert abs(peak - hertz) < 0.12 * hertz + 40


def test_trimming_keeps_the_loud_part():
    samples = np.zeros(RATE * 3, dtype=np.float32)
    samples[RATE : 2 * RATE] = 0.3
    assert len(trim(samples)) == pytest.approx(RATE * 1.1, abs=RATE * 0.04)


@pytest.mark.parametrize("seconds", [1.0, 3.0, 3.1, 7.7, 31.0])
def test_chunks_cover_everything(seconds):
    samples = np.arange(int(seconds * RATE), dtype=np.float32)
    parts = chunks(samples, 3 * RATE)
    assert parts[0][0] == 0
    assert parts[-1][-1] == samples[-1]
    assert all(len(part) <= 3 * RATE for part in parts)
    for before, after in itertools.pairwise(parts):
        assert after[0] <= before[-1] + 1


# --- face ------------------------------------------------------------------------------------


def test_face_rows_follow_the_face():
    branch = make_branches()["face"]
    scene = planted_scene()
    evidence = branch.judge(scene, [Segment(0.0, 1.5), Segment(2.0, 5.0), Segment(9.0, 10.0)])
    assert evidence.reasons == (
        "no face in view (8 pictures examined)",
        "",
        "no picture in this segment",
    )
    whole = branch.judge(scene, [Segment(0.0, 6.0)])
    assert whole.quality[0] < evidence.quality[1]


def test_each_segment_is_judged_by_its_own_most_prominent_face():
    scene = planted_scene()
    faces = scene.get(FACES)
    both = faces.tracks[0].samples
    early, late = both[both.times < 3], both[both.times >= 3]
    late = replace(late, boxes=late.boxes * 2, prominence=late.prominence * 2)
    small = replace(both, boxes=both.boxes / 3, prominence=both.prominence / 3)
    tracks = (FaceTrack(0, late), FaceTrack(1, early), FaceTrack(2, small))
    branch = make_branches()["face"]
    segments = [Segment(2.0, 3.0), Segment(3.0, 5.0)]
    split = branch.judge(Scene(scene.facts, {FACES: replace(faces, tracks=tracks)}), segments)
    alone = branch.judge(scene, segments)
    assert split.probs == pytest.approx(alone.probs)


def test_pictures_are_normalised_one_by_one():
    rng = np.random.default_rng(0)
    pictures = rng.integers(0, 255, (4, 48, 48)).astype(np.uint8)
    pictures[3] = 128
    out = normalise(pictures)
    assert out.shape == (4, 1, 48, 48)
    assert out[:3].mean(axis=(1, 2, 3)) == pytest.approx(np.zeros(3), abs=1e-5)
    assert out[:3].std(axis=(1, 2, 3)) == pytest.approx(np.full(3, 0.5), abs=1e-4)
    assert (out[3] == 0).all()


def test_specs_lead_to_our_labels():
    branches = make_branches()
    assert {"text", "voice", "face"} <= set(branches)
    for branch in branches.values():
        assert isinstance(branch.spec.label_map, LabelMap)
        assert branch.spec.packs
        assert all(len(digest) == 64 for digest in branch.spec.packs.values())


def test_a_branch_under_the_name_of_another_is_refused():

    branches = make_branches()
    assert {key.name for key in needs_of(branches)} == {"transcript", "audio", "speech", "faces"}
    with pytest.raises(ContractError, match="'pulse'.*'text'"):
        needs_of({"pulse": branches["text"]})


@pytest.mark.parametrize("branch", ["text", "voice", "face"])
def test_an_option_that_a_branch_does_not_have_is_refused(branch):
    with pytest.raises(OptionError, match=f"option of the branch {branch}.*'pak'.*pack"):
        make_branches({branch: {"pak": "folder"}})
