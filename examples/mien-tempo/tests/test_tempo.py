"""The branch keeps the contract, and finds the rate of speech that was planted."""

import pytest
from mien_tempo import TempoBranch

from mien.errors import OptionError
from mien.scene import TRANSCRIPT, ClipFacts, Scene
from mien.testing import check_branch
from mien.timebase import Segment
from mien.words import Line, Transcript, Word


def speech(rate, seconds=10.0):
    """A scene in which somebody says so many words a second."""
    starts = [i / rate for i in range(int(seconds * rate))]
    words = [Word("word", Segment(start, start + 0.9 / rate), 1.0) for start in starts]
    line = Line(Segment(0.0, seconds), "word " * len(words), tuple(words))
    facts = ClipFacts("planted", "recording", seconds, "wav", has_audio=True)
    return Scene(facts, {TRANSCRIPT: Transcript((line,), "given")})


def test_it_keeps_the_contract():
    check_branch(TempoBranch({}))


@pytest.mark.parametrize(("rate", "label"), [(1.5, "sadness"), (2.8, "neutral"), (4.2, "anger")])
def test_the_rate_that_was_planted_decides(rate, label):
    scene = speech(rate)
    assert TempoBranch({}).judge(scene, [Segment(0, 10)]).top(0) == label
    (track,) = TempoBranch({}).signals(scene)
    assert track.mean(Segment(2, 8)) == pytest.approx(rate, rel=0.15)


def test_where_nothing_is_said_it_is_absent_with_a_reason():
    found = TempoBranch({}).judge(speech(3.0), [Segment(0, 10), Segment(10, 20)])
    assert found.reasons == ("", "fewer than two words with times")


def test_its_option_is_checked():
    with pytest.raises(OptionError, match=r"tempo.width \(--tempo-width\) cannot be 0"):
        TempoBranch({"width": 0})
