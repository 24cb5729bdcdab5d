"""What the commands share: progress, lines of news, targets checked before the work."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console
from rich.progress import BarColumn, Progress, TaskProgressColumn, TextColumn, TimeRemainingColumn

from mien.errors import OptionError

Report = Callable[[str, float], None]


@contextmanager
def progress() -> Iterator[Report]:
    """A progress bar on the terminal's error stream; nothing where there is no terminal."""
    console = Console(stderr=True)
    columns = (TextColumn("{task.description}"), BarColumn(), TaskProgressColumn())
    with Progress(*columns, TimeRemainingColumn(), console=console, transient=True) as bar:
        task = bar.add_task("", total=1.0)
        yield lambda doing, share: bar.update(task, description=doing, completed=share)


def check_target(path: Path | None, option: str, suffixes: tuple[str, ...] | None) -> None:
    """Find out before the work whether a file can be written, not after it.

    Raises:
        OptionError: if its suffix is none of ``suffixes`` or its folder does not exist.
    """
    if path is None:
        return
    if suffixes is not None and path.suffix.lower() not in suffixes:
        raise OptionError.choice(f"The suffix of {option}", path.suffix, suffixes)
    if path.is_dir() or not path.resolve().parent.is_dir():
        raise OptionError(
            f"{option} cannot be written to {path}; name a file in a folder that exists."
        )


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


def say(line: str) -> None:
    """A line of news, shown at once."""
    typer.echo(line)
    sys.stdout.flush()


Seed = Annotated[int, typer.Option(help="Of everything random.")]
Folds = Annotated[int, typer.Option(help="Of the cross-validation; groups are never divided.")]
