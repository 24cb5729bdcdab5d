"""Speed of the whole pipeline, beside the script of a user and beside the cost of decoding.

    python benchmarks/pipeline.py --work DIR --out benchmarks/results --profile

Four parts; each job runs in a process of its own, and the jobs that are compared alternate.

* ``same``: the paper's system by mien against ``pipeline_peer.py`` (Transformers, OpenCV, ffmpeg)
  with the same models, and whether both answer the same on the same inputs.
* ``default``: mien by utterance, with and without speech recognition, over size, length and cores,
  beside the floor: decoding the sound and five gray pictures a second, and nothing else.
* ``start``: ``mien analyze`` on 5 s from the shell.
* ``--profile``: processor seconds by room and function (``profile.md``).

Writes ``pipeline.json`` after each job, ``pipeline.md`` and ``pipeline.png``. The same command
continues where it was stopped, as long as commit, machine and recordings are the same. ``--src``
measures another checkout of mien; ``--before FILE`` draws its JSON beside. Exit code 1 if a bar is
not reached.
"""

from __future__ import annotations

import argparse
import json
import os
import platform
import select
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from importlib.metadata import PackageNotFoundError, version
from itertools import chain, zip_longest
from pathlib import Path
from typing import Any

import mien
import pipeline_figure
import pipeline_page
import pipeline_profile
from mien.convert.provenance import machine
from pipeline_clip import MINUTE, megabits, recording

HERE = Path(__file__).parent
PARTS = ("same", "default", "start")
LIBRARIES = ("av", "onnxruntime", "ctranslate2", "torch", "transformers", "opencv-python-headless")
COLD, MORE = 5, 2
"""Seconds of the clip for the cold start, and how many rounds more it has."""
ANSWERS = 30
"""Seconds of the clip on which the answers of both sides are compared."""
LONG = 120
"""Longer recordings are analysed once, on all cores that are asked for only."""
LIMIT = 1800
"""Seconds after which a job has failed."""
LOOK = 0.1
"""Seconds between two looks at the memory of a job and its children."""


@dataclass(frozen=True)
class Cell:
    """One job on one recording; it is repeated.

    Args:
        part: ``same``, ``default``, ``start`` or ``profile``.
        height: of the pictures.
        seconds: of media.
        cores: that the process may use.
        job: of ``pipeline_child.py``, or ``peer`` or ``mien analyze``.
    """

    part: str
    height: int
    seconds: int
    cores: int
    job: str

    @property
    def key(self) -> str:
        """Name in the JSON."""
        return f"{self.part}/{self.height}p/{self.seconds}s/{self.cores}/{self.job}"


def main() -> int:
    """Run what is missing, write the results."""
    given = arguments()
    given.work.mkdir(parents=True, exist_ok=True)
    given.out.mkdir(parents=True, exist_ok=True)
    value = opened(given)
    plan = planned(given)
    if "same" in given.parts:
        spawn([child(), "models", "--models", str(given.models), *tiny(given)], given, 0)
    todo = [(cell, turn) for cell, turn in plan if turn >= len(runs_of(value, cell))]
    if len(todo) < len(plan):
        print(f"continues: {len(plan) - len(todo)} of {len(plan)} jobs are done (--fresh: anew)")
    started = time.monotonic()
    for number, (cell, _) in enumerate(todo, 1):
        run = measure(cell, given, value)
        runs_of(value, cell).append(run)
        save(value, given)
        print(f"{time.monotonic() - started:5.0f} s [{number}/{len(todo)}] {told(cell, run)}",
              flush=True)  # fmt: skip
    if "same" in given.parts and "answers" not in value:
        clip = clip_of(Cell("", given.heights[0], min(ANSWERS, max(given.seconds)), 0, ""), given)
        command = [child(), "answers", str(clip), "--models", str(given.models)]
        value["answers"] = spawn(command, given, 0)
        save(value, given)
    return finish(value, given)


def arguments() -> argparse.Namespace:
    """The command line."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n", maxsplit=1)[0])
    add = parser.add_argument
    add("--work", type=Path, required=True, help="folder of recordings and models; both are kept")
    add("--out", type=Path, required=True, help="folder for the results")
    add("--parts", nargs="+", choices=PARTS, default=PARTS)
    add("--profile", action="store_true", help="also measure by room and function")
    add("--heights", nargs="+", type=int, default=[720, 1080])
    add("--seconds", nargs="+", type=int, default=[10, 60, 600], help="multiples of 5")
    add("--cores", nargs="+", type=int, default=[2, 1])
    add("--rounds", type=int, default=3, help=f"of recordings up to {LONG} s; longer ones have one")
    add("--faces", nargs="*", type=Path, default=[], help="videos; default: the demo's portrait")
    add("--sounds", nargs="*", type=Path, default=[], help="speech; default: the demo's sentence")
    add("--src", type=Path, help="measure the mien in this folder (src of another checkout)")
    add("--before", type=Path, help="pipeline.json of an earlier commit, for the figure")
    add("--fresh", action="store_true", help="begin anew even if there are results to continue")
    add("--tiny", action="store_true", help=argparse.SUPPRESS)
    given = parser.parse_args()
    given.models = given.work / ("models-tiny" if given.tiny else "models")
    return given


def planned(given: argparse.Namespace) -> list[tuple[Cell, int]]:
    """Every job and its round, in the order in which they run; long recordings last."""
    most = max(given.cores)
    minute = min(MINUTE, max(given.seconds))
    groups: list[tuple[int, list[Cell]]] = []
    if "start" in given.parts:
        start = Cell("start", given.heights[0], COLD, most, "mien analyze")
        groups.append((given.rounds + MORE, [start]))
    if "same" in given.parts:
        both = [Cell("same", given.heights[0], minute, most, job) for job in ("paper", "peer")]
        groups.append((given.rounds, both))
    if given.profile:
        jobs = ("none", "whisper")
        groups.append((1, [Cell("profile", given.heights[0], minute, 1, job) for job in jobs]))
    long: list[tuple[int, list[Cell]]] = []
    for seconds in given.seconds if "default" in given.parts else ():
        for cores in given.cores if seconds <= LONG else [most]:
            for height in given.heights:
                jobs = ("floor", "none", "whisper")
                cells = [Cell("default", height, seconds, cores, job) for job in jobs]
                where, rounds = (groups, given.rounds) if seconds <= LONG else (long, 1)
                where.append((rounds, cells))
    return [*_interleaved(groups), *_interleaved(long)]


def _interleaved(groups: list[tuple[int, list[Cell]]]) -> Iterator[tuple[Cell, int]]:
    """Round by round, so that a disturbance of the machine meets every cell alike."""
    rounds = [
        [[(cell, turn) for cell in cells] for turn in range(count)] for count, cells in groups
    ]
    return chain.from_iterable(chain.from_iterable(zip_longest(*rounds, fillvalue=[])))


# --- jobs ------------------------------------------------------------------------------------


def child() -> str:
    """The program of the jobs."""
    return str(HERE / "pipeline_child.py")


def tiny(given: argparse.Namespace) -> list[str]:
    """The flag of small models."""
    return ["--tiny"] if given.tiny else []


def clip_of(cell: Cell, given: argparse.Namespace) -> Path:
    """The recording of a cell."""
    base = min(MINUTE, max(*given.seconds, COLD))
    return recording(given.work, cell.height, cell.seconds, given.faces, given.sounds, base)


def measure(cell: Cell, given: argparse.Namespace, value: dict[str, Any]) -> dict[str, Any]:
    """Run a job once."""
    clip = clip_of(cell, given)
    value["clips"][f"{cell.height}p {cell.seconds} s"] = round(megabits(clip, cell.seconds), 2)
    first = not runs_of(value, cell)
    if cell.job == "peer":
        command = [str(HERE / "pipeline_peer.py"), str(clip), str(given.models)]
        command += ["--threads", str(cell.cores)]
    elif cell.part == "start":
        command = ["-m", "mien", "analyze", str(clip)]
        if first:
            spawn(command, given, cell.cores)  # files and compiled modules come into the cache
    else:
        command = [child(), cell.job, str(clip), "--models", str(given.models)]
        command += ["--sample"] if cell.part == "profile" else []
        wanted = cell.part == "default" and cell.job != "floor"
        command += ["--warm"] if first and wanted and cell.seconds <= LONG else []
    return spawn(command, given, cell.cores)


def spawn(command: list[str], given: argparse.Namespace, cores: int) -> dict[str, Any]:
    """Run a Python program and watch it.

    Args:
        command: its arguments.
        given: the command line.
        cores: that it may use; 0 for all.

    Returns:
        Its JSON (empty if it prints none) with ``whole``, wall seconds from start to exit without a
        second analysis; ``whole_cpu``, processor seconds with its children; ``peak``, MB of the
        process, or of it and its children together if that was more.

    Raises:
        SystemExit: if it failed.
    """
    allowed = sorted(os.sched_getaffinity(0))[: cores or None]
    environment = os.environ | {"PYTHONPATH": str(given.src or Path(mien.__file__).parents[1])}
    with tempfile.TemporaryFile("w+") as out, tempfile.TemporaryFile("w+") as err:
        began = time.perf_counter()
        process = subprocess.Popen(
            [sys.executable, *command], stdout=out, stderr=err, env=environment,
            preexec_fn=lambda: os.sched_setaffinity(0, allowed),  # noqa: PLW1509 - no threads here
        )  # fmt: skip
        most, alone = watched(process.pid, began)
        _, status, usage = os.wait4(process.pid, 0)
        whole = time.perf_counter() - began
        process.returncode = os.waitstatus_to_exitcode(status)
        out.seek(0)
        err.seek(0)
        said = out.read().strip().splitlines()
        if process.returncode:
            raise SystemExit(f"{' '.join(command)} failed:\n{err.read()[-3000:]}")
    value = json.loads(said[-1]) if said and said[-1].startswith("{") else {}
    value["whole"] = whole - value.get("warm", 0.0)
    value["whole_cpu"] = usage.ru_utime + usage.ru_stime
    # Where the job says nothing of its own peak, that of the looks.
    value["peak"] = max(most, value.get("peak", alone))
    return value


def watched(pid: int, began: float) -> tuple[float, float]:
    """Wait for the end of a process.

    Returns:
        The largest resident memory, MB, of it with its children while it had some, and alone.
    """
    tree = alone = 0.0
    handle = os.pidfd_open(pid)
    try:
        while not select.select([handle], [], [], LOOK)[0]:
            if time.perf_counter() - began > LIMIT:
                os.kill(pid, 9)
            own, *others = memory(pid)
            alone = max(alone, own)
            tree = max(tree, own + sum(others)) if others else tree
    finally:
        os.close(handle)
    return tree, alone


def memory(pid: int) -> list[float]:
    """MB of a process (the most so far) and of each of its descendants (now); 0 once ended."""
    proc = Path(f"/proc/{pid}")
    try:
        lines = dict(line.split(":", 1) for line in (proc / "status").read_text().splitlines())
        found = [int(lines["VmHWM"].split()[0]) * 1024 / 1e6]
        children = [(task / "children").read_text().split() for task in (proc / "task").iterdir()]
    except (OSError, KeyError):
        return [0.0]
    return found + [mb for one in chain(*children) for mb in memory(int(one))]


# --- results ---------------------------------------------------------------------------------


def runs_of(value: dict[str, Any], cell: Cell) -> list[dict[str, Any]]:
    """The runs of a cell so far."""
    entry = value["cells"].setdefault(cell.key, {"cell": asdict(cell), "runs": []})
    runs: list[dict[str, Any]] = entry["runs"]
    return runs


def opened(given: argparse.Namespace) -> dict[str, Any]:
    """The results to continue, or none yet."""
    about = spawn([child(), "about"], given, 0)
    load = round(os.getloadavg()[0], 2)
    identity = {
        "commit": about["commit"].rstrip("+"),
        "machine": machine(),
        "faces": [path.name for path in given.faces] or ["the portrait of mien demo"],
        "sounds": [path.name for path in given.sounds] or ["the sentence of mien demo"],
        "models": "two layers" if given.tiny else "full size",
    }
    path = given.out / "pipeline.json"
    if path.exists() and not given.fresh:
        value: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))
        if value["identity"] == identity:
            value["about"]["load"] = max(load, value["about"]["load"])
            return value
    versions = {"mien": about["mien"], "Python": platform.python_version()}
    for name in LIBRARIES:
        try:
            versions[name] = version(name)
        except PackageNotFoundError:
            continue
    facts = {"commit": about["commit"], "load": load, "versions": versions}
    return {"identity": identity, "about": facts, "clips": {}, "cells": {}}


def save(value: dict[str, Any], given: argparse.Namespace) -> None:
    """Write the JSON in one step."""
    path = given.out / "pipeline.json"
    fresh = path.with_suffix(".part")
    fresh.write_text(json.dumps(value, indent=1) + "\n", encoding="utf-8")
    fresh.replace(path)


def told(cell: Cell, run: dict[str, Any]) -> str:
    """A line of progress."""
    seconds = run["run"] if cell.part == "default" else run["whole"]
    return f"{cell.key}: {seconds:.2f} s ({seconds / cell.seconds:.3f}), {run['peak']:.0f} MB"


def finish(value: dict[str, Any], given: argparse.Namespace) -> int:
    """Page, profile and figure; 1 if a bar is not reached."""
    before = json.loads(given.before.read_text(encoding="utf-8")) if given.before else None
    save(value, given)
    text = pipeline_page.page(value)
    (given.out / "pipeline.md").write_text(text, encoding="utf-8")
    profiles = pipeline_page.profiles(value)
    if profiles:
        found = pipeline_profile.page(profiles, pipeline_page.provenance(value))
        (given.out / "profile.md").write_text(found, encoding="utf-8")
    pipeline_figure.draw(value, before, given.out / "pipeline.png")
    print(text)
    return 0 if all(bar.met for bar in pipeline_page.bars(value)) else 1


if __name__ == "__main__":
    sys.exit(main())
