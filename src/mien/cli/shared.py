"""What the commands share: progress, lines of news, targets checked before the work."""

from __future__ import annotations

import json
import signal
import sys
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer
from rich.console import Console
from rich.progress import BarColumn, Progress, TaskProgressColumn, TextColumn, TimeRemainingColumn

from mien.errors import InputError, OptionError

if TYPE_CHECKING:
    from mien.analyzer import Options
    from mien.results import Analysis
    from mien.witnesses import Folder

Report = Callable[[str, float], None]


@contextmanager
def progress() -> Iterator[Report]:
    """A progress bar on the terminal's error stream; nothing where there is no terminal.

    It shows what is being done, and the time that is left of that.
    """
    console = Console(stderr=True)
    columns = (TextColumn("{task.description}"), BarColumn(), TaskProgressColumn())
    off = not console.is_terminal
    with Progress(
        *columns, TimeRemainingColumn(), console=console, transient=True, disable=off
    ) as bar:
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
    """A pack's folder as it is; a hub id or checkpoint once a pack has been made of it.

    Raises:
        HubError: if the checkpoint is neither here nor can be fetched.
        MissingExtraError: if a pack has to be made and the extra 'hub' is not installed.
    """
    from mien.presets import ready_pack

    if name is None:
        return None
    return ready_pack(name, lambda line: typer.echo(line, err=True), download=True)


def preset_options(preset: str, asr: str | None, nets: Mapping[str, str | Path | None]) -> Options:
    """The options of a preset, with those of its parts that the user names.

    Raises:
        HubError: naming every part that is not on this machine.
        MissingExtraError: if an extra that a part needs is not installed.
        OptionError: if there is no such preset.
    """
    from mien.presets import NAMES, Paper, paper

    if preset not in NAMES:
        raise OptionError.choice("--preset", preset, NAMES)
    given = {name: str(net) for name, net in {"asr": asr, **nets}.items() if net is not None}
    return paper(Paper(**given), lambda line: typer.echo(line, err=True))


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


def witnesses_source(
    data: Path, labels: Path | None, kept: Path | None, packs: Mapping[str, Path], asr: str
) -> Path | Folder:
    """What ``--data`` of the fusion commands names: a table as it is, or a folder to be judged.

    Raises:
        OptionError: if options of a folder are given to a table, or a folder is given no file in
            which to keep what is judged.
    """
    from mien.witnesses import Folder

    if not data.is_dir():
        given = {"--labels": labels, "--for": packs, "--asr": None if asr == "auto" else asr}
        for option, value in given.items():
            if value:
                raise OptionError(f"{option} is for a folder of clips; --data {data} is none.")
        return data
    if kept is None:
        raise OptionError(
            f"{data} is a folder of clips; name with --posteriors FILE.csv where what is judged of "
            "them is kept."
        )
    return Folder(data, kept, labels, packs, asr)


def say(line: str) -> None:
    """A line of news, shown at once."""
    typer.echo(line)
    sys.stdout.flush()


Seed = Annotated[int, typer.Option(help="Of everything random.")]
Folds = Annotated[int, typer.Option(help="Of the cross-validation; groups are never divided.")]
