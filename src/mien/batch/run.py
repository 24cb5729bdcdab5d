"""The sequence of a batch: find what is to do, let the workers do it, write table and page."""

from __future__ import annotations

import json
import os
import re
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import closing, suppress
from dataclasses import dataclass, field
from hashlib import sha256
from pathlib import Path

from mien import __version__
from mien.analysis.analysis import Analysis
from mien.analyzer import Analyzer
from mien.batch import store
from mien.batch.beside import Beside
from mien.batch.engines import ENGINES, Engine, engine_of
from mien.batch.inputs import Input, find_clips, keep_names
from mien.batch.one import Row, failed, key_of, row_of
from mien.batch.page import write_page
from mien.batch.pool import Outcome
from mien.batch.state import Key, States
from mien.batch.stored import analyze_stored
from mien.batch.table import write_tables
from mien.errors import MienError, OptionError, OutputError
from mien.facts import shown
from mien.options import DECODING, MediaOptions, Options, check_several
from mien.perceive.diarisation import check_for_many
from mien.report.page.media import HOW
from mien.shortcuts import state_of_files

CLIPS = "clips"
"""The folder of the analyses, in that of the batch."""
_LOOKS = 5
"""For a result of another machine, a second apart."""
_HALF_WRITTEN = re.compile(r"\..+-[a-z0-9_]{8}\.(json|html)", re.DOTALL)


@dataclass(frozen=True)
class Reports:
    """Whether each clip gets a report page, and how the recording is in it.

    Raises:
        OptionError: if ``media`` is none of embed, link, none and auto.
    """

    wanted: bool = False
    media: str = "link"

    def __post_init__(self) -> None:
        if self.media not in HOW:
            raise OptionError.choice("--report-media", self.media, HOW)


@dataclass(frozen=True)
class Setup:
    """How a batch runs.

    Args:
        out: the folder of the results.
        options: of the analysis of each clip; by default they are decoded in the sandbox.
        workers: processes at a time; 0 for as many as there are cores.
        timeout: seconds for a clip; None for no limit.
        reports: whether and how report pages are written.
        resume: go on with an earlier batch in the folder.
        retry: with ``resume``, also analyse again what failed.
        engine: ``local`` for processes of this machine, or ``ray``.
        ray_address: of a cluster of Ray, see :class:`mien.batch.ray_pool.RayPool`.
        results: where the JSON files and pages go instead of ``out/clips``; may be a path of
            fsspec. The workers must reach it.

    Raises:
        OptionError: if a number is out of its range, or a list of words is given for all clips.
    """

    out: Path
    options: Options = field(default_factory=lambda: Options(media=MediaOptions(sandbox=True)))
    workers: int = 0
    timeout: float | None = None
    reports: Reports = field(default_factory=Reports)
    resume: bool = False
    retry: bool = False
    engine: str = "local"
    ray_address: str | None = None
    results: str | None = None

    def __post_init__(self) -> None:
        if self.workers < 0:
            raise OptionError(f"--workers cannot be {self.workers}; give a number from 1.")
        if self.timeout is not None and not self.timeout > 0:
            raise OptionError(f"--timeout cannot be {self.timeout:g}; give seconds above 0.")
        if self.retry and not self.resume:
            raise OptionError("--retry needs --resume.")
        if self.engine not in ENGINES:
            raise OptionError.choice("--engine", self.engine, ENGINES)
        if self.ray_address is not None and self.engine != "ray":
            raise OptionError("--ray-address needs --engine ray.")
        if self.options.speech.words is not None:
            raise OptionError(
                "--words is the transcript of one recording; in a batch, put a subtitle file of "
                "the same name beside each recording."
            )
        check_several(self.options.branches)

    @property
    def digest(self) -> str:
        """Changes with whatever the results depend on, apart from the clips themselves."""
        reports = self.reports
        plain = self.options.to_dict()
        for name in DECODING:
            del plain["media"][name]
        depends = [__version__, plain, reports.wanted, reports.media]
        depends.append(state_of_files(self.options))
        return sha256(json.dumps(depends, sort_keys=True, default=str).encode()).hexdigest()[:16]

    @property
    def folder(self) -> str:
        """Where the JSON files and pages go: of fsspec, or an absolute path."""
        given = self.results or str(self.out / CLIPS)
        return given.rstrip("/") if store.is_stored(given) else str(Path(given).absolute())

    def files(self, one: Input) -> tuple[str, str | None]:
        """Where the JSON and the report page of a clip go."""
        base = f"{self.folder}/{one.name}"
        return f"{base}.json", f"{base}.html" if self.reports.wanted else None


@dataclass
class Progress:
    """How far a batch is.

    Args:
        total: clips.
        kept: of them, those that were finished before.
        changed: of them, those that were finished, but with another file or other options.
        done: finished in this run.
        failed: of all that are finished.
        recorded: seconds of the recordings that this run analysed.
        started: of :func:`time.monotonic`.
    """

    total: int
    kept: int = 0
    changed: int = 0
    done: int = 0
    failed: int = 0
    recorded: float = 0.0
    started: float = field(default_factory=time.monotonic)

    @property
    def elapsed(self) -> float:
        """Seconds since the start."""
        return max(time.monotonic() - self.started, 1e-9)

    @property
    def left(self) -> float | None:
        """Seconds that the rest will take at the pace so far; None while nothing is known."""
        rest = self.total - self.kept - self.done
        return rest * self.elapsed / self.done if self.done else None

    def count(self, row: Row, before: bool = False) -> None:
        """Count a row."""
        self.failed += row["state"] != "done"
        self.kept += before
        self.done += not before
        self.recorded += 0.0 if before else row.get("duration", 0.0)

    def words(self) -> str:
        """Clips, throughput and the time left, in one line."""
        words = [f"{self.kept + self.done} of {self.total} clips"]
        words += [f"{self.failed} failed"] if self.failed else []
        if not self.done:
            words += [f"{self.kept} of them finished before"] if self.kept else []
            changed = "changed or with other options, to be analysed again"
            words += [f"{self.changed} {changed}"] if self.changed else []
        else:
            pace = 60 * self.done / self.elapsed
            words.append(f"{pace:.3g} clips a minute")
        if self.recorded:
            words.append(f"{self.recorded / self.elapsed:.1f} times real time")
        if self.left:
            words.append(f"about {_rough(self.left)} left")
        return ", ".join(words)


def _rough(seconds: float) -> str:
    if seconds < 90:
        return f"{seconds:.0f} s"
    return f"{seconds / 60:.0f} min" if seconds < 5400 else f"{seconds / 3600:.1f} h"


@dataclass(frozen=True)
class Result:
    """What became of a batch.

    Args:
        rows: of the clips that are finished, in the order of the clips.
        total: clips.
        files: the tables and the page.
    """

    rows: tuple[Row, ...]
    total: int
    files: tuple[Path, ...]

    @property
    def failed(self) -> int:
        """Clips that could not be analysed."""
        return sum(row["state"] != "done" for row in self.rows)

    @property
    def stopped(self) -> bool:
        """Whether clips are left to do."""
        return len(self.rows) < self.total


def run_batch(
    given: Sequence[str],
    setup: Setup,
    told: Callable[[Progress], None] = lambda progress: None,
    stop: Callable[[], bool] = lambda: False,
) -> Result:
    """Analyse many clips in worker processes and write their results.

    A script that calls this needs ``if __name__ == "__main__":``, since the workers are spawned.

    Args:
        given: see :func:`mien.batch.inputs.find_clips`.
        setup: how.
        told: called after each clip.
        stop: asked a few times a second; once it says True the clips that are under way are
            finished and no other is begun.

    Raises:
        InputError, OptionError: if nothing is found or an option cannot be had.
        PackError, OutputError, MienError: what every other clip would have failed with, too.
    """
    Analyzer(setup.options)  # refuses what cannot be had before the first process starts
    clips = find_clips(given)
    check_for_many(setup.options.speech.speakers, len(clips))
    with States(setup.out, setup.resume) as states:
        store.sweep(setup.folder, _HALF_WRITTEN)
        clips = keep_names(clips, states.names)
        run = _Batch(setup, states, Progress(len(clips)), told, Beside(setup.options))
        return run.run(clips, stop)


@dataclass(frozen=True)
class _Batch:
    """A batch under way."""

    setup: Setup
    states: States
    progress: Progress
    told: Callable[[Progress], None]
    beside: Beside

    def run(self, clips: list[Input], stop: Callable[[], bool]) -> Result:
        rows = {one.path: row for one in clips if (row := self._known(one)) is not None}
        for row in rows.values():
            self.progress.count(row, before=True)
        self.progress.changed = sum(self.states.changed(one.path, self._key(one)) for one in clips)
        self.told(self.progress)
        todo = [one for one in clips if one.path not in rows]
        setup = self.setup
        engine: Engine[tuple[Input, Key]] = engine_of(
            setup.engine, analyze_stored, setup.workers, setup.timeout, setup.ray_address
        )
        with closing(engine.run(self._jobs(todo), stop)) as outcomes:
            for outcome in outcomes:
                one, key = outcome.job
                row = rows[one.path] = self._row(outcome)
                self._check_arrival(one, row)
                self.states.finish(one.path, key, row)
                self.progress.count(row)
                self.told(self.progress)
        found = [rows[one.path] for one in clips if one.path in rows]
        files = [
            *write_tables(found, self.setup.out),
            write_page(found, self.setup.out, len(clips)),
        ]
        return Result(tuple(found), len(clips), tuple(files))

    def _jobs(self, todo: list[Input]) -> Iterator[tuple[tuple[Input, Key], tuple[object, ...]]]:
        for one in todo:
            key = self._key(one)
            target, page = self.setup.files(one)
            # From here on a JSON of this clip is of this key.
            for file in (target, page):
                if file is not None:
                    store.remove(file)
            self.states.begin(one.path, one.name, key)
            yield (one, key), (one.path, self.setup.options, target, page, self.setup.reports.media)

    def _check_arrival(self, one: Input, row: Row) -> None:
        """Whether a result that was written on another machine is seen on this one.

        Raises:
            OutputError: if it is not.
        """
        if self.setup.engine == "local" or row["state"] != "done":
            return
        target, _ = self.setup.files(one)
        for _ in range(_LOOKS):
            if store.exists(target):
                return
            time.sleep(1)
            if not store.is_stored(target):  # so that NFS asks its server again
                with suppress(OSError):
                    list(Path(target).parent.iterdir())
        raise OutputError(
            f"A worker has written {shown(target)}, which is not on this machine; with a cluster "
            "put --out into a folder that all its machines share, or use --results."
        )

    def _key(self, one: Input) -> Key:
        key: Key = {"options": self.setup.digest}
        if store.is_stored(one.path):
            return key | {"file": store.key_of(one.path)}
        beside = self.beside.state(one.path)
        return key | {"file": key_of(one.path), **({"beside": beside} if beside else {})}

    def _known(self, one: Input) -> Row | None:
        """The row of a clip that is finished, even if the kill came before its line was written."""
        key = self._key(one)
        target, page = self.setup.files(one)
        row = self.states.row(one.path, key)
        if row is None and not self.states.begun(one.path, key):
            return None
        whole = store.exists(target) and (page is None or store.exists(page))
        if row is not None and (whole if row["state"] == "done" else not self.setup.retry):
            return row
        if not whole or not self.states.begun(one.path, key):
            return None
        try:
            analysis = Analysis.from_dict(json.loads(store.read(target)))
        except (OSError, ValueError, KeyError, RecursionError, MienError):
            return None
        seconds = round(sum(analysis.provenance.seconds.values()), 3)
        row = self._placed(one, row_of(analysis) | {"seconds": seconds})
        self.states.finish(one.path, key, row)
        return row

    def _row(self, outcome: Outcome[tuple[Input, Key]]) -> Row:
        row = outcome.value if outcome.value is not None else failed(outcome.reason)
        return self._placed(outcome.job[0], {"seconds": outcome.seconds} | row)

    def _placed(self, one: Input, row: Row) -> Row:
        """The row with the clip and its files, relative to the folder of the batch."""
        named = {"clip": one.name, "path": one.path}
        if row["state"] != "done":
            return named | row
        for kind, file in zip(("json", "report"), self.setup.files(one), strict=True):
            named[kind] = "" if file is None else self._linked(file)
        return named | row

    def _linked(self, file: str) -> str:
        """A file as the table names it: relative to the folder of the batch, or of fsspec."""
        return file if store.is_stored(file) else os.path.relpath(file, self.setup.out)
