"""The rules against the paper's printed numbers and against weights worked out by hand."""

from dataclasses import replace

import fusion_page
import numpy as np
import pytest

from mien.analysis.evidence import Evidence
from mien.emotions import MIEN7
from mien.errors import OptionError
from mien.fusion import RULES, fuse
from mien.fusion.length import length_weights
from mien.fusion.method import Method
from mien.options import FusionOptions
from mien.timebase import Segment

# The paper's worked examples, as the page on fusion redoes them.
PAPER = {name: e.probs[0] for name, e in fusion_page.first().items()}


def paper(seconds, absent=()):
    segments = (Segment(0.0, seconds),)
    out = {}
    for name, row in PAPER.items():
        out[name] = Evidence.of_rows(name, segments, ["away" if name in absent else (row, 0.8)])
    return out


def test_the_first_example_has_the_numbers_that_the_paper_prints():
    """Seven each, in the order of the paper's print; the face's surprise is not printed."""
    printed = {
        "text": "fear 0.559 anger 0.279 neutral 0.077 surprise 0.042 disgust 0.020 sadness 0.019 "
        "joy 0.004",
        "voice": "anger 0.737 disgust 0.026 fear 0.056 joy 0.019 neutral 0.021 sadness 0.048 "
        "surprise 0.093",
        "face": "anger 0.950 disgust 0.003 fear 0.003 joy 0.027 neutral 0.010 sadness 0.004",
    }
    for name, line in printed.items():
        words = line.split()
        for label, number in zip(words[::2], words[1::2], strict=True):
            assert PAPER[name][MIEN7.index(label)] == pytest.approx(float(number), abs=5e-4)
        assert PAPER[name].sum() == pytest.approx(1.0)


@pytest.mark.parametrize("seconds", [0.1, 2.0, 5.0, 7.0, 10.0, 30.0, 99.9, 100.0, 5000.0])
@pytest.mark.parametrize("rule", sorted(RULES))
def test_fused_says_anger_where_the_words_alone_say_fear(seconds, rule):
    evidences = paper(seconds)
    assert evidences["text"].top(0) == "fear"
    assert fuse(evidences, rule, [seconds]).top(0) == "anger"


def test_the_default_says_anger_as_well_and_names_who_brought_it():
    method = Method(FusionOptions())
    evidences = paper(20.0)
    answer = method.fuse(evidences)
    assert answer.top(0) == "anger"
    told = method.explanations(evidences, answer)[0].decomposition
    odds = {c.name: c.log_odds for c in told.contributions}
    assert (told.answer, told.second) == ("anger", "fear")
    assert odds["text"] < 0 < min(odds["voice"], odds["face"])


def test_length_rule_by_hand():
    fused = fuse(paper(30.0), "length", [30.0])
    # a = 1 + 20/100 = 1.2: text and face (3 - 1.2) / 6 = 0.3, voice 0.4.
    expected = 0.3 * 0.279 + 0.4 * 0.737 + 0.3 * 0.950
    assert fused.probs[0, 0] == pytest.approx(expected, abs=2e-3)


@pytest.mark.parametrize(
    ("seconds", "text", "voice", "face"),
    [
        (0.0, 0.0, 0.5, 0.5), (2.5, 1 / 6, 5 / 12, 5 / 12), (5.0, 1 / 3, 1 / 3, 1 / 3),
        (7.0, 1 / 3, 1 / 3, 1 / 3), (10.0, 1 / 3, 1 / 3, 1 / 3), (55.0, 0.2583, 0.4833, 0.2583),
        (100.0, 1 / 3, 7 / 12, 1 / 12),
    ],
)  # fmt: skip
def test_table_1(seconds, text, voice, face):
    weights = length_weights(seconds)
    assert sum(weights.values()) == pytest.approx(1.0)
    assert weights == pytest.approx({"text": text, "voice": voice, "face": face}, abs=1e-4)


def test_table_1_is_continuous_but_for_its_jump_at_100_s():
    for edge in (5.0, 10.0):
        assert length_weights(edge - 1e-9) == pytest.approx(length_weights(edge + 1e-9), abs=1e-6)
    assert length_weights(100 - 1e-9)["voice"] == pytest.approx(0.6333, abs=1e-3)
    assert length_weights(100)["voice"] == pytest.approx(0.5833, abs=1e-3)


@pytest.mark.parametrize("rule", sorted(RULES))
def test_a_missing_modality_leaves_its_weight_to_the_others(rule):
    fused = fuse(paper(30.0, absent=("voice", "face")), rule, [30.0])
    assert fused.probs[0] == pytest.approx(paper(30.0)["text"].probs[0])


def test_a_text_without_length_still_counts():
    fused = fuse(paper(0.0, absent=("voice", "face")), "length", [0.0])
    assert fused.top(0) == "fear"


def test_nothing_present_is_absent_with_a_reason():
    nobody = paper(30.0, absent=("text", "voice", "face"))
    fused = fuse(nobody, "mean")
    assert not fused.present.any()
    told = Method(FusionOptions("mean")).fuse(nobody)
    assert told.reasons == ("no modality could be judged",)
    assert np.isnan(fused.probs).all()


def test_best_follows_quality():
    evidences = paper(30.0)
    blurred = replace(evidences["face"], quality=np.array([0.1]))
    fused = fuse({**evidences, "face": blurred}, "best")
    assert fused.probs[0] == pytest.approx(evidences["voice"].probs[0])


def test_an_unknown_modality_may_join_in():
    evidences = paper(30.0)
    pulse = Evidence.of_rows("pulse", evidences["text"].segments, [(np.full(7, 1 / 7), 1.0)])
    fused = fuse({**evidences, "pulse": pulse}, "mean")
    assert fused.probs[0, 0] == pytest.approx((0.279 + 0.737 + 0.950 + 1 / 7) / 4, abs=2e-3)


def test_an_unknown_rule_is_refused():
    with pytest.raises(OptionError, match="'median'.*length, mean, best"):
        fuse(paper(1.0), "median")
    with pytest.raises(OptionError, match="'length' weighs by length; give the seconds of the 1"):
        fuse(paper(1.0), "length")
