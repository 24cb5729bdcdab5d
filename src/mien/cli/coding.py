"""``mien agree``: agreement of human coders with each other and with the model."""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer
from rich.console import Console
from rich.text import Text

from mien.cli import options as o
from mien.cli.outputs import Guard, write_all
from mien.cli.shared import read_analysis
from mien.facts import shown
from mien.outputs import AGREEMENT
from mien.terminal import Column, Grid

if TYPE_CHECKING:
    from mien.analysis.analysis import Analysis
    from mien.coding import Agreement, Coding


def codings_of(analysis: Analysis, files: Sequence[Path] | None, carry: bool) -> tuple[Coding, ...]:
    """The codings in files, checked to be of an analysis and each by another coder.

    Raises:
        InputError: if a file holds none, or one of another analysis.
        OptionError: if two are by one coder.
    """
    if not files:
        return ()
    from mien.coding import read_codings
    from mien.report.coded import checked

    return checked(analysis, [one for file in files for one in read_codings(file)], carry)


def agree(
    ctx: typer.Context,
    analysis: Annotated[Path, typer.Argument(help="JSON file of an analysis (--json).")],
    codings: Annotated[
        list[Path],
        typer.Argument(metavar="CODING...", help="JSON files with the labels of human coders."),
    ],
    json_file: Annotated[
        Path | None, typer.Option("--json", metavar="FILE", help="Also write the figures as JSON.")
    ] = None,
    carry: o.Carry = False,
    overwrite: o.Overwrite = False,
) -> None:
    """Cohen's kappa of every two coders, and of each coder with the model."""
    from mien.coding import agreements

    guard = Guard.of_command(ctx)
    guard.check(json_file, "--json")
    value = read_analysis(analysis)
    found = agreements(value, codings_of(value, codings, carry))
    console = Console()
    for part in _shown(found):
        console.print(part)
    if json_file is not None:
        write_all([partial(_write, found, json_file, guard)])


def _write(found: Sequence[Agreement], path: Path, guard: Guard) -> None:
    figures = {"schema": AGREEMENT, "agreements": [one.to_dict() for one in found]}
    with guard.written(path, "--json") as fresh:
        fresh.write_text(json.dumps(figures, indent=1, ensure_ascii=False) + "\n", encoding="utf-8")


def _shown(found: Sequence[Agreement]) -> Iterator[Any]:
    """The table of all pairs, the notes, and the confusion of each pair."""
    figures = [one.figures for one in found]

    def column(heading: str, cells: list[str]) -> Column:
        return Column(heading, [Text(cell) for cell in cells], "right")

    yield Grid(
        Column("pair", [Text(_pair(one)) for one in found]),
        [
            column("rows of both", [str(one.n) for one in found]),
            column("agreement", [_number(one.observed) for one in figures]),
            column("by chance", [_number(one.expected) for one in figures]),
            column("kappa", [_number(one.kappa) for one in figures]),
            column("only one", [str(one.only_first + one.only_second) for one in found]),
        ],
        padding=2,
    )
    for one in found:
        for note in one.notes:
            yield Text(f"{_pair(one)}: {note}")
    for one in found:
        if one.n:
            yield Text("")
            yield _confusion(one)


def _confusion(one: Agreement) -> Grid:
    """Labels that either gave; rows are those of the first."""
    from mien.coding.coding import CODES

    counts = one.confusion
    used = [i for i in range(len(CODES)) if counts[i].any() or counts[:, i].any()]
    first = Column(_pair(one), [Text(CODES[i]) for i in used])
    columns = [Column(CODES[j], [Text(str(counts[i, j])) for i in used], "right") for j in used]
    title = f"rows: {shown(one.first)}; columns: {shown(one.second)}"
    return Grid(first, columns, padding=2, title=title)


def _pair(one: Agreement) -> str:
    second = "the model" if one.is_model else shown(one.second)
    return f"{shown(one.first)} and {second}"


def _number(value: float | None) -> str:
    return "undefined" if value is None else f"{value:.3f}"
