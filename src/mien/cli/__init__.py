"""The command line: ``mien analyze | batch | export | report | agree | data | train ...``."""

from __future__ import annotations

from typing import Annotated

import typer

from mien import __version__
from mien.cli import data, evaluate, models, serve, train
from mien.cli.analyze import analyze, demo, export_analysis, report_page
from mien.cli.batch import batch
from mien.cli.coding import agree
from mien.cli.flags import Command
from mien.cli.live import live
from mien.cli.several import said
from mien.errors import MienError
from mien.facts import shown
from mien.memory import keep_little

app = typer.Typer(
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    help="Recognise emotion in a recording from its words, its voice and its faces.",
)
app.command(cls=Command)(analyze)
app.command(cls=Command)(batch)
app.command(cls=Command)(live)
app.command()(demo)
app.command("export")(export_analysis)
app.command("report")(report_page)
app.command()(agree)
app.add_typer(data.app, name="data")
app.add_typer(train.app, name="train")
app.add_typer(evaluate.app, name="evaluate")
app.add_typer(models.app, name="models")
app.add_typer(serve.app, name="serve")


def _version(wanted: bool) -> None:
    if wanted:
        typer.echo(f"mien {__version__}")
        raise typer.Exit()


@app.callback()
def _root(
    version: Annotated[
        bool,
        typer.Option(
            "--version", callback=_version, is_eager=True, help="Show the version and exit."
        ),
    ] = False,
) -> None:
    pass


def main() -> None:
    """Run the command line; an error of mien is one sentence on stderr and exit code 2."""
    keep_little()
    try:
        app()
    except MienError as error:
        typer.echo(f"mien: {said(error)}", err=True)
        raise SystemExit(2) from None
    except KeyboardInterrupt:
        typer.echo("mien: stopped.", err=True)
        raise SystemExit(130) from None
    except OSError as error:
        name = shown(error.filename or "a file")
        typer.echo(f"mien: {name}: {error.strerror or shown(error)}.", err=True)
        raise SystemExit(2) from None
