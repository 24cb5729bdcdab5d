"""What the tests of batches share: recordings without speech, and what the states say."""

import json
import os
import signal
import sys
import time
import wave
from pathlib import Path

import numpy as np

import mien
from mien.batch.state import STATES
from mien.errors import PackError

SILENT = mien.Options(speech=mien.SpeechOptions(asr="none"))


def tone(path, seconds=0.5, level=0.0):
    """A recording without speech: silence or a tone."""
    path.parent.mkdir(parents=True, exist_ok=True)
    times = np.arange(int(seconds * 16000)) / 16000
    sound = (level * 32000 * np.sin(2 * np.pi * 220 * times)).astype("<i2")
    with wave.open(str(path), "wb") as file:
        file.setparams((1, 2, 16000, 0, "NONE", ""))
        file.writeframes(sound.tobytes())
    return path


def states(out):
    return [json.loads(line) for line in (out / STATES).read_bytes().splitlines()]


def finished(out):
    """The paths that were finished, once for each line."""
    return [line["finished"] for line in states(out) if "finished" in line]


def lines_of(out, start):
    if not (out / STATES).exists():
        return []
    lines = (out / STATES).read_bytes().split(b"\n")[:-1]
    return [line for line in lines if line.startswith(start)]


def finished_so_far(out):
    """As ``finished``, while another process writes."""
    return lines_of(out, b'{"finished"')


_prepared = []


def prepare():
    """As a worker is prepared."""
    _prepared.append(True)


def fault(what):
    """What a job can do to its process."""
    if what == "crash":
        os.kill(os.getpid(), signal.SIGSEGV)
    elif what == "memory":
        os.kill(os.getpid(), signal.SIGKILL)
    elif what == "exit":
        sys.exit(7)
    elif what == "hang":
        time.sleep(600)
    elif what == "raise":
        raise ValueError("planted")
    elif what == "pack":
        raise PackError("planted pack")


def made_once(out, written):
    """Every result is whole, and none was made twice; ``written`` has the times of those before."""
    assert all(path.exists() for path in written)
    for path in (out / "clips").rglob("[!.]*.json"):
        stamp = path.stat().st_mtime_ns
        json.loads(path.read_text())
        assert written.setdefault(path, stamp) == stamp, f"{path} was made twice"


def play(what):
    """What a job can do to its process, and to the worker of Ray above it."""
    what, _, place = what.partition(" ")
    fault(what)
    if what in ("worker", "once"):
        first = not place or not Path(place).exists()
        if place:
            with Path(place).open("a") as file:
                file.write("1")
        if first:
            os.kill(os.getppid(), signal.SIGKILL)
            time.sleep(30)
    return {"home": os.environ["HOME"], "prepared": bool(_prepared)}
