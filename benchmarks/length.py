"""Memory over the length of a recording: generate one, analyse it, draw memory over time.

    python benchmarks/length.py --minutes 10 --minutes 120 --work DIR --out benchmarks/results

The recording repeats one minute: the demo's portrait and sentence, a part without a face and one
without speech, with cuts between them. The sentences are in a subtitle file (with ``--asr`` an
engine recognises them instead). The minutes are joined without encoding them again, which takes
seconds. The analysis runs in a separate process, in windows of 5 s, with all faces, and writes
table and JSON like the command line; its resident memory is read every half second.

Growth is reported twice: as the slope while the recording is read (least squares over the second
half), and as the peak compared with that of the shortest run, both per hour of media. Writes
``length.json``, ``length.md`` and ``length.png``.
"""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

import av
import numpy as np

from mien.convert.provenance import commit, machine
from mien.demo import RATE, make_clip
from mien.media import load_audio
from mien.media.writer import write_clip
from mien.scene import SAMPLE_RATE, Image

LOOP = 60.0
"""Length of the repeated minute in seconds."""
SAID = "This is how the recording sounds."
SIZE = (128, 96)
PLAYING = "reading sound and pictures"
MOST, GROWTH = 1200.0, 5.0
"""Maximum memory in MB, and maximum growth in MB per hour of media."""


@dataclass
class Run:
    """One analysis: time, progress and memory.

    Args:
        minutes: length of the recording.
        asr: source of the words.
        seconds: ``(n,)`` since the start.
        mb: ``(n,)`` resident memory.
        doing: ``(n,)`` progress lines.
        share: ``(n,)`` progress of the step, in [0, 1].
        done: whether the analysis was completed.
    """

    minutes: float
    asr: str
    seconds: list[float] = field(default_factory=list)
    mb: list[float] = field(default_factory=list)
    doing: list[str] = field(default_factory=list)
    share: list[float] = field(default_factory=list)
    done: bool = False

    @property
    def peak(self) -> float:
        """MB."""
        return max(self.mb)

    @property
    def slope(self) -> float:
        """MB per hour of media while the second half was read; NaN if there is none."""
        rows = [i for i, d in enumerate(self.doing) if d == PLAYING and self.share[i] > 0.5]
        if len(rows) < 10:
            return float("nan")
        hours = np.array([self.share[i] for i in rows]) * self.minutes / 60
        return float(np.polyfit(hours, [self.mb[i] for i in rows], 1)[0])


def main() -> int:
    """Run the benchmark, or one analysis for it."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n", maxsplit=1)[0])
    parser.add_argument("--minutes", type=float, action="append", help="repeatable; 10 and 120")
    parser.add_argument("--asr", default="auto", help="auto uses the subtitle file")
    parser.add_argument("--work", type=Path, required=True, help="folder of the recordings")
    parser.add_argument("--out", type=Path, required=True, help="folder for the results")
    parser.add_argument("--child", type=Path, help=argparse.SUPPRESS)
    given = parser.parse_args()
    if given.child is not None:
        analyse(given.child, given.asr)
        return 0
    given.work.mkdir(parents=True, exist_ok=True)
    runs: list[Run] = []
    for minutes in sorted(given.minutes or [10.0, 120.0]):
        path = recording(given.work, minutes)
        run = Run(minutes, given.asr)
        runs.append(run)
        for _ in watched(path, run):
            # Written after each run, so that an interrupted benchmark has results.
            write(runs, given.out)
        write(runs, given.out)
    print(page(runs))
    return 0


# --- the recording ---------------------------------------------------------------------------


def recording(work: Path, minutes: float) -> Path:
    """The recording of that many minutes with its subtitles, generated if it does not exist."""
    path = work / f"long-{minutes:g}.mp4"
    minute = work / "minute.mp4"
    if not path.exists():
        sentence = one_minute(work, minute)
        times = round(minutes * 60 / LOOP)
        made = path.with_suffix(".part")
        repeat(minute, made, times)
        made.rename(path)
        lines = []
        for i in range(times):
            for start in sentence:
                lines.append((i * LOOP + start, i * LOOP + start + 3.5))
        path.with_suffix(".srt").write_text(
            "".join(
                f"{n}\n{stamp(a)} --> {stamp(b)}\n{SAID}\n\n" for n, (a, b) in enumerate(lines, 1)
            )
        )
    return path


def one_minute(work: Path, path: Path) -> list[float]:
    """Write the minute; return the times at which its sentences begin."""
    demo = work / "demo.mp4"
    make_clip(demo)
    samples = load_audio(demo)
    starts = [i * 6.0 for i in range(7)]
    sound = np.zeros(round(LOOP * SAMPLE_RATE), np.float32)
    noise = np.random.default_rng(0).normal(0, 0.002, len(sound)).astype(np.float32)
    for start in starts:
        at = round(start * SAMPLE_RATE)
        sound[at : at + len(samples)] = samples[: len(sound) - at]
    write_clip(path, pictures(demo), RATE, sound + noise)
    return [start + 0.6 for start in starts]


def pictures(demo: Path) -> Iterator[Image]:
    """The portrait near, a picture without a face, the portrait mirrored."""
    import cv2

    with av.open(str(demo)) as container:
        near = [frame.to_ndarray(format="bgr24") for frame in container.decode(video=0)]
    small = [cv2.resize(image, SIZE, interpolation=cv2.INTER_AREA) for image in near]
    swing = [*small, *small[::-1]]
    grid = np.indices((SIZE[1], SIZE[0]))
    empty = np.stack([grid[0] % 256, grid[1] % 256, (grid[0] + grid[1]) % 256], -1)
    for i in range(round(LOOP * RATE)):
        now = i / RATE
        if now < 36:
            yield swing[i % len(swing)]
        elif now < 48:
            yield np.ascontiguousarray(np.roll(empty, i, axis=1), dtype=np.uint8)
        else:
            yield np.ascontiguousarray(swing[i % len(swing)][:, ::-1])


def repeat(minute: Path, path: Path, times: int) -> None:
    """Repeat a clip packet by packet."""
    with av.open(str(path), "w", format="mp4") as out:
        targets: dict[int, Any] = {}
        for turn in range(times):
            with av.open(str(minute)) as source:
                for stream in source.streams:
                    if stream.index not in targets:
                        targets[stream.index] = out.add_stream_from_template(stream)
                # Interleave sound and pictures, as players need it.
                packets = [p for p in source.demux() if p.dts is not None]
                for packet in sorted(packets, key=lambda p: float(p.dts * p.time_base)):
                    later = round(turn * LOOP / packet.time_base)
                    starts = float(packet.pts * packet.time_base)
                    # The encoder's priming samples would overlap the previous minute.
                    if starts >= LOOP or (turn and starts < 0):
                        continue
                    packet.pts += later
                    packet.dts += later
                    packet.stream = targets[packet.stream.index]
                    out.mux(packet)


def stamp(seconds: float) -> str:
    """A time as SRT writes it."""
    ms = round(seconds * 1000)
    return f"{ms // 3600000:02d}:{ms // 60000 % 60:02d}:{ms // 1000 % 60:02d},{ms % 1000:03d}"


# --- one analysis, and its monitor --------------------------------------------------------


def analyse(path: Path, asr: str) -> None:
    """Run ``mien analyze PATH --by window --person all --json FILE`` and print its progress."""
    from rich.console import Console

    from mien.analysis.wire import write_json
    from mien.analyzer import Analyzer
    from mien.options import FaceOptions, Options, SegmentationOptions, SpeechOptions
    from mien.report.table import render

    def tell(doing: str, share: float) -> None:
        print(f"{doing}\t{share:.6f}", flush=True)

    options = Options(
        segmentation=SegmentationOptions("window"),
        speech=SpeechOptions(asr=asr),
        faces=FaceOptions(person="all"),
    )
    analysis = Analyzer(options).analyze(path, tell)
    tell("writing", 0.0)
    write_json(analysis, path.with_suffix(".json"))
    with path.with_suffix(".txt").open("w") as file:
        Console(file=file, width=100).print(render(analysis))
    tell("written", 1.0)


def watched(path: Path, run: Run) -> Iterator[None]:
    """Analyse in a separate process; yields regularly while it runs.

    Raises:
        SystemExit: if the analysis failed.
    """
    command = [sys.executable, __file__, "--work", ".", "--out", ".", "--child", str(path)]
    process = subprocess.Popen([*command, "--asr", run.asr], stdout=subprocess.PIPE, text=True)
    progress = ["starting", "0"]

    def listen() -> None:
        for line in process.stdout or ():
            progress[:] = line.rstrip("\n").split("\t")

    threading.Thread(target=listen, daemon=True).start()
    started = shown = time.monotonic()
    while process.poll() is None:
        time.sleep(0.5)
        memory = resident(process.pid)
        if memory is None:
            continue
        run.seconds.append(round(time.monotonic() - started, 1))
        run.mb.append(round(memory, 1))
        run.doing.append(progress[0])
        run.share.append(round(float(progress[1]), 4))
        if time.monotonic() - shown > 20:
            shown = time.monotonic()
            print(
                f"{run.seconds[-1]:7.0f} s  {run.mb[-1]:7.1f} MB  {progress[0]} "
                f"{float(progress[1]):.1%}",
                flush=True,
            )
            yield
    if process.returncode:
        raise SystemExit(f"The analysis of {path.name} failed ({process.returncode}).")
    run.done = True


def resident(pid: int) -> float | None:
    """Resident memory of a process in MB (10**6 bytes), None if it has ended."""
    try:
        lines = Path(f"/proc/{pid}/status").read_text().splitlines()
    except OSError:
        return None
    found = [line.split() for line in lines if line.startswith("VmRSS")]
    return int(found[0][1]) * 1024 / 1e6 if found else None


# --- output -------------------------------------------------------------------------


def write(runs: list[Run], out: Path) -> None:
    """JSON, table and figure."""
    out.mkdir(parents=True, exist_ok=True)
    value = {"about": about(), "runs": [asdict(run) | figures(run, runs) for run in runs]}
    (out / "length.json").write_text(json.dumps(value) + "\n", encoding="utf-8")
    (out / "length.md").write_text(page(runs), encoding="utf-8")
    draw(runs, out / "length.png")


def about() -> dict[str, str]:
    """The provenance of the figures."""
    return {
        "recording": f"one minute repeated, {SIZE[0]}x{SIZE[1]}, H.264 and AAC; seed 0",
        "memory": "resident (VmRSS) of the process, MB of 10**6 bytes, every half second",
        "commit": commit(),
        "machine": machine(),
    }


def figures(run: Run, runs: list[Run]) -> dict[str, float | None]:
    """Peak and growth of a run."""
    least = runs[0]
    apart = (run.minutes - least.minutes) / 60
    return {
        "peak_mb": run.peak,
        "slope_mb_per_hour": None if np.isnan(run.slope) else round(run.slope, 2),
        "peak_growth_mb_per_hour": round((run.peak - least.peak) / apart, 2) if apart else None,
    }


def page(runs: list[Run]) -> str:
    """The table."""
    lines = ["# Memory over the length of a recording", ""]
    lines += [f"* {name}: {value}" for name, value in about().items()]
    lines += [
        "",
        f"Target: a peak below {MOST:.0f} MB, growth below {GROWTH:.0f} MB per hour of media.",
        "",
        "`played`: slope over the second half of the play. `peak`: over that of the shortest run.",
        "",
        "| minutes | words | peak MB | at | played, MB/h | peak, MB/h | took s | whole |",
        "|---|---|---|---|---|---|---|---|",
    ]
    for run in (run for run in runs if run.mb):
        found = figures(run, runs)
        shown = [f"{v:.1f}" if v is not None else "" for v in found.values()]
        at = run.doing[int(np.argmax(run.mb))]
        whole = "yes" if run.done else f"no, {run.doing[-1]} {run.share[-1]:.0%}"
        cells = [f"{run.minutes:g}", run.asr, shown[0], at, shown[1], shown[2]]
        lines.append(f"| {' | '.join(cells)} | {run.seconds[-1]:.0f} | {whole} |")
    return "\n".join([*lines, ""])


def draw(runs: list[Run], path: Path) -> None:
    """Draw memory over the time of each run, with shading by step."""
    from matplotlib.figure import Figure

    shown = [run for run in runs if run.mb]
    figure = Figure(figsize=(9, 1 + 2.6 * len(shown)), layout="constrained")
    grid = figure.subplots(len(shown), 1, squeeze=False)[:, 0]
    for axes, run in zip(grid, shown, strict=True):
        minutes = np.array(run.seconds) / 60
        axes.plot(minutes, run.mb, color="#0072B2", lw=1.2)
        edges = [i for i in range(len(minutes)) if i == 0 or run.doing[i] != run.doing[i - 1]]
        for number, (a, b) in enumerate(zip(edges, [*edges[1:], len(minutes) - 1], strict=True)):
            if number % 2:
                axes.axvspan(minutes[a], minutes[b], color="#000000", alpha=0.06, lw=0)
            if minutes[b] - minutes[a] > 0.08 * minutes[-1]:
                middle = (minutes[a] + minutes[b]) / 2
                axes.text(
                    middle, 0.96, run.doing[a], ha="center", va="top", fontsize=9,
                    transform=axes.get_xaxis_transform(),
                )  # fmt: skip
        axes.axhline(MOST, color="#D55E00", lw=1, ls="--")
        axes.text(minutes[-1], MOST, "target: below ", ha="right", va="bottom", fontsize=9)
        axes.set(ylim=(0, MOST * 1.12), xlim=(0, minutes[-1]), ylabel="resident MB")
        axes.set_title(f"{run.minutes:g} minutes: peak {run.peak:.0f} MB", loc="left", fontsize=11)
        axes.spines[["top", "right"]].set_visible(False)
    grid[-1].set_xlabel("minutes since the start of the analysis")
    figure.savefig(path, dpi=130)


if __name__ == "__main__":
    sys.exit(main())
