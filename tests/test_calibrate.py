"""Calibration on validation rows."""

import numpy as np
import pytest

from mien.train.calibrate import Scaling


def softmax(logits):
    shares = np.exp(logits - logits.max(axis=1, keepdims=True))
    return shares / shares.sum(axis=1, keepdims=True)


def planted(rng, n=20_000):
    """Labels drawn from a posterior, and what a net says that is too sure and biased."""
    logits = rng.normal(0, 1.5, (n, 4))
    true = softmax(logits)
    labels = (rng.random((n, 1)) > true.cumsum(axis=1)).sum(axis=1)
    bias = np.array([0.6, -0.2, 0.0, -0.4])
    return true, labels, softmax((logits - bias) * 2.0), bias


def test_temperature_and_bias_that_were_planted_are_found():
    true, labels, said, bias = planted(np.random.default_rng(0))
    scaling = Scaling.fit(labels, said, biased=True)
    assert scaling.temperature == pytest.approx(2.0, rel=0.06)
    assert scaling.bias == pytest.approx(bias - bias.mean(), abs=0.05)
    assert np.abs(scaling.apply(said) - true).mean() < 0.01


def test_without_a_bias_only_the_temperature_is_fitted():
    _, labels, said, _ = planted(np.random.default_rng(1), 4000)
    scaling = Scaling.fit(labels, said, biased=False)
    assert scaling.bias == ()
    assert scaling.apply(said).argmax(axis=1).tolist() == said.argmax(axis=1).tolist()


def test_shares_of_votes_fit_temperature_and_bias_that_were_planted():
    rng = np.random.default_rng(2)
    true, _, said, bias = planted(rng, 5000)
    shares = rng.multinomial(10, true) / 10
    scaling = Scaling.fit_shares(shares, said)
    assert scaling.temperature == pytest.approx(2.0, rel=0.06)
    assert scaling.bias == pytest.approx(bias - bias.mean(), abs=0.05)


def test_a_pack_adds_its_bias(tmp_path):
    from dataclasses import replace

    from mien.pack_folders import find_pack

    pack = find_pack("face")
    pictures = {"pictures": np.random.default_rng(0).normal(0, 1, (3, 1, 48, 48)).astype("f4")}
    logits = pack.logits(pictures)
    pack.manifest = replace(pack.manifest, temperature=2.0, bias=(0.0, 9.0, *(0.0,) * 5))
    wanted = softmax(logits / 2.0 + np.array(pack.manifest.bias))
    assert pack.probs(pictures) == pytest.approx(wanted)
