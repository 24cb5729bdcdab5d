"""The workers of a batch on Ray Data: on this machine, or on the machines of a cluster.

Each actor of the pool runs the clips in a process of its own, as a worker of the local engine does
(:mod:`mien.batch.pool`), so that a crash and a time limit cost the clip only. What is left to Ray
is to start the actors where there is room, and to replace those that are lost.
"""

from __future__ import annotations

import contextlib
import os
import pickle
import threading
import time
from collections import deque
from collections.abc import Callable, Generator, Iterable, Iterator
from dataclasses import dataclass
from itertools import islice
from queue import Empty, SimpleQueue
from typing import Any, Generic, TypeVar

from mien.batch.pool import POLL, Outcome, Pool
from mien.batch.ray_cluster import Cluster, MappedRows, connected
from mien.errors import MienError

J = TypeVar("J")
Job = tuple[J, tuple[Any, ...]]
TRIES = 2
"""How often a clip is begun; a further time it would be likely to end its worker again."""
LOST = f"its worker on Ray was lost {TRIES} times: killed, out of memory, or the machine failed"
_PATIENCE = 30.0
"""Seconds in which Ray is expected to end what it does."""
_WAVE = 4096
"""Clips that are known to Ray at a time: each is a block of its own."""


@dataclass(frozen=True)
class RayPool(Generic[J]):
    """Runs a function for many jobs in actors of Ray Data; as :class:`mien.batch.pool.Pool`.

    Args:
        function: can be pickled; ``function(*args)``.
        prepare: called once in each new process.
        workers: actors at a time; 0 for one a processor of the cluster.
        timeout: seconds for one job; None for no limit.
        address: of a cluster of Ray; None for that of ``RAY_ADDRESS``, else one on this machine,
            which is ended afterwards.
    """

    function: Callable[..., Any]
    prepare: Callable[[], None]
    workers: int = 0
    timeout: float | None = None
    address: str | None = None

    def run(
        self, jobs: Iterable[Job[J]], stop: Callable[[], bool] = lambda: False
    ) -> Generator[Outcome[J], None, None]:
        """The outcome of each job as soon as it is known, in any order.

        A job whose actor is lost is given to another one once more; see ``LOST``.

        Args:
            jobs: each with the arguments of the function. Up to 4,096 are taken at a time.
            stop: asked a few times a second; once it says True no further job is begun, and the
                outcomes of those under way follow.

        Raises:
            MienError: if the function raised one, or Ray failed; it ends the run.
            MissingExtraError: if Ray is not installed.
        """
        todo = iter(jobs)
        if not (wave := _wave(todo, stop)):
            return
        with connected(self.address, self.workers) as cluster:
            register = cluster.register()
            while wave:
                yield from self._run(cluster, wave, register, stop)
                wave = _wave(todo, stop)

    def _run(
        self, cluster: Cluster, wave: list[Job[J]], register: Any, stop: Callable[[], bool]
    ) -> Iterator[Outcome[J]]:
        left = {number: job for number, (job, _) in enumerate(wave)}
        given = [{"number": n, "args": pickle.dumps(args)} for n, (_, args) in enumerate(wave)]
        actor = (self.function, self.prepare, self.timeout, register, cluster.home)
        rows = cluster.mapped(given, Actor, actor, min(cluster.workers, len(wave)))
        asked = False
        with contextlib.closing(_polled(rows)) as polled:
            for row in polled:
                if not asked and stop():
                    asked = True
                    register.stop.remote()
                if row is None or row["number"] not in left:
                    continue
                job = left.pop(row["number"])
                kind, outcome = pickle.loads(row["outcome"])
                if kind == "error":
                    raise MienError(outcome)
                if kind == "outcome":
                    yield Outcome(job, *outcome)
        if not asked:
            for job in left.values():
                yield Outcome(job, reason=f"Ray gave it up ({cluster.faults.last})")


class Actor:
    """What Ray runs: a worker process of its own, to which it hands one job after another.

    Args:
        function, prepare, timeout: as for :class:`mien.batch.pool.Pool`.
        register: the actor of :class:`mien.batch.ray_cluster.Register`.
        home: the home folder of the user, where Ray has been given another one.
    """

    def __init__(
        self,
        function: Callable[..., Any],
        prepare: Callable[[], None],
        timeout: float | None,
        register: Any,
        home: str | None,
    ) -> None:
        if home is not None:
            os.environ["HOME"] = home
        self._pool: Pool[int] = Pool(function, prepare, 1, timeout)
        self._jobs: deque[tuple[int, tuple[Any, ...]]] = deque()
        self._outcomes = self._pool.run(self._queued())
        self._register = register

    def _queued(self) -> Iterator[tuple[int, tuple[Any, ...]]]:
        while self._jobs:
            yield self._jobs.popleft()

    def __call__(self, row: dict[str, Any]) -> dict[str, Any]:
        """The number of the job, and what became of it, pickled."""
        return {"number": row["number"], "outcome": pickle.dumps(self._judged(row))}

    def _judged(self, row: dict[str, Any]) -> tuple[str, Any]:
        import ray

        tried = ray.get(self._register.begin.remote(row["number"]))
        if tried == 0:
            return "stopped", None
        if tried > TRIES:
            return "outcome", (None, LOST, 0.0)
        self._jobs.append((row["number"], pickle.loads(row["args"])))
        try:
            found = next(self._outcomes)
        except Exception as error:
            # The generator has ended, and its process with it.
            self._outcomes = self._pool.run(self._queued())
            if isinstance(error, MienError):
                return "error", str(error)
            return "outcome", (None, f"internal error: {type(error).__name__}: {error}", 0.0)
        return "outcome", (found.value, found.reason, found.seconds)


def _wave(todo: Iterator[Job[J]], stop: Callable[[], bool]) -> list[Job[J]]:
    """The next jobs; none once it is time to stop."""
    wave: list[Job[J]] = []
    while len(wave) < _WAVE and not stop() and (more := list(islice(todo, 1))):
        wave += more
    return [] if stop() else wave


def _polled(rows: MappedRows) -> Generator[dict[str, Any] | None, None, None]:
    """The rows, and None a few times a second while there is none; closed, nobody maps any more.

    Raises:
        MienError: if Ray failed.
    """
    queue: SimpleQueue[dict[str, Any] | BaseException | None] = SimpleQueue()

    def read() -> None:
        try:
            for row in rows:
                queue.put(row)
            queue.put(None)
        except BaseException as error:
            queue.put(error)

    reader = threading.Thread(target=read, daemon=True)
    reader.start()
    try:
        while True:
            found = None
            with contextlib.suppress(Empty):
                if (found := queue.get(timeout=POLL)) is None:
                    return
            if isinstance(found, BaseException):
                first = " ".join(str(found).split())[:400]
                raise MienError(
                    f"Ray ended the batch ({type(found).__name__}: {first}); continue with "
                    "--resume."
                )
            yield found
    finally:
        end = time.monotonic() + _PATIENCE
        reader.join(POLL)
        while reader.is_alive() and time.monotonic() < end:
            rows.end()
            reader.join(POLL)
