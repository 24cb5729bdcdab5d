"""A labelled voice set is judged as ``mien analyze`` judges a recording."""

import csv
import wave

import numpy as np
import pytest

from mien.analyzer import Analyzer
from mien.branches.speech_quality import is_audible
from mien.errors import DataError
from mien.evaluate import evaluate
from mien.media import load_audio


def write(path, samples):
    with wave.open(str(path), "wb") as file:
        file.setnchannels(1)
        file.setsampwidth(2)
        file.setframerate(16_000)
        file.writeframes((np.clip(samples, -1, 1) * 32767).astype("<i2").tobytes())


@pytest.fixture
def folder(tmp_path, demo_clip):
    """CREMA-D's names: speech, the same 18 dB softer, digital silence, and a tone."""
    speech = load_audio(demo_clip)
    write(tmp_path / "1001_DFA_ANG_XX.wav", speech)
    write(tmp_path / "1002_DFA_ANG_XX.wav", speech * 10 ** (-18 / 20))
    write(tmp_path / "1003_MTI_SAD_XX.wav", np.zeros(40_000))
    write(tmp_path / "1004_MTI_SAD_XX.wav", 0.3 * np.sin(np.arange(40_000) * 0.2))
    return tmp_path


def test_silence_and_tones_are_not_judged_and_level_changes_little(folder):
    table = folder / "p.csv"
    result = evaluate("voice", folder, posteriors=table)
    assert result["failed"] == 2
    assert any("1003" in line and "silence" in line for line in result["failures"])
    with table.open() as file:
        rows = {row["group"]: row for row in csv.DictReader(file)}
    assert sorted(rows) == ["crema-d/1001", "crema-d/1002"]
    loud, soft = ([float(r[k]) for k in ("anger", "neutral", "joy")] for r in rows.values())
    assert loud == pytest.approx(soft, abs=0.1)


def test_the_row_is_that_of_an_analysis(folder):
    path = folder / "1001_DFA_ANG_XX.wav"
    evaluate("voice", folder, posteriors=folder / "p.csv")
    with (folder / "p.csv").open() as file:
        row = next(csv.DictReader(file))
    voice = Analyzer().analyze(path).by_branch["voice"]
    assert float(row["quality"]) == pytest.approx(voice.quality[0], abs=1e-5)
    assert float(row["anger"]) == pytest.approx(voice.probs[0, 0], abs=1e-5)


def test_silence_alone_is_an_error(tmp_path):
    write(tmp_path / "1003_MTI_SAD_XX.wav", np.zeros(40_000))
    with pytest.raises(DataError, match="silence"):
        evaluate("voice", tmp_path)


def test_what_is_audible():
    assert not is_audible(np.zeros(100, np.float32))
    assert not is_audible(np.zeros(0, np.float32))
    assert is_audible(np.full(100, 0.01, np.float32))


def test_items_keep_their_row_numbers_when_rows_before_them_fail(tmp_path, demo_clip):
    """The tables of two branches on one set are joined by item: a failed row moves none."""
    write(tmp_path / "silent.wav", np.zeros(40_000))
    write(tmp_path / "spoken.wav", load_audio(demo_clip))
    data = tmp_path / "mine.csv"
    data.write_text("path,text,label\nsilent.wav,I hate it,anger\nspoken.wav,What fun,joy\n")
    items = {}
    for kind in ("voice", "text"):
        table = tmp_path / f"{kind}-posteriors.csv"
        evaluate(kind, data, posteriors=table)
        with table.open() as file:
            items[kind] = {row["item"]: row["label"] for row in csv.DictReader(file)}
    assert items == {"text": {"mine/0": "anger", "mine/1": "joy"}, "voice": {"mine/1": "joy"}}
