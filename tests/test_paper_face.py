"""The paper's face recipe and its random search, on planted pictures."""

import json
import math

import numpy as np
import pytest

torch = pytest.importorskip("torch", reason="the extra 'train' is not installed")
pytest.importorskip("optuna", reason="the extra 'train' is not installed")

from torch import nn

from mien.convert.onnx_graph import Graph
from mien.datasets import load_faces
from mien.emotions import MIEN7
from mien.errors import DataError, OptionError
from mien.train.face import divide
from mien.train.paper import face as paper_face
from mien.train.paper import face_search as search
from mien.train.paper.face import PaperFaceOptions, make_net, run_paper_face
from tests.planted import write_faces


class StopError(Exception):
    """Stands for a kill."""


@pytest.fixture(scope="module")
def faces(tmp_path_factory):
    return write_faces(tmp_path_factory.mktemp("faces") / "faces.npz")


def options(faces, out, **more):
    return PaperFaceOptions([faces], out, **({"net": "baseline", "epochs": 2, "threads": 1} | more))


def silent(line):
    pass


def kinds(net):
    return [type(layer).__name__ for layer in net]


def test_the_net_has_the_papers_23_layers():
    net = make_net("23")
    layers = [kind for kind in kinds(net) if kind not in ("Enlarge", "Flatten")]
    block = ["Conv2d", "BatchNorm2d", "ReLU", "Conv2d", "ReLU", "MaxPool2d"]
    assert layers == block * 3 + ["Dropout", "Linear", "ReLU", "Dropout", "Linear"]
    assert len(layers) == 23
    assert [layer.p for layer in net if isinstance(layer, nn.Dropout)] == [0.5, 0.4]
    assert [layer.out_channels for layer in net if isinstance(layer, nn.Conv2d)][-1] == 256
    assert kinds(make_net("baseline")).count("Conv2d") == 1


def test_pictures_are_enlarged_and_brought_to_plus_minus_one():
    made = make_net("baseline")[0](torch.tensor([0.0, 255.0]).view(2, 1, 1, 1).expand(2, 1, 48, 48))
    assert made.shape == (2, 1, 64, 64)
    assert made[0].unique().tolist() == [-1.0]
    assert made[1].unique().tolist() == [1.0]


def test_the_rate_is_annealed_from_the_first_step(faces, tmp_path):
    schedule = options(faces, tmp_path, epochs=None).schedule("baseline")
    assert schedule.epochs == 25
    for step in range(1, 100):
        cosine = 1e-3 * 0.5 * (1 + math.cos(math.pi * (step - 1) / 99))
        assert schedule.rate(step, 100) == pytest.approx(cosine)
    assert schedule.rate(0, 100) == 1e-3
    assert options(faces, tmp_path).schedule("23").lr == 1e-4
    assert options(faces, tmp_path, lr=0.02).schedule("23").lr == 0.02


def test_what_is_kept_are_the_last_weights_and_no_average(faces, tmp_path):
    train, _, test = divide(load_faces(faces), 0.0)
    task = paper_face.PaperFaceTask("baseline", train, test)
    chosen = options(faces, tmp_path, epochs=1)
    model = paper_face.Trainer(task, chosen.schedule("baseline"), tmp_path, silent).run()
    for kept, last in zip(model.parameters(), task.model.parameters(), strict=True):
        assert torch.equal(kept, last)


def test_a_readme_of_something_else_is_not_written_over(faces, tmp_path):
    (tmp_path / "README.md").write_text("# Another project\n")
    with pytest.raises(OptionError, match=r"README\.md is not of this recipe"):
        run_paper_face(options(faces, tmp_path, epochs=1), silent)
    assert (tmp_path / "README.md").read_text() == "# Another project\n"


def test_the_recipe_learns_and_leaves_everything(faces, tmp_path):
    said = []
    (run,) = run_paper_face(options(faces, tmp_path, epochs=6), said.append)
    assert run.final["accuracy"] > 0.9  # chance is one in seven
    assert run.rows == (69, 14)
    assert run.dropped == 1
    assert run.test == "PublicTest"
    folder = tmp_path / "baseline"
    made = {p.name for p in folder.iterdir()}
    assert made >= {"curves.png", "confusion.png", "report.txt", "metrics.json", "model.onnx"}
    assert json.loads((folder / "metrics.json").read_text())["final"] == run.final
    assert np.sum(run.confusion) == 14
    table = (tmp_path / "README.md").read_text()
    assert "40.9%" in table
    assert "62.2%" not in table  # that net was not trained
    assert "PublicTest" in table
    test = load_faces(faces).split("PublicTest")
    probs = paper_face.predict(Graph(folder / "model.onnx"), test.items)
    assert (probs.argmax(axis=1) == test.labels).mean() == pytest.approx(run.final["accuracy"])
    again = []
    assert run_paper_face(options(faces, tmp_path, epochs=6), again.append) == [run]
    assert any("complete in" in line for line in again)


def test_a_killed_run_goes_on_to_the_same_end(faces, tmp_path):
    def kill(line):
        if "epoch 1/" in line:
            raise StopError

    (whole,) = run_paper_face(options(faces, tmp_path / "a"), silent)
    with pytest.raises(StopError):
        run_paper_face(options(faces, tmp_path / "b"), kill)
    said = []
    (resumed,) = run_paper_face(options(faces, tmp_path / "b"), said.append)
    assert any("resuming after epoch 1 of 2" in line for line in said)
    assert resumed.final == whole.final
    graphs = [(tmp_path / x / "baseline" / "model.onnx").read_bytes() for x in ("a", "b")]
    assert graphs[0] == graphs[1]
    with pytest.raises(OptionError, match="other settings"):
        run_paper_face(options(faces, tmp_path / "b", lr=0.01), silent)


def test_a_net_that_has_died_is_named(faces):
    rows, said = load_faces(faces), []
    task = paper_face.PaperFaceTask("baseline", rows, rows, said.append)
    task.validate(task.model)
    assert said == []
    with torch.no_grad():
        for weights in task.model.parameters():
            weights.zero_()
        task.model[-1].bias[MIEN7.labels.index("joy")] = 1.0
    assert task.validate(task.model)["uar"] == pytest.approx(1 / 7)
    assert "every picture gets the same prediction, joy: the net is inactive" in said[0]
    assert "--lr" in said[0]


def test_a_killed_search_ends_as_one_that_was_left_alone(faces, tmp_path, monkeypatch):
    chosen = {"epochs": 2, "limit": 40}
    whole = search.run_search(options(faces, tmp_path / "a", **chosen), 3, silent)
    assert [row["lr"] for row in whole if row["trial"] == 1] == [1e-3]
    assert len({row["lr"] for row in whole}) == 3

    killed_in_trial_two(faces, tmp_path / "b", monkeypatch, chosen)
    said = []
    resumed = search.run_search(options(faces, tmp_path / "b", **chosen), 3, said.append)
    assert resumed == whole
    assert [line.split(":")[0] for line in said] == ["trial 2", "trial 3"]
    table = (tmp_path / "b" / "search" / "search.csv").read_text().splitlines()
    assert table[0] == "trial,lr,weight_decay,accuracy,uar,loss"
    assert len(table) == 4
    assert (tmp_path / "b" / "search" / "search.png").stat().st_size > 1000
    more = search.run_search(options(faces, tmp_path / "b", **chosen), 4, said.append)
    assert len(more) == 4
    with pytest.raises(OptionError, match="other settings"):
        search.run_search(options(faces, tmp_path / "b", **chosen, seed=1), 3, silent)


def killed_in_trial_two(faces, out, monkeypatch, chosen):
    """The first trial is whole, of the second one only the first epoch."""
    saved, calls = paper_face.Trainer.save_checkpoint, []

    def save(trainer):
        saved(trainer)
        calls.append(1)
        if len(calls) == 3:
            raise StopError

    with monkeypatch.context() as patched:
        patched.setattr(paper_face.Trainer, "save_checkpoint", save)
        with pytest.raises(StopError):
            search.run_search(options(faces, out, **chosen), 3, silent)


def test_a_net_that_comes_apart_is_judged_as_knowing_nothing(faces):
    net = make_net("baseline")
    nn.init.constant_(net[-1].bias, math.nan)
    probs = paper_face.predict(net, np.zeros((3, 48, 48), np.uint8))
    assert probs == pytest.approx(np.full((3, 7), 1 / 7))


def test_refusals(faces, tmp_path):
    with pytest.raises(OptionError, match="net cannot be '24'"):
        options(faces, tmp_path, net="24")
    with pytest.raises(OptionError, match="lr must be above 0"):
        options(faces, tmp_path, lr=0.0)
    with pytest.raises(OptionError, match="search must be at least 1"):
        search.run_search(options(faces, tmp_path), 0)
    with pytest.raises(DataError, match="does not exist"):
        run_paper_face(options(tmp_path / "none.npz", tmp_path))
    stripped = dict(np.load(faces))
    del stripped["usage"]
    np.savez(tmp_path / "nosplit.npz", **stripped)
    with pytest.raises(DataError, match="published splits"):
        run_paper_face(options(tmp_path / "nosplit.npz", tmp_path))


def test_options_of_one_recipe_are_refused_by_the_other(faces, tmp_path):
    from typer.testing import CliRunner

    from mien.cli.train import app

    given = ["--data", str(faces), "--out", str(tmp_path / "o")]
    refused = {
        ("face", "--net", "23"): "--net is an option of --recipe paper",
        ("face", "--search", "2"): "--search is an option of --recipe paper",
        ("face", "--recipe", "paper", "--search", "2", "--lr", "0.1"): "--search varies",
        ("voice", "--split", "word"): "--split is an option of --recipe paper",
        ("voice", "--recipe", "paper", "--ear", "x"): "--ear is an option of --recipe mien",
        ("voice", "--recipe", "paper", "--folds", "2"): "--folds is an option of --recipe mien",
        ("voice", "--recipe", "papre"): "recipe cannot be 'papre'",
    }
    for words, sentence in refused.items():
        with pytest.raises(OptionError, match=sentence):
            CliRunner().invoke(app, [*words, *given], catch_exceptions=False)
    assert not (tmp_path / "o").exists()
