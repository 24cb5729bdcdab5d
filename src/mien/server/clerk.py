"""Short work outside the process that answers requests: it may take seconds, or crash."""

from __future__ import annotations

import queue
import threading
from collections.abc import Callable
from concurrent.futures import Future
from functools import partial
from typing import Any

from mien.batch.pool import Crew, Outcome
from mien.server.child import prepare


class ClerkError(Exception):
    """The work was not done: its process ended, or it took too long."""


class Clerk:
    """One process that does one thing after another; a new one is started when it has ended.

    Args:
        function: can be pickled; returns what it found and does not raise.
        memory: bytes that it may allocate.
        seconds: for one call, waiting not counted.
        nice: by how much its process gives way to others.
    """

    def __init__(
        self, function: Callable[..., Any], memory: int, seconds: float, nice: int = 0
    ) -> None:
        ready = partial(prepare, memory, nice=nice)
        self._crew: Crew[int] = Crew(function, ready, 1, seconds)
        self._asked: queue.SimpleQueue[tuple[Future[Any], tuple[Any, ...]] | None]
        self._asked = queue.SimpleQueue()
        self._thread = threading.Thread(target=self._work, name="mien-clerk", daemon=True)
        self._thread.start()

    def ask(self, *args: Any) -> Future[Any]:
        """What the function returns.

        Raises:
            ClerkError: by the future.
        """
        future: Future[Any] = Future()
        self._asked.put((future, args))
        return future

    def close(self) -> None:
        """End the process; what was asked before is still answered."""
        self._asked.put(None)
        self._thread.join()

    def _work(self) -> None:
        number = 0
        try:
            while (asked := self._asked.get()) is not None:
                future, args = asked
                if not future.set_running_or_notify_cancel():
                    continue
                number += 1
                try:
                    self._crew.give(number, args)
                    outcome = self._outcome()
                except Exception as error:  # no process could be started, or the function raised
                    self._crew.end(kill=True)
                    future.set_exception(ClerkError(f"{type(error).__name__}: {error}"))
                    continue
                if outcome.reason:
                    future.set_exception(ClerkError(outcome.reason))
                else:
                    future.set_result(outcome.value)
        finally:
            self._crew.end(kill=True)

    def _outcome(self) -> Outcome[int]:
        while True:
            for said in self._crew.collect():
                if isinstance(said, Outcome):
                    return said
