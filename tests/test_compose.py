"""Composed clips: whose judgements stand in them, and the pack that is fitted to them."""

import json

import numpy as np
import pytest

from mien.datasets.posteriors import save_posteriors
from mien.emotions import MIEN7
from mien.errors import DataError
from mien.posteriors import Posteriors, PosteriorTable
from mien.train.fusion import run as fusion
from mien.train.fusion.compose import EVEN, SETTINGS, Setting, compose, read_sources

K = len(MIEN7)
CLEAN = Setting("clean", EVEN, 0.0, {"ear": 0.0, "eye": 0.0}, unclear=0, murky=0, absent=0)


@pytest.fixture
def folder(tmp_path):
    """What two branches said of their own data: eight groups, every label in each.

    The last digits of a row name its group, so that it is known again.
    """
    for name, sharp, pack in (("ear", 0.5, "1" * 64), ("eye", 0.7, "2" * 64)):
        labels = np.tile(np.arange(K), 8 * 3)
        groups = np.repeat(np.arange(8), K * 3)
        probs = np.full((len(labels), K), (1 - sharp) / (K - 1))
        probs[np.arange(len(labels)), labels] = sharp
        mark = 1e-4 * (groups + 1)
        probs[np.arange(len(labels)), labels] -= mark
        probs[np.arange(len(labels)), (labels + 1) % K] += mark
        table = PosteriorTable(
            name, tuple(map(str, range(len(labels)))), labels,
            np.array([f"{name}{g}" for g in groups]),
            {name: Posteriors(probs, np.ones(len(labels)))},
            np.zeros(len(labels)), packs={name: pack},
        )  # fmt: skip
        save_posteriors(table, tmp_path / f"{name}.csv")
    return tmp_path


def composed(folder, **changed):
    setting = Setting(**{**CLEAN.__dict__, **changed})
    return compose(read_sources([folder]), [setting], 400, 4, 0)[0]


def test_a_clean_clip_has_judgements_of_its_label_from_groups_of_one_fold(folder):
    table = composed(folder)
    assert set(table.posteriors) == {"ear", "eye"}
    for name, posteriors in table.posteriors.items():
        assert posteriors.probs.argmax(axis=1).tolist() == table.labels.tolist(), name
        own = posteriors.probs[np.arange(400), table.labels]
        sharp = {"ear": 0.5, "eye": 0.7}[name]
        groups = np.round((sharp - own) / 1e-4).astype(int)
        folds = {g: set(table.groups[groups == g]) for g in set(groups)}
        assert len(folds) == 8
        assert all(len(where) == 1 for where in folds.values())


def test_the_prior_is_that_of_the_setting(folder):
    prior = (0.4, 0.0, 0.0, 0.0, 0.6, 0.0, 0.0)
    counts = np.bincount(composed(folder, prior=prior).labels, minlength=K) / 400
    assert counts == pytest.approx(prior, abs=0.06)
    assert counts[1] == 0


def test_conflict_strangeness_and_absence_come_as_often_as_they_should(folder):
    told = composed(folder, absent=0.25).posteriors["ear"]
    assert 1 - told.present.mean() == pytest.approx(0.25, abs=0.06)
    assert (told.quality[~told.present] == 0).all()

    table = composed(folder, strange={"ear": 1.0, "eye": 0.0})
    right = {n: (w.probs.argmax(1) == table.labels).mean() for n, w in table.posteriors.items()}
    assert right["eye"] == 1
    assert right["ear"] == pytest.approx(1 / K, abs=0.06)

    table = composed(folder, contrary=1.0)
    says = table.posteriors["eye"].probs.argmax(axis=1)
    # Neutral one time in two, else by the even prior.
    assert (says == MIEN7.index("neutral")).mean() == pytest.approx(0.5 + 0.5 / K, abs=0.07)

    murky = composed(folder, murky=1.0).posteriors["ear"].quality
    assert murky.mean() == pytest.approx(0.5, abs=0.06)


def test_what_cannot_be_composed_is_refused(folder):
    with pytest.raises(DataError, match="Posteriors of 1 branch were found"):
        read_sources([folder / "ear.csv"])
    with pytest.raises(DataError, match="fewer than 9|9 folds"):
        compose(read_sources([folder]), [CLEAN], 100, 9, 0)


def test_a_pack_of_composed_clips_says_what_it_is(folder, monkeypatch):
    monkeypatch.setattr(fusion, "SETTINGS", SETTINGS[:2])
    options = fusion.ComposeOptions([folder], folder / "pack", items=150)
    manifest = fusion.train_composed(options, lambda line: None)
    assert manifest.training["fitted_for"] == {"ear": "1" * 64, "eye": "2" * 64}
    figures = {row["set"].rsplit(" ", 1)[1]: row for row in manifest.metrics}
    assert figures["pooled"]["accuracy"] > figures["best_single"]["accuracy"]
    assert "mcnemar_p" not in figures["pooled"]
    card = (folder / "pack" / "README.md").read_text()
    for part in (
        "These clips were composed", "What this cannot show", SETTINGS[1].name, "--max-risk",
        "| ear + eye |", "mien train fusion --data DIR --labels CSV",
    ):  # fmt: skip
        assert part in card
    pool = json.loads((folder / "pack" / "pool.json").read_text())
    assert len(pool["subsets"]) == 3
