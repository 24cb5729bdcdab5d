"""The child process: analyses one file after another and tells what became of each.

Reads a line of JSON for each case and answers with one. What it cannot tell (it crashed, it hangs)
is seen by ``crew.py``.
"""

from __future__ import annotations

import ctypes
import faulthandler
import gc
import json
import os
import resource
import struct
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from functools import cache
from pathlib import Path
from typing import Any
from unittest import mock

from controls import CONTROLS
from opened import is_allowed

ROOT = Path(__file__).resolve().parents[2]
MEMORY = 1500 * 2**20
"""Bytes of address space for one case, beyond what the process has when it is warm."""
LARGEST_FILE = 1 << 30
OPEN_FILES = 200
LONGEST_MESSAGE = 1200
_IN_OPEN, _IN_ISDIR = 0x20, 0x40000000
_WATCHED = frozenset({
    "open", "os.listdir", "os.scandir", "socket.connect", "socket.getaddrinfo", "subprocess.Popen",
    "os.system", "os.exec", "os.posix_spawn",
})  # fmt: skip


def analyse(path: str, sandbox: bool = False) -> None:
    """Analyse one file, and write its result as JSON. The one place that calls mien.

    Args:
        path: of the file.
        sandbox: whether it is decoded in a process that is confined.

    Raises:
        MienError: if the file cannot be analysed.
    """
    from mien.analysis.wire import json_text

    found = analyzer(sandbox).analyze(path)
    text = "".join(json_text(found))
    text.encode("utf-8")
    json.loads(text, parse_constant=_no_constant)
    for warning in found.provenance.warnings:
        _check_sentence(warning, "a warning")


@cache
def analyzer(sandbox: bool) -> Any:
    """One analyzer for all files, as a batch has it."""
    from mien.analyzer import Analyzer
    from mien.options import MediaOptions, Options

    return Analyzer(Options(media=MediaOptions(sandbox=sandbox)))


def _no_constant(name: str) -> None:
    raise ValueError(f"the JSON holds {name}")


def _check_sentence(text: str, what: str, path: str = "") -> None:
    """Whether a message can be printed on one line and says something."""
    from mien.facts import shown

    # A path may be as long as it wants.
    text = text.replace(shown(path), "FILE") if len(path) > 100 else text
    plain = text.replace("\u3000", " ")
    if not (
        plain.isprintable() and 10 <= len(text) <= LONGEST_MESSAGE and text.endswith((".", ")"))
    ):
        raise MessageError(f"{what} is no printable sentence: {text[:300]!r}")
    text.encode("utf-8")


class MessageError(Exception):
    """A message of mien's that is not one printable sentence."""


class Watch:
    """What is opened by Python (audit hook) and by anybody in two folders (inotify)."""

    def __init__(self, secrets: Path) -> None:
        self.seen: list[str] = []
        self.on = False
        self.given: dict[str, Any] = {}
        self._libc = ctypes.CDLL(None, use_errno=True)
        self._handle = self._libc.inotify_init1(os.O_NONBLOCK)
        self._names = {self._add(secrets): secrets}
        sys.addaudithook(self._hook)

    def _add(self, folder: Path) -> int:
        return int(self._libc.inotify_add_watch(self._handle, os.fsencode(folder), _IN_OPEN))

    def _hook(self, event: str, args: tuple[Any, ...]) -> None:
        if not self.on or event not in _WATCHED:
            return
        self.on = False
        try:
            what = args[0] if args else ""
            if event in {"open", "os.listdir", "os.scandir"} and not isinstance(
                what, (str, bytes, os.PathLike)
            ):
                return
            path = os.fsdecode(what) if isinstance(what, (str, bytes, os.PathLike)) else repr(args)
            if not event.startswith("o") or not is_allowed(path, self.given):
                self.seen.append(f"{event} {path!r}")
        finally:
            self.on = True

    @contextmanager
    def over(self, given: dict[str, Any]) -> Iterator[None]:
        """Watch a case."""
        self.seen, self.given = [], given
        own = self._add(Path(given["folder"]))
        self._read()
        self.on = True
        try:
            yield
        finally:
            self.on = False
            allowed = {
                os.fsencode(os.path.basename(given["path"])),
                *map(os.fsencode, given["beside"]),
            }
            allowed |= {b"other"} if given["changes"] else set()
            for watch, name in self._read():
                if watch != own or name not in allowed:
                    self.seen.append(f"opened {name!r} ({'beside' if watch == own else 'secret'})")
            self._libc.inotify_rm_watch(self._handle, own)

    def _read(self) -> list[tuple[int, bytes]]:
        found = []
        while True:
            try:
                data = os.read(self._handle, 1 << 16)
            except BlockingIOError:
                return found
            at = 0
            while at < len(data):
                watch, mask, _, size = struct.unpack_from("iIII", data, at)
                name = data[at + 16 : at + 16 + size].rstrip(b"\0")
                at += 16 + size
                if name and mask & _IN_OPEN and not mask & _IN_ISDIR:
                    found.append((watch, name))


def one(given: dict[str, Any], watch: Watch, temporary: Path, warm: str) -> dict[str, Any]:
    """The outcome of one case; ``warm`` is a recording of which nothing is feared."""
    if given["sandbox"]:
        _start_sandbox(warm)
    before = _descriptors()
    _reset_peak()
    start = _memory("VmRSS")
    began, cpu = time.perf_counter(), time.process_time()
    _mark(f"/hostile-begin/{given['number']}")
    with watch.over(given):
        outcome, detail = _analysed(given)
    _mark(f"/hostile-end/{given['number']}")
    spent = {
        "seconds": round(time.perf_counter() - began, 3),
        "cpu": round(time.process_time() - cpu, 3),
    }
    peak = max(0, _memory("VmHWM") - start)
    gc.collect()
    left = sorted(set(_descriptors()) - set(before))
    files = sorted(str(path) for path in temporary.rglob("*") if not path.is_dir())
    for path in files:
        Path(path).unlink(missing_ok=True)
    if watch.seen:
        outcome, detail = "outside read", "; ".join(dict.fromkeys(watch.seen))[:2000]
    elif left or files:
        outcome, detail = "left behind", f"descriptors {left}, files {files}"[:2000]
    elif peak > MEMORY:
        outcome, detail = "memory", f"{peak >> 20} MB"
    return {"outcome": outcome, "detail": detail, "peak": peak, **spent}


@cache
def _start_sandbox(warm: str) -> None:
    """Have the server of the sandbox up, a process of mien's own, before anything is watched."""
    analyse(warm, sandbox=True)


def _no_words(*_: object, **__: object) -> None:
    return None


def _analysed(given: dict[str, Any]) -> tuple[str, str]:
    from mien.errors import MienError

    try:
        if given["control"]:
            CONTROLS[given["control"]][0]()
        else:
            analyse(given["path"], given["sandbox"])
    except MienError as error:
        try:
            _check_sentence(str(error), "the message", given["path"])
        except (MessageError, UnicodeError) as other:
            return "bad message", str(other)
        return "refused", f"{type(error).__name__}: {error}"[:300]
    except MemoryError:
        return "memory", "MemoryError"
    except MessageError as error:
        return "bad message", str(error)
    except BaseException as error:
        return "foreign exception", _told(error)
    return "analysed", ""


def _told(error: BaseException) -> str:
    import traceback

    frames = [f for f in traceback.extract_tb(error.__traceback__) if "/mien/" in f.filename]
    place = f" at {Path(frames[-1].filename).name}:{frames[-1].lineno}" if frames else ""
    return (
        f"{type(error).__name__}{place}: {error}"[:600].encode("utf-8", "backslashreplace").decode()
    )


def _mark(path: str) -> None:
    """A line in the trace of ``strace``."""
    with suppress(OSError):
        os.close(os.open(path, os.O_RDONLY))


def _descriptors() -> list[str]:
    found = []
    for name in os.listdir("/proc/self/fd"):
        try:
            found.append(f"{name} {os.readlink(f'/proc/self/fd/{name}')}")
        except OSError:
            continue
    return found


def _memory(field: str) -> int:
    for row in Path("/proc/self/status").read_text().splitlines():
        if row.startswith(field):
            return int(row.split()[1]) * 1024
    return 0


def _reset_peak() -> None:
    with suppress(OSError):
        Path("/proc/self/clear_refs").write_text("5")


def main() -> None:
    """Warm up with one recording, set the limits, and serve."""
    warm, secrets = sys.argv[1:3]
    faulthandler.enable()
    sys.path.insert(0, str(ROOT / "src"))
    import av

    import mien.perceive

    av.logging.set_level(av.logging.PANIC)
    answers = os.fdopen(os.dup(1), "w")
    os.dup2(2, 1)  # what a library prints is no answer
    temporary = Path(os.environ["TMPDIR"])
    # Whisper reads samples, never the file; without it a run takes minutes and not hours. A Mock
    # as the new function would keep its arguments, and with them the temporary file of the sound.
    with mock.patch.object(mien.perceive, "transcribe", _no_words):
        files = warm.split(os.pathsep)
        for path in files:
            analyse(path)
        watch = Watch(Path(secrets))
        limit = _memory("VmSize") + MEMORY
        resource.setrlimit(resource.RLIMIT_AS, (limit, limit))
        resource.setrlimit(resource.RLIMIT_FSIZE, (LARGEST_FILE, LARGEST_FILE))
        resource.setrlimit(resource.RLIMIT_NOFILE, (OPEN_FILES, OPEN_FILES))
        resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
        print("ready", file=answers, flush=True)
        for line in sys.stdin:
            given = json.loads(line)
            print(json.dumps(one(given, watch, temporary, files[0])), file=answers, flush=True)


if __name__ == "__main__":
    main()
