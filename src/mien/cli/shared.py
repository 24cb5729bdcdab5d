"""What the commands share: progress, lines of news, signals."""

from __future__ import annotations

import json
import signal
import sys
import time
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer
from rich.console import Console
from rich.progress import BarColumn, Progress, TaskProgressColumn, TextColumn, TimeRemainingColumn

from mien.errors import InputError, OptionError
from mien.files import read_text

if TYPE_CHECKING:
    from mien.analysis.analysis import Analysis
    from mien.clip_posteriors import Folder

Report = Callable[[str, float], None]
BETWEEN_LINES = 10.0
"""Seconds between two lines of progress where there is no terminal."""
QUIET = 5.0
"""Seconds in which ``mien analyze`` says nothing where there is no terminal."""


@contextmanager
def progress(quiet: float = 0.0) -> Iterator[Report]:
    """Tell on the error stream what is being done: a bar on a terminal, else a line now and then.

    Args:
        quiet: seconds without a line at the start where there is no terminal.
    """
    console = Console(stderr=True)
    if not console.is_terminal:
        yield _in_lines(quiet)
        return
    columns = (TextColumn("{task.description}"), BarColumn(), TaskProgressColumn())
    with Progress(*columns, TimeRemainingColumn(), console=console, transient=True) as bar:
        task = bar.add_task("", total=1.0)
        before = ""

        def tell(doing: str, share: float) -> None:
            nonlocal before
            if doing != before:
                # Another pace: the time left is not to be judged by what was done before.
                bar.reset(task, description=doing)
            bar.update(task, completed=share)
            before = doing

        yield tell


def _in_lines(quiet: float) -> Report:
    """What is being done as lines, at most one every ``BETWEEN_LINES`` seconds."""
    due = time.monotonic() + quiet

    def tell(doing: str, share: float) -> None:
        nonlocal due
        now = time.monotonic()
        if now >= due:
            typer.echo(f"mien: {doing} ({share:.0%})", err=True)
            due = now + BETWEEN_LINES

    return tell


def pack_or_hub(name: str | None) -> str | None:
    """A pack's folder as it is; a hub id or checkpoint once a pack has been made of it.

    Raises:
        HubError: if the checkpoint is neither here nor can be fetched.
        MissingExtraError: if a pack has to be made and the extra 'hub' is not installed.
    """
    from mien.presets import ready_pack

    if name is None:
        return None
    return ready_pack(name, lambda line: typer.echo(line, err=True), download=True)


@contextmanager
def stopping(
    how: str = "stopping after judging what was read so far",
) -> Iterator[Callable[[], bool]]:
    """Whether to stop: the first SIGINT or SIGTERM asks for it, the second ends at once.

    Args:
        how: what the first signal leads to, as the message says.
    """
    asked = False

    def ask(number: int, frame: object) -> None:
        nonlocal asked
        if asked:
            raise KeyboardInterrupt
        asked = True
        typer.echo(f"mien: {how} (Ctrl-C again: at once).", err=True)

    before = {number: signal.signal(number, ask) for number in (signal.SIGINT, signal.SIGTERM)}
    try:
        yield lambda: asked
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


def read_analysis(path: Path) -> Analysis:
    """The analysis that ``--json`` wrote.

    Raises:
        InputError: if it is none.
    """
    from mien.analysis.analysis import Analysis

    text = read_text(path)
    try:
        value = json.loads(text)
    except (ValueError, RecursionError) as error:
        reason = "nested too deeply" if isinstance(error, RecursionError) else str(error)
        raise InputError(
            f"{path} is not an analysis ({reason}); give a file that --json wrote."
        ) from None
    return Analysis.from_dict(value)


def earlier_analysis(path: Path | None) -> Analysis | None:
    """The analysis to continue; None where none was written yet.

    Args:
        path: the file that ``--json`` or ``--export`` names.

    Raises:
        OptionError: if they name none.
    """
    if path is None:
        raise OptionError("--resume needs --json FILE, the file of the partial analysis.")
    return read_analysis(path) if path.exists() else None


def pairs(given: Iterable[str], option: str) -> dict[str, str]:
    """``NAME=VALUE`` entries as a mapping.

    Raises:
        OptionError: if one of them has no ``=``.
    """
    out = {}
    for entry in given:
        name, found, value = entry.partition("=")
        if not found or not name.strip() or not value.strip():
            raise OptionError(f"{option} cannot be {entry!r}; write NAME=VALUE.")
        out[name.strip()] = value.strip()
    return out


def numbers(given: Iterable[str], option: str) -> dict[str, float]:
    """``NAME=NUMBER`` entries as a mapping.

    Raises:
        OptionError: if one of them is none.
    """
    try:
        return {name: float(value) for name, value in pairs(given, option).items()}
    except ValueError as error:
        raise OptionError(f"{option}: {error}; write NAME=NUMBER.") from None


def posteriors_source(
    data: Path, labels: Path | None, kept: Path | None, packs: Mapping[str, Path], asr: str
) -> Path | Folder:
    """What ``--data`` of the fusion commands names: a table as it is, or a folder to be judged.

    Raises:
        OptionError: if options of a folder are given to a table, or a folder is given no file in
            which to keep what is judged.
    """
    from mien.clip_posteriors import Folder

    if not data.is_dir():
        given = {"--labels": labels, "--asr": None if asr == "auto" else asr}
        given |= {f"--{branch}": pack for branch, pack in packs.items()}
        for option, value in given.items():
            if value:
                raise OptionError(
                    f"{option} applies to a folder of clips, and --data {data} is not a folder; "
                    "leave it out."
                )
        return data
    if kept is None:
        raise OptionError(
            f"{data} is a folder of clips; give --posteriors FILE.csv, in which their posteriors "
            "are kept."
        )
    return Folder(data, kept, labels, packs, asr)


def say(line: str) -> None:
    """A line of news, shown at once."""
    typer.echo(line)
    sys.stdout.flush()


Seed = Annotated[int, typer.Option(help="Random seed.")]
Folds = Annotated[
    int, typer.Option(help="Folds of the cross-validation; a group is never divided between folds.")
]
