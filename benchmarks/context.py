"""Does the text branch gain from previous utterances, or from processing single sentences?

    python benchmarks/context.py --data MELD_FOLDER --out benchmarks/results [--text PACK]

Compares alternatives with the shipped method (each utterance alone) on MELD's dev part, in the
order of its dialogues. ``carried over`` multiplies the posteriors of an utterance by the ratio
between the probability of a label after the previous prediction and its prior, counted on MELD's
train part. Nothing is fitted to the dev part. Writes ``context.md``.
"""

from __future__ import annotations

import argparse
import re
import sys
from collections.abc import Sequence
from pathlib import Path

import numpy as np

from mien.branches.text import TextModel
from mien.convert.provenance import commit, machine
from mien.datasets import LabelledSet, load_texts
from mien.emotions import MIEN7
from mien.metrics import classification_figures, mcnemar_p
from mien.pack_folders import find_pack

_SENTENCE = re.compile(r"(?<=[.!?])\s+(?=\S)")
ALONE = "each alone (what ships)"
FIGURES = ("weighted_f1", "macro_f1", "accuracy", "nll", "ece")


def main() -> int:
    """Run the benchmark."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n", maxsplit=1)[0])
    parser.add_argument("--data", type=Path, required=True, help="folder of MELD's CSV files")
    parser.add_argument("--text", help="a text pack in place of the embedded one")
    parser.add_argument("--out", type=Path, required=True, help="folder for the result")
    given = parser.parse_args()
    pack = find_pack("text", given.text)
    dev = load_texts(given.data / "dev_sent_emo.csv")
    train = load_texts(given.data / "train_sent_emo.csv")
    found = ways(TextModel(pack), dev, train)
    name, digest = next(iter(pack.identity.items()))
    text = "# Previous utterances as context, and single sentences\n\n"
    text += f"* MELD dev, {len(dev)} utterances, {len(set(dev.groups))} dialogues\n"
    text += f"* pack: {name}, {digest[:12]}\n* commit: {commit()}\n* machine: {machine()}\n\n"
    text += page(found, dev)
    given.out.mkdir(parents=True, exist_ok=True)
    (given.out / "context.md").write_text(text, encoding="utf-8")
    print(text)
    return 0


def ways(model: TextModel, dev: LabelledSet, train: LabelledSet) -> dict[str, np.ndarray]:
    """Probabilities ``(n, 7)`` by method."""
    texts = [str(text) for text in dev.items]

    def predict(lines: Sequence[str]) -> np.ndarray:
        return model.probs(lines, [True] * len(lines))

    alone = predict(texts)
    found = {ALONE: alone}
    for back, name in ((1, "the one before + this"), (2, "the two before + this")):
        found[f"{name}, as one text"] = predict(with_before(texts, dev.groups, back))
    for share in (0.1, 0.2, 0.3):
        found[f"{share:.0%} of the answer before"] = blended(alone, dev.groups, share)
    found["carried over"] = carried_over(alone, dev.groups, likelier_after(train))
    parts = [_SENTENCE.split(text) for text in texts]
    parted = iter(predict([sentence for part in parts for sentence in part]))
    found["sentence by sentence, by their words"] = np.stack(
        [
            np.average([next(parted) for _ in part], axis=0, weights=[len(s.split()) for s in part])
            for part in parts
        ]
    )
    return found


def with_before(texts: Sequence[str], groups: np.ndarray, back: int) -> list[str]:
    """Each text preceded by ``back`` previous texts of its dialogue."""
    return [
        " ".join(texts[j] for j in range(max(0, i - back), i + 1) if groups[j] == groups[i])
        for i in range(len(texts))
    ]


def blended(alone: np.ndarray, groups: np.ndarray, share: float) -> np.ndarray:
    """Each prediction mixed with a share of the previous one in its dialogue."""
    out = alone.copy()
    for i in range(1, len(alone)):
        if groups[i] == groups[i - 1]:
            out[i] = (1 - share) * alone[i] + share * alone[i - 1]
    return out


def likelier_after(train: LabelledSet) -> np.ndarray:
    """``(7, 7)``: probability of the second label after the first, relative to its prior."""
    labels, same = train.labels, train.groups[1:] == train.groups[:-1]
    pairs = np.ones((len(MIEN7), len(MIEN7)))
    np.add.at(pairs, (labels[:-1][same], labels[1:][same]), 1)
    return (pairs / pairs.sum(axis=1, keepdims=True)) / (pairs.sum(axis=0) / pairs.sum())


def carried_over(alone: np.ndarray, groups: np.ndarray, likelier: np.ndarray) -> np.ndarray:
    """Forward filtering along each dialogue."""
    out = alone.copy()
    for i in range(1, len(alone)):
        if groups[i] == groups[i - 1]:
            out[i] = alone[i] * (out[i - 1] @ likelier)
            out[i] /= out[i].sum()
    return out


def page(found: dict[str, np.ndarray], dev: LabelledSet) -> str:
    """One row per method, as Markdown."""
    labels = dev.labels
    lines = ["| read | weighted F1 | macro F1 | accuracy | NLL | ECE | p against alone |"]
    lines.append("|---" * 7 + "|")
    for name, probs in found.items():
        figures = classification_figures(labels, probs)
        cells = [f"{figures[key]:.3f}" for key in FIGURES]
        p = "" if name == ALONE else f"{mcnemar_p(labels, found[ALONE], probs):.3f}"
        lines.append(f"| {name} | {' | '.join(cells)} | {p} |")
    lines += ["", "p: McNemar's, of right and wrong answers, not corrected for the comparisons."]
    return "\n".join(lines) + "\n"


if __name__ == "__main__":
    sys.exit(main())
