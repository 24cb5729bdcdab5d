"""Decoding in a thread of its own, and loading models in another."""

import threading
import time

import pytest

from mien.errors import MediaError
from mien.loading import loading
from mien.perceive.ahead import HELD, Ahead
from mien.scene import Caption
from mien.timebase import Segment


def captions(count, given, closed):
    try:
        for number in range(count):
            given.append(threading.current_thread().name)
            yield Caption(Segment(number, number + 1), str(number))
    finally:
        closed.append(True)


def threads():
    return [one for one in threading.enumerate() if one.name.startswith("mien-")]


def test_moments_come_in_order_from_another_thread():
    given, closed = [], []
    with Ahead(captions(100, given, closed)) as play:
        assert [moment.text for moment in play] == [str(number) for number in range(100)]
    assert set(given) == {"mien-decode"}
    assert closed
    assert threads() == []


def test_only_some_moments_are_decoded_ahead():
    given, closed = [], []
    with Ahead(captions(100, given, closed)) as play:
        next(iter(play))
        time.sleep(0.3)
        assert HELD <= len(given) <= HELD + 2


def test_a_play_that_is_left_is_closed():
    given, closed = [], []
    with Ahead(captions(100, given, closed)) as play:
        for moment in play:
            if moment.text == "3":
                break
    assert closed
    assert threads() == []


def test_the_error_comes_behind_the_moments_before_it():
    def broken():
        yield Caption(Segment(0, 1), "one")
        raise MediaError("The rest is damaged.")

    with Ahead(broken()) as play:
        moments = iter(play)
        assert next(moments).text == "one"
        with pytest.raises(MediaError, match="The rest is damaged"):
            next(moments)


def test_models_are_loaded_while_something_else_is_done():
    class Slow:
        def load(self):
            time.sleep(0.1)
            self.loaded_by = threading.current_thread().name

    slow, other = Slow(), object()
    with loading([slow, other]):
        assert not hasattr(slow, "loaded_by")
    assert slow.loaded_by == "mien-load"


def test_what_cannot_be_loaded_is_left_to_its_first_use():
    class Broken:
        def load(self):
            raise ValueError("no")

    with loading([Broken()]):
        done = True
    assert done
    assert threads() == []
