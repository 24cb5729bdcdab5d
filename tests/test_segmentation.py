import pytest

from mien.analysis.evidence import Evidence
from mien.branches.batches import GAP, judge_in_turn
from mien.errors import OptionError
from mien.options import SegmentationOptions
from mien.scene import SPEECH, TRANSCRIPT, ClipFacts, Scene, Speech
from mien.segmentation import segments_of, speaker_turns, unmet
from mien.timebase import Segment
from mien.words import Line, Transcript


def segments_by_speaker(transcript, whole):
    found = {}
    for turn in speaker_turns(transcript, (), whole):
        found[turn.speaker] = (*found.get(turn.speaker, ()), turn.segment)
    return found


def scene(duration=12.0, lines=(), turns=()):
    tracks = {}
    if lines:
        tracks[TRANSCRIPT] = Transcript(tuple(Line(s, "words") for s in lines), "given")
    if turns:
        tracks[SPEECH] = Speech(tuple(turns))
    return Scene(ClipFacts("x", "recording", duration, "wav"), tracks)


def test_clip_is_one_segment():
    assert segments_of(scene(), SegmentationOptions("clip")) == (Segment(0.0, 12.0),)


def test_windows_overlap_and_end_with_the_clip():
    segments = segments_of(scene(), SegmentationOptions("window", window=5.0, step=2.5))
    assert [s.start for s in segments] == [0.0, 2.5, 5.0, 7.5]
    assert segments[-1].end == 12.0


def test_utterances_are_the_lines_else_the_turns_else_the_clip():
    turns = [Segment(1.0, 2.0), Segment(4.0, 6.0)]
    lines = [Segment(1.0, 1.5), Segment(11.0, 13.0)]
    assert segments_of(scene(turns=turns), SegmentationOptions("utterance")) == tuple(turns)
    from_lines = segments_of(scene(lines=lines, turns=turns), SegmentationOptions("utterance"))
    assert from_lines == (Segment(1.0, 1.5), Segment(11.0, 12.0))
    assert segments_of(scene(), SegmentationOptions("utterance")) == (Segment(0.0, 12.0),)


def test_a_picture_is_one_instant_however_it_is_cut():
    assert segments_of(scene(duration=0.0), SegmentationOptions("window")) == (Segment(0.0, 0.0),)


@pytest.mark.parametrize(("window", "step"), [(5.0, 6.0), (5.0, 0.0), (-1.0, -2.0)])
def test_windows_that_leave_gaps_are_refused(window, step):
    with pytest.raises(OptionError, match="gaps"):
        SegmentationOptions("window", window, step)


def test_an_unknown_way_is_refused():
    with pytest.raises(OptionError, match="'scene'.*utterance"):
        SegmentationOptions("scene")


def spoken(*lines):
    said = tuple(Line(Segment(a, b), "words", speaker=who) for who, a, b in lines)
    return Transcript(said, "given")


def test_each_speaker_has_the_turns_that_the_lines_make():
    transcript = spoken(
        ("Ann", 0, 1), ("Ann", 1.5, 3), ("Bob", 3, 4), (None, 4, 5), ("Ann", 5, 6), ("Ann", 9, 14)
    )
    assert segments_by_speaker(transcript, Segment(0.0, 12.0)) == {
        "Ann": (Segment(0, 3), Segment(5, 6), Segment(9, 12)),
        "Bob": (Segment(3, 4),),
        None: (Segment(4, 5),),
    }


def test_two_who_speak_at_once_keep_their_own_turns():
    turns = segments_by_speaker(spoken(("Ann", 0, 5), ("Bob", 2, 4)), Segment(0.0, 12.0))
    assert turns == {"Ann": (Segment(0, 5),), "Bob": (Segment(2, 4),)}


def test_what_was_not_perceived_has_no_turn():
    turns = segments_by_speaker(spoken(("Ann", 0, 5), ("Bob", 6, 8)), Segment(6.0, 12.0))
    assert turns == {"Bob": (Segment(6, 8),)}


def test_rows_by_speaker_are_the_turns_in_time_order():
    facts = ClipFacts("x", "recording", 12.0, "wav")
    named = Scene(facts, {TRANSCRIPT: spoken(("Ann", 0, 1), ("Bob", 1, 3), ("Ann", 3, 4))})
    options = SegmentationOptions("speaker")
    assert segments_of(named, options) == (Segment(0, 1), Segment(1, 3), Segment(3, 4))
    assert unmet(named, options) == ()
    nameless = scene(lines=[Segment(1.0, 1.5), Segment(2.0, 3.0)])
    assert segments_of(nameless, options) == segments_of(nameless, SegmentationOptions("utterance"))
    (warning,) = unmet(nameless, options)
    assert "No speaker is named" in warning
    assert unmet(nameless, SegmentationOptions("utterance")) == ()
    assert segments_of(scene(), options) == (Segment(0.0, 12.0),)
    assert "no transcript" in unmet(scene(), options)[0]


def test_a_gap_is_one_segment_and_no_branch_is_asked_about_it():
    gaps = (Segment(6.0, 9006.0), Segment(9012.0, 18_000.0))
    scene = Scene(ClipFacts("a.mkv", "recording", 18_003.0, "matroska", gaps=gaps), {})
    segments = segments_of(scene, SegmentationOptions("window", 5.0, 5.0))
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
