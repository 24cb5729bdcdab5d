from dataclasses import replace

import numpy as np
import pytest
from rich.console import Console

from mien.analysis.analysis import Analysis, Provenance
from mien.analysis.evidence import Evidence
from mien.analysis.judged import TrackSummary
from mien.emotions import MIEN7
from mien.errors import InputError, OptionError
from mien.report.figure import bars, save
from mien.report.overall import in_view
from mien.report.table import render
from mien.report.transcript import write_transcript
from mien.scene import ClipFacts
from mien.timebase import Segment
from mien.words import Dropped, Line, Transcript
from tests.pages import planted

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
        clip=ClipFacts("clip.mp4", "recording", 6.0, "mov"),
        segments=SEGMENTS,
        fused=Evidence.of_rows("fused", SEGMENTS, [row(0)]),
        by_branch=by_branch,
        provenance=Provenance("0", "3", {}, {}, {}),
        transcript=transcript,
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
    assert "2 people in view (--person all shows each)" in hidden
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
    assert "whole recording" in text
    assert sum(line.startswith("0:") for line in text.splitlines()) == 40
    few = shown(planted(3.0, 0.5))
    assert "whole recording" in few
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
        events = list(pysubs2.load(str(path)))[1 if suffix == ".srt" else 0 :]
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
    text = shown(analysis(Transcript(said, "given", dropped=gone[:1])))
    assert "Left out of the words (given): 2 x no speech under it" in text


def test_a_line_that_would_fill_the_terminal_is_shown_in_part():
    said = (Line(Segment(0.5, 2.25), "Hello " * 50_000),)
    assert 500 < shown(analysis(Transcript(said, "given"))).count("Hello") * 6 < 700


def test_no_words_no_transcript(tmp_path):
    with pytest.raises(InputError, match="no transcript to write"):
        write_transcript(analysis(), tmp_path / "a.txt")


# --- terminals of any width ------------------------------------------------------------------


def with_branches(value, *names):
    """An analysis with more branches, which answer as the text does."""
    more = {n: replace(value.by_branch["text"], branch=n) for n in names}
    return replace(value, by_branch=value.by_branch | more)


def late(value, start):
    """The same, later in a long recording: its times are longer."""
    segments = tuple(Segment(s.start + start, s.end + start) for s in value.segments)

    def moved(evidence):
        return replace(evidence, segments=segments)

    return replace(
        value,
        segments=segments,
        part=None,
        smoothed={},
        fused=moved(value.fused),
        by_branch={name: moved(e) for name, e in value.by_branch.items()},
    )


@pytest.mark.parametrize("width", [60, 80, 120])
@pytest.mark.parametrize(
    "make",
    [
        analysis,
        lambda: with_branches(analysis(), "heart-rate", "tempo"),
        lambda: planted(3.0, 0.5),
        lambda: planted(30.0, 0.5),
        lambda: with_branches(planted(30.0, 0.5), "heart-rate"),
        lambda: with_branches(planted(30.0, 0.5), "heart-rate", "tempo", "skin-conductance"),
        lambda: late(planted(30.0, 0.5), 36_000.0),
        lambda: with_branches(late(planted(30.0, 0.5), 36_000.0), "tempo"),
    ],
    ids=["one", "one-more", "few", "many", "many-more", "many-most", "hours", "hours-more"],
)
def test_no_heading_and_no_cell_is_cut(make, width):
    value = make()
    lines = shown(value, width).splitlines()
    text = "\n".join(lines)
    assert "…" not in text
    assert max(map(len, lines)) <= width
    words = set(text.split())
    for name in value.by_branch:
        assert name in words
    if len(value.segments) > 6:
        assert "conflict" in words
        for segment in value.segments[:40]:
            assert str(segment) in words
    else:
        assert set(MIEN7.labels) | {"quality", "says"} <= words
    for label, probability in ((e.top(0), e.probs[0].max()) for e in value.by_branch.values()):
        if label is not None and len(value.segments) <= 6:
            assert f"{probability:.3f}" in words


def test_columns_that_do_not_fit_stand_below_under_their_own_rows():
    from rich.text import Text

    from mien.terminal import Column, Grid

    first = Column("", [Text("a"), Text("b")])
    columns = [Column(f"column{i}", [Text(f"a{i}"), Text(f"b{i}")]) for i in range(5)]
    console = Console(width=30, record=True, file=open("/dev/null", "w"))  # noqa: PTH123, SIM115
    console.print(Grid(first, columns, title="title"))
    console.file.close()
    lines = [line.split() for line in console.export_text().splitlines()]
    assert lines == [
        ["title"],
        ["column0", "column1", "column2"],
        ["a", "a0", "a1", "a2"],
        ["b", "b0", "b1", "b2"],
        [],
        ["column3", "column4"],
        ["a", "a3", "a4"],
        ["b", "b3", "b4"],
    ]


@pytest.mark.parametrize("width", [60, 80])
def test_the_confusion_matrix_of_an_evaluation_stands_whole(width):
    from mien.emotions import MIEN7
    from mien.evaluate.summary import render as summarise

    matrix = np.arange(49).reshape(7, 7) + 10_000
    result = {
        "data": "mine", "split": None, "rows": 1, "failed": 0, "labels": list(MIEN7.labels),
        "pack": {"name": "mien-face", "version": "1", "sha256": "0" * 64},
        "confusion": matrix.tolist(),
    }  # fmt: skip
    console = Console(width=width, record=True, file=open("/dev/null", "w"))  # noqa: PTH123, SIM115
    console.print(summarise(result))
    console.file.close()
    text = console.export_text()
    assert "…" not in text
    words = text.split()
    assert {*MIEN7.labels, "recall", "f1"} <= set(words)
    assert words.count("10000") == 1
    assert {str(count) for count in matrix.flat} <= set(words)
    row = next(line for line in text.splitlines() if line.startswith("disgust"))
    assert row.split()[1:4] == ["10007", "10008", "10009"]
