"""Worker processes, each with a pipe of its own: a worker that dies or hangs costs its job only.

A :class:`Crew` takes jobs one by one and stays, as a service needs it; a :class:`Pool` runs a crew
over many jobs, as a batch does.

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
_READY, _NEWS = "ready", "news"
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
        late: whether the reason is that it took too long.
        died: whether the reason is that its process ended.
    """

    job: J
    value: Any = None
    reason: str = ""
    seconds: float = 0.0
    late: bool = False
    died: bool = False


@dataclass(frozen=True)
class News(Generic[J]):
    """What the function of a job told by :func:`tell` while it ran."""

    job: J
    value: Any


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

    def take(self, value: Any = None, reason: str = "", **more: bool) -> Outcome[J]:
        """The outcome of the job, after which the worker has none."""
        assert self.job is not None
        job, self.job = self.job, None
        return Outcome(job, value, reason, round(time.monotonic() - self.began, 3), **more)

    def end(self, kill: bool) -> None:
        if not kill:
            with contextlib.suppress(OSError):
                self.pipe.send(None)
            self.process.join(_FAREWELL)
        self.process.kill()
        self.process.join()
        self.pipe.close()


class Crew(Generic[J]):
    """Worker processes, spawned and never forked, to which jobs are given one by one.

    A process is started when there is a job for it, and stays for the next.

    Args:
        function: can be pickled; ``function(*args)``.
        prepare: called once in each new process.
        size: processes at a time.
        timeout: seconds for one job; None for no limit.
    """

    def __init__(
        self,
        function: Callable[..., Any],
        prepare: Callable[[], None],
        size: int,
        timeout: float | None = None,
    ) -> None:
        self._function, self._prepare = function, prepare
        self._size, self._timeout = size, timeout
        self._workers: list[_Worker[J]] = []

    @property
    def jobs(self) -> list[J]:
        """The jobs under way."""
        return [worker.job for worker in self._workers if worker.job is not None]

    @property
    def free(self) -> bool:
        """Whether a job can be given."""
        return len(self.jobs) < self._size

    def give(self, job: J, args: tuple[Any, ...]) -> None:
        """Begin a job; call it only while the crew is :attr:`free`."""
        worker = next((worker for worker in self._workers if worker.job is None), None)
        if worker is None:
            worker = _Worker(self._function, self._prepare)
            self._workers.append(worker)
        worker.give(job, args)

    def collect(self, most: float = POLL) -> Iterator[Outcome[J] | News[J]]:
        """What is known by now, after waiting for a moment if there is nothing.

        Args:
            most: seconds to wait.

        Raises:
            MienError: if the function raised one.
        """
        handles = [one for w in self._workers for one in (w.pipe, w.process.sentinel)]
        if not handles:
            time.sleep(most)
            return
        wait(handles, self._pause(most))
        for worker in list(self._workers):
            # Asked before the pipe is read: what a worker said before it died is not lost.
            died = not worker.process.is_alive()
            yield from _heard(worker)
            late = self._timeout is not None and worker.left(self._timeout) < 0
            if died or (worker.job is not None and late):
                self._workers.remove(worker)
                worker.end(kill=True)
                if worker.job is not None:
                    reason = self._why(worker.process.exitcode, died)
                    yield worker.take(reason=reason, late=not died, died=died)

    def drop(self, job: J) -> bool:
        """End a job at once, with its process; whether it was under way. It has no outcome."""
        worker = next((worker for worker in self._workers if worker.job == job), None)
        if worker is None:
            return False
        self._workers.remove(worker)
        worker.end(kill=True)
        return True

    def end(self, kill: bool) -> None:
        """End all processes, at once or when they are idle."""
        while self._workers:
            self._workers.pop().end(kill)

    def _pause(self, most: float) -> float:
        if self._timeout is None:
            return most
        left = [w.left(self._timeout) for w in self._workers if w.job is not None]
        return max(0.0, min([most, *left]))

    def _why(self, code: int | None, died: bool) -> str:
        if not died:
            return f"took longer than {self._timeout:g} s (--timeout)"
        if code is None or code >= 0:
            return f"its process ended with code {code}"
        name = signal.Signals(-code).name
        more = "; memory may have run out" if -code == signal.SIGKILL else ""
        return f"its process was ended by {name}{more}"


@dataclass(frozen=True)
class Pool(Generic[J]):
    """Runs a function for many jobs in a :class:`Crew`.

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
        todo = iter(jobs)
        crew: Crew[J] = Crew(self.function, self.prepare, self.crew, self.timeout)
        kill = True
        try:
            while _hand_out(todo, crew, stop):
                yield from (said for said in crew.collect() if isinstance(said, Outcome))
            kill = False
        finally:
            crew.end(kill)


def _hand_out(
    todo: Iterator[tuple[J, tuple[Any, ...]]], crew: Crew[J], stop: Callable[[], bool]
) -> bool:
    """Give each free worker a job; whether any has one."""
    while not stop() and crew.free:
        job = next(todo, None)
        if job is None:
            break
        crew.give(*job)
    return bool(crew.jobs)


def _heard(worker: _Worker[J]) -> Iterator[Outcome[J] | News[J]]:
    """What a worker has said, in its order."""
    while (answer := worker.answer()) is not None:
        kind, value = answer
        if kind == _READY:
            worker.ready()
        elif kind == _NEWS:
            if worker.job is not None:  # else a thread told it after the end of its job
                yield News(worker.job, value)
        else:
            yield _outcome(worker, kind, value)


def _outcome(worker: _Worker[J], kind: str, value: Any) -> Outcome[J]:
    if kind == "error":
        raise MienError(value)
    return worker.take(value if kind == "value" else None, "" if kind == "value" else value)


_parent: list[Connection] = []
_telling = threading.Lock()


def tell(value: Any) -> None:
    """In a worker, have its parent get :class:`News` of the job under way; from any thread.

    Args:
        value: can be pickled.
    """
    with _telling:
        for pipe in _parent:
            pipe.send((_NEWS, value))


def _serve(pipe: Connection, function: Callable[..., Any], prepare: Callable[[], None]) -> None:
    """The life of a worker: one job after another, until it is told to end."""
    # Ctrl-C in a terminal reaches the whole group; the parent decides.
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    threading.Thread(target=_end_with_parent, daemon=True).start()
    prepare()
    pipe.send((_READY, None))
    _parent.append(pipe)
    while True:
        try:
            args = pipe.recv()
        except EOFError:
            return
        if args is None:
            return
        said = _said(function, args)
        with _telling:
            pipe.send(said)


def _said(function: Callable[..., Any], args: tuple[Any, ...]) -> tuple[str, Any]:
    try:
        return "value", function(*args)
    except MienError as error:
        return "error", str(error)
    except Exception as error:
        return "failed", f"internal error: {type(error).__name__}: {error}"


def _end_with_parent() -> None:
    """End at once with the parent, even if it was killed: nobody waits for the result."""
    parent = mp.parent_process()
    if parent is not None:
        wait([parent.sentinel])
        os._exit(1)
