"""What the voice branch hears of the speech turns."""

import itertools
from dataclasses import dataclass

import numpy as np
import pytest

from mien.branches.speech_spans import PAUSE, REACH, speech_spans
from mien.scene import SAMPLE_RATE, Speech
from mien.timebase import Segment


@dataclass
class Sound:
    """Loud in some places, faint noise elsewhere."""

    seconds: float
    loud: tuple[tuple[float, float], ...]
    noise: float = 1e-3

    @property
    def duration(self):
        return self.seconds

    def read(self, segment):
        times = np.arange(int(self.seconds * SAMPLE_RATE)) / SAMPLE_RATE
        level = np.full(len(times), self.noise)
        for start, end in self.loud:
            level[(times >= start) & (times < end)] = 0.1
        samples = level * np.random.default_rng(0).standard_normal(len(times))
        first, last = (round(max(0.0, t) * SAMPLE_RATE) for t in (segment.start, segment.end))
        return samples[first:last].astype(np.float32)


def heard(sound, turns, segment=(0.0, 20.0)):
    speech = Speech(tuple(Segment(*turn) for turn in turns))
    return [(s.start, s.end) for s in speech_spans(sound, speech, Segment(*segment))]


def test_the_ends_of_a_turn_move_down_to_the_noise():
    [(start, end)] = heard(Sound(20, ((4.6, 7.7),)), [(5, 7)])
    assert start == pytest.approx(4.55, abs=0.03)
    assert end == pytest.approx(7.75, abs=0.03)


@pytest.mark.parametrize("noise", [0.0, 1e-3, 0.05])
def test_the_ends_stay_where_there_is_noise_alone(noise):
    [(start, end)] = heard(Sound(20, ((5, 7),), noise), [(5, 7)])
    assert start == pytest.approx(5, abs=0.07)
    assert end == pytest.approx(7, abs=0.07)


def test_an_end_moves_no_further_than_its_reach():
    [(start, end)] = heard(Sound(20, ((2, 12),)), [(5, 7)])
    assert 5 - REACH <= start <= 5
    assert 7 <= end <= 7 + REACH


def test_short_pauses_belong_to_what_is_said_and_long_ones_do_not():
    sound = Sound(20, ((2, 3), (3.5, 4), (6, 7)))
    rows = heard(sound, [(2, 3), (3 + PAUSE - 0.3, 4), (6, 7)])
    assert [round(start) for start, _ in rows] == [2, 6]
    assert all(a[1] <= b[0] for a, b in itertools.pairwise(rows))


def test_no_stretch_reaches_into_the_next_turn():
    sound = Sound(20, ((2, 5),))
    first, second = heard(sound, [(2, 3), (3.9, 5)])
    assert first[1] <= 3.9
    assert second[0] >= first[1]


def test_a_turn_that_a_segment_cuts_is_cut_there():
    assert heard(Sound(20, ((2, 12),)), [(2, 12)], (4, 6)) == [(4, 6)]
    assert heard(Sound(20, ((2, 12),)), [(2, 12)], (13, 15)) == []


def test_a_turn_at_the_ends_of_the_recording_stays_inside():
    [(start, end)] = heard(Sound(3.0, ((0, 3),)), [(0.1, 2.9)], (0, 3))
    assert start >= 0
    assert end <= 3.0
