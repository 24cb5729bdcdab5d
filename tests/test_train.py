"""The text trainer, the loop and what trainers share, on small planted sets."""

import json

import numpy as np
import pytest

torch = pytest.importorskip("torch", reason="the extra 'train' is not installed")

import itertools

from mien.datasets import load_texts
from mien.datasets.table import build
from mien.emotions import one_hot
from mien.evaluate import evaluate
from mien.train import commands, text
from mien.train.encoder import EncoderSize, load_encoder
from mien.train.loop import Schedule, soft_cross_entropy
from mien.train.voice_augment import add_noise, augment, change_speed
from tests.planted import silent
from tests.planted import train_options as options


def tiny_bert(folder):
    """A BERT checkpoint of a few kilobytes, tokenizer included, in the published layout."""
    from safetensors.torch import save_file
    from tokenizers import Tokenizer, models, pre_tokenizers, processors

    folder.mkdir()
    words = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[unused0]", "good", "bad", "plain", "very"]
    tokenizer = Tokenizer(models.WordLevel({w: i for i, w in enumerate(words)}, "[UNK]"))
    tokenizer.pre_tokenizer = pre_tokenizers.Whitespace()
    tokenizer.post_processor = processors.TemplateProcessing(
        single="[CLS] $A [SEP]", special_tokens=[("[CLS]", 2), ("[SEP]", 3)]
    )
    tokenizer.save(str(folder / "tokenizer.json"))
    size = EncoderSize(len(words), 16, 2, 2, 32, 64)
    (folder / "config.json").write_text(json.dumps(size.__dict__))
    rng = torch.Generator().manual_seed(0)

    def some(*shape):
        return torch.randn(*shape, generator=rng) * 0.1

    weights = {
        "embeddings.word_embeddings.weight": some(len(words), 16),
        "embeddings.position_embeddings.weight": some(64, 16),
        "embeddings.token_type_embeddings.weight": some(2, 16),
        "embeddings.LayerNorm.weight": torch.ones(16),
        "embeddings.LayerNorm.bias": torch.zeros(16),
    }
    shapes = {
        "attention.self.query": (16, 16), "attention.self.key": (16, 16),
        "attention.self.value": (16, 16), "attention.output.dense": (16, 16),
        "intermediate.dense": (32, 16), "output.dense": (16, 32),
    }  # fmt: skip
    for i in range(2):
        for name, shape in shapes.items():
            weights[f"encoder.layer.{i}.{name}.weight"] = some(*shape)
            weights[f"encoder.layer.{i}.{name}.bias"] = torch.zeros(shape[0])
        for name in ("attention.output.LayerNorm", "output.LayerNorm"):
            weights[f"encoder.layer.{i}.{name}.weight"] = torch.ones(16)
            weights[f"encoder.layer.{i}.{name}.bias"] = torch.zeros(16)
    save_file(weights, folder / "model.safetensors")
    return folder


def test_text_training_learns_planted_words(tmp_path):
    base = tiny_bert(tmp_path / "base")
    kinds = [("very good", "3"), ("very bad", "5"), ("plain", "4"), ("good bad", "3,5")]
    rows = [(f"{text} {i}", ids) for i in range(60) for text, ids in kinds]
    data = tmp_path / "sets"
    data.mkdir()
    (data / "train.tsv").write_text("".join(f"{t}\t{i}\tx\n" for t, i in rows))
    (data / "dev.tsv").write_text("".join(f"{t}\t{i}\tx\n" for t, i in rows[:20]))
    # A recipe's learning rate is for real texts; the planted ones take many steps instead.
    manifest = commands.train_text(options(data, tmp_path, epochs=30), silent, base=base)
    assert "multilabel_macro_f1" in manifest.metrics[0]
    judged = evaluate("text", data, split="dev", pack=tmp_path / "pack")
    assert judged["rows"] == 20
    assert judged["rows_with_one_label"] == 15
    assert judged["threshold"] == manifest.threshold


def test_spoken_lines_are_marked_and_shown_more_often(tmp_path):
    base = tiny_bert(tmp_path / "base")
    said = tmp_path / "train_said.csv"
    said.write_text("Utterance,Emotion,Dialogue_ID\ngood,joy,1\nbad,anger,2\n")
    written = tmp_path / "train.tsv"
    written.write_text("good\t3\tx\nplain\t4\tx\n")
    rows = commands.load_sets(load_texts, [said, written])
    task = text.TextTask(rows, rows, text.TextRecipe(batch=2, spoken_draws=3), base)
    mark = task.tokens.ids([""], [True])[0][1]
    assert [ids[1] == mark for ids in task.ids] == [True, True, False, False]
    shown = np.concatenate([ids[:, 1] for ids, _, _ in task.batches(0, np.random.default_rng(0))])
    assert len(shown) == 8
    assert (shown == mark).sum() == 6


def test_encoder_agrees_with_an_independent_implementation(tmp_path):
    transformers = pytest.importorskip("transformers", reason="needs the extra 'hub'")
    config = transformers.BertConfig(
        vocab_size=50, hidden_size=16, num_hidden_layers=2, num_attention_heads=2,
        intermediate_size=32, max_position_embeddings=64,
    )  # fmt: skip
    torch.manual_seed(0)
    theirs = transformers.BertModel(config, add_pooling_layer=False).eval()
    theirs.save_pretrained(tmp_path / "bert")
    ours = load_encoder(tmp_path / "bert").eval()
    ids = torch.tensor([[2, 7, 9, 3], [2, 8, 3, 0]])
    mask = torch.tensor([[1, 1, 1, 1], [1, 1, 1, 0]])
    with torch.inference_mode():
        hidden = theirs(input_ids=ids, attention_mask=mask).last_hidden_state
        shown = mask[:, :, None]
        mean = (hidden * shown).sum(1) / shown.sum(1)
        expected = ours.head(torch.cat([mean, hidden[:, 0]], dim=1))
        assert torch.allclose(ours(ids, mask), expected, atol=1e-5)


def test_a_dialogue_stays_on_one_side():
    groups = [f"train/{i // 10}" for i in range(400)]
    items = [f"line {i}" for i in range(400)]
    rows = build(items, one_hot(["joy"] * 400), "meld", groups=groups, splits=["train"] * 400)
    train, valid, held = text.divide(rows, 0.2)
    assert len(train) + len(valid) == 400
    assert len(held) == 0
    assert 0 < len(valid) < 200
    assert not set(train.groups.tolist()) & set(valid.groups.tolist())


def test_schedule_climbs_then_falls():
    schedule = Schedule(epochs=1, lr=1.0, warmup=0.25)
    rates = [schedule.rate(step, 100) for step in range(100)]
    assert int(np.argmax(rates)) in (24, 25)
    assert max(rates) == pytest.approx(1.0)
    assert rates[-1] < 0.01
    assert all(b > a for a, b in itertools.pairwise(rates[:25]))


def test_soft_targets_with_one_label_are_cross_entropy():
    logits = torch.randn(5, 7)
    labels = torch.tensor([0, 1, 2, 3, 6])
    targets = torch.nn.functional.one_hot(labels, 7).float()
    expected = torch.nn.functional.cross_entropy(logits, labels, label_smoothing=0.1)
    assert soft_cross_entropy(logits, targets, 0.1) == pytest.approx(expected.item(), abs=1e-5)


def test_noise_has_the_asked_ratio():
    rng = np.random.default_rng(0)
    sound = np.sin(np.arange(32_000) / 10).astype(np.float32)
    noise = add_noise(sound, 10.0, 1.0, rng) - sound
    ratio = 10 * np.log10(np.square(sound).mean() / np.square(noise).mean())
    assert ratio == pytest.approx(10.0, abs=0.1)


def test_speed_changes_length_and_pitch():
    time = np.arange(16_000) / 16_000
    fast = change_speed(np.sin(2 * np.pi * 400 * time).astype(np.float32), 1.1)
    assert len(fast) == pytest.approx(16_000 / 1.1, abs=1)
    peak = np.abs(np.fft.rfft(fast)).argmax() * 16_000 / len(fast)
    assert peak == pytest.approx(440, abs=3)


def test_augmented_sound_stays_sound():
    rng = np.random.default_rng(0)
    sound = np.random.default_rng(1).normal(0, 0.1, 20_001).astype(np.float32)
    for _ in range(20):
        out = augment(sound, rng)
        assert np.isfinite(out).all()
        assert 0.8 < len(out) / len(sound) < 1.2
