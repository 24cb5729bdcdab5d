"""Commands under watch: what they look up, whom they call, and what they write outside their work.

Two watches. An audit hook in every Python process (``sitecustomize``) sees the standard library's
sockets and files. ``strace``, where it is installed and may trace, sees the system calls of native
code too, which is where ONNX Runtime's telemetry lives.
"""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
HOOK = """
import os, sys
def _watch(event, given, log=os.path.join(os.path.dirname(__file__), "log")):
    if event in ("socket.getaddrinfo", "socket.gethostbyname", "socket.sendto"):
        said = f"network {event} {given!r}"
    elif event == "socket.connect" and isinstance(given[1], tuple):
        said = f"network {event} {given[1]!r}"
    elif event == "open" and isinstance(given[0], (str, bytes)) and given[2] & (
        os.O_WRONLY | os.O_RDWR | os.O_CREAT
    ):
        said = f"write {os.path.abspath(os.fsdecode(given[0]))}"
    elif event in ("os.mkdir", "os.rename") and isinstance(given[0], (str, bytes)):
        said = f"write {os.path.abspath(os.fsdecode(given[0]))}"
    else:
        return
    handle = os.open(log, os.O_WRONLY | os.O_APPEND)
    os.write(handle, (said + "\\n").encode())
    os.close(handle)
_busy = []
def _once(event, given):
    if not _busy:
        _busy.append(1)
        try:
            _watch(event, given)
        finally:
            _busy.clear()
sys.addaudithook(_once)
"""
CALLS = "connect,sendto,sendmsg,sendmmsg,openat,open,creat,mkdir,mkdirat,rename,renameat,renameat2"
_WRITES = re.compile(r"O_WRONLY|O_RDWR|O_CREAT| (?:creat|mkdir|mkdirat|rename|renameat2?)\(")
_FAILED = re.compile(r"= -1 \w+ \([^)]*\)$")


@dataclass
class Watched:
    """What a command did: its output, network use and the paths it wrote, in order."""

    code: int
    output: str
    network: list[str] = field(default_factory=list)
    written: list[Path] = field(default_factory=list)

    def outside(self, *places: Path) -> list[str]:
        """What was written outside the places; devices and shared memory do not count."""
        allowed = (*places, Path("/dev"), Path("/proc"))
        return sorted({str(p) for p in self.written if not any(map(p.is_relative_to, allowed))})


@cache
def strace() -> str | None:
    """The tracer, if there is one and it may trace."""
    found = shutil.which("strace")
    if found is None:
        return None
    trial = [found, "-f", "--seccomp-bpf", "-qq", "true"]
    tried = subprocess.run(trial, capture_output=True, check=False)
    return found if tried.returncode == 0 else None


def watch(words: list[str], folder: Path, *, native: bool | None = None, **env: str) -> Watched:
    """Run ``python WORDS`` in ``folder/work`` with a home and a folder for temporary files beside.

    Native code is watched where ``strace`` can, unless ``native`` says otherwise.
    The environment is empty but for what is named, so that no setting of the caller helps.
    """
    native = strace() is not None if native is None else native
    for name in ("home", "temporary", "work", "hook"):
        (folder / name).mkdir(exist_ok=True)
    (folder / "hook" / "sitecustomize.py").write_text(HOOK)
    log, trace = folder / "hook" / "log", folder / "hook" / "trace"
    log.write_text("")
    where = os.pathsep.join([str(folder / "hook"), str(ROOT / "src"), str(ROOT)])
    given = {
        "PATH": "/usr/bin:/bin", "PYTHONPATH": where, "PYTHONDONTWRITEBYTECODE": "1",
        "HOME": str(folder / "home"), "TMPDIR": str(folder / "temporary"),
    }  # fmt: skip
    tracer = [strace(), "-f", "--seccomp-bpf", "-qq", "-s", "512", "-e", f"trace={CALLS}"]
    done = subprocess.run(
        [*([*tracer, "-o", str(trace)] if native else []), sys.executable, *words],
        env=given | env, cwd=folder / "work", capture_output=True, text=True, timeout=600,
        check=False,
    )  # fmt: skip
    seen = Watched(done.returncode, done.stdout + done.stderr)
    for line in log.read_text().splitlines():
        kind, _, what = line.partition(" ")
        if kind == "network":
            seen.network.append(what)
        else:
            seen.written.append(Path(what))
    if native:
        _read_trace(trace.read_text(errors="replace"), seen, folder / "work")
    seen.written = [p for p in seen.written if not p.is_relative_to(folder / "hook")]
    return seen


def _read_trace(trace: str, seen: Watched, work: Path) -> None:
    for line in trace.splitlines():
        if re.search(r"AF_INET6?\b", line) or '"/etc/resolv.conf"' in line:
            seen.network.append(line)
        elif _WRITES.search(line) and not _FAILED.search(line):
            paths = re.findall(r'"((?:[^"\\]|\\.)*)"', line)
            seen.written += [work / path for path in paths]
