"""The parent's side: a worker that is given cases, watched, ended and started anew."""

from __future__ import annotations

import contextlib
import json
import os
import selectors
import shutil
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from case import Case
from opened import CALLS, traced

HERE = Path(__file__).resolve().parent
LATE = 120.0
"""Seconds of wall clock after which a case hangs, whatever else the machine does."""
CPU, CONTROL_CPU = 40.0, 2.0
"""Seconds of processor time after which a case hangs."""
START = 180.0
TRACED = frozenset({"disguises", "references", "sidecars", "names", "places"})
"""Groups whose system calls are traced, where ``strace`` may."""


@dataclass
class Worker:
    """One child process.

    Args:
        work: the folder of the run.
        trace: whether its system calls are traced.
        sandbox: whether mien's own sandbox decodes.
        logs: what the names of its traces begin with.
    """

    work: Path
    trace: bool = False
    sandbox: bool = False
    logs: str = "trace"
    _process: subprocess.Popen[bytes] | None = None
    _given: dict[int, dict[str, Any]] = field(default_factory=dict)

    def run(self, case: Case, path: Path, folder: Path, number: int) -> dict[str, Any]:
        """The outcome of a case whose file is made."""
        given = {
            "number": number, "path": str(path), "folder": str(folder), "beside": list(case.beside),
            "changes": case.during is not None, "temporary": str(self._temporary),
            "sandbox": self.sandbox, "control": case.control,
        }  # fmt: skip
        self._given[number] = given
        process = self._up()
        assert process.stdin is not None
        began = _cpu(process.pid)
        thread = None
        with contextlib.suppress(BrokenPipeError):
            process.stdin.write(json.dumps(given).encode("ascii") + b"\n")
            process.stdin.flush()
        if case.during is not None:
            thread = threading.Thread(target=_quietly, args=(case.during, path), daemon=True)
            thread.start()
        answer = self._answer(process, began + (CONTROL_CPU if case.control else CPU))
        if thread is not None:
            thread.join(10)
        return answer

    @property
    def _temporary(self) -> Path:
        return self.work / ("temporary-traced" if self.trace else "temporary")

    def _up(self) -> subprocess.Popen[bytes]:
        if self._process is not None and self._process.poll() is None:
            return self._process
        shutil.rmtree(self._temporary, ignore_errors=True)
        self._temporary.mkdir()
        words = [sys.executable, str(HERE / "worker.py"), self._warm(), str(self.work / "secrets")]
        if self.trace:
            log = self.work / f"{self.logs}-{time.time_ns()}.log"
            words = ["strace", "-f", "--seccomp-bpf", "-qq", "-s", "4096", "-e", f"trace={CALLS}",
                     "-e", "signal=none", "-o", str(log), *words]  # fmt: skip
        env = os.environ | {
            "TMPDIR": str(self._temporary), "PYTHONDONTWRITEBYTECODE": "1", "OMP_NUM_THREADS": "1",
            "OPENBLAS_NUM_THREADS": "1", "MALLOC_ARENA_MAX": "2", "PYTHONPATH": str(HERE.parents[1] / "src"),
        }  # fmt: skip
        errors = (self.work / "worker.err").open("ab")
        self._process = subprocess.Popen(
            words, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=errors, env=env,
            cwd=self.work / "empty", start_new_session=True,
        )  # fmt: skip
        errors.close()
        if self._line(self._process, START, None) != b"ready\n":
            raise RuntimeError(f"The worker does not start:\n{self._said()}")
        return self._process

    def _warm(self) -> str:
        return os.pathsep.join(
            str(self.work / name) for name in ("warm.mp4", "warm.png", "warm.txt")
        )

    def _answer(self, process: subprocess.Popen[bytes], most: float) -> dict[str, Any]:
        started = time.monotonic()
        line = self._line(process, LATE, most)
        if line:
            return dict(json.loads(line))
        seconds = round(time.monotonic() - started, 3)
        ended = process.poll() if line == b"" else None
        if line == b"":
            ended = process.wait(10)
        self.end(kill=True)
        if line is None:
            return {"outcome": "hang", "detail": f"after {seconds} s", "seconds": seconds}
        name = signal.Signals(-ended).name if ended and ended < 0 else f"code {ended}"
        return {"outcome": "crash", "detail": f"{name}\n{self._said()}", "seconds": seconds}

    def _line(
        self, process: subprocess.Popen[bytes], late: float, cpu: float | None
    ) -> bytes | None:
        """A line; empty if the process has ended, None if it hangs."""
        assert process.stdout is not None
        end = time.monotonic() + late
        with selectors.DefaultSelector() as selector:
            selector.register(process.stdout, selectors.EVENT_READ)
            while time.monotonic() < end:
                if selector.select(0.5):
                    return process.stdout.readline()
                if cpu is not None and _cpu(process.pid) > cpu:
                    return None
        return None

    def _said(self) -> str:
        return (self.work / "worker.err").read_bytes()[-1500:].decode("utf-8", "replace")

    def end(self, kill: bool = False) -> None:
        """End the process and its children."""
        if self._process is None:
            return
        process, self._process = self._process, None
        if not kill and process.stdin is not None:
            process.stdin.close()
            with contextlib.suppress(subprocess.TimeoutExpired):
                process.wait(10)
        with contextlib.suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGKILL)
        process.wait()
        for pipe in (process.stdin, process.stdout):
            if pipe is not None:
                with contextlib.suppress(OSError):
                    pipe.close()

    def given(self, number: int) -> dict[str, Any]:
        """What the process was told of a case."""
        return self._given[number]


def outside(work: Path, rows: dict[str, dict[str, Any]], logs: str) -> Iterator[tuple[str, str]]:
    """The names of traced cases, and what each opened that it may not; of all runs in a folder.

    Args:
        work: the folder.
        rows: of the cases by name, with what the process was told of those that were traced.
        logs: what the names of the traces begin with.
    """
    given = {row["given"]["number"]: row["given"] for row in rows.values() if "given" in row}
    names = {row["given"]["number"]: name for name, row in rows.items() if "given" in row}
    for log in sorted(work.glob(f"{logs}-*.log")):
        for number, what in traced(log, given):
            yield names[number], what


def _quietly(during: Any, path: Path) -> None:
    with contextlib.suppress(OSError):
        during(path)


def _cpu(pid: int) -> float:
    """Processor seconds of a process and of its children."""
    total = 0.0
    for one in (pid, *_children(pid)):
        try:
            fields = Path(f"/proc/{one}/stat").read_text().rpartition(")")[2].split()
        except (OSError, ValueError):
            continue
        total += (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")
    return total


def _children(pid: int) -> list[int]:
    try:
        return [int(one) for one in Path(f"/proc/{pid}/task/{pid}/children").read_text().split()]
    except (OSError, ValueError):
        return []
