"""Transcript engines: what is said is found where it was said, and nothing else."""

from __future__ import annotations

import itertools
import os
import threading
import time
from types import SimpleNamespace

import numpy as np
import pytest

from mien.analysis.codec import codec
from mien.branches import make_branches
from mien.errors import HubError, OptionError, PackError
from mien.media import AudioSpool
from mien.options import check_engine
from mien.perceive.engines import choose_engine, transcribe
from mien.perceive.engines.chunks import chunks, widened
from mien.perceive.engines.hallucination import HallucinationFilter, why_invented
from mien.perceive.engines.whisper import Whisper, open_whisper
from mien.scene import TRANSCRIPT, ClipFacts, Scene, Speech
from mien.timebase import Segment
from mien.words import Line, Transcript, Word

from .listening import RATE, heard, music, speech_in, spool
from .tiny_whisper import build

SILENT = np.zeros(RATE, np.float32)


# --- chunks ----------------------------------------------------------------------------------


def turns(*spans):
    return Speech(tuple(Segment(*span) for span in spans))


def test_turns_are_joined_over_short_pauses_up_to_the_longest_piece():
    speech = turns((0, 4), (5, 9), (12, 13), (13.5, 22))
    assert chunks(speech, spool(SILENT), 10.0, 2.0) == [
        Segment(0, 9), Segment(12, 22),
    ]  # fmt: skip
    assert chunks(speech, spool(SILENT), 10.0, 0.0) == list(speech.turns)


def test_a_long_turn_is_cut_at_its_pauses():
    rng = np.random.default_rng(0)
    samples = rng.normal(0, 0.1, 50 * RATE)
    for pause in (16.0, 33.0):
        samples[int((pause - 0.2) * RATE) : int((pause + 0.2) * RATE)] = 0
    found = chunks(turns((0, 50)), spool(samples), 20.0, 2.0)
    assert [piece.end for piece in found] == pytest.approx([16.0, 33.0, 50.0], abs=0.2)
    assert all(one.end == other.start for one, other in itertools.pairwise(found))


def test_a_piece_takes_the_sound_around_it_but_not_its_neighbours():
    found = widened([Segment(0.2, 2.0), Segment(2.4, 9.0), Segment(9.0, 12.0)], Segment(0, 12.2))
    assert found == [Segment(0.0, 2.2), Segment(2.2, 9.0), Segment(9.0, 12.2)]


def test_a_part_is_heard_at_its_own_times():
    """The sound of a part starts where the part does; what lies before it cannot be handed out."""
    part = AudioSpool(start=20.0)
    part.append(np.zeros(5 * RATE, np.float32))
    engine = Inventive()
    transcript = transcribe(engine, part, turns((20.1, 24.0)), lambda doing, share: None, 20.0)
    assert engine.handed == pytest.approx([4.3])
    assert transcript.lines[0].segment.start == pytest.approx(20.2)


# --- guards ----------------------------------------------------------------------------------


SPELT = (
    "the quick brown fox jumps over a lazy dog while seven wizards make toxic brew for an evil "
    "queen and jack in my big sphinx of quartz judge vow"
)


def line(text="so it goes", start=1.0, end=3.0, **more):
    return Line(Segment(start, end), text, **more)


@pytest.mark.parametrize(
    ("said", "reason"),
    [
        (line(), None),
        (line("no no no no no"), None),
        (line("I said no, I said no, I said no!"), None),
        (line(start=8.0, end=9.0), "no speech under it"),
        (line(start=4.0, end=20.0), "no speech under it"),
        (line("thank you for watching " * 4), "repeats itself"),
        (line("ha " * 12), "repeats itself"),
        (line(SPELT), "more words than fit into the time"),
        (line(" ... "), "no words in it"),
        (line(avg_logprob=-1.4), "low confidence of the recogniser"),
        (line(avg_logprob=-0.3, no_speech_prob=0.9), None),
        (line(avg_logprob=-0.7, no_speech_prob=0.9), "no speech by the recogniser"),
        (line(confidence=0.01), "low confidence of the recogniser"),
        (line(avg_logprob=-0.3, no_speech_prob=0.1, evidence=2.1), None),
        (
            line(avg_logprob=-0.3, no_speech_prob=0.1, evidence=1.3),
            "noise explains the words equally well",
        ),
    ],
)
def test_what_is_not_believed_says_why(said, reason):
    assert why_invented(said, turns((0, 5))) == reason


def test_a_line_in_a_loop_is_kept_three_times_and_then_counted():
    keeper = HallucinationFilter(turns((0, 60)))
    for i in range(8):
        keeper.take(line("Thank you.", 2.0 * i, 2.0 * i + 1))
    keeper.take(line("Good night.", 20, 21))
    assert [kept.text for kept in keeper.lines] == ["Thank you."] * 3 + ["Good night."]
    (dropped,) = keeper.dropped
    assert (dropped.reason, dropped.count) == ("a repeated line", 5)
    assert dropped.seconds == pytest.approx(5.0)


# --- between the words ---------------------------------------------------------------------


def test_a_minute_of_silence_between_two_sentences_stays_silent(sentence, tiny):
    gap = 60 * RATE
    samples = np.concatenate([SILENT, sentence, np.zeros(gap, np.float32), sentence, SILENT])
    transcript = heard(samples, tiny)
    ends = 1 + len(sentence) / RATE, 1 + (len(sentence) + gap) / RATE
    words = [word for said in transcript.lines for word in said.words]
    first = [word for word in words if word.segment.end < ends[0] + 0.3]
    second = [word for word in words if word.segment.start > ends[1] - 0.3]
    assert len(first) + len(second) == len(words)
    assert len(second) > 5
    # The same sentence an exact time later: so are the words that both hearings share.
    shared = {w.text: w.segment.start for w in first if len(w.text) > 4}
    moved = [w.segment.start - shared[w.text] for w in second if w.text in shared]
    assert len(moved) >= 2
    assert moved == pytest.approx([ends[1] - 1] * len(moved), abs=0.3)


class Inventive:
    """Says what it heard, then thanks for watching, as a Whisper does that is handed silence."""

    name, longest, gap, workers = "inventive", 28.0, 2.0, 1

    def __init__(self):
        self.handed = []

    def check(self):
        pass

    def language(self, samples):
        return "en"

    def hear(self, samples, language):
        length = len(samples) / RATE
        self.handed.append(length)
        end = Segment(length, length + 29.0)
        return [line("so it goes", 0.2, length), Line(end, "Thanks for watching!")]


@pytest.mark.parametrize("between", ["silence", "noise", "music"])
def test_between_two_sentences_an_engine_is_not_even_asked(sentence, between):
    seconds = 60 if between == "silence" else 20
    middle = {
        "silence": np.zeros(seconds * RATE),
        "noise": np.random.default_rng(0).normal(0, 0.1, seconds * RATE),
        "music": music(seconds),
    }[between]
    engine = Inventive()
    transcript = heard(np.concatenate([SILENT, sentence, middle, sentence, SILENT]), engine)
    assert [said.text for said in transcript.lines] == ["so it goes"] * 2
    one, other = (said.segment for said in transcript.lines)
    assert other.start - one.start == pytest.approx(seconds + len(sentence) / RATE, abs=0.3)
    assert sum(engine.handed) < 2 * len(sentence) / RATE + 3.0
    assert [(d.reason, d.count) for d in transcript.dropped] == [("no speech under it", 2)]


def test_a_sentence_that_is_said_twice_is_heard_twice(sentence, tiny):
    """Its repetition is likely over noise too, once it was said; that is no sign of invention."""
    found = heard(np.concatenate([sentence, SILENT, sentence]), tiny)
    said = " ".join(line.text for line in found.lines).lower()
    assert said.count("happy to see you") == 2
    assert found.dropped == ()


def test_the_progress_of_a_part_is_a_share_of_the_part(sentence, tiny):
    part = AudioSpool(start=100.0)
    part.append(sentence)
    speech = Speech((Segment(100.2, 100.0 + len(sentence) / RATE),))
    told = []
    transcribe(tiny, part, speech, lambda doing, share: told.append(share), 100.0)
    assert told
    assert all(0 <= share <= 1 for share in told)


def test_what_is_heard_does_not_depend_on_what_was_heard_before(sentence, tiny):
    first = tiny.hear(sentence, "en")
    tiny.hear(0.3 * sentence[::-1].copy(), "en")
    assert tiny.hear(sentence, "en") == first


class Stretches:
    """Says two words, the second of which it hears from the pause on."""

    name, longest, gap, workers = "stretches", 28.0, 2.0, 1

    def check(self):
        pass

    def language(self, samples):
        return "en"

    def hear(self, samples, language):
        words = (Word("one", Segment(0.0, 0.9), 0.9), Word("two", Segment(0.9, 3.0), 0.9))
        return [Line(Segment(0.0, 3.0), "one two", words, 0.9)]


def test_a_word_does_not_begin_in_the_pause_before_it():
    speech = turns((1.0, 1.6), (3.0, 3.6))
    transcript = transcribe(Stretches(), spool(np.zeros(5 * RATE)), speech, lambda doing, share: 0)
    (said,) = transcript.lines
    assert [word.segment for word in said.words] == [Segment(1.0, 1.6), Segment(3.0, 3.6)]
    assert said.segment == Segment(1.0, 3.6)


class Watched:
    """A sound that remembers how much of it was wanted at once."""

    def __init__(self, track):
        self.track, self.most = track, 0.0
        self.duration = track.duration

    def read(self, segment):
        self.most = max(self.most, segment.duration)
        return self.track.read(segment)


@pytest.mark.slow
def test_a_word_in_twenty_minutes_is_found_at_its_time(sentence, tiny):
    (alone,) = heard(np.concatenate([SILENT, sentence, SILENT]), tiny).lines[:1]
    at = 843.25
    samples = np.zeros(20 * 60 * RATE, np.float32)
    start = int(at * RATE) - RATE
    samples[start + RATE : start + RATE + len(sentence)] = sentence
    samples += np.random.default_rng(0).normal(0, 1e-4, len(samples)).astype(np.float32)
    watched, speech = Watched(spool(samples)), speech_in(samples)
    transcript = transcribe(tiny, watched, speech, lambda doing, share: None)
    where = {word.text: word.segment.start for word in transcript.lines[0].words}
    known = [word for word in alone.words if word.text in where and len(word.text) > 4]
    assert known
    for word in known:
        assert where[word.text] - (word.segment.start - 1.0) == pytest.approx(at, abs=0.3)
    assert watched.most <= tiny.longest + 1.0


# --- Whisper ----------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def checkpoint(tmp_path_factory):
    pytest.importorskip("transformers", reason="needs the extra 'hub'")
    return build(tmp_path_factory.mktemp("whisper") / "mine")


@pytest.fixture(scope="module")
def whisper(checkpoint):
    from mien.convert.whisper import convert_whisper

    return convert_whisper(checkpoint, checkpoint.with_name("converted"))


@pytest.mark.hub
def test_a_whisper_that_invents_is_not_believed(whisper, sentence):
    engine = choose_engine(f"whisper:{whisper}")
    assert engine is choose_engine(f"whisper:{whisper}")
    said = engine.hear(sentence, "en")
    assert said
    assert all(s.avg_logprob < -1 and 0 <= s.no_speech_prob <= 1 for s in said)
    transcript = heard(np.concatenate([SILENT, sentence, SILENT]), engine)
    assert transcript.source == "whisper:converted"
    assert transcript.lines == ()
    assert sum(dropped.count for dropped in transcript.dropped) >= 1
    written = codec(Transcript)
    assert written.read(written.write(transcript), ()) == transcript
    scene = Scene(ClipFacts("x", "recording", 6.0, "wav"), {TRANSCRIPT: transcript})
    evidence = make_branches()["text"].judge(scene, [Segment(0.0, 6.0)])
    assert evidence.reasons == ("no reliable words",)


@pytest.mark.hub
def test_a_whisper_in_another_form_is_told_how_to_become_one(whisper, checkpoint, tmp_path):
    from mien.convert.whisper import convert_whisper

    with pytest.raises(PackError, match="mien models convert"):
        open_whisper(str(checkpoint))
    with pytest.raises(OptionError, match="not empty"):
        convert_whisper(checkpoint, whisper)
    with pytest.raises(PackError, match="not a Transformers Whisper"):
        convert_whisper(tmp_path, tmp_path / "out")
    (tmp_path / "model.bin").write_bytes(b"")
    with pytest.raises(PackError, match=r"lacks config.json, tokenizer.json"):
        open_whisper(str(tmp_path))


@pytest.mark.hub
def test_a_fine_tuned_whisper_without_generation_config_still_tells_the_language(
    tmp_path, sentence
):
    """As fine-tuned checkpoints of 2022 lie on the hub, and many after them."""
    pytest.importorskip("transformers", reason="needs the extra 'hub'")
    from mien.convert.whisper import convert_whisper

    old = build(tmp_path / "old", multilingual=True)
    (old / "generation_config.json").unlink()
    engine = choose_engine(f"whisper:{convert_whisper(old, tmp_path / 'new')}")
    assert engine.language(sentence) in ("en", "de")
    assert isinstance(engine.hear(sentence, "de"), list)


def test_a_whisper_that_is_not_here_is_named_at_once(tmp_path, monkeypatch):
    monkeypatch.setenv("HF_HUB_CACHE", str(tmp_path))
    monkeypatch.setattr("huggingface_hub.constants.HF_HUB_CACHE", str(tmp_path))
    started = time.perf_counter()
    with pytest.raises(HubError, match=r"Systran/faster-whisper-tiny.*mien models pull"):
        choose_engine("whisper:tiny")
    with pytest.raises(HubError, match="tiny, tiny.en, base"):
        choose_engine("whisper:huge")
    assert choose_engine("auto").name == "whisper:tiny.en"
    assert time.perf_counter() - started < 5


@pytest.mark.parametrize(("prob", "language"), [(0.9, "de"), (0.3, "en")])
def test_a_language_has_to_be_sure(prob, language, tmp_path):
    engine = Whisper(tmp_path, "tiny")
    engine.__dict__["windows"] = SimpleNamespace(
        multilingual=True, language=lambda samples: ("de", prob)
    )
    assert engine.language(SILENT) == language


@pytest.mark.parametrize("asr", ["siri", "whisper:", "pockettiny:small", "whisper:MODEL"])
def test_unknown_engines_are_refused(asr):
    with pytest.raises(OptionError, match="whisper:MODEL"):
        check_engine(asr)


# --- what a poor transcript weighs -------------------------------------------------------------


def test_an_unsure_transcript_has_little_quality():
    def quality(confidence):
        word = Word("wonderful", Segment(1.0, 1.5), confidence)
        said = line("this is so wonderful", words=(word,) * 4, confidence=confidence)
        transcript = Transcript((said,), "whisper:tiny.en")
        scene = Scene(ClipFacts("x", "recording", 5.0, "wav"), {TRANSCRIPT: transcript})
        return make_branches()["text"].judge(scene, [Segment(0.0, 5.0)]).quality[0]

    assert quality(0.9) > 4 * quality(0.2)


class Meeting:
    """Hears two chunks at the same time, the second of which is done first."""

    name, longest, gap, workers = "meeting", 28.0, 1.0, 2

    def __init__(self):
        self.met = threading.Barrier(2, timeout=10)

    def check(self):
        pass

    def language(self, samples):
        return "en"

    def hear(self, samples, language):
        first = self.met.wait() == 0
        time.sleep(0.05 * first)
        return [line(f"{len(samples)} samples", 0.3, len(samples) / RATE - 0.3)]


def test_chunks_are_heard_at_the_same_time_and_kept_in_order():
    speech = turns((1.0, 3.0), (10.0, 13.0), (20.0, 24.0), (30.0, 35.0))
    found = transcribe(Meeting(), spool(np.ones(40 * RATE) / 9), speech, lambda doing, share: 0)
    assert [said.segment.start for said in found.lines] == sorted(
        said.segment.start for said in found.lines
    )
    assert len(found.lines) == 4
    lengths = [int(said.text.split()[0]) for said in found.lines]
    assert lengths == sorted(lengths)


def test_words_do_not_depend_on_the_number_of_workers(sentence, tiny):
    sound = np.concatenate([np.concatenate([sentence, np.zeros(3 * RATE)])] * 3)
    one = open_whisper("tiny.en")
    assert one is not tiny
    one.workers = 1
    assert tiny.workers == len(os.sched_getaffinity(0))
    assert heard(sound, one).lines == heard(sound, tiny).lines
