"""Worker processes, each with a pipe of its own: a worker that dies or hangs costs its clip only.

``concurrent.futures`` gives up the whole pool when one worker dies, and has no time limit for a
task that runs; see ``docs/decisions/0012-own-worker-pool.md``.
"""

from __future__ import annotations

import contextlib
import multiprocessing as mp
import os
import signal
import threading
import time
from collections.abc import Callable, Generator, Iterable, Iterator
from dataclasses import dataclass
from multiprocessing.connection import Connection, wait
from multiprocessing.process import BaseProcess
from typing import Any, Generic, TypeVar

from mien.errors import MienError

J = TypeVar("J")
POLL = 0.2
"""Seconds after which it is asked whether to stop."""
_START = 60.0
"""Seconds in which a process may start, which are no part of the time for its first job."""
_READY = "ready"
_FAREWELL = 5.0
"""Seconds in which an idle worker may end by itself."""


@dataclass(frozen=True)
class Outcome(Generic[J]):
    """What became of one job.

    Args:
        job: as given.
        value: what the function returned; None if it did not return.
        reason: why it did not, empty if it did.
        seconds: wall time.
    """

    job: J
    value: Any = None
    reason: str = ""
    seconds: float = 0.0


class _Worker(Generic[J]):
    """One process, which runs one job at a time."""

    def __init__(self, function: Callable[..., Any], prepare: Callable[[], None]) -> None:
        context = mp.get_context("spawn")
        self.pipe, theirs = context.Pipe()
        self.process: BaseProcess = context.Process(
            target=_serve, args=(theirs, function, prepare), daemon=True
        )
        self.process.start()
        # Ours is the last open copy of this end, so that the pipe ends when the worker does.
        theirs.close()
        self.job: J | None = None
        self.began = self.grace = 0.0
        self.starting = True

    def give(self, job: J, args: tuple[Any, ...]) -> None:
        self.job, self.began = job, time.monotonic()
        self.grace = _START if self.starting else 0.0
        # One that has died meanwhile is found by its sentinel.
        with contextlib.suppress(OSError):
            self.pipe.send(args)

    def ready(self) -> None:
        """The process is up; the time for its first job begins."""
        self.starting, self.began, self.grace = False, time.monotonic(), 0.0

    def left(self, timeout: float) -> float:
        """Seconds left for the job."""
        return self.began + self.grace + timeout - time.monotonic()

    def answer(self) -> tuple[str, Any] | None:
        """What the worker says; None if nothing, because it has died or is not done."""
        try:
            return self.pipe.recv() if self.pipe.poll() else None
        except (EOFError, OSError):
            return None

    def take(self, value: Any = None, reason: str = "") -> Outcome[J]:
        """The outcome of the job, after which the worker has none."""
        assert self.job is not None
        job, self.job = self.job, None
        return Outcome(job, value, reason, round(time.monotonic() - self.began, 3))

    def end(self, kill: bool) -> None:
        if not kill:
            with contextlib.suppress(OSError):
                self.pipe.send(None)
            self.process.join(_FAREWELL)
        self.process.kill()
        self.process.join()
        self.pipe.close()


@dataclass(frozen=True)
class Pool(Generic[J]):
    """Runs a function for many jobs in processes that were spawned, never forked.

    Args:
        function: can be pickled; ``function(*args)``.
        prepare: called once in each new process.
        workers: processes at a time; 0 for one a core.
        timeout: seconds for one job; None for no limit.
    """

    function: Callable[..., Any]
    prepare: Callable[[], None]
    workers: int
    timeout: float | None = None

    @property
    def crew(self) -> int:
        """Processes at a time."""
        return self.workers or len(os.sched_getaffinity(0))

    def run(
        self,
        jobs: Iterable[tuple[J, tuple[Any, ...]]],
        stop: Callable[[], bool] = lambda: False,
    ) -> Generator[Outcome[J], None, None]:
        """The outcome of each job as soon as it is known, in any order.

        Args:
            jobs: each with the arguments of the function. The next is taken when a worker is free.
            stop: asked a few times a second; once it says True no further job is begun.

        Raises:
            MienError: if the function raised one, which ends the run.
        """
        todo, crew = iter(jobs), list[_Worker[J]]()
        kill = True
        try:
            while self._hand_out(todo, crew, stop):
                yield from self._collect(crew)
            kill = False
        finally:
            for worker in crew:
                worker.end(kill)

    def _hand_out(
        self,
        todo: Iterator[tuple[J, tuple[Any, ...]]],
        crew: list[_Worker[J]],
        stop: Callable[[], bool],
    ) -> bool:
        """Give each free worker a job; whether any has one."""
        while not stop() and sum(worker.job is not None for worker in crew) < self.crew:
            job = next(todo, None)
            if job is None:
                break
            free = next((worker for worker in crew if worker.job is None), None)
            if free is None:
                free = _Worker(self.function, self.prepare)
                crew.append(free)
            free.give(*job)
        return any(worker.job is not None for worker in crew)

    def _collect(self, crew: list[_Worker[J]]) -> Iterator[Outcome[J]]:
        """The outcomes that are there, after waiting for a moment if there is none."""
        wait([one for w in crew for one in (w.pipe, w.process.sentinel)], self._pause(crew))
        for worker in list(crew):
            # Asked before the pipe is read: what a worker said before it died is not lost.
            died = not worker.process.is_alive()
            yield from _heard(worker)
            late = self.timeout is not None and worker.left(self.timeout) < 0
            if died or (worker.job is not None and late):
                crew.remove(worker)
                worker.end(kill=True)
                if worker.job is not None:
                    yield worker.take(reason=self._why(worker.process.exitcode, died))

    def _pause(self, crew: list[_Worker[J]]) -> float:
        if self.timeout is None:
            return POLL
        left = [w.left(self.timeout) for w in crew if w.job is not None]
        return max(0.0, min([POLL, *left]))

    def _why(self, code: int | None, died: bool) -> str:
        if not died:
            return f"took longer than {self.timeout:g} s (--timeout)"
        if code is None or code >= 0:
            return f"its process ended with code {code}"
        name = signal.Signals(-code).name
        more = "; memory may have run out" if -code == signal.SIGKILL else ""
        return f"its process was ended by {name}{more}"


def _heard(worker: _Worker[J]) -> Iterator[Outcome[J]]:
    """The outcomes among all that a worker has said."""
    while (answer := worker.answer()) is not None:
        if answer[0] == _READY:
            worker.ready()
        else:
            yield _outcome(worker, *answer)


def _outcome(worker: _Worker[J], kind: str, value: Any) -> Outcome[J]:
    if kind == "error":
        raise MienError(value)
    return worker.take(value if kind == "value" else None, "" if kind == "value" else value)


def _serve(pipe: Connection, function: Callable[..., Any], prepare: Callable[[], None]) -> None:
    """The life of a worker: one job after another, until it is told to end."""
    # Ctrl-C in a terminal reaches the whole group; the parent decides.
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    threading.Thread(target=_end_with_parent, daemon=True).start()
    prepare()
    pipe.send((_READY, None))
    while True:
        try:
            args = pipe.recv()
        except EOFError:
            return
        if args is None:
            return
        try:
            pipe.send(("value", function(*args)))
        except MienError as error:
            pipe.send(("error", str(error)))
        except Exception as error:
            pipe.send(("failed", f"internal error: {type(error).__name__}: {error}"))


def _end_with_parent() -> None:
    """End at once with the parent, even if it was killed: nobody waits for the result."""
    parent = mp.parent_process()
    if parent is not None:
        wait([parent.sentinel])
        os._exit(1)
