"""RTTM in and out: every kind of line, and what is said of one that is none."""

import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mien.errors import ContractError, InputError, MienError
from mien.timebase import Segment
from mien.turns import SHAPE, Turn, joined_turns, parse_rttm, rttm_text

core = pytest.importorskip("pyannote.core")


def parsed(*lines):
    return parse_rttm("\n".join(lines) + "\n", "x.rttm")


def plain(turns):
    return [(one.speaker, one.segment.start, one.segment.end) for one in turns]


@pytest.mark.parametrize(
    "line",
    [
        "SPEAKER talk 1 1.5 2.0 <NA> <NA> Ann <NA> <NA>",
        "SPEAKER talk 1 1.5 2.0 <NA> <NA> Ann <NA>",
        "SPEAKER talk 1 1.5 2.0 <NA> <NA> Ann",
        "SPEAKER talk 1 1.5 2.0 <NA> <NA> Ann 0.97 <NA>",
        "SPEAKER talk 1 1.5 2 <NA> <NA> Ann 0.97 0.1",
        "speaker talk 1 1.5 2. <NA> <NA> Ann <NA> <NA>",
        "SPEAKER\ttalk\t1\t1.5\t2.0\t<NA>\t<NA>\tAnn\t<NA>\t<NA>",
        "  SPEAKER   talk  1  +1.5  2e0 <NA>  <NA>  Ann  <NA>  <NA>  \r",
        "SPEAKER talk <NA> 1.5 2.0 <NA> unknown Ann <NA> <NA>",
    ],
)
def test_every_spelling_of_a_turn_is_read(line):
    assert plain(parsed(line)["talk"]) == [("Ann", 1.5, 3.5)]


@pytest.mark.parametrize(
    ("line", "file", "who"),
    [
        ("SPEAKER talk 1 0 1 <NA> <NA> Ann Lee <NA> <NA>", "talk", "Ann Lee"),
        ("SPEAKER talk 1 0 1 <NA> <NA> Ann Lee", "talk", "Ann Lee"),
        ("SPEAKER my talk 1 0 1 <NA> <NA> Ann <NA> <NA>", "my talk", "Ann"),
        ("SPEAKER talk 2 of 3 1 0 1 <NA> <NA> Speaker 1 <NA> <NA>", "talk 2 of 3", "Speaker 1"),
        ("SPEAKER talk 1 0 1 <NA> <NA> <Jörg>/Zoë&'Co' <NA> <NA>", "talk", "<Jörg>/Zoë&'Co'"),
        ("SPEAKER d/ü.wav 1 0 1 <NA> <NA> Говорящий_1 <NA> <NA>", "d/ü.wav", "Говорящий_1"),
        ("SPEAKER talk 1 0 1 <NA> <NA> 7 <NA> <NA>", "talk", "7"),
        ("SPEAKER talk 1 0 1 <NA> <NA> =1+1 <NA> <NA>", "talk", "=1+1"),
        (
            "SPEAKER\tmy talk\t1\t0\t1\t<NA>\t<NA>\tAnn  B. Lee\t<NA>\t<NA>",
            "my talk",
            "Ann  B. Lee",
        ),
    ],
)
def test_odd_names_are_kept(line, file, who):
    assert {name: plain(turns) for name, turns in parsed(line).items()} == {file: [(who, 0, 1)]}


def test_a_long_line_costs_no_more_than_its_length():
    began = time.process_time()
    for line in (f"SPEAKER talk 1 {'9' * 1_000_000}x 1 <NA> <NA> A", "SPEAKER " + "a " * 500_000):
        with pytest.raises(InputError, match="line 1"):
            parsed(line)
    assert time.process_time() - began < 5


def test_a_name_cannot_command_a_terminal():
    line = "SPEAKER talk 1 0 1 <NA> <NA> \x1b[31mAnn\x07\u202e <NA> <NA>"
    (turn,) = parsed(line)["talk"]
    assert turn.speaker == "\ufffd[31mAnn\ufffd\ufffd"


def test_other_objects_comments_and_turns_of_no_length_are_left_out():
    found = parsed(
        ";; CHANNELS 1", "", "SPKR-INFO talk 1 <NA> <NA> <NA> unknown Ann <NA> <NA>",
        "LEXEME talk 1 0.2 0.1 hello lex Ann 0.5 <NA>",
        "NON-SPEECH talk 1 1 1 <NA> other <NA> <NA>",
        "SPEAKER talk 1 3 0 <NA> <NA> Bob <NA> <NA>", "SPEAKER talk 1 4 1 <NA> <NA> Ann <NA> <NA>",
        "SPEAKER b 1 0 1 <NA> <NA> Ann <NA> <NA>",
    )  # fmt: skip
    assert {name: plain(turns) for name, turns in found.items()} == {
        "talk": [("Ann", 4, 5)], "b": [("Ann", 0, 1)],
    }  # fmt: skip


def test_turns_of_one_speaker_are_joined_and_those_of_two_may_overlap():
    turns = [Turn(Segment(*time), who) for who, *time in
             [("B", 1, 2), ("A", 4, 6), ("A", 0, 3), ("A", 2.5, 4), ("A", 7, 8)]]  # fmt: skip
    assert plain(joined_turns(turns)) == [("A", 0, 6), ("B", 1, 2), ("A", 7, 8)]
    with pytest.raises(ContractError):
        Turn(Segment(0, 1), "")


GOOD = "SPEAKER talk 1 0 1 <NA> <NA> Ann <NA> <NA>"


@pytest.mark.parametrize(
    ("line", "said"),
    [
        ("SPEAKER talk 1 0 1 <NA>", "6 fields"),
        ("SPEAKER talk 1 x 1 <NA> <NA> Ann <NA> <NA>", "start 'x'"),
        ("SPEAKER talk 1 0 nan <NA> <NA> Ann <NA> <NA>", "duration 'nan'"),
        ("SPEAKER talk 1 1e999 1 <NA> <NA> Ann <NA> <NA>", "start '1e999'"),
        ("SPEAKER talk 1 0 1_0 <NA> <NA> Ann <NA> <NA>", "duration '1_0'"),
        ("SPEAKER talk 1 0,5 1 <NA> <NA> Ann <NA> <NA>", "decimal point"),
        ("SPEAKER talk 1 -3 1 <NA> <NA> Ann <NA> <NA>", "before the recording"),
        ("SPEAKER talk 1 3 -1 <NA> <NA> Ann <NA> <NA>", "negative"),
        ("SPEAKER talk 1 3 1 <NA> <NA> <NA> <NA> <NA>", "names no speaker"),
        ("0.0,1.0,Ann", "no type of RTTM"),
        ('{"segments": []}', "no type of RTTM"),
        ("1", "no type of RTTM"),
    ],
)
def test_a_bad_line_is_named_by_its_number_with_what_was_expected(line, said):
    with pytest.raises(InputError, match=r"x\.rttm, line 3: ") as found:
        parsed(GOOD, "", line, GOOD)
    assert said in str(found.value)
    assert f"expected '{SHAPE}'" in str(found.value)


@pytest.mark.parametrize(
    "text",
    [
        "", "\n\n", ";; nothing", "SPKR-INFO a 1 <NA> <NA> <NA> x Ann <NA>",
        "SPEAKER a 1 0 0 <NA> <NA> Ann <NA> <NA>",
    ],
)  # fmt: skip
def test_a_file_without_turns_is_refused(text):
    with pytest.raises(InputError, match="says of nobody when they speak"):
        parse_rttm(text, "x.rttm")


@given(st.text(max_size=200))
def test_any_text_gives_turns_or_an_error_of_ours(text):
    try:
        found = parse_rttm(text, "x")
    except MienError:
        return
    assert all(turn.segment.duration > 0 for turns in found.values() for turn in turns)


names = st.text(
    st.characters(codec="utf-8", categories=("L", "N", "P", "S")), min_size=1, max_size=8
)
times = st.integers(0, 100_000).map(lambda ms: ms / 1000)


@given(st.lists(st.tuples(names, times, st.integers(1, 9999)), min_size=1, max_size=8))
def test_what_is_written_is_read_back(rows):
    turns = joined_turns(
        Turn(Segment(t, round(t + ms / 1000, 3)), who) for who, t, ms in rows if who != "<NA>"
    )
    if not turns:
        return
    (again,) = parse_rttm(rttm_text({"talk": turns}), "x").values()
    assert len(again) == len(turns)
    for one, other in zip(again, turns, strict=True):
        assert (one.segment.start, one.segment.end) == pytest.approx(
            (other.segment.start, other.segment.end), abs=2e-3
        )


def test_white_space_in_names_is_written_as_one_field_and_no_two_names_become_one():
    turns = [Turn(Segment(0, 1), "Ann Lee"), Turn(Segment(2, 3), "Ann_Lee")]
    text = rttm_text({"my talk": turns, "my_talk": turns[:1]})
    assert [line.split()[1] + " " + line.split()[7] for line in text.splitlines()] == [
        "my_talk Ann_Lee", "my_talk Ann_Lee_2", "my_talk_2 Ann_Lee",
    ]  # fmt: skip


def test_what_pyannote_writes_is_read_and_what_we_write_is_the_same_text():
    annotation = core.Annotation(uri="talk")
    annotation[core.Segment(0.5, 2.25), "a"] = "SPEAKER_00"
    annotation[core.Segment(2.0, 3.0), "b"] = "SPEAKER_01"
    text = annotation.to_rttm()
    found = parse_rttm(text, "talk.rttm")
    assert plain(found["talk"]) == [("SPEAKER_00", 0.5, 2.25), ("SPEAKER_01", 2.0, 3.0)]
    assert rttm_text(found) == text
