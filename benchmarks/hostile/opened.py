"""Which files an analysis may open, and what a trace of system calls says that it opened."""

from __future__ import annotations

import os
import re
import site
import sys
import sysconfig
from collections.abc import Iterator
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parents[2]
CALLS = "open,openat,openat2,creat,connect,execve,bind"
_OWN = tuple({
    str(ROOT / "src"),
    str(ROOT / "benchmarks"), sys.prefix, sys.base_prefix, sys.exec_prefix, *site.getsitepackages(),
    sysconfig.get_path("stdlib"), "/usr", "/lib", "/lib64", "/etc/ld.so.cache", "/etc/localtime",
    "/etc/ssl", "/sys/devices/system", "/sys/fs/cgroup",
})  # fmt: skip
_SYSTEM = re.compile(
    r"/proc/(?:self|\d+)/(?:fd|status|statm|maps|stat|clear_refs|cgroup|mountinfo|task/\d+/comm|auxv)\b"
    r"|/proc/(?:cpuinfo|meminfo|stat|sys/.*)$|/dev/(?:null|urandom|random|shm)$|/hostile-(?:begin|end)/"
)
_LINE = re.compile(r"^(?:\[pid +)?(\d+)\]? +(\w+)\((.*)$")
_PATH = re.compile(r'"((?:[^"\\]|\\.)*)"')
_CODES = {"n": 10, "t": 9, "r": 13, "v": 11, "f": 12, "a": 7, "b": 8, '"': 34, "\\": 92}


def is_allowed(path: str, given: dict[str, Any]) -> bool:
    """Whether a case may open a path: its own file, subtitles of it, its folder, temporary files.

    Args:
        path: as it was opened.
        given: the case as the worker has it.
    """
    full = os.path.abspath(path)
    folder = given["folder"]
    own = {os.path.abspath(given["path"]), folder, os.path.dirname(os.path.abspath(given["path"]))}
    own |= {os.path.join(folder, name) for name in given["beside"]}
    if full in own or path == given["path"] or _SYSTEM.match(full):
        return True
    return full.startswith(
        (*(f"{one}{os.sep}" for one in (*_OWN, given["temporary"])), *_OWN, given["temporary"])
    )


def traced(log: Path, cases: dict[int, dict[str, Any]]) -> Iterator[tuple[int, str]]:
    """The number of a case and what it opened, connected to or ran that it may not.

    Args:
        log: what ``strace -f`` wrote.
        cases: as the worker had them, by number.
    """
    number: int | None = None
    with log.open(encoding="utf-8", errors="surrogateescape") as lines:
        for line in lines:
            found = _LINE.match(line)
            if found is None:
                continue
            call, rest = found[2], found[3]
            said = _PATH.search(rest)
            path = _unescaped(said[1]) if said else ""
            if path.startswith("/hostile-"):
                number = int(path.rpartition("/")[2]) if "begin" in path else None
            elif number is None or number not in cases:
                continue
            elif call in {"connect", "bind", "execve"}:
                yield number, f"{call}({rest[:120]}"
            elif path and not is_allowed(path, cases[number]):
                yield number, f"{call} {path!r}"


def _unescaped(text: str) -> str:
    raw = re.sub(
        r"\\([0-7]{1,3}|x[0-9a-f]{2}|.)",
        lambda m: chr(int(m[1][1:], 16) if m[1][0] == "x" and len(m[1]) > 1
                      else int(m[1], 8) if m[1][0].isdigit() else _CODES.get(m[1], ord(m[1]))),
        text,
    )  # fmt: skip
    return os.fsdecode(raw.encode("latin-1", errors="ignore"))
