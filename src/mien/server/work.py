"""The workers: queued jobs are run in processes of their own, and their results take their place."""

from __future__ import annotations

import json
import threading
from concurrent.futures import Future
from functools import partial
from typing import Any

from mien.batch.pool import Crew, News, Outcome
from mien.files import replacing  # noqa: F401
from mien.server.child import ANALYSIS, REPORT, analyze_upload, prepare
from mien.server.settings import Settings
from mien.server.store import Job, Store

_IDLE = 0.1
"""Seconds between two looks at the queue."""


class Workers:
    """Runs the jobs of a store in a thread that hands them to worker processes.

    Args:
        store: of the jobs, recovered.
        settings: how many at a time, and what each may use.
    """

    def __init__(self, store: Store, settings: Settings) -> None:
        self._store, self._settings = store, settings
        self._running: dict[str, Job] = {}
        self._asked: list[tuple[str, Future[bool]]] = []
        self._lock = threading.Lock()
        self._ending = threading.Event()
        self._thread = threading.Thread(target=self._work, name="mien-workers", daemon=True)

    def start(self) -> None:
        """Begin to take jobs."""
        self._thread.start()

    def stop(self) -> None:
        """End the workers; jobs that run are queued again at the next start."""
        self._ending.set()
        if self._thread.is_alive():
            self._thread.join()

    def drop(self, job: str) -> Future[bool]:
        """End a job that runs, with its process; the future says whether it ran."""
        asked: Future[bool] = Future()
        with self._lock:
            self._asked.append((job, asked))
        return asked

    def _work(self) -> None:
        most = self._settings
        crew: Crew[str] = Crew(
            analyze_upload,
            partial(prepare, most.job_memory, most.workers),
            int(most.workers),
            most.job_seconds,
        )
        try:
            while not self._ending.is_set():
                self._drop_asked(crew)
                self._fill(crew)
                for said in crew.collect(_IDLE):
                    self._take(said)
        finally:
            crew.end(kill=True)
            self._drop_asked(crew)

    def _drop_asked(self, crew: Crew[str]) -> None:
        with self._lock:
            asked, self._asked = self._asked, []
        for job, future in asked:
            future.set_result(crew.drop(job))
            self._running.pop(job, None)

    def _fill(self, crew: Crew[str]) -> None:
        while crew.free and (job := self._store.claim()) is not None:
            self._running[job.id] = job
            out = self._store.folder_of(job.id) / f"run-{job.attempt}"
            upload = self._store.media_of(job)
            crew.give(job.id, (str(upload), json.loads(job.options), str(out)))

    def _take(self, said: Outcome[str] | News[str]) -> None:
        if isinstance(said, News):
            self._store.progress(said.job, *said.value)
            return
        job = self._running.pop(said.job)
        error = _error(said, self._settings)
        if error is not None:
            self._store.end(job.id, "failed", error)
            return
        folder = self._store.folder_of(job.id)
        run = folder / f"run-{job.attempt}"
        for name in (REPORT, ANALYSIS):
            (run / name).rename(folder / name)
        run.rmdir()
        self._store.end(job.id, "completed", duration=said.value["duration"])


def _error(said: Outcome[str], settings: Settings) -> tuple[str, str] | None:
    """Type and message of what went wrong; None if nothing did."""
    if said.late:
        return "TimeLimitError", (
            f"The analysis took longer than {settings.job_seconds:g} s, the limit of this service; "
            "send a shorter part of the recording (options start and end)."
        )
    if said.died:
        return "WorkerError", (
            f"The analysis ended unexpectedly: {said.reason}. Send a shorter part of the "
            "recording, or export it again."
        )
    if said.reason:
        return "InternalError", "The analysis failed for an internal reason; see the log."
    error: list[Any] | None = said.value.get("error")
    if error is None:
        return None
    kind, message = error
    if kind == "MemoryLimitError":
        message = (
            f"The analysis needs more memory than {settings.job_memory / 1e9:g} GB, the limit of "
            "this service; send a shorter part of the recording (options start and end)."
        )
    if kind == "InternalError":
        message = f"The analysis failed for an internal reason ({message}); see the log."
    return str(kind), str(message)
