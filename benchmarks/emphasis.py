"""Does the text branch handle negation, emphasis, contrast and questions? Test sentences.

    python benchmarks/emphasis.py --out benchmarks/results [--text PACK]

Each sentence of ``emphasis.csv`` lists the labels that a reader would accept for it. Sarcasm is
counted separately, as it may fail. Nothing is asserted; the pass rate is printed.
"""

from __future__ import annotations

import argparse
import csv
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from mien.branches.text import TextModel
from mien.convert.provenance import commit
from mien.emotions import MIEN7
from mien.pack_folders import find_pack

SENTENCES = Path(__file__).with_name("emphasis.csv")


@dataclass(frozen=True)
class Sentence:
    """A test sentence, its accepted labels, and the pack's prediction."""

    kind: str
    labels: tuple[str, ...]
    text: str
    said: str
    prob: float

    @property
    def held(self) -> bool:
        """Whether the predicted label is accepted."""
        return self.said in self.labels


def main() -> int:
    """Run the benchmark."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n", maxsplit=1)[0])
    parser.add_argument("--text", help="a text pack in place of the embedded one")
    parser.add_argument("--out", type=Path, help="folder for the result")
    given = parser.parse_args()
    pack = find_pack("text", given.text)
    rows = judge(TextModel(pack))
    name, digest = next(iter(pack.identity.items()))
    text = f"# Test sentences\n\n* pack: {name}, {digest[:12]}\n* commit: {commit()}\n\n"
    text += page(rows)
    print(text)
    if given.out is not None:
        given.out.mkdir(parents=True, exist_ok=True)
        (given.out / "emphasis.md").write_text(text, encoding="utf-8")
    return 0


def judge(model: TextModel) -> list[Sentence]:
    """The predictions of a pack for all sentences."""
    with SENTENCES.open(encoding="utf-8", newline="") as file:
        rows = list(csv.DictReader(file))
    probs = model.probs([row["text"] for row in rows], [True] * len(rows))
    return [
        Sentence(
            row["kind"],
            tuple(row["labels"].split()),
            row["text"],
            MIEN7.labels[int(one.argmax())],
            float(one.max()),
        )
        for row, one in zip(rows, probs, strict=True)
    ]


def page(rows: Sequence[Sentence]) -> str:
    """Pass rates by kind, then the failures, as Markdown."""
    lines = ["| kind | sentences | passed | share |", "|---|---|---|---|"]
    kinds = list(dict.fromkeys(row.kind for row in rows))
    counted = [(kind, [row for row in rows if row.kind == kind]) for kind in kinds]
    counted.append(("all but sarcasm", [row for row in rows if row.kind != "sarcasm"]))
    for kind, some in counted:
        held = sum(row.held for row in some)
        lines.append(f"| {kind} | {len(some)} | {held} | {held / len(some):.0%} |")
    lines += ["", "| kind | failed | accepted | predicted | probability |", "|---|---|---|---|---|"]
    for row in rows:
        if not row.held:
            right = ", ".join(row.labels)
            lines.append(f"| {row.kind} | {row.text} | {right} | {row.said} | {row.prob:.2f} |")
    return "\n".join(lines) + "\n"


if __name__ == "__main__":
    sys.exit(main())
