"""The states of a batch: a file that gets a line when a clip is begun and when it is finished.

Lines are written in one piece and synced. After a kill at any moment the file is whole but for its
last line, which is cut off when it is opened again.
"""

from __future__ import annotations

import fcntl
import json
import os
from pathlib import Path
from typing import Any

from mien.batch.one import Row
from mien.errors import InputError, OptionError, OutputError
from mien.facts import shown

Key = dict[str, Any]
STATES = "mien-batch.jsonl"
"""The file of states in the folder of a batch."""
FORMAT = 1
"""Of the lines; another number is refused."""


class States:
    """What is known of each clip, by its path. The folder is locked until it is closed.

    Args:
        out: the folder of the batch; it is made if it is missing.
        resume: go on with an earlier batch there, if there is one.

    Raises:
        OptionError: if there is an earlier batch and ``resume`` is not set, or another batch is
            running in the folder.
        InputError: if the file of states is of another version.
        OutputError: if the folder cannot be written.
    """

    def __init__(self, out: Path, resume: bool) -> None:
        path = out / STATES
        try:
            out.mkdir(parents=True, exist_ok=True)
            self._file = os.open(path, os.O_RDWR | os.O_CREAT | os.O_APPEND | os.O_CLOEXEC, 0o666)
        except OSError as error:
            raise OutputError(
                f"The folder {shown(out)} cannot be written ({error.strerror}); choose another "
                "--out."
            ) from None
        try:
            fcntl.flock(self._file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            os.close(self._file)
            raise OptionError(
                f"Another batch is running in {shown(out)}; wait for its end or choose another "
                "--out."
            ) from None
        self.names: dict[str, str] = {}
        self._begun: dict[str, Key] = {}
        self._finished: dict[str, tuple[Key, Row]] = {}
        try:
            self._load(path, resume)
        except BaseException:
            self.close()
            raise

    def __enter__(self) -> States:
        return self

    def __exit__(self, *error: object) -> None:
        self.close()

    def close(self) -> None:
        """Close the file, which frees the folder."""
        os.close(self._file)

    def begin(self, path: str, name: str, key: Key) -> None:
        """Note that a clip is begun; its earlier outputs have been removed."""
        line = {"begun": path, "name": name, "key": key}
        self._add(line)
        self._take(line)

    def finish(self, path: str, key: Key, row: Row) -> None:
        """Keep the row of a clip."""
        line = {"finished": path, "key": key, "row": row}
        self._add(line)
        self._take(line)

    def row(self, path: str, key: Key) -> Row | None:
        """The row of a clip that is finished with this key."""
        known = self._finished.get(path)
        return known[1] if known is not None and known[0] == key else None

    def begun(self, path: str, key: Key) -> bool:
        """Whether a clip was begun with this key and is not known to be finished."""
        return path not in self._finished and self._begun.get(path) == key

    def changed(self, path: str, key: Key) -> bool:
        """Whether a clip is finished with another key."""
        return path in self._finished and self._finished[path][0] != key

    def _load(self, path: Path, resume: bool) -> None:
        content = path.read_bytes()
        whole = content.rfind(b"\n") + 1
        if content and not resume:
            raise OptionError(
                f"{shown(path.parent)} has the results of an earlier batch; continue it with "
                "--resume or choose another --out."
            )
        if whole < len(content):
            os.ftruncate(self._file, whole)
        if not whole:
            self._add({"mien-batch": FORMAT})
            return
        first, *lines = content[:whole].splitlines()
        if _read(first).get("mien-batch") != FORMAT:
            raise InputError(
                f"{shown(path)} is not a file of states of this version of mien; choose another "
                "--out."
            )
        for line in lines:
            self._take(_read(line))

    def _take(self, line: dict[str, Any]) -> None:
        match line:
            case {"begun": str(path), "name": str(name), "key": dict(key)}:
                self.names[path], self._begun[path] = name, key
                self._finished.pop(path, None)
            case {"finished": str(path), "key": dict(key), "row": dict(row)}:
                self._finished[path] = (key, row)

    def _add(self, line: dict[str, Any]) -> None:
        # ASCII: names that are not UTF-8 are escaped, and read back as they were.
        data = (json.dumps(line, separators=(",", ":")) + "\n").encode("ascii")
        try:
            while data:
                data = data[os.write(self._file, data) :]
            os.fsync(self._file)
        except OSError as error:
            raise OutputError(
                f"{STATES} could not be written ({error.strerror}); continue with --resume once "
                "there is room."
            ) from None


def _read(line: bytes) -> dict[str, Any]:
    """A line; empty if it is damaged, so that its clip is analysed again."""
    try:
        value = json.loads(line)
    except (ValueError, RecursionError):
        return {}
    return value if isinstance(value, dict) else {}
