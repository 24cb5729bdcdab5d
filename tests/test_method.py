"""The options of fusion on the command line: weights, risk, blends, a pack of one's own."""

import json
import shutil

import numpy as np
import pytest
from typer.testing import CliRunner

from mien.cli import app
from mien.emotions import MIEN7
from mien.errors import MienError
from mien.fusion.explain import threshold_for
from mien.fusion.method import Method
from mien.options import FusionOptions
from mien.packs import EMBEDDED

CLEAR = "What a wonderful day, I am so happy and full of joy!"
VAGUE = "Well the table stands there and then one of them said so"


@pytest.fixture
def analyze(tmp_path):
    """The wire form of the analysis of a text under some options, and what was printed."""

    def run(text, *words):
        (tmp_path / "words.txt").write_text(text)
        out = tmp_path / "out.json"
        given = ["analyze", tmp_path / "words.txt", "--json", out, *words]
        done = CliRunner().invoke(app, [str(word) for word in given], env={"COLUMNS": "160"})
        if done.exception is not None:
            raise done.exception
        return json.loads(out.read_text()), done.output

    return run


def fused(value):
    return np.array(value["fused"]["rows"][0]["probs"])


def test_a_weight_multiplies_the_log_odds_of_its_modality(analyze):
    """Weights 0, 1, 2: equal steps from the prior, as the log-linear pool has it."""
    # One that is not so sure that rounding in the file matters.
    logs = [
        np.log(fused(analyze(VAGUE, "--weights", f"text={w}")[0])) for w in ("0", "1", "2")
    ]  # fmt: skip
    odds = [log - log[MIEN7.index("neutral")] for log in logs]
    exact = np.min(logs, axis=0) > np.log(1e-3)  # the file holds six decimals
    assert exact.sum() > 2
    assert (odds[2] - odds[1])[exact] == pytest.approx((odds[1] - odds[0])[exact], abs=2e-3)
    assert np.abs(odds[1] - odds[0]).max() > 0.2
    prior = np.array(list(Method(FusionOptions()).pool.prior))
    assert np.exp(logs[0]) == pytest.approx(prior, abs=1e-4)


def test_too_unsure_for_the_risk_is_undecided_and_the_probabilities_stay(analyze):
    threshold = threshold_for(Method(FusionOptions()).pool, 0.2)
    for text, expected in (("You are so strange.", True), (CLEAR, False)):
        value, printed = analyze(text, "--max-risk", "0.2")
        assert (fused(value).max() < threshold) == expected
        assert value["explanations"][0]["abstained"] == expected
        assert ("undecided" in printed) == expected
        assert fused(value).tolist() == fused(analyze(text)[0]).tolist()


def test_blends_of_ones_own_are_scored_beside_the_others(analyze, tmp_path):
    (tmp_path / "mine.toml").write_text(
        "[gladness]\njoy = 1\nneutral = 1\n[alarm]\njoy = 1\nanger = 1\n"
    )
    (tmp_path / "mine.json").write_text('{"gladness": {"joy": 1, "neutral": 1}}')
    value, _ = analyze(CLEAR, "--blends", tmp_path / "mine.toml")
    scores = value["explanations"][0]["blends"]
    assert "anxiety" in scores
    # Equal parts: from 0 for either alone to 1 for the mixture.
    joy, neutral = (fused(value)[MIEN7.index(label)] for label in ("joy", "neutral"))
    likeness = (np.sqrt(joy / 2) + np.sqrt(neutral / 2) - np.sqrt(0.5)) / (1 - np.sqrt(0.5))
    assert scores["gladness"] == pytest.approx(likeness, abs=1e-3)
    assert scores["gladness"] > 0.05
    usual = analyze(CLEAR, "--blends", tmp_path / "mine.json")[0]["explanations"][0]["blends"]
    assert usual["gladness"] == scores["gladness"]
    assert usual["alarm"] != scores["alarm"]


def test_a_pack_of_ones_own_is_used_checked_and_named(analyze, tmp_path):
    pack = tmp_path / "pool"
    shutil.copytree(EMBEDDED / "fusion", pack)
    value, _ = analyze(CLEAR, "--fusion", pack)
    shipped, _ = analyze(CLEAR)
    assert fused(value).tolist() == fused(shipped).tolist()
    assert value["provenance"]["packs"]["fused"] == shipped["provenance"]["packs"]["fused"]
    assert value["provenance"]["options"]["fusion"]["rule"] == str(pack)
    text = (pack / "pool.json").read_text()
    (pack / "pool.json").write_text(text.replace("0.", "0.1", 1))
    with pytest.raises(MienError, match=r"pool\.json"):
        analyze(CLEAR, "--fusion", pack)


@pytest.mark.parametrize(
    ("words", "part"),
    [
        (("--weights", "ear=1"), "text, voice, face"),
        (("--weights", "text"), "NAME=VALUE"),
        (("--weights", "text=loud"), "NAME=NUMBER"),
        (("--weights", "text=-1"), "give a number >= 0"),
        (("--weights", "text=0,voice=0,face=0"), "all 0"),
        (("--fusion", "mean", "--weights", "text=1"), "'mean' has no learned weights"),
        (("--fusion", "length", "--max-risk", "0.2"), "no risk curve"),
        (("--max-risk", "2"), r"in \(0, 1\)"),
        (("--max-risk", "0.000001"), "the least is"),
        (("--max-risk", "0.2", "--weights", "text=1"), "cannot be given together"),
        (("--blends", "none.toml"), "does not exist"),
    ],
)
def test_what_cannot_be_is_refused_with_the_remedy(analyze, words, part):
    with pytest.raises(MienError, match=part):
        analyze(CLEAR, *words)


def test_it_warns_when_another_pack_judges_than_it_was_fitted_for():
    method = Method(FusionOptions())
    (line,) = method.warnings({"text": {"mien-text": "0" * 64}})
    assert "another text pack" in line
    assert "mien train fusion" in line
    assert method.warnings({"pulse": {}})[0].endswith(
        "was not fitted with pulse; it enters uncalibrated."
    )
    fitted = method.pack.manifest.training["fitted_for"]
    assert method.warnings({name: {"p": digest} for name, digest in fitted.items()}) == ()
