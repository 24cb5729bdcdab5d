"""Several recordings in one command: where the results of each go, and one failure costs one."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TypeVar

import typer

from mien.errors import MienError, OptionError
from mien.facts import shown

NAME = "{}"
"""What stands for the name of the recording, without its suffix, in the name of an output."""

T = TypeVar("T")


def said(error: Exception) -> str:
    """An error's message as it may be printed: names in it may hold codes of a terminal."""
    return "\n".join(shown(line) for line in str(error).split("\n"))


@dataclass(frozen=True)
class Targets:
    """The outputs that were asked for, as they were named.

    Args:
        json: ``-`` for stdout.
        figure, transcript, report, exports: files.
    """

    json: str | None = None
    figure: Path | None = None
    transcript: Path | None = None
    report: Path | None = None
    exports: tuple[Path, ...] = ()

    def for_each(self, paths: Sequence[Path]) -> list[Targets]:
        """The outputs of each recording.

        Raises:
            OptionError: if two recordings would be written to one file.
        """
        found = [self._of(path.stem) for path in paths]
        for option, target in (named for one in found for named in one._files()):
            if sum(str(target) == str(t) for one in found for _, t in one._files()) > 1:
                remedy = self._remedy(target)
                raise OptionError(
                    f"{option} would write several results to {shown(target)}; {remedy}"
                )
        return found

    def _remedy(self, target: str | Path) -> str:
        if str(target) not in {str(template) for _, template in self._files()}:
            return "analyse recordings of the same name in separate commands."
        return (
            f"with {NAME} in it, which stands for the name of the recording, each has a file of "
            f"its own (--json 'out/{NAME}.json')."
        )

    def _of(self, stem: str) -> Targets:
        def filled(target: Path | None) -> Path | None:
            return None if target is None else Path(str(target).replace(NAME, stem))

        return Targets(
            None if self.json is None else self.json.replace(NAME, stem),
            filled(self.figure),
            filled(self.transcript),
            filled(self.report),
            tuple(Path(str(target).replace(NAME, stem)) for target in self.exports),
        )

    def _files(self) -> Iterator[tuple[str, str | Path]]:
        """Every output with its option."""
        named = {"--json": self.json, "--figure": self.figure, "--transcript": self.transcript}
        for option, target in (named | {"--report": self.report}).items():
            if target is not None:
                yield option, target
        yield from (("--export", target) for target in self.exports)


def each(jobs: Sequence[tuple[Path, T]], run: Callable[[Path, T], None]) -> None:
    """Run each job; of several, what fails is told and the rest goes on.

    Raises:
        MienError: of a single job, as it is.
        typer.Exit: with code 2 if one of several failed.
    """
    failed: Counter[str] = Counter()
    for path, job in jobs:
        try:
            run(path, job)
        except MienError as error:
            if len(jobs) == 1:
                raise
            failed[shown(path)] += 1
            typer.echo(f"mien: {said(error)}", err=True)
    if failed:
        typer.echo(f"mien: {failed.total()} of {len(jobs)} could not be analysed.", err=True)
        raise typer.Exit(2)
