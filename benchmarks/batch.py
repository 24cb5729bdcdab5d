"""The engines of a batch on the same clips: throughput, start-up cost and memory.

    python benchmarks/batch.py --clips 20 --workers 2 --out benchmarks/results

The clips are copies of that of ``mien demo``, 5.5 s each, analysed by windows of 2 s. Each engine
runs ``mien batch`` in a process of its own, one after the other. Memory is the sum of the
proportional set sizes (PSS) of the command and all processes below it, read twice a second, so that
shared pages count once. Writes ``batch.md``.
"""

from __future__ import annotations

import argparse
import json
import os
import shutil
import subprocess
import sys
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path

import psutil

from mien.batch.engines import ENGINES
from mien.batch.state import STATES
from mien.convert.provenance import commit, machine
from mien.demo import make_clip


@dataclass
class Run:
    """What a batch took.

    Args:
        engine: by its name.
        wall: seconds of the whole command.
        first: seconds until the first clip is finished.
        last: seconds until the last one is.
        clips: finished.
        mb: peak of memory, 10**6 bytes.
        processes: at that time.
    """

    engine: str
    wall: float = 0.0
    first: float = 0.0
    last: float = 0.0
    clips: int = 0
    mb: float = 0.0
    processes: int = 0

    @property
    def pace(self) -> float:
        """Clips a minute from the first finished one to the last."""
        return 60 * (self.clips - 1) / max(self.last - self.first, 1e-9)


def main() -> int:
    """Run the benchmark."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n", maxsplit=1)[0])
    parser.add_argument("--clips", type=int, default=20)
    parser.add_argument("--workers", type=int, default=2)
    parser.add_argument("--engine", action="append", choices=ENGINES)
    parser.add_argument("--out", type=Path, required=True, help="folder for the result")
    given = parser.parse_args()
    with tempfile.TemporaryDirectory() as name:
        work = Path(name)
        (work / "in").mkdir()
        make_clip(work / "in" / "0.mp4")
        for i in range(1, given.clips):
            shutil.copy(work / "in" / "0.mp4", work / "in" / f"{i}.mp4")
        runs = [measured(one, work, given.workers) for one in given.engine or ENGINES]
    text = page(runs, given.clips, given.workers)
    given.out.mkdir(parents=True, exist_ok=True)
    (given.out / "batch.md").write_text(text, encoding="utf-8")
    print(text)
    return 0


def measured(engine: str, work: Path, workers: int) -> Run:
    """One run of ``mien batch``."""
    run, out = Run(engine), work / engine
    words = ["batch", work / "in", "--out", out, "--engine", engine, "--workers", workers]
    words += ["--by", "window", "--window", 2, "--step", 1]
    started = time.monotonic()
    with (work / f"{engine}.log").open("w") as log:
        command = [sys.executable, "-m", "mien", *map(str, words)]
        process = subprocess.Popen(command, stdout=log, stderr=log)
        while process.poll() is None:
            weigh(psutil.Process(process.pid), run)
            count(out, run, time.monotonic() - started)
            time.sleep(0.1)
    run.wall = time.monotonic() - started
    count(out, run, run.wall)
    if process.returncode != 0:
        raise SystemExit((work / f"{engine}.log").read_text())
    return run


def weigh(process: psutil.Process, run: Run) -> None:
    """Keep the memory of the tree of processes if it is the most so far."""
    total, number = 0, 0
    try:
        tree = [process, *process.children(recursive=True)]
    except psutil.Error:
        return
    for one in tree:
        try:
            total += one.memory_full_info().pss
            number += 1
        except (psutil.Error, OSError):
            continue
    if total / 1e6 > run.mb:
        run.mb, run.processes = total / 1e6, number


def count(out: Path, run: Run, now: float) -> None:
    """Note when the number of finished clips changes."""
    if not (out / STATES).exists():
        return
    lines = [json.loads(line) for line in (out / STATES).read_bytes().split(b"\n")[:-1]]
    finished = sum("finished" in line for line in lines)
    if finished and not run.clips:
        run.first = now
    if finished > run.clips:
        run.clips, run.last = finished, now


def page(runs: list[Run], clips: int, workers: int) -> str:
    """The result as Markdown."""
    lines = ["# The engines of `mien batch`", "", f"* {clips} clips of 5.5 s, {workers} workers"]
    lines += ["* memory: sum of the proportional set sizes (PSS) of all processes, 10**6 bytes"]
    load = os.getloadavg()[0]
    lines += [f"* commit: {commit()}", f"* machine: {machine()}; load at the end {load:.1f}", ""]
    lines += ["| engine | command, s | first clip after, s | then clips a minute | end, s "
              "| peak MB | processes |", "|---" * 7 + "|"]  # fmt: skip
    for run in runs:
        cells = [f"{run.wall:.1f}", f"{run.first:.1f}", f"{run.pace:.1f}"]
        cells += [f"{run.wall - run.last:.1f}", f"{run.mb:.0f}", f"{run.processes}"]
        lines.append(f"| {run.engine} | {' | '.join(cells)} |")
    return "\n".join(lines) + "\n"


if __name__ == "__main__":
    sys.exit(main())
