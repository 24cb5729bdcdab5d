import pytest

from mien.errors import OptionError
from mien.options import SegmentationOptions
from mien.scene import SPEECH, TRANSCRIPT, ClipFacts, Line, Scene, Speech, Transcript
from mien.segmentation import cut
from mien.timebase import Segment


def scene(duration=12.0, lines=(), turns=()):
    tracks = {}
    if lines:
        tracks[TRANSCRIPT] = Transcript(tuple(Line(s, "words") for s in lines), "given")
    if turns:
        tracks[SPEECH] = Speech(tuple(turns))
    return Scene(ClipFacts("x", "recording", duration, "wav"), tracks)


def test_clip_is_one_segment():
    assert cut(scene(), SegmentationOptions("clip")) == (Segment(0.0, 12.0),)


def test_windows_overlap_and_end_with_the_clip():
    segments = cut(scene(), SegmentationOptions("window", window=5.0, step=2.5))
    assert [s.start for s in segments] == [0.0, 2.5, 5.0, 7.5]
    assert segments[-1].end == 12.0


def test_utterances_are_the_lines_else_the_turns_else_the_clip():
    turns = [Segment(1.0, 2.0), Segment(4.0, 6.0)]
    lines = [Segment(1.0, 1.5), Segment(11.0, 13.0)]
    assert cut(scene(turns=turns), SegmentationOptions("utterance")) == tuple(turns)
    from_lines = cut(scene(lines=lines, turns=turns), SegmentationOptions("utterance"))
    assert from_lines == (Segment(1.0, 1.5), Segment(11.0, 12.0))
    assert cut(scene(), SegmentationOptions("utterance")) == (Segment(0.0, 12.0),)


def test_a_picture_is_one_instant_however_it_is_cut():
    assert cut(scene(duration=0.0), SegmentationOptions("window")) == (Segment(0.0, 0.0),)


@pytest.mark.parametrize(("window", "step"), [(5.0, 6.0), (5.0, 0.0), (-1.0, -2.0)])
def test_windows_that_leave_gaps_are_refused(window, step):
    with pytest.raises(OptionError, match="gaps"):
        SegmentationOptions("window", window, step)


def test_an_unknown_way_is_refused():
    with pytest.raises(OptionError, match="'scene'.*utterance"):
        SegmentationOptions("scene")
