"""What the sandbox costs: files watched in this process and in a confined one, in turn.

    python benchmarks/sandbox.py --rounds 30 --out benchmarks/results

The files are made here: a short sound, a picture, and the clip of the demo (5.7 s of a face and a
sentence). Each round opens and watches every file in both ways, in an order that changes, so that
neighbours of the machine disturb both alike. The cost is the median over the rounds of the
difference. The start of the server and the memory of the processes are measured as well. Writes
``sandbox.json`` and ``sandbox.md``; the exit code is 1 if a file costs more than 0.2 s.
"""

from __future__ import annotations

import argparse
import json
import sys
import tempfile
import time
from collections.abc import Callable
from contextlib import closing
from pathlib import Path
from typing import Any

import cv2
import numpy as np

from mien.convert.provenance import commit, machine
from mien.demo import make_clip, portrait_pictures
from mien.media import open_clip
from mien.media.writer import write_clip
from mien.options import MediaOptions
from mien.perceive.source import ClipSource, Source
from mien.perceive.watch import WatchOptions
from mien.sandbox import Server, open_confined
from mien.scene import AUDIO, FACES, SHOTS

BAR = 0.2
"""Seconds that a file may cost."""
_HERE, _CONFINED = "in this process", "confined"


def make_files(folder: Path) -> dict[str, Path]:
    """The files by what they are."""
    (picture,) = portrait_pictures(1)
    files = {
        "0.2 s of sound": folder / "sound.mp4",
        "a picture": folder / "picture.png",
        "5.7 s with a face": folder / "demo.mp4",
    }
    sound, still, clip = files.values()
    write_clip(sound, [np.zeros((64, 64, 3), np.uint8)] * 2, 10, np.zeros(3200, np.float32))
    cv2.imwrite(str(still), picture)
    make_clip(clip)
    return files


def spent(make: Callable[[], Source]) -> float:
    """Seconds to open and watch a file."""
    started = time.perf_counter()
    with closing(make()) as source:
        source.watch({AUDIO, SHOTS, FACES}, WatchOptions(), lambda *said: None, lambda: False)
    return time.perf_counter() - started


def measure(files: dict[str, Path], rounds: int, server: Server) -> dict[str, dict[str, Any]]:
    """By file, the seconds of each way and what the sandbox costs."""
    ways: dict[str, Callable[[Path], Source]] = {
        _HERE: lambda path: ClipSource(open_clip(path)),
        _CONFINED: lambda path: open_confined(path, MediaOptions(), server=server),
    }
    took: dict[tuple[str, str], list[float]] = {(f, w): [] for f in files for w in ways}
    for number in range(rounds + 1):
        for name, path in files.items():
            for way in sorted(ways, reverse=bool(number % 2)):
                seconds = spent(lambda make=ways[way], at=path: make(at))
                if number:  # the first round loads what is loaded once
                    took[name, way].append(seconds)
    out = {}
    for name in files:
        here, confined = (np.array(took[name, way]) for way in ways)
        extra = confined - here
        out[name] = {
            _HERE: round(float(np.median(here)), 4),
            _CONFINED: round(float(np.median(confined)), 4),
            "cost": round(float(np.median(extra)), 4),
            "of minima": round(float(confined.min() - here.min()), 4),
            "90 %": round(float(np.quantile(extra, 0.9)), 4),
        }
    return out


def start_of(path: Path) -> tuple[dict[str, float], Server]:
    """Seconds until a new server has watched its first file, its memory in MB, and the server."""
    started = time.perf_counter()
    server = Server()
    launched = time.perf_counter() - started
    first = spent(lambda: open_confined(path, MediaOptions(), server=server))
    status = Path(f"/proc/{server.pid}/status").read_text(encoding="ascii")
    resident = int(status.split("VmRSS:")[1].split()[0]) / 1000
    found = {
        "launched s": round(launched, 4),
        "first file s": round(first, 3),
        "server MB": round(resident, 1),
    }
    return found, server


def page(found: dict[str, Any]) -> str:
    """The table."""
    lines = ["# What the sandbox costs", ""]
    lines += [f"* {name}: {found[name]}" for name in ("commit", "machine", "rounds")]
    start = found["start"]
    lines += [
        f"* start, once a process: {start['launched s']:.3f} s in the way of the parent; the first "
        f"file is done {start['first file s']:.2f} s later, since the server loads meanwhile",
        f"* resident memory of the server: {start['server MB']:.0f} MB",
        "",
        f"Bar: {BAR} s a file. Medians over the rounds, in seconds; `cost` is the median of the",
        "differences within a round, `90 %` their 90th percentile, `of minima` the difference of",
        "the fastest runs.",
        "",
        "| file | in this process | confined | cost | 90 % | of minima |",
        "|---|---|---|---|---|---|",
    ]
    for name, row in found["files"].items():
        values = [row[key] for key in (_HERE, _CONFINED, "cost", "90 %", "of minima")]
        lines.append(f"| {name} | {' | '.join(f'{value:.3f}' for value in values)} |")
    return "\n".join([*lines, ""])


def main() -> int:
    """Measure and write."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else "")
    parser.add_argument("--rounds", type=int, default=30)
    parser.add_argument("--out", type=Path, default=Path("benchmarks/results"))
    chosen = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        files = make_files(Path(folder))
        start, server = start_of(files["0.2 s of sound"])
        with closing(server):
            rows = measure(files, chosen.rounds, server)
    found = {
        "commit": commit(),
        "machine": machine(),
        "rounds": chosen.rounds,
        "start": start,
        "files": rows,
    }
    chosen.out.mkdir(parents=True, exist_ok=True)
    (chosen.out / "sandbox.json").write_text(json.dumps(found, indent=2) + "\n", encoding="utf-8")
    text = page(found)
    (chosen.out / "sandbox.md").write_text(text, encoding="utf-8")
    print(text)
    return int(max(row["cost"] for row in rows.values()) > BAR)


if __name__ == "__main__":
    sys.exit(main())
