"""The face trainer on planted sets that are small enough for every run of the tests."""

import dataclasses
import json
import subprocess
import sys

import numpy as np
import pytest

torch = pytest.importorskip("torch", reason="the extra 'train' is not installed")


from mien.branches.face import normalise
from mien.convert.onnx_graph import Graph
from mien.datasets import load_faces
from mien.datasets.posteriors import load_posteriors
from mien.errors import DataError, OptionError, PackError
from mien.evaluate import evaluate
from mien.packs import Pack, file_sha256
from mien.train import face, face_run
from mien.train.dequantise import load_dequantised
from mien.train.face_run import Lineage
from mien.train.loop import Schedule, Trainer
from mien.train.nets import Ensemble, FaceNet
from tests.planted import silent, write_faces, write_voted_faces
from tests.planted import train_options as options


@pytest.fixture
def faces(tmp_path):
    return write_faces(tmp_path / "faces.npz")


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
    assert said[0] == "resuming after epoch 1 of 2"
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
    with pytest.raises(DataError, match="does not fit the net of this recipe"):
        again.load_start(torch.nn.Linear(2, 2))
    with pytest.raises(DataError, match="does not exist; check --start"):
        options(faces, tmp_path, start=tmp_path / "none").load_start(model)
    with pytest.raises(OptionError, match="overwrite the run it starts from"):
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
    assert (
        "the mean of two nets over each picture"
        in (tmp_path / "second" / "pack" / "README.md").read_text()
    )
    with pytest.raises(OptionError, match="other settings"):
        face_run.train_face(again, silent)
    with pytest.raises(OptionError, match="leave out --start or --teacher"):
        face_run.train_face(
            dataclasses.replace(again, start=first.work), lineage=Lineage(teacher=first.work)
        )


def test_what_cannot_be_trained_is_refused_and_leaves_nothing(faces, tmp_path):
    asked = options(faces, tmp_path)
    with pytest.raises(DataError, match=r"model\.onnx does not exist; check --teacher"):
        face_run.train_face(asked, silent, lineage=Lineage(teacher=tmp_path / "none"))
    with pytest.raises(DataError, match="does not exist; check --data"):
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
    assert "training pictures have no votes, or fewer than half" in card
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
    load_dequantised(
        task.model, first.out / "model.onnx", 0, torch.from_numpy(normalise(train.items))
    )
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
    load_dequantised(task.model, again.out / "model.onnx", 1, torch.zeros(2, 1, 48, 48))
    with pytest.raises(DataError, match="holds 2 nets; --member must be 0 to 1, got 2"):
        load_dequantised(task.model, again.out / "model.onnx", 2, torch.zeros(2, 1, 48, 48))
    with pytest.raises(OptionError, match="select one of its nets with --member"):
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
    assert again.stdout.startswith("resuming after epoch")
    assert (tmp_path / "pack" / "pack.json").exists()
