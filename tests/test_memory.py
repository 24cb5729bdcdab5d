"""Freed memory goes back to the system, and models that are not needed are freed."""

import subprocess
import sys

import pytest

from mien.perceive.engines.whisper import open_whisper

RESIDENT = """
import sys
from mien.memory import keep_little, release

def resident():
    with open("/proc/self/statm") as file:
        return int(file.read().split()[1]) * 4096 / 1e6

keep_little()
# Between two parts lies something that stays.
parts = [(b"x" * 100_000, b"x" * 1000) for _ in range(2000)]
kept = [small for _, small in parts]
full = resident()
del parts
if sys.argv[1] == "release":
    release()
print(full - resident())
"""


def freed(how):
    """Megabytes of 200 that a process no longer occupies once it has freed them."""
    if not sys.platform.startswith("linux"):
        pytest.skip("glibc is that of Linux")
    done = subprocess.run(
        [sys.executable, "-c", RESIDENT, how], capture_output=True, text=True, check=True
    )
    return float(done.stdout)


def test_freed_memory_is_given_back():
    assert freed("nothing") < 50
    assert freed("release") > 100


def test_an_engine_that_was_freed_hears_the_same(sentence):
    engine = open_whisper("tiny.en")
    first = engine.hear(sentence, "en")
    engine.unload()
    engine.unload()
    assert engine.hear(sentence, "en") == first
