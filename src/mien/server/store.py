"""The state of the service: SQLite in WAL mode, and one folder a job.

    FOLDER/mien.sqlite          jobs, events, keys
    FOLDER/incoming/            uploads that are not acknowledged; emptied at the start
    FOLDER/jobs/ID/upload/NAME  the recording, under the name that it was sent with
    FOLDER/jobs/ID/analysis.json, report.html
    FOLDER/jobs/ID/run-N/       what the N-th run is writing

An upload is on the disk before the transaction that acknowledges it; a result is on the disk
before the transaction that completes its job; a deletion removes the rows first. So after a kill at
any moment :meth:`Store.recover` finds every acknowledged job, and nothing else is left.
"""

from __future__ import annotations

import contextlib
import fcntl
import json
import os
import secrets
import shutil
import sqlite3
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

from mien.errors import MienError, OptionError
from mien.server.database import Database
from mien.server.job import FINAL, STATES, Event, Job, moment

__all__ = ["FINAL", "STATES", "Event", "FullError", "Job", "Store", "moment"]


class FullError(MienError):
    """There are too many jobs.

    Args:
        queue: whether too many wait, or else the owner has too many.
    """

    def __init__(self, queue: bool) -> None:
        super().__init__("too many jobs")
        self.queue = queue


class Store(Database):
    """The state in one folder. One service at a time may have it open for its jobs.

    Args:
        folder: is made if it is missing.

    Raises:
        OptionError: if the folder cannot be used.
    """

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.told: Callable[[str], None] = lambda job: None
        """Called with the id of a job after each of its changes, in the thread of the change."""
        self._lock_file: int | None = None
        try:
            for one in (folder, folder / "jobs", folder / "incoming"):
                one.mkdir(parents=True, exist_ok=True, mode=0o700)
            super().__init__(folder / "mien.sqlite")
        except (OSError, sqlite3.Error) as error:
            reason = getattr(error, "strerror", None) or str(error)
            raise OptionError(
                f"The folder {folder} cannot be used ({reason}); choose another --folder."
            ) from None

    def close(self) -> None:
        """Close the database, and give the folder free."""
        super().close()
        if self._lock_file is not None:
            os.close(self._lock_file)
            self._lock_file = None

    # --- the start ---------------------------------------------------------------------------

    def recover(self) -> int:
        """Take the folder for this service and put right what a kill left; the jobs that go on.

        Raises:
            OptionError: if another service has it.
        """
        self._lock_file = os.open(
            self.folder / "lock", os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600
        )
        try:
            fcntl.flock(self._lock_file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            raise OptionError(
                f"Another service uses {self.folder}; stop it or choose another --folder."
            ) from None
        for left in (self.folder / "incoming").iterdir():
            _remove(left)
        with self.writing() as db:
            again = [row[0] for row in db.execute("SELECT id FROM jobs WHERE state='running'")]
            for one in again:
                db.execute(
                    "UPDATE jobs SET state='queued', started=NULL, stage='', share=0 WHERE id=?",
                    (one,),
                )
                self._state_event(db, one)
        known = {row[0] for row in self.reader.execute("SELECT id FROM jobs")}
        for left in (self.folder / "jobs").iterdir():
            if left.name not in known:
                _remove(left)
            else:
                for run in left.glob("run-*"):
                    _remove(run)
        return len(again)

    # --- jobs --------------------------------------------------------------------------------

    def folder_of(self, job: str) -> Path:
        """The folder of a job: ``analysis.json``, ``report.html`` and what else is kept of it."""
        return self.folder / "jobs" / job

    def media_of(self, job: Job) -> Path:
        """The recording of a job."""
        return self.folder_of(job.id) / "upload" / job.file

    @staticmethod
    def sync(folder: Path) -> None:
        """Put the names in a folder on the disk."""
        _sync(folder)

    def incoming(self) -> Path:
        """A new name for an upload that is under way."""
        return self.folder / "incoming" / secrets.token_hex(16)

    def add(
        self, upload: Path, fields: dict[str, Any], most_queued: int, most_owned: int
    ) -> tuple[Job, bool]:
        """Acknowledge a job: its upload takes its place, and its row is written.

        Args:
            upload: the file, synced; it is moved.
            fields: ``owner``, ``name``, ``file``, ``bytes``, ``duration``, ``options`` (JSON),
                ``digest``, ``idempotency`` (or None).
            most_queued: jobs that may wait.
            most_owned: jobs that the owner may have.

        Returns:
            the job, and whether it is new; if not, it is the one with this idempotency key.

        Raises:
            FullError: if there are too many jobs.
        """
        job = secrets.token_hex(16)
        folder = self.folder_of(job) / "upload"
        row = {"id": job, "state": "queued", "created": time.time(), **fields}
        try:
            folder.mkdir(parents=True, mode=0o700)
            upload.rename(folder / fields["file"])
            for one in (folder, folder.parent, folder.parent.parent):
                _sync(one)
            with self.writing() as db:
                self._check_room(db, fields["owner"], most_queued, most_owned)
                names, marks = ", ".join(row), ", ".join(f":{name}" for name in row)
                db.execute(f"INSERT INTO jobs ({names}) VALUES ({marks})", row)
                self._state_event(db, job)
        except BaseException as error:
            _remove(folder.parent)
            earlier = self.repeated(fields["owner"], fields["idempotency"])
            if isinstance(error, sqlite3.IntegrityError) and earlier is not None:
                return earlier, False
            raise
        self.told(job)
        return self._must(job), True

    @staticmethod
    def _check_room(db: sqlite3.Connection, owner: str, most_queued: int, most_owned: int) -> None:
        for most, where, value in (
            (most_queued, "state", "queued"),
            (most_owned, "owner", owner),
        ):
            found = db.execute(f"SELECT COUNT(*) FROM jobs WHERE {where}=?", (value,)).fetchone()[0]
            if found >= most:
                raise FullError(queue=where == "state")

    def repeated(self, owner: str, key: str | None) -> Job | None:
        """The job with an idempotency key."""
        if key is None:
            return None
        return self._one("owner=? AND idempotency=?", (owner, key))

    def get(self, job: str, owner: str | None = None) -> Job | None:
        """A job by its id; None if there is none, or it is of another owner."""
        found = self._one("id=?", (job,))
        return found if found and owner in (None, found.owner) else None

    def page(
        self, owner: str, state: str | None, limit: int, after: int | None
    ) -> tuple[list[Job], int | None]:
        """Jobs of an owner, the newest first, and where to go on."""
        where, values = "owner=?", [owner]
        if state is not None:
            where, values = f"{where} AND state=?", [*values, state]
        if after is not None:
            where, values = f"{where} AND n<?", [*values, after]  # type: ignore[list-item]
        rows = self.reader.execute(
            f"SELECT * FROM jobs WHERE {where} ORDER BY n DESC LIMIT ?", (*values, limit + 1)
        ).fetchall()
        jobs = [Job(*row) for row in rows]
        return jobs[:limit], jobs[limit - 1].n if len(jobs) > limit else None

    def count(self, state: str | None = None, owner: str | None = None) -> int:
        """How many jobs there are."""
        where, values = ["1"], []
        for name, value in (("state", state), ("owner", owner)):
            if value is not None:
                where.append(f"{name}=?")
                values.append(value)
        query = f"SELECT COUNT(*) FROM jobs WHERE {' AND '.join(where)}"
        return int(self.reader.execute(query, values).fetchone()[0])

    def claim(self) -> Job | None:
        """The job that has waited longest, which is running from now on."""
        if (
            self.reader.execute("SELECT 1 FROM jobs WHERE state='queued' LIMIT 1").fetchone()
            is None
        ):
            return None
        with self.writing() as db:
            row = db.execute(
                "SELECT id FROM jobs WHERE state='queued' ORDER BY n LIMIT 1"
            ).fetchone()
            if row is None:
                return None
            db.execute(
                "UPDATE jobs SET state='running', started=?, attempt=attempt+1 WHERE id=?",
                (time.time(), row[0]),
            )
            self._state_event(db, row[0])
        self.told(row[0])
        return self._must(row[0])

    def progress(self, job: str, stage: str, share: float) -> None:
        """Note what is being done."""
        with self.writing() as db:
            done = db.execute(
                "UPDATE jobs SET stage=?, share=? WHERE id=? AND state='running'",
                (stage, share, job),
            )
            if done.rowcount:
                data = json.dumps({"stage": stage, "share": share})
                db.execute(
                    "INSERT INTO events (job, kind, data) VALUES (?, 'progress', ?)", (job, data)
                )
        self.told(job)

    def end(
        self,
        job: str,
        state: str,
        error: tuple[str, str] | None = None,
        duration: float | None = None,
        of: tuple[str, ...] = ("running",),
    ) -> bool:
        """Give a job its final state; whether it was in one of the states ``of``.

        Results have their place before this is called.
        """
        kind, message = error or (None, None)
        marks = ", ".join("?" * len(of))
        with self.writing() as db:
            done = db.execute(
                "UPDATE jobs SET state=?, ended=?, error_type=?, error_message=?, stage=?, "
                "share=CASE WHEN ?='completed' THEN 1 ELSE share END, "
                f"duration=COALESCE(?, duration) WHERE id=? AND state IN ({marks})",
                (state, time.time(), kind, message, "", state, duration, job, *of),
            )
            changed = bool(done.rowcount)
            if changed:
                self._state_event(db, job)
        self.told(job)
        return changed

    def delete(self, job: str) -> None:
        """Delete all that is kept of a job; a job that runs must have been stopped."""
        with self.writing() as db:
            db.execute("DELETE FROM events WHERE job=?", (job,))
            db.execute("DELETE FROM jobs WHERE id=?", (job,))
        _remove(self.folder_of(job))
        _sync(self.folder / "jobs")
        self.forget()
        self.told(job)

    def events(self, job: str, after: int, limit: int = 500) -> list[Event]:
        """What happened to a job after an event."""
        rows = self.reader.execute(
            "SELECT id, kind, data FROM events WHERE job=? AND id>? ORDER BY id LIMIT ?",
            (job, after, limit),
        )
        return [Event(*row) for row in rows.fetchall()]

    def _state_event(self, db: sqlite3.Connection, job: str) -> None:
        row = db.execute("SELECT * FROM jobs WHERE id=?", (job,)).fetchone()
        data = json.dumps(Job(*row).shown())
        db.execute("INSERT INTO events (job, kind, data) VALUES (?, 'state', ?)", (job, data))

    def _one(self, where: str, values: tuple[Any, ...]) -> Job | None:
        row = self.reader.execute(f"SELECT * FROM jobs WHERE {where}", values).fetchone()
        return None if row is None else Job(*row)

    def _must(self, job: str) -> Job:
        found = self.get(job)
        assert found is not None
        return found


def _remove(path: Path) -> None:
    if path.is_dir() and not path.is_symlink():
        shutil.rmtree(path)
    else:
        with contextlib.suppress(FileNotFoundError):
            path.unlink()


def _sync(folder: Path) -> None:
    opened = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(opened)
    finally:
        os.close(opened)
