import itertools

import pytest

from mien.errors import OptionError
from mien.timebase import Clock, Segment, format_time


def test_segments_are_half_open():
    segment = Segment(1.0, 2.0)
    assert 1.0 in segment
    assert 2.0 not in segment
    assert segment & Segment(2.0, 3.0) is None
    assert segment.overlap(Segment(1.5, 9.0)) == pytest.approx(0.5)


def test_an_instant_holds_only_itself():
    instant = Segment(3.0, 3.0)
    assert 3.0 in instant
    assert 3.1 not in instant


@pytest.mark.parametrize("bounds", [(2.0, 1.0), (0.0, float("nan")), (float("-inf"), 0.0)])
def test_impossible_segments_are_refused(bounds):
    with pytest.raises(OptionError, match="start <= end"):
        Segment(*bounds)


@pytest.mark.parametrize(("time", "index"), [(0.0, 0), (0.49, 0), (0.5, 1), (7.3, 14), (0.3, 0)])
def test_clock_finds_the_window_that_started_last(time, index):
    clock = Clock(0.0, 0.5, 1.0)
    assert clock.index(time) == index
    assert clock.window(index).start <= time


def test_clock_does_not_stumble_over_rounding():
    clock = Clock(0.0, 0.1, 0.1)
    assert [clock.index(i * 0.1) for i in range(100)] == list(range(100))


@pytest.mark.parametrize("duration", [0.3, 5.0, 5.1, 12.5, 17.49])
def test_windows_cover_everything_and_end_with_the_clip(duration):
    windows = list(Clock(0.0, 2.5, 5.0).windows(Segment(0.0, duration)))
    assert windows[0].start == 0.0
    assert windows[-1].end == pytest.approx(duration)
    for before, after in itertools.pairwise(windows):
        assert after.start <= before.end
        assert after.end > before.end


def test_times_are_written_without_jumping_a_minute():
    assert format_time(59.96) == "1:00.0"
    assert format_time(0.0) == "0:00.0"
    assert format_time(3599.99) == "1:00:00.0"
