"""What the weight of arousal does to the fusion, on planted data: `python fusion_simulation.py`.

There is no public set with body signals, recordings and the seven labels, so this measures no
accuracy. It plants how strongly arousal goes with the label, from not at all to as strongly as the
map assumes, and shows what each weight of ``--body-fusion`` then gains or costs.

Posteriors of words, voice and face are drawn around the true label with noise; arousal is drawn as

    z = 2 artanh(link a_y / 0.67) + noise of standard deviation 1

with the arousal ``a_y`` of the label (``mien_body.arousal.AROUSAL_OF``) and ``link`` in [0, 1]. The
fusion is the pool that ships with mien, in which the body enters uncalibrated.
"""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import numpy.typing as npt

from mien.analysis.evidence import Evidence
from mien.emotions import MIEN7
from mien.fusion.method import Method
from mien.options import FusionOptions
from mien.timebase import Segment
from mien_body.arousal import AROUSAL_OF, label_probabilities

LINKS = (0.0, 0.3, 0.6, 0.9)
WEIGHTS = (0.0, 0.05, 0.1, 0.2, 0.3, 0.5)
NATURAL = {"neutral": 0.46, "joy": 0.17, "surprise": 0.11, "anger": 0.12, "sadness": 0.07,
           "disgust": 0.03, "fear": 0.04}  # fmt: skip
"""Shares of the labels, about those of conversations."""

Floats = npt.NDArray[np.float64]


def planted(
    count: int, rng: np.random.Generator
) -> tuple[npt.NDArray[np.int64], dict[str, Floats]]:
    """Labels ``(n,)``, and posteriors ``(n, 7)`` of the three modalities."""
    shares = np.array([NATURAL[label] for label in MIEN7.labels])
    labels = rng.choice(len(MIEN7), count, p=shares)
    out = {}
    for name, strength in (("text", 1.4), ("voice", 1.1), ("face", 1.5)):
        scores = rng.normal(0, 1, (count, len(MIEN7))) + np.log(shares)
        scores[np.arange(count), labels] += strength
        exp = np.exp(scores - scores.max(axis=1, keepdims=True))
        out[name] = exp / exp.sum(axis=1, keepdims=True)
    return labels, out


def arousals(labels: npt.NDArray[np.int64], link: float, rng: np.random.Generator) -> Floats:
    """Planted arousal of each segment, ``(n,)``."""
    means = np.array([AROUSAL_OF[label] for label in MIEN7.labels])
    share = np.clip(link * means[labels] / max(means), -0.95, 0.95)
    return np.asarray(2 * np.arctanh(share) + rng.normal(0, 1, len(labels)))


def measure(count: int, seed: int) -> dict[tuple[float, float], tuple[float, float]]:
    """By link and weight: share of segments named right, and log-loss in nats."""
    rng = np.random.default_rng(seed)
    labels, posteriors = planted(count, rng)
    segments = tuple(Segment(float(i), i + 1.0) for i in range(count))
    given = {
        name: Evidence.of_rows(name, segments, [(row, 0.8) for row in probs])
        for name, probs in posteriors.items()
    }
    method = Method(FusionOptions())
    found = {}
    for link in LINKS:
        z = arousals(labels, link, np.random.default_rng(seed + 1))
        for weight in WEIGHTS:
            every = dict(given)
            if weight:
                rows = [(label_probabilities(one), weight) for one in z]
                every["body"] = Evidence.of_rows("body", segments, rows)
            probs = method.fuse(every).probs
            right = float((probs.argmax(axis=1) == labels).mean())
            loss = float(-np.log(np.maximum(probs[np.arange(count), labels], 1e-12)).mean())
            found[link, weight] = right, loss
    return found


def table(found: dict[tuple[float, float], tuple[float, float]]) -> str:
    """Markdown: a row a link, a column a weight."""
    lines = ["| planted link | " + " | ".join(f"{w:g}" for w in WEIGHTS) + " |"]
    lines.append("|---|" + "---|" * len(WEIGHTS))
    for link in LINKS:
        base = found[link, 0.0][1]
        cells = [f"{100 * found[link, w][0]:.1f} % ({found[link, w][1] - base:+.3f})"
                 for w in WEIGHTS]  # fmt: skip
        lines.append(f"| {link:g} | " + " | ".join(cells) + " |")
    return "\n".join(lines)


def draw(found: dict[tuple[float, float], tuple[float, float]], path: Path) -> None:
    """Change of the share named right and of the log-loss over the weight."""
    from matplotlib.figure import Figure

    figure = Figure(figsize=(9, 3.6), layout="constrained")
    left, right = figure.subplots(1, 2)
    for link, colour in zip(LINKS, ("#8A8A8A", "#56B4E9", "#0072B2", "#222222"), strict=True):
        for axes, part, scale in ((left, 0, 100.0), (right, 1, 1.0)):
            change = [scale * (found[link, w][part] - found[link, 0.0][part]) for w in WEIGHTS]
            axes.plot(WEIGHTS, change, "o-", color=colour, ms=4, label=f"link {link:g}")
    left.set_ylabel("named right, change in points")
    right.set_ylabel("log-loss, change in nats")
    for axes in (left, right):
        axes.axhline(0, color="#BBBBBB", lw=0.8, zorder=0)
        axes.set_xlabel("weight of the arousal (--body-fusion)")
        axes.spines[["top", "right"]].set_visible(False)
    right.legend(frameon=False, fontsize=9)
    figure.suptitle("Planted data: a weight helps only as far as arousal goes with the label",
                    x=0.01, ha="left", fontsize=11)  # fmt: skip
    figure.savefig(path, dpi=110)


def main(words: Sequence[str] | None = None) -> None:
    """Print the table, and draw the figure if a file is named."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--count", type=int, default=20_000, help="segments")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--figure", type=Path, help="PNG to write")
    given = parser.parse_args(words)
    found = measure(given.count, given.seed)
    print(f"{given.count} planted segments, seed {given.seed}; named right (change of log-loss)\n")
    print(table(found))
    if given.figure is not None:
        draw(found, given.figure)


if __name__ == "__main__":
    main()
