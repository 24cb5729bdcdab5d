import pytest

from mien.cut import CutOptions, cut
from mien.errors import OptionError
from mien.scene import SPEECH, TRANSCRIPT, ClipFacts, Line, Scene, Speech, Transcript
from mien.timebase import Segment


def scene(duration=12.0, lines=(), turns=()):
    tracks = {}
    if lines:
        tracks[TRANSCRIPT] = Transcript(tuple(Line(s, "words") for s in lines), "given")
    if turns:
        tracks[SPEECH] = Speech(tuple(turns))
    return Scene(ClipFacts("x", "recording", duration, "wav"), tracks)


def test_clip_is_one_segment():
    assert cut(scene(), CutOptions("clip")) == (Segment(0.0, 12.0),)


def test_windows_overlap_and_end_with_the_clip():
    segments = cut(scene(), CutOptions("window", window=5.0, step=2.5))
    assert [s.start for s in segments] == [0.0, 2.5, 5.0, 7.5]
    assert segments[-1].end == 12.0


def test_utterances_are_the_lines_else_the_turns_else_the_clip():
    turns = [Segment(1.0, 2.0), Segment(4.0, 6.0)]
    lines = [Segment(1.0, 1.5), Segment(11.0, 13.0)]
    assert cut(scene(turns=turns), CutOptions("utterance")) == tuple(turns)
    from_lines = cut(scene(lines=lines, turns=turns), CutOptions("utterance"))
    assert from_lines == (Segment(1.0, 1.5), Segment(11.0, 12.0))
    assert cut(scene(), CutOptions("utterance")) == (Segment(0.0, 12.0),)


def test_a_picture_is_one_instant_however_it_is_cut():
    assert cut(scene(duration=0.0), CutOptions("window")) == (Segment(0.0, 0.0),)


@pytest.mark.parametrize(("window", "step"), [(5.0, 6.0), (5.0, 0.0), (-1.0, -2.0)])
def test_windows_that_leave_gaps_are_refused(window, step):
    with pytest.raises(OptionError, match="gaps"):
        CutOptions("window", window, step)


def test_an_unknown_way_is_refused():
    with pytest.raises(OptionError, match="'scene'.*utterance"):
        CutOptions("scene")


def test_a_gap_is_one_segment_and_no_branch_is_asked_about_it():
    from mien.branches.ask import GAP, judge_in_turn
    from mien.evidence import Evidence

    gaps = (Segment(6.0, 9006.0), Segment(9012.0, 18_000.0))
    scene = Scene(ClipFacts("a.mkv", "recording", 18_003.0, "matroska", gaps=gaps), {})
    segments = cut(scene, CutOptions("window", 5.0, 5.0))
    assert [(s.start, s.end) for s in segments] == [
        (0.0, 5.0), (5.0, 6.0), (6.0, 9006.0), (9006.0, 9010.0), (9010.0, 9012.0),
        (9012.0, 18_000.0), (18_000.0, 18_003.0),
    ]  # fmt: skip
    asked = []

    class Asked:
        class spec:  # noqa: N801
            name = "voice"

        def judge(self, scene, segments):
            asked.extend(segments)
            return Evidence.absent("voice", segments, "silence")

    found = judge_in_turn(Asked(), scene, segments, lambda doing, share: None)
    assert found.segments == segments
    assert [GAP in reason for reason in found.reasons] == [s in gaps for s in segments]
    assert asked == [s for s in segments if s not in gaps]
