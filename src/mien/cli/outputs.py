"""The outputs of a command: checked before its work, written after it, each on its own."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import AbstractContextManager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import typer

from mien.errors import MienError, OptionError, OutputError
from mien.outputs import check_distinct, check_output, is_own, written

OUTPUTS = frozenset(
    {"json_file", "exports", "figure", "report", "transcript", "posteriors", "out", "page", "files"}
)
"""Parameters of commands that name what is written; all others name what is read."""
MODELS = frozenset(
    {"text_pack", "voice_pack", "face_pack", "pack", "fusion", "detector", "asr", "speakers"}
)
"""Parameters that may name a folder or a file, or something else."""


@dataclass(frozen=True)
class Guard:
    """What of the user's may not be replaced.

    Args:
        inputs: files and folders that the command reads.
        overwrite: whether other files that mien did not write may be replaced.
    """

    inputs: tuple[Path, ...] = ()
    overwrite: bool = False

    @classmethod
    def of_command(cls, context: typer.Context, *more: Path) -> Guard:
        """The guard of a command, by its parameters.

        Args:
            context: of the command.
            more: further inputs.
        """
        given = context.params
        return cls((*_inputs(given), *more), bool(given.get("overwrite", False)))

    def beside(self, recordings: Iterable[Path]) -> Guard:
        """With the subtitle files and turns beside recordings, read unless mien wrote them."""
        from mien.perceive.diarisation import is_input, rttm_beside
        from mien.perceive.sidecar import subtitles_beside

        recordings = list(recordings)
        turns = [file for file in map(rttm_beside, recordings) if file and is_input(file)]

        found = (subtitles_beside(path) for path in recordings)
        files = [file for one in found for file in (*one.own, *one.others) if not is_own(file)]
        return Guard((*self.inputs, *files, *turns), self.overwrite)

    def check(
        self, path: Path | None, option: str, suffixes: tuple[str, ...] | None = None
    ) -> None:
        """Find out before the work whether a file may and can be written.

        Raises:
            OptionError: if its suffix is none of ``suffixes``, or it may not be replaced.
            OutputError: if no file can be made there.
        """
        if path is None:
            return
        if suffixes is not None and path.suffix.lower() not in suffixes:
            raise OptionError.choice(f"The suffix of {option}", path.suffix, suffixes)
        check_output(path, self.inputs, self.overwrite, option)

    def check_all(self, named: Iterable[tuple[str, Path | None]]) -> None:
        """Check several outputs, which must be different files.

        Raises:
            OptionError, OutputError: as :meth:`check`.
        """
        there = [(option, path) for option, path in named if path is not None]
        check_distinct(there)
        for option, path in there:
            self.check(path, option)

    def written(self, path: Path, option: str) -> AbstractContextManager[Path]:
        """A fresh file that takes the place of ``path``; see :func:`mien.outputs.written`."""
        return written(path, self.inputs, self.overwrite, option)


def write_all(writers: Iterable[Callable[[], None]]) -> None:
    """Write every output; one that fails does not keep the others from being written.

    Raises:
        MienError: the one failure.
        OutputError: if several failed; its message has a line for each.
    """
    failed: list[MienError] = []
    for write in writers:
        try:
            write()
        except MienError as error:
            failed.append(error)
    if len(failed) == 1:
        raise failed[0]
    if failed:
        raise OutputError("\n".join(str(error) for error in failed))


def _inputs(given: Mapping[str, Any]) -> Iterator[Path]:
    """The files and folders that the parameters of a command name."""
    for name, value in given.items():
        if name in OUTPUTS:
            continue
        for one in value if isinstance(value, (list, tuple)) else (value,):
            if isinstance(one, Path):
                yield one
            elif isinstance(one, str) and name in MODELS:
                yield Path(one.removeprefix("whisper:"))
