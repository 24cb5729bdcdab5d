"""The trainers on planted sets that are small enough for every run of the tests."""

import dataclasses
import json
import subprocess
import sys

import numpy as np
import pytest

torch = pytest.importorskip("torch", reason="the extra 'train' is not installed")

import itertools

from tests.planted import write_faces, write_voted_faces

from mien.branches.face import normalise
from mien.datasets import load_faces, load_texts
from mien.datasets.posteriors import load_posteriors
from mien.datasets.table import build
from mien.emotions import one_hot
from mien.errors import DataError, OptionError, PackError
from mien.evaluate import evaluate
from mien.packs import Pack, file_sha256
from mien.train import commands, face, face_run, text
from mien.train.encoder import EncoderSize, load_encoder
from mien.train.face_run import Lineage
from mien.train.graphs import Graph
from mien.train.loop import Schedule, Trainer, soft_cross_entropy
from mien.train.nets import Ensemble, FaceNet
from mien.train.sound import add_noise, change_speed, spoil
from mien.train.thaw import load_thawed


@pytest.fixture
def faces(tmp_path):
    return write_faces(tmp_path / "faces.npz")


def options(data, tmp_path, **more):
    settings = {"epochs": 2, "threads": 1} | more
    return commands.TrainOptions([data], tmp_path / "pack", **settings)


def silent(line):
    pass


def test_a_training_looks_at_its_place_before_it_begins(tmp_path):
    (tmp_path / "pack").mkdir()
    (tmp_path / "pack" / "letter.txt").write_text("dear")
    with pytest.raises(OptionError, match="would be lost"):
        options(tmp_path, tmp_path)


def test_face_training_writes_a_whole_pack(faces, tmp_path):
    manifest = face_run.train_face(options(faces, tmp_path), silent)
    folder = tmp_path / "pack"
    found = {p.name for p in folder.iterdir()}
    assert found == {
        "model.onnx", "pack.json", "README.md", "metrics.json", "report.txt", "curves.png",
        "confusion.png",
    }  # fmt: skip
    assert Pack(folder, "face").manifest.to_json() == manifest.to_json()
    metrics = json.loads((folder / "metrics.json").read_text())
    assert len(metrics["history"]) == 2
    judged = evaluate("face", faces, split="PublicTest", pack=folder)
    assert judged["accuracy"] == pytest.approx(manifest.metrics[0]["accuracy"], abs=1e-3)
    assert judged["nll"] == pytest.approx(manifest.metrics[0]["nll"], abs=1e-2)


def test_copies_of_test_pictures_are_dropped_from_training(faces):
    train, valid, test = face.divide(load_faces(faces), 0.2)
    kept = {p.tobytes() for p in np.concatenate([train.items, valid.items])}
    assert len(train) + len(valid) == 69
    assert not kept & {p.tobytes() for p in test.items}


def test_figures_are_named_by_the_set_and_split_that_they_are_of(faces):
    rows = load_faces(faces)
    splits, corpora = rows.splits.astype("<U11"), rows.corpora.copy()
    splits[:2], corpora[2], splits[2] = "PrivateTest", "mine", "test"
    rows = dataclasses.replace(rows, splits=splits, corpora=corpora)
    named = face.by_split(face.divide(rows, 0.2)[2])
    assert {name: len(part) for name, part in named.items()} == {
        "FER-2013 PrivateTest": 2, "FER-2013 PublicTest": 14, "mine test": 1,
    }  # fmt: skip


class StopError(Exception):
    """Stands for a kill after an epoch."""


@pytest.mark.slow
def test_a_stopped_run_goes_on_to_the_same_end(faces, tmp_path):
    def stop_after_one(line):
        if line.startswith("epoch 1/"):
            raise StopError

    whole = face_run.train_face(options(faces, tmp_path / "a"), silent)
    with pytest.raises(StopError):
        face_run.train_face(options(faces, tmp_path / "b"), stop_after_one)
    said = []
    resumed = face_run.train_face(options(faces, tmp_path / "b"), said.append)
    assert said[0] == "going on after epoch 1 of 2"
    assert resumed.files == whole.files


def test_a_run_with_other_settings_is_not_gone_on_with(faces, tmp_path):
    face_run.train_face(options(faces, tmp_path), silent)
    with pytest.raises(OptionError, match="other settings"):
        face_run.train_face(options(faces, tmp_path, seed=1), silent)


@pytest.mark.slow
def test_a_second_cycle_starts_from_what_the_first_has_learnt(faces, tmp_path):
    first = options(faces, tmp_path / "first", epochs=1)
    face_run.train_face(first, silent)
    again = options(faces, tmp_path / "second", epochs=1, seed=1, start=first.work)
    manifest = face_run.train_face(again, silent)
    assert manifest.training["settings"]["schedule"]["lr"] == pytest.approx(0.1 / 3)
    train, valid, _ = face.divide(load_faces(faces), 0.2)
    model = face.FaceTask(train, valid, face.FaceRecipe(), 1).model
    again.load_start(model)
    learnt = torch.load(first.work / "checkpoint.pt", weights_only=True)["average"]
    assert all(torch.equal(value, learnt[name]) for name, value in model.state_dict().items())
    with pytest.raises(DataError, match="not of a net of this recipe"):
        again.load_start(torch.nn.Linear(2, 2))
    with pytest.raises(DataError, match="to start from; check --start"):
        options(faces, tmp_path, start=tmp_path / "none").load_start(model)
    with pytest.raises(OptionError, match="written over its start"):
        options(faces, tmp_path / "first", start=first.work)


@pytest.mark.slow
def test_a_teacher_is_heard_and_answers_beside_its_pupil(faces, tmp_path):
    first = options(faces, tmp_path / "first", epochs=1)
    face_run.train_face(first, silent)
    again = options(faces, tmp_path / "second", epochs=1, seed=1)
    manifest = face_run.train_face(again, silent, lineage=Lineage(teacher=first.work))
    settings = manifest.training["settings"]
    assert settings["schedule"]["lr"] == 0.1, "a pupil starts from nothing"
    assert settings["teacher"] == {
        name: file_sha256(first.work / name) for name in ("model.onnx", "checkpoint.pt")
    }
    assert "the mean of two nets" in (tmp_path / "second" / "pack" / "README.md").read_text()
    with pytest.raises(OptionError, match="other settings"):
        face_run.train_face(again, silent)
    with pytest.raises(OptionError, match="leave --start or --teacher out"):
        face_run.train_face(
            dataclasses.replace(again, start=first.work), lineage=Lineage(teacher=first.work)
        )


def test_what_cannot_be_trained_is_refused_and_leaves_nothing(faces, tmp_path):
    asked = options(faces, tmp_path)
    with pytest.raises(DataError, match=r"no .*model\.onnx to learn from; check --teacher"):
        face_run.train_face(asked, silent, lineage=Lineage(teacher=tmp_path / "none"))
    with pytest.raises(DataError, match="nothing at .*; check --data"):
        face_run.train_face(dataclasses.replace(asked, data=[tmp_path / "none"]), silent)
    assert not asked.work.exists()


def test_targets_are_votes_and_labels_each_mixed_with_what_a_teacher_sees(tmp_path):
    rows = load_faces(write_voted_faces(tmp_path / "faces.npz"))
    rows = rows.select(np.arange(len(rows)) < 3)  # of the first picture nobody names a label
    votes = rows.extra["ferplus"]
    taught = {"fer2013": np.full((3, 7), 1 / 7), "observers": np.full((3, 7), 1 / 7)}
    targets = face.soft_targets(rows, face.FaceRecipe(taught=0.5), taught)
    assert targets["fer2013"] == pytest.approx(0.5 * rows.targets + 0.5 / 7)
    assert targets["observers"][0].tolist() == [0.0] * 7
    assert targets["observers"][1:] == pytest.approx(0.75 * votes[1:] + 0.25 / 7)
    alone = face.soft_targets(rows, face.FaceRecipe(), {})
    assert alone["observers"].tolist() == votes.tolist()
    assert alone["fer2013"].tolist() == rows.targets.tolist()


def test_a_picture_without_votes_has_no_part_in_their_loss(tmp_path):
    rows = load_faces(write_voted_faces(tmp_path / "faces.npz")).select(np.arange(2))
    task = face.FaceTask(rows, rows, face.FaceRecipe(labels=0.0, batch=2), 1)
    said = torch.randn(2, 14, generator=torch.Generator().manual_seed(0))

    class Says(torch.nn.Module):
        def forward(self, pictures):
            return said

    loss = task.loss(Says(), (torch.zeros(2, 1, 48, 48), task.targets))
    votes = torch.tensor(rows.extra["ferplus"][1]).float()
    alone = -(votes * torch.log_softmax(said[1, :7], 0)).sum()
    # The mean is over both; the picture without votes adds the entropy of seven equal shares.
    assert float(loss) == pytest.approx((float(alone) + np.log(7)) / 2, rel=1e-5)


def test_rare_labels_are_drawn_oftener_and_none_without_end(tmp_path):
    rows = load_faces(write_voted_faces(tmp_path / "faces.npz"))
    kept = (rows.extra["ferplus"][:, 0] < 0.5) | (np.arange(84) == 7)  # anger is voted for once
    rows = rows.select(kept)
    draws = face.expected_draws(rows, face.FaceRecipe(least_share=0.1, most_draws=4.0))
    (rare,) = np.flatnonzero(rows.extra["ferplus"][:, 0] > 0.5)
    assert draws.sum() == pytest.approx(len(rows))
    # The picture that nobody named has the label of the set, which is as rare.
    assert np.flatnonzero(draws > 2).tolist() == [0, rare]
    assert 3 < draws[rare] / np.median(draws) < 6


@pytest.fixture
def voted(tmp_path):
    return write_voted_faces(tmp_path / "voted.npz")


def test_a_pack_of_voted_faces_answers_under_both_conventions(voted, tmp_path):
    manifest = face_run.train_face(options(voted, tmp_path), silent)
    assert list(manifest.conventions) == ["observers", "fer2013"]
    assert [m["set"] for m in manifest.metrics] == [
        "FER-2013 PublicTest, observers", "FER-2013 PublicTest, fer2013",
    ]  # fmt: skip
    first = manifest.conventions["observers"]
    assert (first.temperature, first.bias, first.prior) == (
        manifest.temperature, manifest.bias, manifest.prior,
    )  # fmt: skip
    card = (tmp_path / "pack" / "README.md").read_text()
    assert "contempt, unknown and not-a-face (10." in card
    assert "training pictures with fewer than half of the votes" in card
    pack = Pack(tmp_path / "pack", "face")
    pictures = {"pictures": np.random.default_rng(0).normal(size=(3, 1, 48, 48)).astype("f4")}
    whole = pack.run(pictures).astype(np.float64)
    assert whole.shape == (3, 14)
    for i, (name, answer) in enumerate(manifest.conventions.items()):
        logits = whole[:, 7 * i : 7 * i + 7] / answer.temperature + np.array(answer.bias)
        shares = np.exp(logits)
        wanted = shares / shares.sum(axis=1, keepdims=True)
        assert pack.probs(pictures, name) == pytest.approx(wanted, rel=1e-5)
    assert pack.probs(pictures) == pytest.approx(pack.probs(pictures, "observers"))
    with pytest.raises(PackError, match="no convention 'others'; it has: observers, fer2013"):
        pack.probs(pictures, "others")
    for row in manifest.metrics:
        convention = row["set"].split(", ")[1]
        judged = evaluate(
            "face", voted, split="PublicTest", pack=tmp_path / "pack", convention=convention
        )
        for key in ("accuracy", "uar", "nll", "ece"):
            assert judged[key] == pytest.approx(row[key], abs=1e-2), (convention, key)
    table = load_posteriors(tmp_path / "pack.run" / "posteriors.csv")
    assert len(table) == 14, "the rows of the first convention alone"


def test_a_mean_that_looks_at_mirror_images_says_the_same_of_both(tmp_path):
    torch.manual_seed(0)
    nets = [FaceNet((8, 16), (1, 1), 0.0, heads=2).eval() for _ in range(2)]
    pictures = torch.randn(3, 1, 48, 48)
    said = Ensemble(nets, mirrored=True)(pictures)
    assert said.shape == (3, 14)
    assert torch.allclose(said, Ensemble(nets, mirrored=True)(pictures.flip(3)), atol=1e-5)
    plain = Ensemble(nets)
    wanted = (plain(pictures) + plain(pictures.flip(3))) / 2
    assert torch.allclose(said, wanted, atol=1e-5)
    assert not torch.allclose(said, plain(pictures), atol=1e-3)


@pytest.mark.slow
def test_a_net_out_of_a_pack_answers_as_the_pack_and_goes_on_learning(voted, tmp_path):
    first = options(voted, tmp_path / "first", epochs=3)
    face_run.train_face(first, silent)
    again = options(voted, tmp_path / "second", epochs=1, start=first.out)
    rows = load_faces(voted)
    train, valid, _ = face.divide(rows, 0.05)
    task = face.FaceTask(train, valid, face.SECOND_CYCLE, 1)
    stored = torch.load(first.work / "checkpoint.pt", weights_only=True)["average"]
    load_thawed(task.model, first.out / "model.onnx", 0, torch.from_numpy(normalise(train.items)))
    task.model.head.weight.data.copy_(stored["head.weight"])
    task.model.head.bias.data.copy_(stored["head.bias"])
    said = face.predict(task.model, rows.items, task.conventions)
    graph = face.predict(Graph(first.out / "model.onnx"), rows.items, task.conventions)
    for convention in task.conventions:
        ours, theirs = np.log(said[convention]).ravel(), np.log(graph[convention]).ravel()
        assert np.corrcoef(ours, theirs)[0, 1] > 0.97
    manifest = face_run.train_face(
        again, silent, lineage=Lineage(teacher=first.out, member=0, beside=first.work)
    )
    settings = manifest.training["settings"]
    sha256 = file_sha256(first.out / "model.onnx")
    assert settings["start"] == {"model.onnx": sha256, "member": 0}
    assert settings["teacher"] == {"model.onnx": sha256}
    assert settings["recipe"]["taught"] == 0.5
    # A mean of two is read back as two.
    load_thawed(task.model, again.out / "model.onnx", 1, torch.zeros(2, 1, 48, 48))
    with pytest.raises(DataError, match="holds 2 nets; there is no net 2"):
        load_thawed(task.model, again.out / "model.onnx", 2, torch.zeros(2, 1, 48, 48))
    with pytest.raises(OptionError, match="say with --member which"):
        face_run.train_face(again, silent)
    with pytest.raises(OptionError, match="name the pack with --start"):
        face_run.train_face(first, silent, lineage=Lineage(member=0))


def test_bfloat16_is_used_where_asked_and_weights_stay_in_32_bits(tmp_path):
    class Task:
        model = torch.nn.Linear(4, 4)
        steps_per_epoch = 1
        seen = None

        def batches(self, epoch, rng):
            yield torch.ones(2, 4)

        def loss(self, model, batch):
            self.seen = model(batch).dtype
            return model(batch).float().square().mean()

        def validate(self, model):
            return {}

    for used in (False, True):
        task = Task()
        schedule = Schedule(1, lr=0.01, bfloat16=used)
        Trainer(task, schedule, tmp_path / str(used), silent).run()
        assert task.seen == (torch.bfloat16 if used else torch.float32)
        assert task.model.weight.dtype == torch.float32


@pytest.mark.slow
def test_a_killed_command_goes_on(faces, tmp_path):
    command = [sys.executable, "-m", "mien", "train", "face", "--data", str(faces), "--epochs", "3",
               "--out", str(tmp_path / "pack"), "--threads", "1"]  # fmt: skip
    run = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)
    for line in run.stdout:
        if line.startswith("epoch 1/"):
            run.kill()
            break
    run.wait()
    run.stdout.close()
    again = subprocess.run(command, capture_output=True, text=True, check=True, timeout=300)
    assert again.stdout.startswith("going on after epoch")
    assert (tmp_path / "pack" / "pack.json").exists()


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


def test_spoiled_sound_stays_sound():
    rng = np.random.default_rng(0)
    sound = np.random.default_rng(1).normal(0, 0.1, 20_001).astype(np.float32)
    for _ in range(20):
        out = spoil(sound, rng)
        assert np.isfinite(out).all()
        assert 0.8 < len(out) / len(sound) < 1.2
