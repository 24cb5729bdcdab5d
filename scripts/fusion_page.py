"""Write figures and real output into docs/fusion.md: ``python scripts/fusion_page.py``.

It computes the paper's two examples (with a figure), makes a clip whose words contradict its face,
runs ``mien analyze`` on it, and copies the tables of ``benchmarks/fusion_crema.py`` and
``benchmarks/intensity_crema.py``. Run it again after a change of a pack or a table. With
``--check`` nothing is written; the exit code is 0 if the copied tables are up to date.
"""

from __future__ import annotations

import contextlib
import json
import os
import sys
import tempfile
from collections.abc import Mapping
from pathlib import Path

import numpy as np
from generated import between
from matplotlib.figure import Figure
from typer.testing import CliRunner

from mien.analysis.evidence import Evidence
from mien.cli import app
from mien.demo import make_clip
from mien.emotions import MIEN7
from mien.fusion.method import Method
from mien.options import FusionOptions
from mien.report.figure import COLOURS, FUSED
from mien.shortcuts import analyze_text
from mien.timebase import Segment

ROOT = Path(__file__).resolve().parents[1]
PAGE = ROOT / "docs" / "fusion.md"
FIGURE = ROOT / "docs" / "figures" / "paper_examples.png"
RESULTS = ROOT / "benchmarks" / "results"

# The first example as printed in the paper, which omits the face's surprise: the remainder.
FIRST = {
    "text": {"fear": 0.559, "anger": 0.279, "neutral": 0.077, "surprise": 0.042,
             "disgust": 0.020, "sadness": 0.019, "joy": 0.004},
    "voice": {"anger": 0.737, "disgust": 0.026, "fear": 0.056, "joy": 0.019,
              "neutral": 0.021, "sadness": 0.048, "surprise": 0.093},
    "face": {"anger": 0.950, "disgust": 0.003, "fear": 0.003, "joy": 0.027,
             "neutral": 0.010, "sadness": 0.004},
}  # fmt: skip
# For the second example the paper prints the words but no numbers: sad, some fear and disgust.
SECOND_WORDS = "I am so lonely."
STAND_INS = {
    "voice": {"sadness": 0.35, "fear": 0.45, "neutral": 0.10, "surprise": 0.06, "anger": 0.04},
    "face": {"sadness": 0.35, "disgust": 0.40, "neutral": 0.12, "anger": 0.08, "fear": 0.05},
}
# The paper does not state the length of its clips, except for the limit of 30 s.
SECONDS = 20.0
RULES = ("length", "mean", "product", "pooled")
SHOWN_RULES = ("length", "pooled")
CONTRARY_WORDS = "This is disgusting. I hate it, it makes me sick."


def evidence(name: str, shares: Mapping[str, float], seconds: float = SECONDS) -> Evidence:
    """Shares by label as evidence of one segment; a label without a share gets the remainder."""
    given = np.array([shares.get(label, 0.0) for label in MIEN7.labels])
    left = [label not in shares for label in MIEN7.labels]
    rest = max(0.0, 1.0 - given.sum())
    row = given + (np.array(left) * rest / max(sum(left), 1))
    return Evidence.of_rows(name, (Segment(0.0, seconds),), [(row / row.sum(), 1.0)])


def first() -> dict[str, Evidence]:
    """The first example."""
    return {name: evidence(name, shares) for name, shares in FIRST.items()}


def second() -> dict[str, Evidence]:
    """The second example: words predicted by our text pack, voice and face assumed."""
    words = analyze_text(SECOND_WORDS).by_branch["text"].probs[0]
    shares_by_label = dict(zip(MIEN7.labels, words.tolist(), strict=True))
    return {
        name: evidence(name, shares)
        for name, shares in {"text": shares_by_label, **STAND_INS}.items()
    }


def fused(evidences: Mapping[str, Evidence], rule: str) -> Evidence:
    """What a rule makes of an example."""
    return Method(FusionOptions(rule)).fuse(evidences)


def figure(examples: Mapping[str, Mapping[str, Evidence]]) -> Figure:
    """One panel per example: each modality, the paper's rule and our default."""
    drawing = Figure(figsize=(9, 7.2), layout="constrained")
    panels = drawing.subplots(len(examples), 1, sharey=True)
    places = np.arange(len(MIEN7))
    for axes, (title, evidences) in zip(panels, examples.items(), strict=True):
        series = [(name, e, COLOURS[i]) for i, (name, e) in enumerate(evidences.items())]
        for rule, colour in zip(SHOWN_RULES, ("#999999", FUSED), strict=True):
            series.append((f"fused, {rule}", fused(evidences, rule), colour))
        width = 0.82 / len(series)
        for i, (name, evidence_, colour) in enumerate(series):
            offset = (i - (len(series) - 1) / 2) * width
            assumed = title.startswith("2") and name in STAND_INS
            bars = axes.bar(
                places + offset,
                evidence_.probs[0],
                width * 0.9,
                label=f"{name} (assumed)" if assumed else name,
                color="none" if assumed else colour,
                edgecolor=colour,
                hatch="////" if assumed else None,
                lw=0.8,
            )
            if name.startswith("fused"):
                top = evidence_.probs[0].max()
                shown = [f"{p:.2f}"[1:] if p == top else "" for p in evidence_.probs[0]]
                axes.bar_label(bars, shown, fontsize=8, padding=1)
        axes.set_xticks(places, MIEN7.labels)
        axes.set(ylim=(0, 1.05), ylabel="probability")
        axes.set_title(title, loc="left", fontsize=11)
        axes.spines[["top", "right"]].set_visible(False)
        axes.grid(axis="y", alpha=0.25)
        axes.set_axisbelow(True)
        axes.legend(frameon=False, ncols=len(series), loc="upper center", fontsize=9)
    return drawing


def example_table(evidences: Mapping[str, Evidence], printed: bool) -> str:
    """Rows: each modality, then each rule."""
    lines = ["| | " + " | ".join(MIEN7.labels) + " |", "|---" * (len(MIEN7) + 1) + "|"]
    for name, evidence_ in evidences.items():
        known = FIRST[name] if printed else dict.fromkeys(MIEN7.labels)
        cells = [
            f"{p:.3f}" if label in known else f"({p:.3f})"
            for label, p in zip(MIEN7.labels, evidence_.probs[0], strict=True)
        ]
        source = "the paper's" if printed else ("assumed" if name in STAND_INS else "our pack")
        lines.append(f"| {name}, {source} | {' | '.join(cells)} |")
    for rule in RULES:
        probs = fused(evidences, rule).probs[0]
        cells = [f"**{p:.3f}**" if p == probs.max() else f"{p:.3f}" for p in probs]
        lines.append(f"| fused, `{rule}` | {' | '.join(cells)} |")
    return "\n".join(lines)


def explanation(evidences: Mapping[str, Evidence]) -> str:
    """Explanation, conflict and blends of the default rule for an example."""
    method = Method(FusionOptions())
    found = method.explanations(evidences, method.fuse(evidences))[0]
    lines = [f"why: {found.decomposition.words}"] if found.decomposition is not None else []
    if found.disagreement.words:
        degree = f"(disagreement {found.disagreement.degree:.2f})"
        lines.append(f"conflict: {found.disagreement.words} {degree}")
    blends = sorted(found.blends.items(), key=lambda blend: -blend[1])[:3]
    lines.append("blends: " + ", ".join(f"{name} {score:.2f}" for name, score in blends))
    return "```\n" + "\n".join(lines) + "\n```"


def conflict() -> str:
    """The output of ``mien analyze`` for a clip whose words contradict its face."""
    words = ["mien", "analyze", "clip.mp4", "--words", "words.txt"]
    with tempfile.TemporaryDirectory() as folder, contextlib.chdir(folder):
        make_clip(Path("clip.mp4"))
        Path("words.txt").write_text(CONTRARY_WORDS + "\n", encoding="utf-8")
        done = CliRunner().invoke(app, words[1:], env={"COLUMNS": "112", "TERM": "dumb"})
    if done.exit_code:
        raise SystemExit(done.output)
    shown = "\n".join(line.rstrip() for line in done.output.strip().splitlines())
    note = "<!-- not run: scripts/fusion_page.py runs it -->"
    typed = f"$ cat words.txt\n{CONTRARY_WORDS}\n$ {' '.join(words)}"
    return f"{note}\n```console\n{typed}\n{shown}\n```"


def crema() -> str:
    """The table of the benchmark, and pooled fusion of each modality alone."""
    result = json.loads((RESULTS / "fusion_crema.json").read_text(encoding="utf-8"))
    shown = ("accuracy", "uar", "macro_f1", "nll", "ece")
    head = "| " + " | ".join(("", *shown)) + " | 95 % of accuracy | p |"
    lines = [head, "|---" * (len(shown) + 3) + "|"]
    for name, entry in result.items():
        if name in ("about", "subsets", "bars_missed"):
            continue
        low, high = entry.get("interval", {}).get("accuracy", (None, None))
        interval = "" if low is None else f"{low:.3f} to {high:.3f}"
        p = entry.get("mcnemar_p")
        told_p = "" if p is None or name == "best_single" else f"{p:.1g}"
        cells = " | ".join(f"{entry[key]:.3f}" for key in shown)
        label = f"**{name}**" if name == "pooled" else name
        lines.append(f"| {label} | {cells} | {interval} | {told_p} |")
    lines += ["", "| `pooled`, given only | accuracy | ECE | accuracy lost |", "|---|---|---|---|"]
    for name, entry in result["subsets"].items():
        lines.append(
            f"| {name} | {entry['accuracy']:.3f} | {entry['ece']:.3f} | {entry['lost']:.3f} |"
        )
    about = result["about"]
    lines += ["", f"`{about['command']}`, commit {about['commit']}, {about['rows']} clips of "
              f"{about['actors']} actors, {about['split']}."]  # fmt: skip
    return "\n".join(lines)


def intensity() -> str:
    """The correlations of the benchmark."""
    result = json.loads((RESULTS / "intensity_crema.json").read_text(encoding="utf-8"))
    lines = ["| mean rating of those who heard and saw it, against | clips | Pearson | Spearman |"]
    lines += ["|---|---|---|---|"]
    rows = {f"ours, {name}": result[name] for name in ("emotional clips", "all clips")}
    raters = result["raters of one mode with those of both, emotional clips"]
    rows |= {f"raters of the {mode} alone, emotional clips": raters[mode] for mode in raters}
    for name, row in rows.items():
        lines.append(f"| {name} | {row['clips']} | {row['pearson']:.2f} | {row['spearman']:.2f} |")
    about = result["about"]
    made = f"`{about['command']}`, commit {about['commit']}, {about['split']}."
    return "\n".join([*lines, "", made])


def put(text: str, name: str, block: str) -> str:
    """The page with a block inserted between its marks."""
    begin, end = f"<!-- {name}: written by scripts/fusion_page.py -->", f"<!-- end of {name} -->"
    return between(text, begin, end, f"\n{block}\n")


def main() -> int:
    """Write, or check with ``--check``."""
    page = PAGE.read_text(encoding="utf-8")
    fresh = put(put(page, "crema", crema()), "intensity", intensity())
    if "--check" in sys.argv:
        return int(fresh != page)
    os.environ.setdefault("OMP_NUM_THREADS", "1")
    one, two = first(), second()
    titles = (
        "1. The numbers that the paper prints",
        f"2. “{SECOND_WORDS}”: words judged by our pack, voice and face assumed",
    )
    figure(dict(zip(titles, (one, two), strict=True))).savefig(FIGURE, dpi=120)
    fresh = put(fresh, "first", f"{example_table(one, True)}\n\n{explanation(one)}")
    fresh = put(fresh, "second", f"{example_table(two, False)}\n\n{explanation(two)}")
    PAGE.write_text(put(fresh, "conflict", conflict()), encoding="utf-8")
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
