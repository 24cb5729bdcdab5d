"""The voice trainer on planted recordings and a Whisper of a few kilobytes."""

import wave

import numpy as np
import pytest

pytest.importorskip("transformers", reason="the extra 'hub' is not installed")

import torch

from mien.branches import whispermel
from mien.branches.voice import VoiceModel
from mien.datasets import load_voices
from mien.datasets.posteriors import load_posteriors
from mien.datasets.table import build, concatenate
from mien.emotions import MIEN7, one_hot
from mien.errors import DataError, OptionError, PackError
from mien.evaluate import evaluate
from mien.media import load_audio
from mien.metrics import classification_figures
from mien.pack_folders import find_pack
from mien.train import voice, voice_features, voice_pack, voice_protocols
from mien.train.commands import TrainOptions
from mien.train.voice_features import FeatureRecipe, Features
from mien.train.voice_protocols import Heads, LeftOut

from .tiny_whisper import build as build_whisper

RATE = 16_000
LABELS = ("anger", "joy", "neutral", "sadness")


def silent(line):
    pass


def write_sound(path, hertz):
    time = np.arange(RATE * 4 // 5) / RATE
    noise = np.random.default_rng(int(hertz)).normal(0, 0.02, len(time))
    samples = (0.3 * np.sin(2 * np.pi * hertz * time) + noise) * 32767
    path.parent.mkdir(parents=True, exist_ok=True)
    with wave.open(str(path), "wb") as file:
        file.setnchannels(1)
        file.setsampwidth(2)
        file.setframerate(RATE)
        file.writeframes(samples.astype("<i2").tobytes())


@pytest.fixture(scope="module")
def ear(tmp_path_factory):
    """A Whisper with random weights in CTranslate2's form."""
    from ctranslate2.converters import TransformersConverter

    root = tmp_path_factory.mktemp("ear")
    checkpoint = build_whisper(root / "checkpoint", layers=4)
    TransformersConverter(str(checkpoint)).convert(str(root / "ct2"))
    return root / "ct2"


@pytest.fixture(scope="module")
def corpora(tmp_path_factory):
    """Three corpora of two speakers and four labels, and one of ordinary speech, as one CSV."""
    root = tmp_path_factory.mktemp("corpora")
    lines = ["path,label,speaker,corpus"]
    for c, corpus in enumerate(("one", "two", "three")):
        for speaker in ("a", "b"):
            for i, label in enumerate(LABELS):
                path = root / corpus / f"{speaker}-{label}.wav"
                write_sound(path, 150 * (i + 1) + 7 * c)
                lines.append(f"{path},{label},{corpus}/{speaker},{corpus}")
    for speaker in range(2):
        path = root / "read" / f"{speaker}.wav"
        write_sound(path, 450 + speaker)
        lines.append(f"{path},neutral,read/{speaker},read")
    (root / "corpora.csv").write_text("\n".join(lines) + "\n")
    return root / "corpora.csv"


def test_a_csv_may_name_the_corpus_of_each_row(corpora):
    rows = load_voices(corpora)
    assert sorted(set(rows.corpora.tolist())) == ["one", "read", "three", "two"]
    assert len(set(rows.groups.tolist())) == 8


@pytest.fixture(scope="module")
def trained(corpora, ear, tmp_path_factory):
    out = tmp_path_factory.mktemp("trained") / "pack"
    said = []
    options = TrainOptions([corpora], out, epochs=1, threads=1)
    return voice_pack.train_voice(options, said.append, ear=ear, folds=2), out, said


@pytest.mark.slow
def test_every_figure_is_of_speakers_or_corpora_left_out(trained, corpora):
    manifest, out, said = trained
    sets = [row["set"] for row in manifest.metrics]
    assert "one, 2 speakers, each unheard" in sets
    assert "one, all of the corpus unheard" in sets
    # Ordinary speech has a single label: there is no recall to average over a corpus.
    assert "read, 2 speakers, each unheard" in sets
    assert "read, all of the corpus unheard" not in sets
    assert "without-one-three: 16 recordings left out" in " ".join(said)
    posteriors = load_posteriors(out.with_name("pack.run") / "posteriors.csv")
    assert len(posteriors) == 24
    assert posteriors.packs["voice"] != manifest.files["model.onnx"]
    # These tones are not speech, as in an analysis.
    with pytest.raises(DataError, match="None of the 26 rows"):
        evaluate("voice", corpora, pack=out)


@pytest.mark.slow
def test_a_finished_run_is_not_run_again_and_gives_the_same(trained, corpora, ear):
    manifest, out, _ = trained
    said = []
    options = TrainOptions([corpora], out, epochs=1, threads=1)
    again = voice_pack.train_voice(options, said.append, ear=ear, folds=2)
    assert again.files == manifest.files
    assert not any(line.startswith("extracted") for line in said)
    lines = corpora.read_text().replace("one/a,one", "one/c,one")
    (corpora.parent / "other.csv").write_text(lines)
    changed = TrainOptions([corpora.parent / "other.csv"], out, epochs=1, threads=1)
    with pytest.raises(OptionError, match="other settings"):
        voice_pack.train_voice(changed, silent, ear=ear, folds=2)


@pytest.mark.slow
def test_the_pack_says_what_its_heads_said_of_what_was_heard(trained, corpora, ear):
    """Encoder and heads in one graph, given the sound, against the two one after the other."""
    _, out, _ = trained
    rows = load_voices(corpora)
    model = VoiceModel(find_pack("voice", out.with_name("pack.run") / "unheard" / "fold0"))
    probs = np.stack([model.probs(load_audio(path)) for path in rows.items])
    held = np.array([group.endswith(("a", "0")) for group in rows.groups.tolist()])
    figures = classification_figures(rows.labels[held], probs[held])
    card = model.pack.manifest.metrics[0]
    assert card["rows"] == held.sum()
    assert figures["accuracy"] == pytest.approx(card["accuracy"], abs=1e-3)
    assert figures["nll"] == pytest.approx(card["nll"], abs=2e-2)


def test_an_ear_of_too_few_blocks_is_refused(corpora, tmp_path, ear, monkeypatch):
    recipe = FeatureRecipe(blocks=(2, 5))
    monkeypatch.setattr(voice_pack, "FeatureRecipe", lambda: recipe)
    options = TrainOptions([corpora], tmp_path / "pack", threads=1)
    with pytest.raises(PackError, match="it has 4 blocks"):
        voice_pack.train_voice(options, silent, ear=ear)


# --- on planted features ---------------------------------------------------------------------


def planted(shift=0.0, seed=0, per=12):
    """Features in which the label is one dimension and the corpus another."""
    rng = np.random.default_rng(seed)
    sets, features = [], []
    for c, corpus in enumerate(("one", "two", "three", "four")):
        for speaker in range(4):
            labels = [LABELS[i % 4] for i in range(per)]
            rows = build([f"{corpus}-{speaker}-{i}" for i in range(per)], one_hot(labels), corpus,
                         groups=[f"{corpus}/{speaker}"] * per)  # fmt: skip
            values = rng.normal(0, 0.5, (per, 16))
            values[np.arange(per), [LABELS.index(x) for x in labels]] += 3.0
            values[:, 8 + c] += shift
            sets.append(rows)
            features.append(values)
    clean = np.concatenate(features).astype(np.float16)
    n = len(clean)
    return concatenate(sets), Features(
        np.repeat(clean, 2, axis=0), 2 * np.arange(n), np.ones(n, int)
    )


def test_labels_of_a_corpus_are_drawn_evenly_and_corpora_by_their_share():
    sets = [
        build(["x"] * 40, one_hot(["joy"] * 30 + ["fear"] * 10), "ravdess"),
        build(["x"] * 50, one_hot(["neutral"] * 50), "libri"),
    ]
    rows = concatenate(sets)
    recipe = voice.VoiceRecipe()
    shares = voice.drawing_weights(rows, recipe) @ rows.targets
    assert shares[MIEN7.index("joy")] == pytest.approx(shares[MIEN7.index("fear")])
    ratio = shares[MIEN7.index("neutral")] / shares[MIEN7.index("joy")] / 2
    assert ratio == pytest.approx(recipe.shares["libri"] / recipe.shares["ravdess"])


def test_directions_of_speakers_are_projected_out_and_those_of_labels_stay():
    voices, heard = planted(shift=5.0)
    clean = heard.clean.astype(np.float32)
    found = voice.nuisance_directions(clean, voices, 3)
    np.testing.assert_allclose(found.T @ found, np.eye(3), atol=1e-5)
    # The corpora were shifted along dimensions 8 to 11, the labels lie along 0, 3, 4 and 5.
    assert np.square(found[8:12]).sum() > 2.9
    assert np.square(found[:8]).sum() < 0.05


def test_copies_are_drawn_as_often_as_the_recipe_says():
    voices, heard = planted()
    copies = Features(heard.values.copy(), heard.first, heard.copies)
    copies.values[1::2] = 100.0
    recipe = voice.VoiceRecipe(mixup=1e-6, noise=0.0, batch=2000)
    task = voice.VoiceTask(voices, copies, np.arange(len(voices)), recipe)
    features, targets = next(iter(task.batches(0, np.random.default_rng(0))))
    augmented = (features[:, 0] > 50).float().mean().item()
    assert augmented == pytest.approx(recipe.augmented, abs=0.04)
    assert torch.allclose(targets.sum(1), torch.ones(2000))


def test_what_is_left_out_is_judged_by_heads_that_did_not_have_it(tmp_path, monkeypatch):
    voices, heard = planted()
    seen = {}
    train = Heads.train

    def remembered(self, name, rows, count):
        seen[name] = set(self.voices.groups[rows].tolist())
        return train(self, name, rows, count)

    monkeypatch.setattr(Heads, "train", remembered)
    recipe = voice.VoiceRecipe(hidden=64, dropout=(0.0, 0.0), batch=64, heads=2, nuisance=3)
    found = voice_protocols.leave_out(Heads(voices, heard, recipe, 6, 0, tmp_path, silent), 4)
    assert not any(group.endswith("/1") for group in seen["fold1"])
    assert not any(group.startswith("two/") for group in seen["without-two"])
    assert {g.split("/")[0] for g in seen["without-four-two"]} == {"one", "three"}
    for said in (found.speakers, found.corpora):
        np.testing.assert_allclose(said.sum(axis=1), 1.0, atol=1e-6)
        assert (said.argmax(axis=1) == voices.labels).mean() > 0.9
    sets = [test.name for test in voice_protocols.judged(found)]
    assert "two, all of the corpus unheard" in sets


def planted_answers(sure):
    """Answers that are right in 60 of 100 rows of each corpus, at a confidence of their own."""
    voices, _ = planted(per=100)
    rng = np.random.default_rng(3)
    right = rng.random(len(voices)) < 0.6
    said = np.where(right, voices.labels, (voices.labels + 1) % 7)
    probs = np.full((len(voices), 7), (1 - sure) / 6)
    probs[np.arange(len(voices)), said] = sure
    return voices, probs


def test_the_temperature_of_a_corpus_is_fitted_without_it():
    voices, probs = planted_answers(0.9)
    names = sorted(set(voices.corpora.tolist()))
    wild = probs.copy()
    wild[voices.corpora == "two"] = 1 / 7
    pairs = {}
    for i, one in enumerate(names):
        for other in names[i + 1 :]:
            pairs[one, other] = wild if "two" in (one, other) else probs
    found = LeftOut(voices, np.arange(len(voices)) % 2, probs, probs, pairs)
    scaling = found.corpus_scaling("one")
    assert scaling.apply(probs).max() == pytest.approx(0.6, abs=0.15)
    # What is said of corpus two decides nothing about its own temperature.
    changed = {k: v.copy() for k, v in pairs.items()}
    for values in changed.values():
        values[voices.corpora == "two"] = np.eye(7)[0] * 0.93 + 0.01
    other = LeftOut(voices, found.fold, probs, probs, changed)
    assert other.corpus_scaling("two") == found.corpus_scaling("two")


@pytest.mark.parametrize("folds", [0, 1, 5])
def test_folds_that_cannot_be_dealt_are_refused(folds):
    voices, _ = planted()
    with pytest.raises(
        DataError, match=rf"--folds {folds}.*needs at least 2 folds.* has \d+ speakers"
    ):
        voice_protocols.assign_folds(voices, folds)


def test_small_corpora_are_heard_more_often():
    recipe = FeatureRecipe(heard=1000, most=4)
    assert [recipe.copies(n) for n in (10, 400, 1000, 90_000)] == [4, 2, 1, 0]


def test_hearing_goes_on_where_it_was_stopped(corpora, tmp_path, ear, monkeypatch):
    rows = load_voices(corpora)
    monkeypatch.setattr(voice_features, "TOGETHER", 10)
    encoder = voice_pack.load_encoder(ear, 4, whispermel.POSITIONS)
    states = voice_pack.PooledStates(encoder, (2, 3, 4))
    path = tmp_path / "ear.onnx"
    voice_pack.export_graph(states, voice_pack.EXAMPLE, voice_pack.AXES, path)
    graph = voice_pack.Graph(path, 2)
    recipe = FeatureRecipe(heard=26, most=1)

    class StopError(Exception):
        """Stands for a kill."""

    def stop_at_ten(line):
        if line.startswith("extracted features of 10 "):
            raise StopError

    with pytest.raises(StopError):
        voice_features.extract_all(rows, graph, recipe, 0, tmp_path / "a", stop_at_ten)
    said = []
    resumed = voice_features.extract_all(rows, graph, recipe, 0, tmp_path / "a", said.append)
    assert said[0] == "extracted features of 20 of 26 recordings"
    whole = voice_features.extract_all(rows, graph, recipe, 0, tmp_path / "b", silent)
    np.testing.assert_array_equal(resumed.values, whole.values)
    assert resumed.values.shape == (52, 96)
    assert not np.array_equal(resumed.values[0], resumed.values[1])
    np.testing.assert_array_equal(resumed.clean, resumed.values[::2])
