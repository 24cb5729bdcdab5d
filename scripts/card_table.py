"""Write the figures of the embedded packs into docs/measured.md: `python scripts/card_table.py`.

The figures are read from the manifest of each pack, which the training wrote. With `--check`
nothing is written; the exit code is 0 if the page is up to date.
"""

from __future__ import annotations

from pathlib import Path

from generated import between, settled

from mien.manifest import Manifest
from mien.pack_folders import embedded_packs

PAGE = Path(__file__).resolve().parents[1] / "docs" / "measured.md"
BEGIN = "<!-- figures: written by scripts/card_table.py -->"
END = "<!-- end of figures -->"
COLUMNS = ("accuracy", "uar", "macro_f1", "weighted_f1", "multilabel_macro_f1", "ece")


def table() -> str:
    """One row per pack and test set, and the training command of each pack."""
    made = [""]
    lines = [
        "| pack | MB | tested on | rows | accuracy | UAR | macro F1 | weighted F1 | "
        "multi-label macro F1 | ECE |",
        "|---|---|---|---|---|---|---|---|---|---|",
    ]
    for folder in embedded_packs():
        manifest = Manifest.read(folder / "pack.json")
        if manifest.kind in ("fusion", "detector"):
            continue  # metrics of composed clips and of boxes are given in the cards
        size = (folder / "model.onnx").stat().st_size / 1e6
        for row in manifest.metrics:
            cells = [f"{row[c]:.3f}" if c in row else "" for c in COLUMNS]
            lines.append(
                f"| {manifest.kind} | {size:.1f} | {row['set']} | {row['rows']} | "
                + " | ".join(cells)
                + " |"
            )
        apart = [row for row in manifest.metrics if "all of the corpus" in str(row["set"])]
        if apart:
            accuracies = [row["accuracy"] for row in apart]
            made.append(
                f"* {manifest.kind}, {len(apart)} corpora, each left out of the training: accuracy "
                f"{min(accuracies):.3f} to {max(accuracies):.3f}, mean UAR "
                f"{sum(row['uar'] for row in apart) / len(apart):.3f}"
            )
        training = manifest.training
        made.append(
            f"* {manifest.kind}: `{training['command']}`, seed "
            f"{training['settings']['schedule']['seed']}, commit {training['commit']}, "
            f"{training['machine']}"
        )
    return "\n".join(lines + made)


def main() -> int:
    """Write, or check with ``--check``."""
    return settled(PAGE, between(PAGE.read_text(encoding="utf-8"), BEGIN, END, f"\n{table()}\n"))


if __name__ == "__main__":
    raise SystemExit(main())
