"""What the commands share: progress, lines of news, targets checked before the work."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console
from rich.progress import BarColumn, Progress, TaskProgressColumn, TextColumn, TimeRemainingColumn

from mien.errors import MissingExtraError, OptionError

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


def pack_or_hub(name: str | None) -> str | None:
    """A pack's folder as it is; a hub id once a pack has been made of its checkpoint.

    Raises:
        HubError: if the checkpoint is neither here nor can be fetched.
        MissingExtraError: if a pack has to be made and the extra 'hub' is not installed.
    """
    from mien.hub import is_hub_id
    from mien.packs import cached_pack

    if name is None or not is_hub_id(name) or cached_pack(name).exists():
        return name
    try:
        from mien.train.convert import pack_of
    except ModuleNotFoundError as error:
        if (error.name or "").startswith("mien"):
            raise
        raise MissingExtraError(f"A pack of {name!r}", "hub") from None
    return str(pack_of(name, lambda line: typer.echo(line, err=True)))


def say(line: str) -> None:
    """A line of news, shown at once."""
    typer.echo(line)
    sys.stdout.flush()


Seed = Annotated[int, typer.Option(help="Of everything random.")]
Folds = Annotated[int, typer.Option(help="Of the cross-validation; groups are never divided.")]
