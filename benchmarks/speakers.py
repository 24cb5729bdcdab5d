"""How often is a sentence with a colon taken for a speaker's name, and how often is a name missed?

    python benchmarks/speakers.py --data TEXTS --out benchmarks/results

``TEXTS`` holds GoEmotions and MELD. Their texts name nobody: every name that is found in them is
false. MELD also says who speaks: written before each utterance, or only where the speaker
changes, every name that is not found is missed. Writes ``speakers.md``.
"""

from __future__ import annotations

import argparse
import csv
import random
import re
import sys
from collections.abc import Iterable, Sequence
from itertools import groupby
from pathlib import Path

from mien.convert.provenance import commit, machine
from mien.perceive.formats.cue import Cue
from mien.perceive.subtitles import spoken

SIZES = (3, 5, 20, 200)
MOST = 16_000
SEED = 0


def main() -> int:
    """Read the arguments, count, write."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--data", type=Path, required=True)
    parser.add_argument("--out", type=Path, required=True)
    args = parser.parse_args()
    with (args.data / "meld" / "train_sent_emo.csv").open(encoding="utf-8") as file:
        meld = list(csv.DictReader(file))
    reddit = (args.data / "goemotions" / "train.tsv").read_text(encoding="utf-8").splitlines()
    rows = [
        "# Names of speakers in transcripts",
        "",
        f"Commit {commit()}, {machine()}, seed {SEED}; `python benchmarks/speakers.py --data TEXTS "
        "--out benchmarks/results`.",
        "",
        "Texts that name nobody, as files of 3, 5, 20 and 200 cues:",
        "",
        "| texts | with a colon | cues read | falsely named | of 10,000 |",
        "|---|---|---|---|---|",
        false_names("MELD", [row["Utterance"] for row in meld]),
        false_names("GoEmotions", [row.split("\t")[0] for row in reddit]),
        "",
        "MELD's dialogues (mean 10 utterances) with the names that it gives:",
        "",
        "| names stand | names | found | share |",
        "|---|---|---|---|",
        found_names("before every utterance", meld, every=True),
        found_names("where the speaker changes", meld, every=False),
        "",
    ]
    args.out.mkdir(parents=True, exist_ok=True)
    (args.out / "speakers.md").write_text("\n".join(rows), encoding="utf-8")
    print("\n".join(rows))
    return 0


def named(texts: Iterable[str]) -> int:
    """How many lines of a file of cues have a speaker."""
    lines, _ = spoken(Cue(i, i + 1, text) for i, text in enumerate(texts))
    return sum(line.speaker is not None for line in lines)


def false_names(name: str, texts: Sequence[str]) -> str:
    """A row for texts that name nobody."""
    draw = random.Random(SEED)
    read = wrong = 0
    for size in SIZES:
        drawn = draw.sample(texts, k=min(len(texts), MOST) // size * size)
        read += len(drawn)
        wrong += sum(named(drawn[i : i + size]) for i in range(0, len(drawn), size))
    colons = sum(re.match(r"[^:\n]{1,60}:\s", text) is not None for text in texts)
    share = 1e4 * wrong / max(read, 1)
    return f"| {name} | {colons} of {len(texts)} | {read} | {wrong} | {share:.1f} |"


def found_names(name: str, rows: Sequence[dict[str, str]], every: bool) -> str:
    """A row for dialogues whose speakers are named."""
    written = found = 0
    for _, own in groupby(rows, key=lambda row: row["Dialogue_ID"]):
        texts, last = [], ""
        for row in own:
            who = row["Speaker"]
            tells = every or who != last
            texts.append(f"{who}: {row['Utterance']}" if tells else row["Utterance"])
            written, last = written + tells, who
        found += named(texts)
    return f"| {name} | {written} | {found} | {found / written:.1%} |"


if __name__ == "__main__":
    sys.exit(main())
