"""What the commands share: progress, lines of news, targets checked before the work."""

from __future__ import annotations

import json
import signal
import sys
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer
from rich.console import Console
from rich.progress import BarColumn, Progress, TaskProgressColumn, TextColumn, TimeRemainingColumn

from mien.errors import InputError, MissingExtraError, OptionError

if TYPE_CHECKING:
    from mien.results import Analysis

Report = Callable[[str, float], None]


@contextmanager
def progress() -> Iterator[Report]:
    """A progress bar on the terminal's error stream; nothing where there is no terminal.

    It shows what is being done, and the time that is left of that.
    """
    console = Console(stderr=True)
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


@contextmanager
def stopping() -> Iterator[Callable[[], bool]]:
    """Whether it is time to stop: the first Ctrl-C asks for it, the second one ends at once."""
    asked = False

    def ask(number: int, frame: object) -> None:
        nonlocal asked
        if asked:
            raise KeyboardInterrupt
        asked = True
        typer.echo("mien: stopping; what was read so far is judged (Ctrl-C: at once).", err=True)

    before = signal.signal(signal.SIGINT, ask)
    try:
        yield lambda: asked
    finally:
        signal.signal(signal.SIGINT, before)


def read_analysis(path: Path) -> Analysis:
    """The analysis that ``--json`` wrote.

    Raises:
        InputError: if it is none.
    """
    from mien.results import Analysis

    try:
        value = json.loads(path.read_text(encoding="utf-8"))
    except ValueError as error:
        raise InputError(f"{path} is no analysis ({error}); name what --json wrote.") from None
    return Analysis.from_dict(value)


def earlier_analysis(json_file: str | None) -> Analysis | None:
    """The analysis to go on with, None where none was written yet.

    Raises:
        OptionError: if ``--json`` does not name a file.
    """
    if json_file in (None, "-"):
        raise OptionError("--resume needs --json FILE, the file of the partial analysis.")
    path = Path(str(json_file))
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


def say(line: str) -> None:
    """A line of news, shown at once."""
    typer.echo(line)
    sys.stdout.flush()


Seed = Annotated[int, typer.Option(help="Of everything random.")]
Folds = Annotated[int, typer.Option(help="Of the cross-validation; groups are never divided.")]
