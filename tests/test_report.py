from dataclasses import replace

import numpy as np
import pytest
from rich.console import Console
from tests.pages import planted

from mien.analysis.analysis import Analysis, Provenance, TrackSummary
from mien.analysis.evidence import Evidence
from mien.errors import InputError, OptionError
from mien.report.figure import bars, save
from mien.report.overall import in_view
from mien.report.table import render
from mien.report.transcript import write_transcript
from mien.scene import ClipFacts, Dropped, Line, Transcript
from mien.timebase import Segment

SEGMENTS = (Segment(0.0, 6.0),)


def row(top):
    probs = np.full(7, 0.05)
    probs[top] = 0.7
    return probs, 0.5


def analysis(transcript=None):
    by_branch = {
        "text": Evidence.of_rows("text", SEGMENTS, [row(2)]),
        "voice": Evidence.of_rows("voice", SEGMENTS, [row(0)]),
        "face": Evidence.absent("face", SEGMENTS, "no face in view (5 pictures examined)"),
    }
    return Analysis(
        ClipFacts("clip.mp4", "recording", 6.0, "mov"),
        SEGMENTS,
        Evidence.of_rows("fused", SEGMENTS, [row(0)]),
        by_branch,
        Provenance("0", "3", {}, {}, {}),
        transcript,
    )


def shown(value, width=150):
    console = Console(width=width, record=True, file=open("/dev/null", "w"))  # noqa: PTH123, SIM115
    console.print(render(value))
    console.file.close()
    return console.export_text()


def test_the_table_shows_every_modality_and_why_one_is_missing():
    text = shown(analysis())
    for word in ("text", "voice", "face", "fused", "0.700", "no face in view", "anger", "fear"):
        assert word in text
    assert "not what a person feels" in text


def test_several_people_have_rows_of_their_own():
    value = analysis()
    rows = [row(3)]
    faces = tuple(TrackSummary(i, Segment(0.0, 1.0), 5, 90.0) for i in (0, 1, 1))
    hidden = shown(replace(value, faces=faces))
    assert "2 people in view (--face all shows each)" in hidden
    assert "face 1" not in hidden
    people = {i: Evidence.of_rows("face", value.segments, rows) for i in (0, 1)}
    text = shown(replace(value, faces=faces, people=people))
    assert "face 0" in text
    assert "face 1" in text
    assert "shows each" not in text
    # One person alone is the face row itself.
    assert "face 1" not in shown(replace(value, faces=faces, people={1: people[1]}))


def test_it_is_said_who_is_seen_to_speak_and_when_that_cannot_be_told():
    value = replace(analysis(), speech=(Segment(0.0, 1.0),))
    one, other = (TrackSummary(i, Segment(0.0, 1.0), 5, 90.0) for i in (0, 1))
    told = replace(other, lips=0.5)
    assert (
        in_view(replace(value, faces=(one, told))) == "2 people in view, person 1 visibly speaking"
    )
    unclear = "2 people in view, speaker not visible"
    assert in_view(replace(value, faces=(one, other))) == unclear
    assert in_view(replace(value, faces=(one, other), speech=())) == "2 people in view"
    assert in_view(replace(value, faces=(told,))) == "1 person in view, who speaks"
    assert in_view(replace(value, faces=(one,))) == "1 person in view"


def test_of_many_segments_the_terminal_shows_the_whole_and_forty_lines():
    text = shown(planted(30.0, 0.5))
    assert "on the whole" in text
    assert sum(line.startswith("0:") for line in text.splitlines()) == 40
    few = shown(planted(3.0, 0.5))
    assert "on the whole" in few
    assert few.count("fused") == 1 + 5


def test_each_of_many_segments_stays_on_one_line_of_80_columns():
    lines = shown(planted(30.0, 2.0), 80).splitlines()
    first = next(i for i, line in enumerate(lines) if line.startswith("0:"))
    rows = lines[first : first + 14]
    assert all(row.startswith("0:") for row in rows)
    assert "…" not in "".join(rows)
    # Words say joy, then sadness; the voice fear until it is silent; the face joy throughout.
    assert "≠ 0." in rows[0]
    assert "voice" not in rows[0]


def test_the_table_stands_whole_in_80_columns():
    text = shown(analysis(), 80)
    for label in ("anger", "disgust", "fear", "joy", "neutral", "sadness", "surprise", "quality"):
        assert label in text
    assert "no face" in text
    assert "…" not in text


def test_bars_are_as_high_as_the_probabilities():
    (axes,) = bars(analysis()).axes
    heights = [patch.get_height() for patch in axes.patches]
    assert len(heights) == 3 * 7
    assert heights[2] == pytest.approx(0.7)
    assert "anger" in axes.get_title(loc="left")
    assert [t.get_text() for t in axes.get_legend().get_texts()][-1].startswith("fused")


@pytest.mark.parametrize("suffix", [".png", ".svg", ".pdf"])
def test_figures_are_saved_by_suffix(tmp_path, suffix):
    save(bars(analysis()), tmp_path / f"a{suffix}")
    assert (tmp_path / f"a{suffix}").stat().st_size > 3000


def test_a_segment_that_is_not_there_is_refused():
    with pytest.raises(OptionError, match="no segment 1"):
        bars(analysis(), 1)


def test_transcripts_are_read_back_by_an_independent_reader(tmp_path):
    import pysubs2

    lines = (Line(Segment(0.5, 2.25), "Hello there"), Line(Segment(3.0, 4.0), "Bye <now>"))
    value = analysis(Transcript(lines, "given"))
    for suffix in (".srt", ".vtt"):
        path = tmp_path / f"a{suffix}"
        write_transcript(value, path)
        events = list(pysubs2.load(str(path)))
        assert [(e.start, e.end) for e in events] == [(500, 2250), (3000, 4000)]
        assert events[0].plaintext == "Hello there"
    write_transcript(value, tmp_path / "a.txt")
    assert (tmp_path / "a.txt").read_text() == "Hello there\nBye <now>\n"


def test_what_was_left_out_as_invented_is_counted_and_named():
    gone = (Dropped("no speech under it", 2, 7.25), Dropped("repeats itself", 1, 3.0))
    said = (Line(Segment(0.5, 2.25), "Hello there"),)
    left_out = "(whisper:tiny): 2 x no speech under it (7.2 s); 1 x repeats itself (3.0 s)"
    text = shown(analysis(Transcript(said, "whisper:tiny", dropped=gone)))
    assert "Hello there" in text
    assert left_out in text
    text = shown(analysis(Transcript((), "whisper:tiny", dropped=gone)))
    assert "Words" not in text
    assert left_out in text
    assert "Left out" not in shown(analysis(Transcript(said, "given")))


def test_no_words_no_transcript(tmp_path):
    with pytest.raises(InputError, match="no transcript to write"):
        write_transcript(analysis(), tmp_path / "a.txt")
