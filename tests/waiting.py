"""Waiting for what another thread or process does."""

import time


def until(condition, seconds=60.0):
    """The first true answer of a condition; fails after so many seconds without one."""
    end = time.monotonic() + seconds
    while not (found := condition()):
        assert time.monotonic() < end
        time.sleep(0.01)
    return found
