"""Whisper fine-tuned as in the paper: end to end on a tiny one and files named as in TESS."""

import json
import wave

import numpy as np
import pytest

pytest.importorskip("transformers", reason="the extra 'hub' is not installed")

import torch

from mien.cli import models
from mien.datasets.spoken import load_spoken
from mien.errors import DataError, OptionError
from mien.media import load_audio
from mien.train.paper import asr, finetune
from mien.train.paper.asr import AsrOptions, AsrRun, Whisper, asr_table, plain, train_asr

from .tiny_whisper import build

pytestmark = pytest.mark.hub

RATE = 16_000
WORDS = ("back", "bar", "base", "bath")


def write(path, samples):
    path.parent.mkdir(parents=True, exist_ok=True)
    with wave.open(str(path), "wb") as file:
        file.setnchannels(1)
        file.setsampwidth(2)
        file.setframerate(RATE)
        file.writeframes((np.asarray(samples) * 32767).astype(np.int16).tobytes())


@pytest.fixture(scope="module")
def tess(tmp_path_factory):
    """16 recordings, 2 speakers x 2 emotions x 4 words; the word is the pitch of a tone."""
    root = tmp_path_factory.mktemp("tess")
    time = np.arange(RATE) / RATE
    for who, loud in (("OAF", 0.2), ("YAF", 0.4)):
        for emotion in ("angry", "sad"):
            for j, word in enumerate(WORDS):
                tone = loud * np.sin(2 * np.pi * (300 + 400 * j) * time)
                write(root / f"{who}_{emotion}" / f"{who}_{word}_{emotion}.wav", tone)
    return root


@pytest.fixture(scope="module")
def base(tmp_path_factory):
    """Hears three seconds at once."""
    folder = tmp_path_factory.mktemp("base") / "tiny"
    return build(folder, width=32, layers=1, seconds=3, multilingual=True, longest=60)


@pytest.fixture(autouse=True)
def quick(monkeypatch):
    monkeypatch.setattr(finetune, "EVERY", 6)
    monkeypatch.setattr(finetune, "BATCH", 4)


@pytest.fixture(scope="module")
def longer(tmp_path_factory):
    """A recording of noise with known words, longer than an utterance."""
    folder = tmp_path_factory.mktemp("longer")
    write(folder / "one.wav", np.random.default_rng(0).normal(0, 0.1, 2 * RATE))
    (folder / "talk.csv").write_text("path,text\none.wav,Ask not what your country can do.\n")
    return folder / "talk.csv"


def options(tess, base, out, longer, **more):
    return AsrOptions(
        [tess], out, str(base), [longer], **({"epochs": 24, "threads": 1, "lr": 1e-2} | more)
    )


def test_both_rates_stand_in_one_table_and_a_killed_run_goes_on(tess, base, longer, tmp_path):
    class KilledError(Exception):
        pass

    def kill(line):
        if "step 12/" in line:
            raise KilledError

    chosen = options(tess, base, tmp_path, longer)
    with pytest.raises(KilledError):
        train_asr(chosen, kill)
    said = []
    (run,) = train_asr(chosen, said.append)
    assert any("resuming from checkpoint-6" in line for line in said)
    assert run.rows == (12, 4)
    assert run.history[-1]["epoch"] == pytest.approx(24.0)
    names = [row["speech"] for row in run.speech]
    assert names == ["short: TESS", "longer: TESS joined", "longer: talk"]
    assert [row["words"] for row in run.speech] == [16, 16, 7]
    assert [row["recordings"] for row in run.speech] == [4, 4, 1]
    # Three of four words of every utterance are always the same: that much it learns.
    short = run.speech[0]
    assert short["after"] <= 0.5 < short["before"]
    assert said[-1] in (tmp_path / "README.md").read_text()
    assert not [p for p in (tmp_path / "word").iterdir() if p.suffix in (".bin", ".pt", ".pkl")]
    again = []
    assert train_asr(chosen, again.append) == [run]
    assert any("complete in" in line for line in again)
    with pytest.raises(OptionError, match="other settings"):
        train_asr(options(tess, base, tmp_path, longer, lr=1e-3), said.append)
    learnt = Whisper(tmp_path / "word")
    heard = learnt.transcribe([load_audio(next(tess.rglob("*_bar_*.wav")))])
    assert plain(heard[0]).startswith("say the word")


def test_a_shorter_window_is_for_training_alone(tess, base, longer, tmp_path, monkeypatch):
    shown = []
    judged = Whisper.transcribe
    monkeypatch.setattr(
        Whisper, "transcribe", lambda self, sounds: shown.append(self.features(sounds).shape[-1]) or
        judged(self, sounds),
    )  # fmt: skip
    trained = []
    item = asr.Utterances.__getitem__
    monkeypatch.setattr(
        asr.Utterances, "__getitem__",
        lambda self, i: trained.append(item(self, i)["input_features"].shape[-1]) or item(self, i),
    )  # fmt: skip
    train_asr(options(tess, base, tmp_path, longer, epochs=1, window=2.0), lambda line: None)
    assert set(shown) == {300}
    assert set(trained) == {200}
    config = json.loads((tmp_path / "word" / "config.json").read_text())
    assert config["max_source_positions"] == 150
    ours, theirs = (Whisper(f).model.get_encoder() for f in (tmp_path / "word", base))
    torch.testing.assert_close(ours.embed_positions.weight, theirs.embed_positions.weight)
    with pytest.raises(OptionError, match=r"within the 3 s of the Whisper, got 9 s"):
        Whisper(base).set_window(9.0)


def test_what_has_become_worse_is_said():
    def row(name, before, after):
        return {"speech": name, "recordings": 3, "words": 12, "before": before, "after": after}

    run = AsrRun("word", (9, 3), [row("short", 0.3, 0.01), row("longer", 0.1, 0.4)], [])
    table = asr_table([run])
    assert "| word | short | 3 | 12 | 0.300 | 0.010 | -0.290 |" in table
    assert "| word | longer | 3 | 12 | 0.100 | 0.400 | +0.300 |" in table
    assert "**Worse than before: longer (word) by 0.300.**" in table
    better = AsrRun("word", (9, 3), [row("short", 0.3, 0.01)], [])
    assert "Worse" not in asr_table([better])


def test_the_error_rate_is_that_of_the_words(base, tess, monkeypatch):
    whisper = Whisper(base)
    monkeypatch.setattr(whisper, "transcribe", lambda sounds: ["say THE word, bag!"] * len(sounds))
    sound = load_audio(next(tess.rglob("*.wav")))
    hearing = asr.SpeechTest("x", lambda: iter([sound] * 10), ["Say the word back."] * 10)
    assert whisper.error_rate(hearing) == pytest.approx(0.25)


def test_labels_are_what_a_whisper_is_asked_to_write(base):
    whisper = Whisper(base)
    tokens = whisper.tokenizer.convert_ids_to_tokens(whisper.labels("Say it."))
    assert tokens[:3] == ["<|en|>", "<|transcribe|>", "<|notimestamps|>"]
    assert tokens[-1] == "<|endoftext|>"
    assert (
        whisper.tokenizer.decode(whisper.labels("Say it."), skip_special_tokens=True) == "Say it."
    )


def test_words_come_from_names(tmp_path, tess):
    write(tmp_path / "Actor_01" / "03-01-05-01-02-01-01.wav", np.zeros(100))
    (spoken,) = load_spoken(tmp_path)
    assert (spoken.words, spoken.speaker) == ("Dogs are sitting by the door.", "01")
    assert {s.words for s in load_spoken(tess)} == {f"Say the word {word}." for word in WORDS}
    with pytest.raises(DataError, match="columns path and text"):
        load_spoken(tmp_path / "nothing")


def test_refusals(tess, base, longer, tmp_path):
    with pytest.raises(OptionError, match="split cannot be 'fair'"):
        options(tess, base, tmp_path, longer, split="fair")
    with pytest.raises(OptionError, match="lr must be above 0, got -1"):
        options(tess, base, tmp_path, longer, lr=-1)
    with pytest.raises(DataError, match="not a Whisper"):
        train_asr(options(tess, tess, tmp_path, longer), print)


def test_a_fine_tuned_one_is_converted_and_heard_with(tmp_path, capsys):
    from mien.perceive.engines import choose_engine

    folder = build(tmp_path / "mine")
    models.models_convert(str(folder), tmp_path / "ct2")
    assert f"--asr whisper:{tmp_path / 'ct2'}" in capsys.readouterr().out
    engine = choose_engine(f"whisper:{tmp_path / 'ct2'}")
    assert isinstance(engine.hear(np.zeros(RATE, np.float32), "en"), list)
    with pytest.raises(OptionError, match="--int8 cannot be given for a Whisper"):
        models.models_convert(str(folder), tmp_path / "other", int8=True)


@pytest.mark.data
@pytest.mark.slow
def test_real_recordings_go_the_same_way(shared, base, tmp_path):
    chosen = AsrOptions(
        [shared / "tess"], tmp_path, str(base), [shared / "ravdess"], epochs=1, limit=20
    )
    (run,) = train_asr(chosen, lambda line: None)
    assert sum(run.rows) == 20
    assert json.loads((tmp_path / "word" / "metrics.json").read_text())["name"] == "word"
