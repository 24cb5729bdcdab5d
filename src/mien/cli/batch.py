"""``mien batch``."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer
from rich.console import Console

from mien.cli.analyze import PORTRAITS
from mien.cli.flags import options_from, takes_options
from mien.cli.several import said
from mien.cli.shared import stopping
from mien.facts import shown

if TYPE_CHECKING:
    from mien.batch.run import Progress, Result

_EVERY = 5.0
"""Seconds between two lines of progress, at least."""
_SHOWN = 5
"""Failed clips that are named on the terminal; the table has all."""
_RUN = "Batch"


Clips = Annotated[
    list[str],
    typer.Argument(
        metavar="FOLDER|LIST|GLOB...",
        help="A folder with its subfolders, a .txt with one path a line, a quoted glob, files.",
    ),
]
Out = Annotated[
    Path, typer.Option(metavar="DIR", help="Folder of the results.", rich_help_panel=_RUN)
]
Workers = Annotated[
    int | None,
    typer.Option(min=1, help="Processes at a time. Default: one a core.", rich_help_panel=_RUN),
]
Timeout = Annotated[
    float | None,
    typer.Option(
        metavar="SECONDS",
        help="Give up a clip that takes longer. Default: no limit.",
        rich_help_panel=_RUN,
    ),
]
Resume = Annotated[
    bool,
    typer.Option(
        "--resume",
        help="Go on with the batch in --out; new and changed clips are analysed.",
        rich_help_panel=_RUN,
    ),
]
Retry = Annotated[
    bool,
    typer.Option(
        "--retry", help="With --resume: also try again what failed.", rich_help_panel=_RUN
    ),
]
WithReports = Annotated[
    bool,
    typer.Option(
        "--reports",
        help="Also write an interactive page per clip; implies --by window.",
        rich_help_panel=_RUN,
    ),
]
ReportMedia = Annotated[
    str,
    typer.Option(
        help="The recording in the pages: link, embed, none or auto.", rich_help_panel=_RUN
    ),
]
Engine = Annotated[
    str,
    typer.Option(
        metavar="local|ray",
        help="Processes of this machine, or Ray Data (extra 'ray').",
        rich_help_panel=_RUN,
    ),
]
RayAddress = Annotated[
    str | None,
    typer.Option(
        metavar="HOST:PORT",
        help="A cluster of Ray. Default: RAY_ADDRESS, else one started on this machine.",
        rich_help_panel=_RUN,
    ),
]
Results = Annotated[
    str | None,
    typer.Option(
        metavar="DIR|URL",
        help="Where the JSON files and pages go, such as s3://bucket/results. Default: in --out.",
        rich_help_panel=_RUN,
    ),
]


@takes_options
def batch(
    ctx: typer.Context,
    clips: Clips,
    out: Out,
    workers: Workers = None,
    timeout: Timeout = None,
    resume: Resume = False,
    retry: Retry = False,
    reports: WithReports = False,
    report_media: ReportMedia = "link",
    engine: Engine = "local",
    ray_address: RayAddress = None,
    results: Results = None,
    **_: Any,
) -> None:
    """Analyse many recordings: a JSON each, one table, and an index page.

    Clips are decoded in a sandbox unless --no-sandbox is given. One that cannot
    be analysed is a row with its reason. The exit code is 0 if all were analysed,
    2 if some were not, 130 if it was stopped.
    """
    from mien.batch.run import Reports, Setup, run_batch

    implied: dict[str, Any] = {"media.sandbox": True}
    implied |= {"segmentation.by": "window", "portraits": PORTRAITS} if reports else {}
    options = options_from(ctx, implied)
    pages = Reports(reports, report_media)
    setup = Setup(
        out, options, workers or 0, timeout, pages, resume, retry,
        engine=engine, ray_address=ray_address, results=results,
    )  # fmt: skip
    with _telling() as told, stopping("finishing the clips under way") as stop:
        result = run_batch(clips, setup, told, stop)
    _report(result)
    if result.stopped:
        raise typer.Exit(130)
    if result.failed:
        raise typer.Exit(2)


@contextmanager
def _telling() -> Iterator[Callable[[Progress], None]]:
    """A status line on a terminal; lines elsewhere, one every few seconds."""
    console = Console(stderr=True)
    if console.is_terminal:
        with console.status("") as status:
            yield lambda progress: status.update(progress.words())
        return
    last = time.monotonic() - _EVERY

    def tell(progress: Progress) -> None:
        nonlocal last
        finished = progress.kept + progress.done == progress.total
        if finished or time.monotonic() - last >= _EVERY:
            last = time.monotonic()
            typer.echo(f"mien: {progress.words()}", err=True)

    yield tell


def _report(result: Result) -> None:
    """The clips that failed, on stderr, and the files that were written."""
    bad = [row for row in result.rows if row["state"] != "done"]
    for row in bad[:_SHOWN]:
        typer.echo(f"mien: {shown(row['clip'])}: {said(Exception(row['reason']))}", err=True)
    if len(bad) > _SHOWN:
        typer.echo(f"mien: and {len(bad) - _SHOWN} more, see the table.", err=True)
    if bad:
        typer.echo(f"mien: {len(bad)} of {result.total} could not be analysed.", err=True)
    if result.stopped:
        left = result.total - len(result.rows)
        typer.echo(f"mien: stopped; {left} clips are left. Continue with --resume.", err=True)
    for path in result.files:
        typer.echo(f"wrote {shown(path)}")
