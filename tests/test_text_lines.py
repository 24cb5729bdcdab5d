"""The lines of a segment are found by their times, as if all were looked at."""

import random

import pytest

from mien.branches.text import lines_near
from mien.timebase import Segment
from mien.words import Line, Word


def lines(draw, ordered):
    out = []
    for i in range(60):
        start = round(draw.uniform(0, 50), 1)
        end = round(start + draw.choice([0.0, 0.5, 2.0, 20.0]), 1)
        words = ()
        if draw.random() < 0.3:
            # Words of some recognisers stand a little outside of their line.
            at = [round(draw.uniform(max(0, start - 1), end + 1), 1) for _ in range(3)]
            words = tuple(Word(f"w{i}", Segment(t, t + 0.2), 0.5) for t in sorted(at))
        out.append(Line(Segment(start, end), f"w{i}", words))
    return tuple(sorted(out, key=lambda line: line.segment) if ordered else out)


@pytest.mark.parametrize("ordered", [True, False])
@pytest.mark.parametrize("seed", range(5))
def test_near_lines_hold_all_that_a_segment_says(seed, ordered):
    draw = random.Random(seed)
    said = lines(draw, ordered)
    near = lines_near(said)
    for _ in range(300):
        start = round(draw.uniform(0, 55), 1)
        segment = Segment(start, round(start + draw.choice([0.0, 1.0, 5.0, 60.0]), 1))
        whole = [line.inside(segment) for line in said if line.inside(segment)[0]]
        assert [x for line in near(segment) if (x := line.inside(segment))[0]] == whole


def test_few_of_many_lines_are_looked_at():
    said = tuple(Line(Segment(i, i + 1.0), "words") for i in range(10_000))
    assert len(lines_near(said)(Segment(5000.0, 5001.0))) <= 4
