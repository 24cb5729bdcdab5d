"""Every figure against an independent reference, scikit-learn, or worked out by hand."""

import numpy as np
import pytest
from sklearn import metrics as reference

from mien.metrics import (
    calibration_error_by_chance,
    classification_figures,
    cohen_kappa,
    confusion_matrix,
    expected_calibration_error,
    fit_temperature,
    multilabel_macro_f1,
    temper,
    vote_figures,
)


@pytest.fixture
def judged():
    rng = np.random.default_rng(3)
    labels = rng.choice(7, 500, p=[0.3, 0.02, 0.1, 0.2, 0.2, 0.1, 0.08])
    logits = rng.normal(size=(500, 7))
    logits[np.arange(500), labels] += 1.2
    probs = np.exp(logits)
    return labels, probs / probs.sum(axis=1, keepdims=True)


def test_figures_agree_with_scikit_learn(judged):
    labels, probs = judged
    called = probs.argmax(axis=1)
    ours = classification_figures(labels, probs)
    assert ours["accuracy"] == pytest.approx(reference.accuracy_score(labels, called))
    assert ours["uar"] == pytest.approx(reference.balanced_accuracy_score(labels, called))
    assert ours["macro_f1"] == pytest.approx(reference.f1_score(labels, called, average="macro"))
    weighted = reference.f1_score(labels, called, average="weighted")
    assert ours["weighted_f1"] == pytest.approx(weighted)
    assert ours["nll"] == pytest.approx(reference.log_loss(labels, probs))
    matrix = confusion_matrix(labels, called, 7)
    assert (matrix == reference.confusion_matrix(labels, called)).all()


def test_calibration_error_by_hand():
    probs = np.array([[0.95, 0.05], [0.95, 0.05], [0.65, 0.35], [0.65, 0.35]])
    labels = np.array([0, 1, 0, 0])
    # 0.95 said and 0.5 true for one half, 0.65 said and 1.0 true for the other.
    assert expected_calibration_error(labels, probs) == pytest.approx(0.5 * 0.45 + 0.5 * 0.35)


def test_multilabel_f1_agrees_with_scikit_learn(judged):
    _, probs = judged
    rng = np.random.default_rng(5)
    targets = rng.random(probs.shape) < probs * 1.5
    targets[np.arange(len(probs)), probs.argmax(axis=1)] = True
    given = probs >= 0.3
    given[np.arange(len(probs)), probs.argmax(axis=1)] = True
    expected = reference.f1_score(targets, given, average="macro")
    assert multilabel_macro_f1(targets.astype(float), probs, 0.3) == pytest.approx(expected)


def test_temperature_recovers_what_was_planted():
    rng = np.random.default_rng(0)
    logits = rng.normal(size=(20_000, 7)) * 2
    probs = np.exp(logits) / np.exp(logits).sum(axis=1, keepdims=True)
    labels = np.array([rng.choice(7, p=row) for row in probs])
    overconfident = temper(probs, 0.5)
    assert fit_temperature(labels, overconfident) == pytest.approx(2.0, rel=0.05)


def test_the_calibration_error_of_chance_by_hand():
    """Four coins: the share of heads is off by 0.1875 on average; who is certain is never off."""
    coins = np.full((4, 2), 0.5)
    # |k/4 - 1/2| for k of 4: (2 * 0.5 + 8 * 0.25) / 16.
    assert calibration_error_by_chance(coins, draws=4000) == pytest.approx(0.1875, abs=0.01)
    assert calibration_error_by_chance(np.eye(3)) == 0
    # Many coins leave little to chance.
    assert calibration_error_by_chance(np.full((10_000, 2), 0.5)) < 0.01


def test_an_answer_drawn_from_the_votes_is_calibrated_by_them():
    """By labels of the majority the same answer would look far too modest."""
    rng = np.random.default_rng(0)
    true = rng.dirichlet(np.full(7, 0.4), 40_000)
    votes = rng.multinomial(10, true) / 10
    figures = vote_figures(votes, true)
    assert figures["ece"] < 0.01
    assert figures["nll"] == pytest.approx(-(true * np.log(true)).sum(axis=1).mean(), abs=0.01)
    sure = temper(true, 0.5)
    assert vote_figures(votes, sure)["ece"] > 0.1
    assert vote_figures(votes, sure)["nll"] > figures["nll"] + 0.05
    assert expected_calibration_error(votes.argmax(axis=1), true) > 0.02


@pytest.mark.parametrize(("k", "n", "agreeing"), [(2, 9, 0.0), (7, 60, 0.5), (8, 400, 0.9)])
def test_kappa_is_that_of_scikit_learn(k, n, agreeing):
    rng = np.random.default_rng(k)
    one = rng.integers(0, k, n)
    other = np.where(rng.random(n) < agreeing, one, rng.integers(0, k, n))
    found = cohen_kappa(confusion_matrix(one, other, k))
    assert found.n == n
    assert found.kappa == pytest.approx(reference.cohen_kappa_score(one, other), abs=1e-12)
    assert found.observed == pytest.approx(reference.accuracy_score(one, other))


def test_kappa_without_a_meaning_is_none_and_says_why():
    nobody = cohen_kappa(np.zeros((3, 3), dtype=np.int64))
    assert (nobody.n, nobody.kappa, nobody.observed) == (0, None, None)
    alike = cohen_kappa(np.diag([0, 94_906_267, 0]))
    assert (alike.kappa, alike.observed, alike.expected) == (None, 1.0, 1.0)
    assert "one and the same label" in alike.reason
    never = cohen_kappa(np.array([[0, 5], [5, 0]]))
    assert never.kappa == -1.0
