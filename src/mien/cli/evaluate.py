"""``mien evaluate face | voice | text | fusion``."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console

from mien.cli.shared import Folds, Seed, check_target, progress

app = typer.Typer(no_args_is_help=True, help="Judge a labelled set with a pack.")


def _evaluate(
    kind: str,
    data: Path,
    split: str | None,
    pack: Path | None,
    json_file: Path | None,
    posteriors: Path | None,
) -> None:
    from mien.evaluate import evaluate
    from mien.evaluate.summary import render

    check_target(json_file, "--json", None)
    check_target(posteriors, "--posteriors", (".csv", ".parquet"))
    with progress() as report:
        result = evaluate(
            kind, data, split=split, pack=pack, posteriors=posteriors, progress=report
        )
    Console().print(render(result))
    if json_file is not None:
        json_file.write_text(json.dumps(result, indent=1) + "\n", encoding="utf-8")


EvalData = Annotated[Path, typer.Option("--data", help="The set, or a CSV with path/text, label.")]
Split = Annotated[str | None, typer.Option(help="A published split; all rows by default.")]
PackOption = Annotated[Path | None, typer.Option("--pack", help="The shipped one by default.")]
JsonOption = Annotated[Path | None, typer.Option("--json", metavar="FILE")]
Posteriors = Annotated[
    Path | None,
    typer.Option(metavar="FILE", help="Write what was judged (.csv, .parquet), for train fusion."),
]


@app.command("face")
def evaluate_face(
    data: EvalData,
    split: Split = None,
    pack: PackOption = None,
    json_file: JsonOption = None,
    posteriors: Posteriors = None,
) -> None:
    """Judge face crops: FER-2013 CSV, .npz, folders, or a CSV of pictures."""
    _evaluate("face", data, split, pack, json_file, posteriors)


@app.command("voice")
def evaluate_voice(
    data: EvalData,
    split: Split = None,
    pack: PackOption = None,
    json_file: JsonOption = None,
    posteriors: Posteriors = None,
) -> None:
    """Judge recordings: TESS, RAVDESS, CREMA-D folders, or a CSV."""
    _evaluate("voice", data, split, pack, json_file, posteriors)


@app.command("text")
def evaluate_text(
    data: EvalData,
    split: Split = None,
    pack: PackOption = None,
    json_file: JsonOption = None,
    posteriors: Posteriors = None,
) -> None:
    """Judge texts: GoEmotions, MELD, ISEAR, or a CSV."""
    _evaluate("text", data, split, pack, json_file, posteriors)


@app.command("fusion")
def evaluate_fusion(
    data: Annotated[
        Path, typer.Option("--data", help="Human votes, or a table of posteriors (CSV, Parquet).")
    ],
    pack: Annotated[
        Path | None, typer.Option("--pack", help="Cross-validated on the data itself by default.")
    ] = None,
    folds: Folds = 10,
    seed: Seed = 0,
    json_file: JsonOption = None,
) -> None:
    """Judge each modality, the plain rules and the learned pool on the same items."""
    from mien.evaluate.fusion import evaluate_fusion as judge
    from mien.evaluate.fusion import render as render_methods

    check_target(json_file, "--json", None)
    with progress() as report:
        result = judge(data, pack=pack, folds=folds, seed=seed, progress=report)
    Console().print(render_methods(result))
    if json_file is not None:
        json_file.write_text(json.dumps(result, indent=1) + "\n", encoding="utf-8")
