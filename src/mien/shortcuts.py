"""``mien.analyze`` and ``mien.analyze_text``: an analysis in one call."""

from __future__ import annotations

from collections.abc import Callable
from functools import lru_cache
from pathlib import Path
from typing import overload

from mien.analysis.analysis import Analysis
from mien.analyzer import Analyzer, Progress, never, no_progress
from mien.hub import is_hub_id
from mien.options import Options
from mien.pack_folders import cached_pack


def analyze(
    path: str | Path,
    options: Options | None = None,
    *,
    progress: Progress = no_progress,
    stop: Callable[[], bool] = never,
) -> Analysis:
    """The analysis of one recording, picture or text file; see :meth:`Analyzer.analyze`.

    The analyzers of the last options are kept, so that a second call loads nothing.
    """
    return _kept_analyzer(options).analyze(path, progress, stop)


@overload
def analyze_text(text: str, options: Options | None = None) -> Analysis: ...
@overload
def analyze_text(
    text: list[str] | tuple[str, ...], options: Options | None = None
) -> list[Analysis]: ...
def analyze_text(
    text: str | list[str] | tuple[str, ...], options: Options | None = None
) -> Analysis | list[Analysis]:
    """The analysis of one text, or a list of those of many; see :meth:`Analyzer.analyze_text`."""
    return _kept_analyzer(options).analyze_text(text)


KEPT = 2
"""Analyzers that :func:`analyze` keeps; each holds its models in memory."""


def _kept_analyzer(options: Options | None) -> Analyzer:
    wanted = options or Options()
    return cached_analyzer(wanted, state_of_files(wanted))


@lru_cache(maxsize=KEPT)
def cached_analyzer(options: Options, state: object) -> Analyzer:
    """The analyzer kept for these options, as long as the files that they name have this state."""
    return Analyzer(options)


def state_of_files(options: Options) -> tuple[tuple[str, int, int], ...]:
    """Where the files lie that options name, and when each was last written.

    A pack that was trained anew in the same folder is another pack.
    """
    fusion = options.fusion
    named = [str(given["pack"]) for given in options.branches.values() if given.get("pack")]
    folders = [cached_pack(name) if is_hub_id(name) else Path(name) for name in named]
    files = [folder / "pack.json" for folder in (*folders, Path(fusion.rule))]
    files += [Path(fusion.blends)] if fusion.blends is not None else []
    found = [(file.resolve(), file.stat()) for file in files if file.is_file()]
    return tuple((str(file), stat.st_mtime_ns, stat.st_size) for file, stat in found)
