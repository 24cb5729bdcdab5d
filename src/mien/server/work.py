"""The workers: queued jobs run in processes of their own, and their results take their place."""

from __future__ import annotations

import contextlib
import json
import logging
import os
import threading
import time
from collections.abc import Callable
from concurrent.futures import Future
from functools import partial

from mien.batch.pool import Crew, News, Outcome
from mien.server.child import RESULTS, analyze_upload, prepare
from mien.server.gate import frames
from mien.server.job import Job
from mien.server.safe import safe
from mien.server.settings import Settings
from mien.server.store import Store

IDLE = 0.1
"""Seconds between two looks at the queue."""
TROUBLE = 1.0
"""Seconds to wait when the store cannot be written, as on a full disk."""
Ended = Callable[[str, str, float], None]
log = logging.getLogger("mien.server")


class Workers:
    """Runs the jobs of a store in a thread that hands them to worker processes.

    Args:
        store: of the jobs, recovered.
        settings: how many at a time, and what each may use.
        ended: told state, type of error and seconds of each job that ended.
        function: what is done for a job, see :func:`mien.server.child.analyze_upload`; tests
            plant another.
    """

    def __init__(
        self,
        store: Store,
        settings: Settings,
        ended: Ended = lambda state, error, seconds: None,
        function: Callable[..., object] = analyze_upload,
    ) -> None:
        self._store, self._settings, self._ended = store, settings, ended
        cores = max(1, len(os.sched_getaffinity(0)) // settings.workers)
        ready = partial(prepare, int(settings.job_memory), cores)
        self._crew: Crew[str] = Crew(function, ready, settings.workers, settings.job_seconds)
        self._running: dict[str, Job] = {}
        self._claimed: Job | None = None
        self._said: list[Outcome[str] | News[str]] = []
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
            if self._ending.is_set():
                asked.set_result(False)
            else:
                self._asked.append((job, asked))
        return asked

    def _work(self) -> None:
        try:
            while not self._ending.is_set():
                try:
                    self._step()
                except Exception as error:  # a full disk, most likely: what is kept is tried again
                    log.error("the workers cannot go on", extra={"error": frames(error)})
                    time.sleep(TROUBLE)
        finally:
            self._ending.set()
            self._crew.end(kill=True)
            self._drop_asked()

    def _step(self) -> None:
        """One turn. What cannot be written is kept, and tried again in the next."""
        self._drop_asked()
        while self._said:
            self._take(self._said[0])
            self._said.pop(0)
        while self._crew.free and (job := self._claimed or self._store.claim()) is not None:
            self._claimed = self._running[job.id] = job  # until a process has it
            out = self._store.folder_of(job.id) / f"run-{job.attempt}"
            upload = self._store.media_of(job)
            self._crew.give(job.id, (str(upload), json.loads(job.options), str(out)))
            self._claimed = None
        self._said.extend(self._crew.collect(IDLE))

    def _drop_asked(self) -> None:
        with self._lock:
            asked, self._asked = self._asked, []
        for job, future in asked:
            # What was said of it is not written yet, and never will be: it may be deleted next.
            dropped = self._running.pop(job, None) is not None
            self._crew.drop(job)
            self._said = [said for said in self._said if said.job != job]
            if self._claimed is not None and self._claimed.id == job:
                self._claimed = None
            future.set_result(dropped)

    def _take(self, said: Outcome[str] | News[str]) -> None:
        job = self._running.get(said.job)
        if job is None:
            return
        if isinstance(said, News):
            self._store.progress(said.job, *said.value)
            return
        error = self._error(said)
        if error is None:
            self._place(job)
            self._store.end(job.id, "completed", duration=said.value["duration"])
        else:
            self._store.end(job.id, "failed", error)
        del self._running[said.job]
        kind = error[0] if error else ""
        state = "failed" if error else "completed"
        self._ended(state, kind, said.seconds)
        ms = round(1000 * said.seconds)
        log.info("job", extra={"job": job.id, "state": state, "error": kind or None, "ms": ms})

    def _place(self, job: Job) -> None:
        """Move the results of a run to their place; what has moved already is left."""
        folder = self._store.folder_of(job.id)
        run = folder / f"run-{job.attempt}"
        for name in RESULTS:
            with contextlib.suppress(FileNotFoundError):
                (run / name).replace(folder / name)
        with contextlib.suppress(FileNotFoundError):
            run.rmdir()
        self._store.sync(folder)

    def _error(self, said: Outcome[str]) -> tuple[str, str] | None:
        """Type and message of what went wrong; None if nothing did."""
        limits = self._settings
        shorter = "send a shorter part of the recording (options start and end)."
        if said.late:
            return "TimeLimitError", (
                f"The analysis took longer than {limits.job_seconds:g} s, the limit of this "
                f"service; {shorter}"
            )
        if said.reason:
            log.error("worker", extra={"job": said.job, "error": [said.reason]})
            return "WorkerError", (
                f"The analysis ended before it had a result ({said.reason}); {shorter}"
            )
        found = said.value.get("error")
        if found is None:
            return None
        if "log" in said.value:
            log.error("analysis", extra={"job": said.job, "error": said.value["log"]})
        if found[0] == "MemoryLimitError":
            return "MemoryLimitError", (
                f"The analysis needs more than {limits.job_memory / 1e9:g} GB of memory, the limit "
                f"of this service; {shorter}"
            )
        return found[0], safe(found[1])
