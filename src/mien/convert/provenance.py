"""Provenance of a result for cards: command, commit and machine."""

from __future__ import annotations

import os
import platform
import subprocess
import sys
from pathlib import Path


def command_line() -> str:
    """The running command; paths are cut to their last part, as folders differ by machine."""
    words = [Path(word).name if "/" in word else word for word in sys.argv[1:]]
    return " ".join(["mien", *words])


def commit() -> str:
    """Short hash of the checkout that is running, with ``+`` for uncommitted changes."""
    try:
        changed = _git("status", "--porcelain", "--untracked-files=no")
        return _git("rev-parse", "--short", "HEAD") + ("+" if changed else "")
    except (OSError, subprocess.SubprocessError):
        return "unknown"


def _git(*words: str) -> str:
    """What git says of the checkout; it writes nothing there (``git describe --dirty`` would)."""
    run = subprocess.run(
        ["git", "--no-optional-locks", *words],
        cwd=Path(__file__).parent,
        capture_output=True,
        text=True,
        check=True,
        timeout=10,
    )
    return run.stdout.strip()


def machine() -> str:
    """Processor and number of cores."""
    name = platform.processor() or platform.machine()
    info = Path("/proc/cpuinfo")
    if info.exists():
        for line in info.read_text().splitlines():
            if line.startswith("model name"):
                name = line.split(":", 1)[1].strip()
                break
    return f"{name}, {os.cpu_count()} cores"


def fast_bfloat16() -> bool:
    """Whether the processor multiplies bfloat16 natively; otherwise bfloat16 is slower."""
    info = Path("/proc/cpuinfo")
    flags = info.read_text().split() if info.exists() else []
    return bool({"avx512_bf16", "amx_bf16"} & set(flags))
