"""Time for many short texts.

    python benchmarks/texts.py --data goemotions/dev.tsv --out benchmarks/results

Analyses the first texts of the set with ``mien.analyze_text([...])`` after the models are loaded,
and takes the minimum of several runs. Processor time is given beside wall-clock time, since other
work on the machine affects it less. Writes ``texts.md``.
"""

from __future__ import annotations

import argparse
import os
import sys
import time
from pathlib import Path

from mien import Analyzer
from mien.convert.provenance import commit, machine
from mien.datasets import load_texts


def main() -> int:
    """Run the benchmark."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n", maxsplit=1)[0])
    parser.add_argument("--data", type=Path, required=True, help="a set of texts")
    parser.add_argument("--count", type=int, default=1000)
    parser.add_argument("--runs", type=int, default=3)
    parser.add_argument("--out", type=Path, required=True, help="folder for the result")
    given = parser.parse_args()
    texts = [str(text) for text in load_texts(given.data).items[: given.count]]
    clock, work = [], []
    for _ in range(given.runs):
        analyzer = Analyzer()  # a new one, since results are cached
        analyzer.analyze_text(["to load the models", "all of them"])
        wall, spent = time.perf_counter(), time.process_time()
        found = analyzer.analyze_text(texts)
        clock.append(time.perf_counter() - wall)
        work.append(time.process_time() - spent)
    judged = sum(one.fused.top(0) is not None for one in found)
    page = "\n".join(
        [
            "# Many texts at once",
            "",
            f"* {len(texts)} texts of {given.data.name}, {sum(map(len, texts)) / len(texts):.0f} "
            f"characters on average; {judged} with a prediction",
            f"* least of {given.runs} runs: {min(clock):.1f} s on the clock, {min(work):.1f} s of "
            "the processors",
            f"* work on the machine while it ran: a load of {os.getloadavg()[0]:.1f}",
            f"* text pack: {dict(analyzer.branches['text'].spec.packs)}",
            f"* commit: {commit()}",
            f"* machine: {machine()}",
            "",
        ]
    )
    given.out.mkdir(parents=True, exist_ok=True)
    (given.out / "texts.md").write_text(page, encoding="utf-8")
    print(page)
    return 0


if __name__ == "__main__":
    sys.exit(main())
