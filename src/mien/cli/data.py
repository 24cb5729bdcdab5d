"""``mien data show``."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console
from rich.text import Text

from mien.cli import options as o
from mien.cli.outputs import Guard

app = typer.Typer(no_args_is_help=True, help="Inspect labelled data sets.")


@app.callback()
def _root() -> None:
    """Keeps ``show`` a command of its own, even while it is the only one."""


@app.command("show")
def data_show(
    ctx: typer.Context,
    data: Annotated[
        Path, typer.Argument(help="A data set of voices: TESS, RAVDESS, CREMA-D or a CSV.")
    ],
    out: Annotated[
        Path, typer.Option("--out", metavar="FILE", help="The figure to write (.png, .svg, .pdf).")
    ] = Path("voices.png"),
    speaker: Annotated[
        str | None, typer.Option(help="The speaker (OAF, 07 ...). Default: the first.")
    ] = None,
    number: Annotated[int, typer.Option(min=0, help="Which recording of the speaker, from 0.")] = 0,
    overwrite: o.Overwrite = False,
) -> None:
    """Count the recordings by speaker and emotion, and draw one recording of each emotion."""
    from mien.datasets import load_voices
    from mien.emotions import MIEN7
    from mien.errors import DataError
    from mien.report.figure import FORMATS, save
    from mien.report.voices import counts, examples, voices_figure
    from mien.terminal import Column, Grid

    guard = Guard.of_command(ctx)
    guard.check(out, "--out", FORMATS)
    if not data.exists():
        raise DataError(f"There is nothing at {data}; give the folder of a data set of voices.")
    rows = load_voices(data)
    paths = examples(rows, speaker, number)
    counted = list(counts(rows))
    speakers = Column("speaker", [Text(group) for group, _ in counted])
    columns = [
        Column(label, [Text(str(by_label[label])) for _, by_label in counted], "right")
        for label in MIEN7.labels
    ]
    Console().print(Grid(speakers, columns))
    figure = voices_figure(paths, f"{data.name}: one recording an emotion")
    save(figure, out, overwrite=overwrite, inputs=guard.inputs)
    typer.echo(f"wrote {out}")
