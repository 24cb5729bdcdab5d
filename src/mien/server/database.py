"""SQLite in WAL mode: reads from any thread that never wait, writes one after the other."""

from __future__ import annotations

import sqlite3
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

_SCHEMA = """
CREATE TABLE IF NOT EXISTS jobs (
    n INTEGER PRIMARY KEY AUTOINCREMENT, id TEXT UNIQUE NOT NULL, owner TEXT NOT NULL,
    name TEXT NOT NULL, file TEXT NOT NULL, bytes INTEGER NOT NULL, state TEXT NOT NULL,
    created REAL NOT NULL, started REAL, ended REAL, stage TEXT NOT NULL DEFAULT '',
    share REAL NOT NULL DEFAULT 0, error_type TEXT, error_message TEXT, options TEXT NOT NULL,
    duration REAL, digest TEXT NOT NULL, idempotency TEXT, attempt INTEGER NOT NULL DEFAULT 0,
    UNIQUE (owner, idempotency)
);
CREATE INDEX IF NOT EXISTS jobs_by_state ON jobs (state, n);
CREATE INDEX IF NOT EXISTS jobs_by_owner ON jobs (owner, n);
CREATE TABLE IF NOT EXISTS events (
    id INTEGER PRIMARY KEY AUTOINCREMENT, job TEXT NOT NULL, kind TEXT NOT NULL, data TEXT NOT NULL
);
CREATE INDEX IF NOT EXISTS events_by_job ON events (job, id);
CREATE TABLE IF NOT EXISTS keys (
    id TEXT PRIMARY KEY, name TEXT UNIQUE NOT NULL, hash TEXT NOT NULL, created REAL NOT NULL
);
CREATE TABLE IF NOT EXISTS facts (name TEXT PRIMARY KEY, value TEXT NOT NULL);
"""


class Database:
    """One database file.

    What is written is on the disk when a transaction ends (``synchronous=FULL``), and what is
    deleted is overwritten with zeros (``secure_delete``).

    Args:
        file: is made if it is missing.
    """

    def __init__(self, file: Path) -> None:
        self._file = file
        self._writing = threading.Lock()
        self._local = threading.local()
        self._all: list[sqlite3.Connection] = []
        self._writer = self._connect()
        self._writer.executescript(_SCHEMA)
        file.chmod(0o600)

    def _connect(self) -> sqlite3.Connection:
        made = sqlite3.connect(
            self._file, timeout=30, isolation_level=None, check_same_thread=False
        )
        made.execute("PRAGMA journal_mode=WAL")
        made.execute("PRAGMA synchronous=FULL")
        made.execute("PRAGMA secure_delete=ON")
        self._all.append(made)
        return made

    def close(self) -> None:
        """Close all connections."""
        while self._all:
            self._all.pop().close()

    @property
    def reader(self) -> sqlite3.Connection:
        """The connection of this thread, for reading."""
        if not hasattr(self._local, "reader"):
            self._local.reader = self._connect()
        found: sqlite3.Connection = self._local.reader
        return found

    @contextmanager
    def writing(self) -> Iterator[sqlite3.Connection]:
        """One transaction: all of it is on the disk at the end of the block, or nothing."""
        with self._writing:
            self._writer.execute("BEGIN IMMEDIATE")
            try:
                yield self._writer
                self._writer.execute("COMMIT")
            except BaseException:
                if self._writer.in_transaction:
                    self._writer.execute("ROLLBACK")
                raise

    def forget(self) -> None:
        """Empty the log of writes, which has what was deleted until then."""
        with self._writing:
            self._writer.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchall()
