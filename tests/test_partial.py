"""A branch that names some labels has no say on the others; a branch that is alone is believed."""

import numpy as np
import pytest

from mien.analysis.evidence import Evidence
from mien.emotions import MIEN7
from mien.fusion.method import Method
from mien.fusion.partial import spread
from mien.fusion.pool import relative_quality
from mien.options import FusionOptions
from mien.posteriors import Posteriors
from mien.timebase import Segment

ALL = np.ones(7, bool)
N = 40
SEGMENTS = tuple(Segment(float(i), i + 1.0) for i in range(N))


def evidence(name, probs, quality):
    rows = [(p, float(q)) for p, q in zip(probs, quality, strict=True)]
    return Evidence.of_rows(name, SEGMENTS, rows)


def case(seed, named):
    """Two full branches and a fourth one of the labels that are named."""
    rng = np.random.default_rng(seed)
    full = {
        n: evidence(n, rng.dirichlet(np.ones(7), N), rng.uniform(0.2, 1, N))
        for n in ("face", "text")
    }
    some = np.zeros((N, 7))
    some[:, named] = rng.dirichlet(np.full(named.sum(), 0.3), N)
    return full, evidence("tempo", some, rng.uniform(0.1, 1, N))


def random_labels(seed):
    rng = np.random.default_rng(seed)
    named = np.zeros(7, bool)
    named[rng.permutation(7)[: rng.integers(1, 7)]] = True
    return named


@pytest.mark.parametrize("rule", ["pooled", "product"])
@pytest.mark.parametrize("seed", range(12))
def test_labels_that_it_cannot_name_keep_their_odds_among_one_another(rule, seed):
    named = random_labels(seed)
    full, some = case(seed, named)
    method = Method(FusionOptions(rule))
    before = method.fuse(full).probs
    after = method.fuse({**full, "tempo": some}, {"tempo": named}).probs
    # At the floor of a probability odds are not kept; nothing here is near it.
    odds_before = np.log(before[:, ~named] / before[:, ~named][:, :1])
    odds_after = np.log(after[:, ~named] / after[:, ~named][:, :1])
    assert odds_after == pytest.approx(odds_before, abs=1e-6)


@pytest.mark.parametrize("seed", range(12))
def test_it_moves_no_label_further_than_what_it_says(seed):
    """At most by ``log m`` in favour of a label that it names; others keep their odds."""
    named = random_labels(seed)
    full, some = case(seed, named)
    method = Method(FusionOptions("pooled"))
    before = np.log(method.fuse(full).probs)
    after = np.log(method.fuse({**full, "tempo": some}, {"tempo": named}).probs)
    change = (after - before) - (after - before)[:, np.flatnonzero(~named)[0]][:, None]
    assert change[:, ~named] == pytest.approx(0, abs=1e-6)
    assert change.max() <= np.log(named.sum()) + 1e-6


@pytest.mark.parametrize("rule", ["pooled", "product"])
@pytest.mark.parametrize("seed", range(6))
def test_an_even_answer_changes_nothing(rule, seed):
    named = random_labels(seed)
    full, _ = case(seed, named)
    even = evidence("tempo", np.tile(named / named.sum(), (N, 1)), np.full(N, 0.3))
    method = Method(FusionOptions(rule))
    after = method.fuse({**full, "tempo": even}, {"tempo": named})
    assert after.probs == pytest.approx(method.fuse(full).probs, abs=1e-9)


@pytest.mark.parametrize("seed", range(12))
def test_why_adds_up_to_what_happened(seed):
    named = random_labels(seed)
    full, some = case(seed, named)
    every, names = {**full, "tempo": some}, {"tempo": named}
    method = Method(FusionOptions("pooled"))
    fused = method.fuse(every, names)
    for row, told in enumerate(method.explanations(every, fused, names)):
        parts = told.decomposition
        assert parts is not None
        probs = fused.probs[row]
        odds = np.log(probs[MIEN7.index(parts.answer)] / probs[MIEN7.index(parts.second)])
        assert parts.answer == fused.top(row)
        total = parts.prior + sum(c.log_odds for c in parts.contributions)
        assert total == pytest.approx(parts.log_odds, abs=1e-9)
        assert odds == pytest.approx(parts.log_odds, abs=1e-6)


def test_mean_is_a_distribution_and_a_full_branch_stays_as_it_is():
    named = random_labels(3)
    full, some = case(3, named)
    fused = Method(FusionOptions("mean")).fuse({**full, "tempo": some}, {"tempo": named})
    assert fused.probs.sum(axis=1) == pytest.approx(1.0)
    assert spread(full["face"], ALL) is full["face"]


def test_absent_rows_stay_absent():
    probs = np.array([[0.5, 0.5, 0, 0, 0, 0, 0], [np.nan] * 7])
    named = np.array([True, True, False, False, False, False, False])
    out = spread(Posteriors(probs, np.array([1.0, 0.0])), named)
    assert np.isnan(out.probs[1]).all()
    assert out.probs[0].sum() == pytest.approx(1.0)


# --- one modality alone ----------------------------------------------------------------------


@pytest.mark.parametrize("name", ["text", "voice", "face", "tempo"])
@pytest.mark.parametrize("quality", [1.0, 0.3, 0.01, 0.0])
def test_a_branch_that_is_alone_is_the_fused_answer(name, quality):
    rng = np.random.default_rng(1)
    one = evidence(name, rng.dirichlet(np.ones(7), N), np.full(N, quality))
    method = Method(FusionOptions("pooled"))
    fused = method.fuse({name: one})
    assert fused.probs == pytest.approx(one.probs, abs=1e-5)
    assert fused.quality == pytest.approx(one.quality)
    told = method.explanations({name: one}, fused)[0].decomposition
    assert told is not None
    assert told.answer == one.top(0)


def test_rows_where_the_others_are_absent_count_as_alone():
    rng = np.random.default_rng(2)
    text = evidence("text", rng.dirichlet(np.ones(7), N), np.full(N, 0.4))
    face = Evidence.absent("face", SEGMENTS, "no face in view")
    fused = Method(FusionOptions("pooled")).fuse({"text": text, "face": face})
    assert fused.probs == pytest.approx(text.probs, abs=1e-5)


def test_quality_counts_against_the_best_of_the_row():
    probs = np.full((3, 7), 1 / 7)
    nobody = probs.copy()
    nobody[2] = np.nan
    given = {
        "a": Posteriors(probs, np.array([0.2, 0.0, 0.5])),
        "b": Posteriors(nobody, np.array([0.4, 0.0, 0.0])),
    }
    relative = relative_quality(given)
    assert relative["a"].tolist() == [0.5, 1.0, 1.0]
    assert relative["b"].tolist() == [1.0, 1.0, 0.0]
