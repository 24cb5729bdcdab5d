"""Write the paper's figures beside ours into docs/paper.md: ``python scripts/paper_table.py``.

Ours are read from ``benchmarks/results``, from the manifests of the embedded packs and from the
blocks of docs/fusion.md; the paper's are the constants below. With ``--check`` nothing is written;
the exit code is 0 if the page is up to date.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from generated import between, settled

from mien.fusion.length import length_weights
from mien.manifest import Manifest
from mien.pack_folders import embedded_packs

ROOT = Path(__file__).resolve().parents[1]
PAGE = ROOT / "docs" / "paper.md"
RESULTS = ROOT / "benchmarks" / "results"

FACE = {"23 layers": "62.2 %", "one convolution": "40.9 %"}
VOICE_ACCURACY, VOICE_LOSS = 0.998, 0.0308
STEPS = (  # step, epoch, loss, gradient norm, learning rate: Table 2
    (50, 0.357, 1.6571, 5.339, 4.4e-5),
    (100, 0.714, 0.9138, 8.284, 3.8e-5),
    (150, 1.071, 0.4912, 6.435, 3.2e-5),
    (200, 1.429, 0.3156, 3.719, 2.6e-5),
    (250, 1.786, 0.1999, 2.049, 2.0e-5),
    (300, 2.143, 0.1081, 32.544, 1.4e-5),
    (350, 2.500, 0.1110, 0.230, 8e-6),
    (400, 2.857, 0.0904, 0.298, 3e-6),
)
LENGTHS = (2.5, 5.0, 7.5, 10.0, 30.0, 99.0, 100.0)

Row = dict[str, str]


def tables(text: str) -> list[list[Row]]:
    """Every table of a Markdown text; a row maps headings to cells."""
    found = []
    for block in re.findall(r"(?:^\|.*\n?)+", text, flags=re.M):
        lines = [
            [c.strip() for c in line.strip("| \n").split(" | ")] for line in block.splitlines()
        ]
        found.append([dict(zip(lines[0], line, strict=False)) for line in lines[2:]])
    return found


def result(name: str) -> list[list[Row]]:
    """The tables of a page of ``benchmarks/results``."""
    return tables((RESULTS / name).read_text(encoding="utf-8"))


def metrics() -> dict[str, dict[str, dict[str, Any]]]:
    """The metrics of the embedded packs, by kind and test set."""
    manifests = [Manifest.read(folder / "pack.json") for folder in embedded_packs()]
    return {m.kind: {str(row["set"]): dict(row) for row in m.metrics} for m in manifests}


def table(head: Sequence[str], rows: Sequence[Sequence[object]]) -> str:
    """A Markdown table."""
    lines = [head, ["---"] * len(head), *rows]
    return "\n".join("| " + " | ".join(str(cell) for cell in line) + " |" for line in lines)


def percent(share: float | str) -> str:
    """A share in the paper's format."""
    return f"{100 * float(share):.1f} %"


def headline() -> str:
    """One row per figure that the paper reports for a model."""
    packs = metrics()
    nets = {row["net"]: row for row in result("paper_face.md")[0]}
    splits = {row["split"]: row for row in result("paper_voice.md")[0]}
    speech = {row["speech"]: row for row in result("paper_asr.md")[0]}
    votes, label = (packs["face"][f"FER-2013 PublicTest, {c}"] for c in ("observers", "fer2013"))
    strangers = [percent(splits[f"speaker-{s}-unseen"]["accuracy"]) for s in ("OAF", "YAF")]
    rows: list[tuple[str, str, str, str]] = []
    for net, name in (
        ("23 layers", "face, CNN of 23 layers"),
        ("one convolution", "face, baseline"),
    ):
        row = nets[net]
        ours = (
            f"{row['ours (95 %)'].replace('%', ' %')} ({row['epochs']} epochs, rate {row['rate']})"
        )
        rows.append((f"{name}: accuracy, FER-2013", FACE[net], ours, "same recipe"))
    rows += [
        (
            "face: accuracy, FER-2013",
            FACE["23 layers"],
            percent(label["accuracy"]),
            "default pack, label of FER-2013",
        ),
        (
            "face: accuracy, FER+",
            "not reported",
            percent(votes["accuracy"]),
            "default pack, majority of ten observers",
        ),
        (
            "voice: accuracy, TESS, random 80/20 split",
            percent(VOICE_ACCURACY),
            percent(splits["random"]["accuracy"]),
            "same recipe, encoder of Whisper base in place of wav2vec2-base",
        ),
        ("voice: loss on that test set", f"{VOICE_LOSS:.4f}", splits["random"]["loss"], "the same"),
        (
            "voice: accuracy, TESS, the other speaker",
            "not reported",
            " and ".join(strangers),
            "the same, trained on one speaker and tested on the other",
        ),
    ]
    for name in ("tess, 2 speakers, each unheard", "tess, all of the corpus unheard"):
        shown = f"default pack, {name.removeprefix('tess, ')}"
        rows.append(
            (
                "voice: accuracy, TESS",
                "not reported",
                percent(packs["voice"][name]["accuracy"]),
                shown,
            )
        )
    short, real = speech["short: TESS"], speech["longer: longer"]
    for name, row, said in (
        ("short utterances of TESS", short, "just above 1 %"),
        ("longer speech", real, "worse than before"),
    ):
        ours = f"{percent(row['before'])} before, {percent(row['after'])} after"
        rows.append(
            (f"Whisper tiny fine-tuned: word error rate, {name}", said, ours, "tiny.en, 2 epochs")
        )
    for name in ("goemotions dev", "meld dev"):
        row_ = packs["text"][name]
        rows.append(
            (f"text: accuracy, {name}", "not reported", percent(row_["accuracy"]), "default pack")
        )
    return table(("figure", "the paper", "ours", "ours is of"), rows)


def fusion() -> str:
    """The results of fusion, for which the paper has two examples."""
    votes = json.loads((RESULTS / "fusion_crema.json").read_text(encoding="utf-8"))
    composed = {n.split(": ")[-1]: row for n, row in metrics()["fusion"].items()}
    shown = ("best_single", "mean", "length", "product", "pooled")
    rows = [
        (
            f"`{n}`",
            *(f"{v[n][k]:.3f}" for v in (votes, composed) for k in ("accuracy", "nll", "ece")),
        )
        for n in shown
    ]
    head = (
        "rule",
        *(
            f"{s}: {k}"
            for s in ("CREMA-D votes", "composed clips")
            for k in ("accuracy", "NLL", "ECE")
        ),
    )
    return table(head, rows)


def literal(seconds: float) -> dict[str, float]:
    """Table 1 as printed: the expressions in brackets are the weights themselves."""
    if 10 <= seconds < 100:
        a = (1 + (seconds - 10) / 100) / 3
        return {"text": (3 - a) / 6, "voice": a, "face": (3 - a) / 6}
    if seconds <= 5:
        t = seconds / 15
        return {"text": t, "voice": (3 - t) / 6, "face": (3 - t) / 6}
    return {n: round(w, 3) for n, w in length_weights(seconds).items()}


def weights() -> str:
    """Table 1 for some lengths, as printed and as computed by ``length``."""

    def cells(row: Mapping[str, float]) -> list[str]:
        return [f"{row[n]:.3f}" for n in ("text", "voice", "face")]

    rows = [
        (f"{s:g}", *cells(literal(s)), f"{sum(literal(s).values()):.3f}", *cells(length_weights(s)))
        for s in LENGTHS
    ]
    names = ("text", "voice", "face")
    head = ("seconds", *(f"printed: {n}" for n in names), "sum", *(f"`length`: {n}" for n in names))
    return table(head, rows)


def steps() -> str:
    """Table 2 and our run of the same recipe."""
    ours = {row["step"]: row for row in result("paper_voice.md")[-1]}
    rows = []
    for step, epoch, loss, norm, rate in STEPS:
        row = ours[str(step)]
        paper = (f"{loss:.4f}", f"{norm:.3f}", f"{rate:.1e}")
        rows.append(
            (step, f"{epoch:.2f}", *paper, row["loss"], row["gradient norm"], row["learning rate"])
        )
    kinds = ("loss", "gradient norm", "learning rate")
    return table(
        ("step", "epoch", *(f"{k}, the paper" for k in kinds), *(f"{k}, ours" for k in kinds)), rows
    )


def example(name: str) -> str:
    """A table of docs/fusion.md."""
    text = (ROOT / "docs" / "fusion.md").read_text(encoding="utf-8")
    block = re.search(rf"<!-- {name}: written.*?-->\n(.*?)<!-- end of {name} -->", text, flags=re.S)
    if block is None:
        raise SystemExit(f"docs/fusion.md has no block {name!r}.")
    return "\n".join(line for line in block.group(1).splitlines() if line.startswith("|"))


BLOCKS = {
    "headline": headline,
    "fusion": fusion,
    "weights": weights,
    "steps": steps,
    "first": lambda: example("first"),
    "second": lambda: example("second"),
}


def main() -> int:
    """Write, or check with ``--check``."""
    fresh = PAGE.read_text(encoding="utf-8")
    for name, make in BLOCKS.items():
        begin, end = (
            f"<!-- {name}: written by scripts/paper_table.py -->",
            f"<!-- end of {name} -->",
        )
        fresh = between(fresh, begin, end, f"\n{make()}\n")
    return settled(PAGE, fresh)


if __name__ == "__main__":
    raise SystemExit(main())
