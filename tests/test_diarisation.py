"""Who speaks when, given by the user: found, checked, given to the words and to the rows."""

import json
import wave
from dataclasses import replace

import numpy as np
import pytest
from typer.testing import CliRunner

import mien
from mien.branches.text import TextBranch
from mien.cli import app
from mien.errors import InputError
from mien.perceive.diarisation import Diarised, find_turns, rttm_beside, with_speakers
from mien.report.export import export
from mien.report.export.speakers import turns_of
from mien.report.speakers import row_speakers, speaker_rows
from mien.scene import SPEAKERS, TRANSCRIPT, ClipFacts, Scene
from mien.segmentation import SegmentationOptions, owners, segments_of, unmet
from mien.timebase import Segment
from mien.turns import Turn, parse_rttm
from mien.words import Line, Transcript, Word

BY_SPEAKER = SegmentationOptions("speaker")


def facts(path="talk.wav", duration=10.0, kind="recording"):
    return ClipFacts(str(path), kind, duration, "wav", has_audio=True)


def rttm(*turns, file="talk"):
    return "".join(
        f"SPEAKER {file} 1 {start} {end - start} <NA> <NA> {who} <NA> <NA>\n"
        for who, start, end in turns
    )


def turns(*rows):
    return tuple(Turn(Segment(start, end), who) for who, start, end in rows)


def plain(found):
    return [(one.speaker, one.segment.start, one.segment.end) for one in found]


def wav(path, seconds=6.0):
    noise = np.random.default_rng(0).normal(0, 300, int(seconds * 16_000)).astype(np.int16)
    with wave.open(str(path), "wb") as file:
        file.setnchannels(1)
        file.setsampwidth(2)
        file.setframerate(16_000)
        file.writeframes(noise.tobytes())
    return path


# --- which turns -----------------------------------------------------------------------------


@pytest.mark.parametrize(
    "file", ["talk", "talk.wav", "TALK", "corpus/talk.wav", "a/talk", "talk.flac"]
)
def test_of_several_recordings_the_lines_are_used_that_name_this_one(file, tmp_path):
    path = tmp_path / "all.rttm"
    path.write_text(rttm(("X", 0, 9), file="other") + rttm(("Ann", 1, 2), file=file))
    found = find_turns(facts(), path)
    assert plain(found.turns) == [("Ann", 1, 2)]
    assert found.warnings == ()


def test_a_name_with_blanks_and_accents_is_found_however_it_is_written(tmp_path):
    path = tmp_path / "all.rttm"
    path.write_text(rttm(("Ann", 1, 2), file="Zoe\u0308_2") + rttm(("X", 0, 9), file="other"))
    assert plain(find_turns(facts("Zo\u00eb 2.mp4"), path).turns) == [("Ann", 1, 2)]


def test_a_file_of_other_recordings_is_refused_by_their_names(tmp_path):
    path = tmp_path / "all.rttm"
    path.write_text("".join(rttm(("A", 0, 1), file=f"f{i}") for i in range(8)))
    with pytest.raises(InputError, match=r"f0, f1, f2, f3, f4 and 3 more.*'talk'"):
        find_turns(facts(), path)


def test_the_only_recording_of_a_file_is_taken_and_that_is_said(tmp_path):
    path = tmp_path / "one.rttm"
    path.write_text(rttm(("A", 0, 1), file="waveform"))
    found = find_turns(facts(), path)
    assert plain(found.turns) == [("A", 0, 1)]
    assert "'waveform'" in found.warnings[0]
    assert "talk.wav" in found.warnings[0]


def test_a_file_whose_turns_all_lie_beyond_the_end_is_refused(tmp_path):
    path = tmp_path / "one.rttm"
    path.write_text(rttm(("A", 12_000, 13_000)))
    with pytest.raises(InputError, match=r"12000\.0 s, the recording lasts 10\.0 s"):
        find_turns(facts(), path)
    assert len(find_turns(facts(duration=0.0), path).turns) == 1  # the length is not known yet


def test_turns_beyond_the_end_are_cut_and_counted():
    found = Diarised(turns(("A", 0, 4), ("B", 8, 12), ("A", 11, 14), ("B", 9, 10.3)))
    fitted = found.fitted(Segment(0, 10), 10.0)
    assert plain(fitted.turns) == [("A", 0, 4), ("B", 8, 10), ("B", 9, 10)]
    assert "2 of 4 turns" in fitted.warnings[0]
    assert "14.0 s, it lasts 10.0 s): 1 are cut, 1 left out" in fitted.warnings[0]
    part = found.fitted(Segment(2, 5), 10.0)
    assert plain(part.turns) == [("A", 2, 4)]
    assert Diarised(turns(("A", 0, 10.3))).fitted(Segment(0, 10), 10.0).warnings == ()


def test_an_export_of_emotions_is_not_taken_for_speakers(tmp_path):
    path = tmp_path / "talk.rttm"
    path.write_text(
        rttm(("joy", 0, 1), file="talk.fused") + rttm(("anger", 0, 1), file="talk.face-2")
    )
    with pytest.raises(InputError, match="names emotions and no speakers"):
        find_turns(facts(), path)
    found = find_turns(facts(tmp_path / "talk.wav"), "auto")
    assert found.turns == ()
    assert "left out" in found.warnings[0]
    path.write_text(rttm(("joy", 0, 1)))  # a person of that name
    assert plain(find_turns(facts(), path).turns) == [("joy", 0, 1)]


# --- beside the recording --------------------------------------------------------------------


@pytest.mark.parametrize("name", ["talk.rttm", "talk.wav.rttm", "TALK.RTTM", "Talk.Wav.Rttm"])
def test_turns_beside_a_recording_are_found_by_its_name(name, tmp_path):
    (tmp_path / name).write_text(rttm(("A", 0, 1)))
    (tmp_path / "talks.rttm").write_text(rttm(("B", 0, 1)))
    assert rttm_beside(tmp_path / "talk.wav") == tmp_path / name
    assert plain(find_turns(facts(tmp_path / "talk.wav"), "auto").turns) == [("A", 0, 1)]
    assert find_turns(facts(tmp_path / "talk.wav"), "none") == Diarised()
    assert find_turns(facts(tmp_path / "talk.wav", kind="picture"), "auto") == Diarised()
    assert find_turns(facts(tmp_path / "gone" / "talk.wav"), "auto") == Diarised()


def test_what_is_wrong_beside_a_recording_is_a_warning_and_not_the_end(tmp_path):
    (tmp_path / "talk.rttm").write_text("SPEAKER talk 1 a 1 <NA> <NA> A <NA> <NA>\n")
    found = find_turns(facts(tmp_path / "talk.wav"), "auto")
    assert found.turns == ()
    assert "line 1: the start 'a'" in found.warnings[0]
    (tmp_path / "talk.rttm").unlink()
    (tmp_path / "elsewhere.rttm").write_text(rttm(("A", 0, 1)))
    (tmp_path / "talk.rttm").symlink_to(tmp_path / "elsewhere.rttm")
    found = find_turns(facts(tmp_path / "talk.wav"), "auto")
    assert found.turns == ()
    assert "not followed" in found.warnings[0]


def test_a_file_that_is_given_and_missing_is_an_error(tmp_path):
    with pytest.raises(InputError, match=r"none\.rttm"):
        find_turns(facts(), tmp_path / "none.rttm")


# --- the words -------------------------------------------------------------------------------


def line(text, start, step=0.5, with_words=True, **more):
    said = text.split()
    words = tuple(
        Word(word, Segment(start + i * step, start + (i + 1) * step), 0.8)
        for i, word in enumerate(said)
    )
    segment = Segment(start, start + len(said) * step)
    return Line(segment, text, words if with_words else (), **more)


def said(transcript):
    return [(one.speaker, one.text) for one in transcript.lines]


def test_a_line_is_divided_where_the_speaker_changes():
    transcript = Transcript((line("How are you? Fine, thanks.", 1.0, avg_logprob=-0.3),), "x")
    named = with_speakers(transcript, turns(("Ann", 0.9, 2.6), ("Bob", 2.5, 4.0)))
    assert said(named) == [("Ann", "How are you?"), ("Bob", "Fine, thanks.")]
    first, second = named.lines
    assert (first.segment, second.segment) == (Segment(1.0, 2.5), Segment(2.5, 3.5))
    assert (first.avg_logprob, first.confidence) == (-0.3, pytest.approx(0.8))
    assert [word.text for word in second.words] == ["Fine,", "thanks."]


def test_a_word_in_both_turns_stays_with_whoever_spoke_before():
    transcript = Transcript((line("one two three four", 0.0),), "x")
    named = with_speakers(transcript, turns(("Ann", 0, 1.5), ("Bob", 1.0, 2.0)))
    assert said(named) == [("Ann", "one two three"), ("Bob", "four")]


def test_words_beside_a_turn_belong_to_it_and_words_far_off_to_nobody():
    transcript = Transcript((line("well yes", 0.0), line("far away", 8.0)), "x")
    named = with_speakers(transcript, turns(("Ann", 0.6, 1.0)))
    assert said(named) == [("Ann", "well yes"), (None, "far away")]


def test_a_line_without_times_of_words_belongs_to_whoever_speaks_most_in_it():
    lines = (
        line("a b c d", 0.0, with_words=False),
        line("e f", 5.0, with_words=False, speaker="X"),
    )
    given = turns(("Ann", 0, 1.5), ("Bob", 1.5, 2.0), ("Bob", 5.0, 6.0))
    assert [who for who, _ in said(with_speakers(Transcript(lines, "x"), given))] == ["Ann", "Bob"]
    three = turns(("A", 0, 0.7), ("B", 0.7, 1.4), ("C", 1.4, 2.0))
    assert said(with_speakers(Transcript(lines[:1], "x"), three)) == [(None, "a b c d")]
    assert with_speakers(Transcript(lines, "x"), ()) == Transcript(lines, "x")


# --- the rows --------------------------------------------------------------------------------


def scene(given, lines=()):
    tracks = {SPEAKERS: given}
    if lines:
        tracks[TRANSCRIPT] = with_speakers(Transcript(tuple(lines), "given"), given)
    return Scene(facts(), tracks, {} if lines else {"transcript": "switched off"})


def test_rows_are_the_turns_joined_over_short_pauses_and_overlap_where_they_do():
    given = turns(("A", 0, 2), ("A", 3, 4), ("B", 3.5, 5), ("A", 8, 12))
    assert segments_of(scene(given), BY_SPEAKER) == (
        Segment(0, 4), Segment(3.5, 5), Segment(8, 10),
    )  # fmt: skip
    assert owners(scene(given), segments_of(scene(given), BY_SPEAKER)) == ["A", "B", "A"]
    assert owners(scene(given), (Segment(0, 5), Segment(5, 10))) == [None, None]
    assert owners(scene(given), (Segment(0, 10),)) == [None]
    assert unmet(scene(given), BY_SPEAKER) == ()
    assert "--speakers" in unmet(Scene(facts(), {}, {}), BY_SPEAKER)[0]


def test_two_who_speak_over_exactly_the_same_time_have_a_row_each():
    given = turns(("A", 1, 2), ("B", 1, 2))
    rows = segments_of(scene(given), BY_SPEAKER)
    assert rows == (Segment(1, 2), Segment(1, 2))
    assert owners(scene(given), rows) == ["A", "B"]


def test_in_an_overlap_each_speaker_is_judged_by_own_words():
    """Ann talks on while Bob says that he is afraid: his row has his words alone."""
    lines = (
        line("I am so happy today this is wonderful", 0.0),
        line("I am scared and terrified", 1.0),
    )
    lines = tuple(replace(one, speaker=None) for one in lines)
    given = turns(("Ann", 0.0, 4.0), ("Bob", 1.0, 3.5))
    whose = Transcript(
        (replace(lines[0], speaker="Ann"), replace(lines[1], speaker="Bob")), "given"
    )
    both = Scene(facts(), {SPEAKERS: given, TRANSCRIPT: whose})
    rows = segments_of(both, BY_SPEAKER)
    judged = TextBranch({}).judge(both, rows)
    assert [judged.top(i) for i in range(2)] == ["joy", "fear"]
    alone = Scene(facts(), {TRANSCRIPT: Transcript(whose.lines[1:], "given")})
    assert judged.probs[1] == pytest.approx(TextBranch({}).judge(alone, rows[1:]).probs[0])


# --- an analysis -----------------------------------------------------------------------------


@pytest.fixture(scope="module")
def analysed(demo_clip, tmp_path_factory):
    folder = tmp_path_factory.mktemp("speakers")
    clip = folder / "demo.mp4"
    clip.write_bytes(demo_clip.read_bytes())
    (folder / "demo.rttm").write_text(rttm(("Ann Lee", 0, 2.6), ("Bob", 2.4, 5), file="demo"))
    return mien.analyze(clip, mien.Options(segmentation=BY_SPEAKER))


def test_each_speaker_has_a_row_and_the_words_bear_their_names(analysed):
    assert row_speakers(analysed) == ["Ann Lee", "Bob"]
    assert [one.who for one in speaker_rows(analysed)] == ["Ann Lee", "Bob"]
    assert analysed.fused.present.all()
    assert set(analysed.transcript.speakers) == {"Ann Lee", "Bob"}
    assert [segment.start for segment in analysed.segments] == [0.0, 2.4]
    again = mien.Analysis.from_dict(json.loads(analysed.to_json()))
    assert again.speakers == analysed.speakers
    assert row_speakers(again) == ["Ann Lee", "Bob"]
    assert plain(analysed[0:2].speakers) == [("Ann Lee", 0, 2.6)]


def test_the_turns_are_written_as_rttm_and_give_the_same_rows_again(analysed, tmp_path):
    target = tmp_path / "demo.speakers.rttm"
    export(analysed, target)
    (found,) = parse_rttm(target.read_text(), "x").values()
    assert plain(found) == [("Ann_Lee", 0, 2.6), ("Bob", 2.4, 5.0)]
    given = mien.SpeechOptions(speakers=target)
    again = mien.analyze(analysed.clip.path, mien.Options(segmentation=BY_SPEAKER, speech=given))
    assert again.segments == analysed.segments


def test_without_given_turns_those_of_the_words_are_written_then_those_of_speech(analysed):
    bare = replace(analysed, speakers=())
    found = turns_of(bare)
    assert {one.speaker for one in found} == {"Ann Lee", "Bob"}
    speech = turns_of(replace(bare, transcript=None))
    assert {one.speaker for one in speech} == {"speech"}
    assert [one.segment for one in speech] == list(analysed.speech)
    with pytest.raises(InputError, match="Nobody speaks"):
        turns_of(replace(bare, transcript=None, speech=()))


def run(*words):
    return CliRunner(env={"COLUMNS": "200"}).invoke(app, [str(word) for word in words])


def test_the_command_line_gives_rows_by_speaker_and_refuses_one_file_for_two_recordings(tmp_path):
    first, second = wav(tmp_path / "a.wav"), wav(tmp_path / "b.wav")
    given = tmp_path / "who.rttm"
    given.write_text(rttm(("Ann", 0, 2), ("Bob", 4.5, 6), file="a"))
    out = tmp_path / "a.json"
    done = run("analyze", first, "--speakers", given, "--asr", "none", "--json", out)
    assert done.exit_code == 0, done.output
    value = mien.Analysis.from_dict(json.loads(out.read_text()))
    assert row_speakers(value) == ["Ann", "Bob"]
    done = run("analyze", first, second, "--speakers", given, "--asr", "none")
    assert "one recording (a), and 2 are given" in str(done.exception)
    done = run("batch", first, second, "--speakers", given, "--out", tmp_path / "out")
    assert "one recording (a), and 2 are given" in str(done.exception)


def test_turns_beside_a_recording_are_an_input_that_no_output_replaces(tmp_path):
    clip = wav(tmp_path / "a.wav")
    beside = tmp_path / "a.rttm"
    beside.write_text(rttm(("Ann", 0, 2), file="a"))
    done = run("analyze", clip, "--asr", "none", "--overwrite", "--export", beside)
    assert done.exit_code != 0
    assert beside.read_text() == rttm(("Ann", 0, 2), file="a")
    beside.write_text(rttm(("joy", 0, 2), file="a.fused"))  # an earlier export
    done = run("analyze", clip, "--asr", "none", "--overwrite", "--export", beside)
    assert done.exit_code == 0, done.output


@pytest.mark.slow
def test_a_batch_reads_the_turns_beside_each_recording(tmp_path):
    for name, who in (("a", "Ann"), ("b", "Bob")):
        wav(tmp_path / f"{name}.wav")
        (tmp_path / f"{name}.rttm").write_text(rttm((who, 0, 2), (who, 4.5, 6), file=name))
    out = tmp_path / "out"
    done = run(
        "batch", tmp_path, "--asr", "none", "--by", "speaker", "--out", out, "--workers", "1"
    )
    assert done.exit_code == 0, done.output
    for path in sorted(out.rglob("*.json")):
        if path.stem in ("a", "b"):
            value = mien.Analysis.from_dict(json.loads(path.read_text()))
            assert row_speakers(value) == [{"a": "Ann", "b": "Bob"}[path.stem]] * 2
