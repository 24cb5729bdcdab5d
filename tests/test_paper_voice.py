"""The paper's voice recipe, end to end on a tiny wav2vec 2.0 and a few files named as in TESS."""

import json
import types
import wave

import numpy as np
import pytest

pytest.importorskip("transformers", reason="the extra 'hub' is not installed")

import torch
from safetensors.torch import load_file

from mien.branches.voice import VoiceModel
from mien.convert.checkpoint import open_checkpoint
from mien.convert.ctc import SymbolScorer, symbol_scores
from mien.convert.pack import ConvertOptions, convert
from mien.datasets import load_voices
from mien.emotions import MIEN7
from mien.errors import DataError, HubError, OptionError
from mien.media import load_audio
from mien.packs import Pack
from mien.train.paper import finetune
from mien.train.paper.voice import RecipeOptions, divisions, honest_table, run_recipe
from tests.tiny_checkpoints import tiny_base, tiny_kin, tiny_recogniser
from tests.tiny_whisper import build

pytestmark = pytest.mark.hub

NAMES = ("angry", "disgust", "fear", "happy", "neutral", "sad", "ps")
WORDS = ("back", "bar", "base")


@pytest.fixture(scope="module")
def tess(tmp_path_factory):
    """42 recordings, 2 speakers x 7 emotions x 3 words; the emotion is the pitch of a tone."""
    root = tmp_path_factory.mktemp("tess")
    time = np.arange(19_200) / 16_000
    for speaker in ("OAF", "YAF"):
        for k, name in enumerate(NAMES):
            for j, word in enumerate(WORDS):
                tone = np.sin(2 * np.pi * (200 + 250 * k + 10 * j) * time) * (0.2 + 0.1 * j)
                folder = root / f"{speaker}_{name}"
                folder.mkdir(exist_ok=True)
                with wave.open(str(folder / f"{speaker}_{word}_{name}.wav"), "wb") as file:
                    file.setnchannels(1)
                    file.setsampwidth(2)
                    file.setframerate(16_000)
                    file.writeframes((tone * 32767).astype(np.int16).tobytes())
    return root


@pytest.fixture(scope="module")
def base(tmp_path_factory):
    return tiny_base(tmp_path_factory.mktemp("base"))


@pytest.fixture(autouse=True)
def often(monkeypatch):
    """Log, judge and save every second step, as every fiftieth of a run of real size."""
    monkeypatch.setattr(finetune, "EVERY", 2)


def options(tess, base, out, **more):
    return RecipeOptions([tess], out, str(base), **({"epochs": 1, "threads": 1} | more))


def test_random_is_never_shown_without_the_split_by_speaker(tess, base, tmp_path):
    said = []
    runs = run_recipe(options(tess, base, tmp_path), said.append)
    names = [run.name for run in runs]
    assert names == ["speaker-OAF-unseen", "speaker-YAF-unseen", "random"]
    assert [run.rows for run in runs] == [(21, 21), (21, 21), (34, 8)]
    table = said[-1]
    assert all(name in table for name in names)
    assert "on an unseen speaker" in table
    before = [line for line in said[:-1] if line.startswith("random") and "accuracy" in line]
    assert before
    assert all("before training" in line for line in before)
    card = (tmp_path / "README.md").read_text()
    assert "| step | loss | gradient norm | learning rate | epoch |" in card
    metrics = json.loads((tmp_path / "random" / "metrics.json").read_text())
    assert {"loss", "accuracy", "precision", "recall", "f1"} == set(metrics["final"])
    assert np.sum(metrics["confusion"]) == 8
    assert (tmp_path / "random" / "confusion.png").stat().st_size > 1000


def test_the_learning_rate_falls_linearly_from_5e_5(tess, base, tmp_path):
    (run, _) = run_recipe(options(tess, base, tmp_path, split="speaker"), lambda line: None)
    assert len([row for row in run.history if "eval_loss" in row]) >= 1
    logged = [row for row in run.history if "loss" in row]
    # Two steps an epoch of 21 rows; what is logged at step 2 is the rate that step was taken with.
    assert logged[0]["step"] == 2
    assert logged[0]["learning_rate"] == pytest.approx(5e-5 * (1 - 1 / 2))


def test_a_killed_run_goes_on_and_a_complete_one_is_not_repeated(tess, base, tmp_path):
    class KilledError(Exception):
        pass

    def kill(line):
        if "step 4/" in line:
            raise KilledError

    chosen = options(tess, base, tmp_path, split="word", epochs=3)
    with pytest.raises(KilledError):
        run_recipe(chosen, kill)
    said = []
    (run,) = run_recipe(chosen, said.append)
    assert any("resuming from checkpoint-2" in line for line in said)
    assert run.history[-1]["epoch"] == pytest.approx(3.0)
    again = []
    assert run_recipe(chosen, again.append) == [run]
    assert any("complete in" in line for line in again)
    with pytest.raises(OptionError, match="other settings"):
        run_recipe(options(tess, base, tmp_path, split="word", epochs=3, seed=1), said.append)


def test_what_was_trained_becomes_a_pack_of_one_second_windows(tess, base, tmp_path):
    run_recipe(options(tess, base, tmp_path / "run", split="word"), lambda line: None)
    folder = tmp_path / "run" / "word"
    assert not [p for p in folder.iterdir() if p.suffix in (".bin", ".pt", ".pkl")]
    manifest = convert(ConvertOptions(str(folder), tmp_path / "pack"), lambda line: None)
    assert manifest.input["window"] == 1.0
    assert manifest.input["fixed"]
    sound = load_audio(next(tess.rglob("*.wav")))[:16_000]
    model = VoiceModel(Pack(tmp_path / "pack", "voice"))
    assert model.probs(sound) == pytest.approx(open_checkpoint(folder).probs(sound), abs=1e-3)


def test_ctc_is_trained_and_judged_by_one_symbol(tess, base, tmp_path):
    chosen = options(tess, base, tmp_path, split="word", loss="ctc")
    (run,) = run_recipe(chosen, lambda line: None)
    assert np.isfinite(run.final["loss"])
    assert 0 <= run.final["accuracy"] <= 1
    # What was trained becomes a pack whose graph says what the loss of the library says.
    folder = tmp_path / "word"
    manifest = convert(ConvertOptions(str(folder), tmp_path / "pack"), lambda line: None)
    assert (manifest.labels, manifest.input["window"]) == (MIEN7.labels, 1.0)
    sound = load_audio(next(tess.rglob("*.wav")))[:16_000]
    said = VoiceModel(Pack(tmp_path / "pack", "voice")).probs(sound)
    assert said == pytest.approx(open_checkpoint(folder).probs(sound), abs=1e-3)
    assert np.ptp(said) > 0.02


def test_a_recogniser_of_words_names_no_emotion(tmp_path):
    with pytest.raises(DataError, match=r"recognises speech \(Wav2Vec2ForCTC\)"):
        open_checkpoint(tiny_recogniser(tmp_path))


def test_the_exported_scores_are_those_of_the_library():
    """The closed form against ``ctc_loss``, on logits that go from undecided to certain."""

    class Says(torch.nn.Module):
        def forward(self, input_values):
            return types.SimpleNamespace(logits=input_values)

    logits = torch.randn(5, 49, 8, generator=torch.Generator().manual_seed(1))
    logits *= torch.tensor([0.0, 0.1, 1.0, 5.0, 30.0])[:, None, None]
    ours, theirs = SymbolScorer(Says())(logits).numpy(), symbol_scores(logits).numpy()
    assert ours == pytest.approx(theirs, rel=1e-5, abs=1e-3)


def test_symbol_scores_add_up_every_path():
    """Three frames, written out: every way of saying symbol k once, with blanks around it."""
    logits = torch.randn(1, 3, 8, generator=torch.Generator().manual_seed(0))
    p = torch.softmax(logits, dim=-1)[0].double()
    scores = symbol_scores(logits)[0]
    for k in range(7):
        total = 0.0
        for start in range(3):
            for end in range(start, 3):
                path = [k if start <= t <= end else 7 for t in range(3)]
                total += float(np.prod([float(p[t, s]) for t, s in enumerate(path)]))
        assert float(scores[k]) == pytest.approx(np.log(total), abs=1e-4)


def test_no_speaker_and_no_word_is_on_both_sides(tess):
    rows = load_voices(tess)
    for division in divisions(rows, "speaker", 0):
        assert not set(division.train.groups) & set(division.test.groups)
    (division,) = divisions(rows, "word", 0)
    sides = [{p.split("_")[-2] for p in part.items} for part in (division.train, division.test)]
    assert not sides[0] & sides[1]


def test_refusals(tess, base, tmp_path):
    with pytest.raises(OptionError, match="split cannot be 'fair'"):
        options(tess, base, tmp_path, split="fair")
    with pytest.raises(HubError, match="neither a folder nor a hub id"):
        run_recipe(options(tess, tmp_path / "none", tmp_path / "o"), print)
    (tmp_path / "none").mkdir()
    with pytest.raises(DataError, match="not a pre-trained speech model"):
        run_recipe(options(tess, tmp_path / "none", tmp_path / "o"), lambda line: None)
    spectrograms = tiny_kin(tmp_path / "w", "ast")
    with pytest.raises(DataError, match="needs a ASTFeatureExtractor"):
        run_recipe(options(tess, spectrograms, tmp_path / "p"), lambda line: None)
    # The data are looked at before a base is fetched.
    with pytest.raises(DataError, match="does not exist"):
        run_recipe(options(tmp_path / "nowhere", "owner/model", tmp_path / "q"), print)
    with pytest.raises(DataError, match="needs two speakers"):
        divisions(load_voices(tess / "OAF_ps"), "speaker", 0)


@pytest.mark.data
@pytest.mark.slow
def test_real_recordings_go_the_same_way(shared, base, tmp_path):
    chosen = options(shared / "tess", base, tmp_path, limit=60)
    runs = run_recipe(chosen, lambda line: None)
    assert sum(runs[0].rows) == 60
    assert "random" in honest_table(runs)


def test_a_whisper_listens_for_one_second(tess, tmp_path):
    """Where wav2vec 2.0 cannot be had: its encoder, 50 states instead of 1,500."""
    base = build(tmp_path / "base", width=32)
    chosen = options(tess, base, tmp_path / "run", split="word")
    (run,) = run_recipe(chosen, lambda line: None)
    assert set(run.final) == {"loss", "accuracy", "precision", "recall", "f1"}
    folder = tmp_path / "run" / "word"
    config = json.loads((folder / "config.json").read_text())
    assert config["max_source_positions"] == 50
    # The weights of the encoder are those of the base but for what a few steps changed.
    ours, theirs = (load_file(f / "model.safetensors") for f in (folder, base))
    places = theirs["model.encoder.embed_positions.weight"]
    torch.testing.assert_close(ours["encoder.embed_positions.weight"], places[:50])
    name = "layers.1.fc1.weight"
    torch.testing.assert_close(
        ours[f"encoder.{name}"], theirs[f"model.encoder.{name}"], atol=1e-2, rtol=0
    )
    manifest = convert(ConvertOptions(str(folder), tmp_path / "pack"), lambda line: None)
    assert manifest.input["window"] == 1.0
    sound = load_audio(next(tess.rglob("*.wav")))[:16_000]
    said = VoiceModel(Pack(tmp_path / "pack", "voice")).probs(sound)
    assert said == pytest.approx(open_checkpoint(folder).probs(sound), abs=1e-3)
