"""Planted conflicts, contributions that add up, thresholds read off a known curve."""

from dataclasses import replace

import numpy as np
import pytest

from mien.analysis.evidence import Evidence
from mien.emotions import MIEN7
from mien.errors import LabelError, OptionError
from mien.fusion.derived import BLENDS, VALENCE, Blend, blend_scores, intensity, valence
from mien.fusion.explain import decompose, disagreement, divergence, threshold_for
from mien.fusion.pool import Pool, Reader
from mien.timebase import Segment

K = len(MIEN7)


def row(**shares):
    rest = (1 - sum(shares.values())) / (K - len(shares))
    return np.array([shares.get(label, rest) for label in MIEN7.labels])


def heard(**said):
    """Evidence of one segment by modality: a distribution, or the reason for none."""
    return {
        name: Evidence.of_rows(
            name, (Segment(0, 3),), [what if isinstance(what, str) else (what, 1.0)]
        )
        for name, what in said.items()
    }


@pytest.fixture
def pool():
    """A product of experts: every matrix picks the logarithms out as they are."""
    pick = np.hstack([np.eye(K), np.zeros((K, 1))])
    names = ("face", "text", "voice")
    reader = Reader.plain(MIEN7.labels, False, ())
    alone = {(name,): {name: pick} for name in names}
    return Pool(MIEN7.labels, np.full(K, 1 / K), dict.fromkeys(names, reader), alone, {}, "face")


def test_contributions_and_the_prior_add_up_to_the_log_odds(pool):
    evidences = heard(text=row(joy=0.6), voice=row(disgust=0.7), face=row(disgust=0.5))
    told = decompose(pool, evidences, 0)
    assert (told.answer, told.second) == ("disgust", "joy")
    total = told.prior + sum(c.log_odds for c in told.contributions)
    assert told.log_odds == pytest.approx(total)
    probs = pool.fuse(evidences).probs[0]
    expected = np.log(probs[MIEN7.index("disgust")] / probs[MIEN7.index("joy")])
    assert told.log_odds == pytest.approx(expected)
    by_name = {c.name: c for c in told.contributions}
    assert by_name["text"].log_odds < 0 < by_name["voice"].log_odds
    assert by_name["voice"].says == "disgust"


def test_what_would_change_the_answer_is_named(pool):
    told = decompose(pool, heard(text=row(joy=0.6), voice=row(anger=0.95), face=row(joy=0.4)), 0)
    assert told.answer == "anger"
    assert [c.name for c in told.contributions if c.decisive] == ["voice"]


def test_nothing_present_has_no_explanation(pool):
    assert decompose(pool, heard(text="no words", voice="no sound"), 0) is None


def test_the_papers_sarcasm_is_a_conflict_in_plain_words():
    evidences = heard(text=row(joy=0.9), voice=row(disgust=0.8), face=row(disgust=0.9))
    found = disagreement(evidences, 0)
    assert found.words == "words say joy; face and voice say disgust"
    assert found.degree > 0.3


def test_agreement_and_one_witness_are_no_conflict():
    assert disagreement(heard(text=row(joy=0.9), voice=row(joy=0.5)), 0).words == ""
    alone = disagreement(heard(text=row(joy=0.9), voice="silence"), 0)
    assert (alone.degree, alone.words) == (0.0, "")


def test_divergence_against_scipy():
    from scipy.spatial.distance import jensenshannon

    rng = np.random.default_rng(0)
    pair = rng.dirichlet(np.ones(K), size=2)
    assert divergence(pair) == pytest.approx(jensenshannon(*pair, base=2) ** 2)


def test_the_threshold_answers_as_much_as_the_risk_allows(pool):
    curve = ((0.9, 0.3, 0.02), (0.7, 0.6, 0.1), (0.5, 0.8, 0.19), (0.2, 1.0, 0.25))
    drawn = replace(pool, risk=curve)
    assert threshold_for(drawn, 0.2) == 0.5
    assert threshold_for(drawn, 0.99) == 0.2
    with pytest.raises(OptionError, match=r"least is 0\.020"):
        threshold_for(drawn, 0.01)
    with pytest.raises(OptionError, match="no risk-coverage curve"):
        threshold_for(pool, 0.2)
    with pytest.raises(OptionError, match="in \\(0, 1\\)"):
        threshold_for(drawn, 0.0)


@pytest.mark.parametrize("blend", BLENDS, ids=lambda b: b.name)
def test_a_mixture_is_its_own_blend_first_and_no_part_of_it_is(blend):
    scores = blend_scores(blend.vector, disagreement=1.0)
    assert max(scores, key=lambda name: scores[name]) == blend.name
    assert scores[blend.name] == pytest.approx(1.0)
    for label in blend.parts:
        pure = np.eye(K)[MIEN7.index(label)]
        assert blend_scores(pure, disagreement=1.0)[blend.name] == 0


def test_sarcasm_needs_a_conflict():
    mixed = row(joy=0.5, disgust=0.5)
    assert blend_scores(mixed)["sarcasm"] == 0
    assert blend_scores(mixed, disagreement=0.6)["sarcasm"] == pytest.approx(0.6)


def test_the_table_can_be_extended_and_refuses_what_is_none():
    mine = (*BLENDS, Blend("bittersweet", {"joy": 2, "sadness": 1}))
    assert blend_scores(row(joy=0.66, sadness=0.33), blends=mine)["bittersweet"] > 0.9
    with pytest.raises(OptionError, match="two or more"):
        Blend("joyful", {"joy": 1})
    with pytest.raises(LabelError, match="'awe'"):
        Blend("wonder", {"awe": 1, "joy": 1})


def test_valence_and_intensity_have_their_ends():
    eye = np.eye(K)
    assert valence(eye).tolist() == [VALENCE[label] for label in MIEN7.labels]
    assert intensity(np.full(K, 1 / K)) == pytest.approx(0.0)
    assert intensity(eye)[MIEN7.index("joy")] == 1.0


def test_a_voice_that_cannot_be_made_out_contradicts_nobody():
    evidences = heard(text=row(joy=0.9), voice=row(disgust=0.9))
    assert disagreement(evidences, 0).words == "words say joy; voice says disgust"
    faint = Evidence.of_rows("voice", (Segment(0, 3),), [(row(disgust=0.9), 0.02)])
    assert disagreement(evidences | {"voice": faint}, 0).words == ""
