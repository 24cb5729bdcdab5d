"""``mien data show``: what is drawn, and of whom."""

import wave

import numpy as np
import pytest
from typer.testing import CliRunner

from mien.cli import app
from mien.datasets import load_voices
from mien.errors import DataError
from mien.report.voices import HOP, examples, spectrogram, voices_figure

NAMES = ("angry", "disgust", "fear", "happy", "neutral", "sad", "ps")
RATE = 16_000


@pytest.fixture(scope="module")
def tess(tmp_path_factory):
    root = tmp_path_factory.mktemp("tess")
    time = np.arange(RATE // 2) / RATE
    for speaker in ("OAF", "YAF"):
        for k, name in enumerate(NAMES):
            for word in ("back", "zone"):
                with wave.open(str(root / f"{speaker}_{word}_{name}.wav"), "wb") as file:
                    file.setnchannels(1)
                    file.setsampwidth(2)
                    file.setframerate(RATE)
                    tone = 0.5 * np.sin(2 * np.pi * (500 + 500 * k) * time)
                    file.writeframes((tone * 32767).astype(np.int16).tobytes())
    return root


def test_one_speaker_says_one_word_in_every_emotion(tess):
    found = examples(load_voices(tess), "YAF", number=1)
    assert len(found) == 7
    assert all(path.name.startswith("YAF_zone") for path in found.values())
    with pytest.raises(DataError, match="no speaker 'XYZ'.*tess/OAF"):
        examples(load_voices(tess), "XYZ")


def test_the_spectrogram_shows_the_planted_tone():
    time = np.arange(RATE) / RATE
    levels = spectrogram((0.5 * np.sin(2 * np.pi * 2000 * time)).astype(np.float32))
    assert levels.shape[1] == 257
    assert levels.shape[0] == pytest.approx(RATE / HOP, abs=3)
    assert (levels.argmax(axis=1) == 64).all()  # 2000 of 8000 Hz


def test_the_figure_has_a_row_an_emotion(tess):
    figure = voices_figure(examples(load_voices(tess)), "planted")
    assert len(figure.axes) == 15
    drawn = {axes.get_ylabel() for axes in figure.axes}
    assert {"anger", "surprise"} <= drawn


def test_the_command_counts_and_writes(tess, tmp_path):
    out = tmp_path / "voices.png"
    run = CliRunner().invoke(app, ["data", "show", str(tess), "--out", str(out)])
    assert run.exit_code == 0, run.output
    assert "tess/OAF" in run.output
    assert out.read_bytes().startswith(b"\x89PNG")
