"""What the tests of batches share: recordings without speech, and what the states say."""

import json
import wave

import numpy as np

import mien
from mien.batch.state import STATES

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
