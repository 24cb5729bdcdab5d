"""Time to open the report of a recording of hours: generate one, open it in Chromium.

    python benchmarks/page.py --hours 2 --out benchmarks/results

The analysis is synthetic: windows of 5 s every 2.5 s, three modalities that drift from label to
label, each absent at times for various reasons, a transcript line every five seconds, cuts, speech
turns, 200 faces. Fusion, smoothing, events and summaries are computed as usual. ``--analysis FILE``
uses an existing analysis instead (written by ``--json``). The page is written without the
recording.

Each time a new browser opens the file. ``drawn`` is the time from the request of the page until a
frame shows the chart of the fused rows in colour; ``processor`` is the processor time of the page's
process until then; ``click`` is the time from a click on the chart until a frame shows the clicked
moment. Writes ``page.md``.
"""

from __future__ import annotations

import argparse
import json
import os
import shutil
import statistics
import sys
import tempfile
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import cv2
import numpy as np

from mien.analysis.analysis import Analysis, Provenance, Whole
from mien.analysis.evidence import Evidence
from mien.analysis.judged import TrackSummary
from mien.analysis.timeline import Portrait
from mien.convert.provenance import commit, machine
from mien.fusion.method import Method
from mien.options import FusionOptions
from mien.report.page import save_page
from mien.scene import ClipFacts
from mien.temporal.events import follow
from mien.timebase import Clock, Segment
from mien.words import Line, Transcript

MOST = 3.0
"""Maximum time until the chart is visible, in seconds."""
SEED = 0
# By modality: seconds until the label changes, seconds until presence changes, reason of absence.
DRIFT = {
    "text": (20.0, 60.0, "no words"),
    "voice": (30.0, 45.0, "no speech (in 5.0 s of sound)"),
    "face": (60.0, 90.0, "no face in view (25 pictures examined)"),
}
# The page's policy blocks playwright's waiting; a frame has been shown when the next one begins.
FRAME = "new Promise((done) => requestAnimationFrame(() => requestAnimationFrame(done)))"
COLOURS = """() => {
  const canvas = document.querySelector('.lane.fused canvas');
  const row = canvas.getContext('2d').getImageData(0, canvas.height >> 1, canvas.width, 1).data;
  const seen = new Set();
  for (let i = 0; i < row.length; i += 4) {
    if (row[i + 3] > 250) seen.add(row.slice(i, i + 3).join());
  }
  return seen.size;
}"""


@dataclass(frozen=True)
class Opening:
    """One opening of the page, in seconds."""

    drawn: float
    processor: float
    click: float


def main() -> int:
    """Make or read the analysis, write its page, open it, write the measurements."""
    arguments = read_arguments()
    analysis = arguments.analysis and Analysis.from_dict(json.loads(arguments.analysis.read_text()))
    analysis = analysis or made_up(arguments.hours * 3600)
    with tempfile.TemporaryDirectory() as folder:
        page = Path(folder) / "report.html"
        started = time.perf_counter()
        save_page(analysis, page)
        writing, size = time.perf_counter() - started, page.stat().st_size
        load = os.getloadavg()[0]
        openings, browser = opened(page, arguments.times)
    about = {
        "recording": f"{analysis.segments[-1].end / 3600:.2g} h, {len(analysis.segments)} rows, "
        f"{len(analysis.by_branch)} modalities, {len(analysis.events)} events, "
        f"{len(analysis.transcript.lines) if analysis.transcript else 0} lines, "
        f"{len(analysis.portraits)} faces"
        + ("" if arguments.analysis else f"; synthetic, seed {SEED}"),
        "page": f"{size / 1e6:.1f} MB, written in {writing:.1f} s",
        "browser": f"Chromium {browser}, a new one each time, 1280x900, {arguments.times} times",
        "work on the machine before": f"a load of {load:.1f}",
        "commit": commit(),
        "machine": machine(),
    }
    text = table(about, openings)
    print(text)
    arguments.out.mkdir(parents=True, exist_ok=True)
    (arguments.out / "page.md").write_text(text, encoding="utf-8")
    return 0


def read_arguments() -> argparse.Namespace:
    """The command line."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawTextHelpFormatter
    )
    parser.add_argument(
        "--hours", type=float, default=2.0, help="length of the synthetic recording"
    )
    parser.add_argument("--analysis", type=Path, help="use this analysis instead")
    parser.add_argument("--times", type=int, default=5, help="number of openings")
    parser.add_argument("--out", type=Path, required=True, help="folder of page.md")
    return parser.parse_args()


# --- the analysis ----------------------------------------------------------------------------


def made_up(seconds: float) -> Analysis:
    """An analysis of that length; only its evidence is synthetic."""
    random = np.random.default_rng(SEED)
    part = Segment(0.0, seconds)
    segments = tuple(Clock(0.0, 2.5, 5.0).windows(part))
    by_branch = {name: drifting(random, name, segments) for name in DRIFT}
    method = Method(FusionOptions())
    fused = method.fuse(by_branch)
    shots = tuple(np.sort(random.uniform(0, seconds, int(seconds / 40))).tolist())
    faces = tuple(
        TrackSummary(who, Segment(start, min(seconds, start + 55.0)), 250, 80.0)
        for who, start in in_view(random, seconds)
    )
    course = follow(fused, by_branch, {}, shots, faces)
    whole = {name: e.select([0]) for name, e in by_branch.items()}
    whole = {
        name: Evidence.of_rows(name, (part,), [(e.probs[0], 0.8)]) for name, e in whole.items()
    }
    answer = method.fuse(whole)
    said = tuple(
        Line(Segment(at, at + 4.0), f"this is line {i} of what was said here")
        for i, at in enumerate(np.arange(0.5, seconds - 4, 5.0).tolist())
    )
    return Analysis(
        clip=ClipFacts(
            "film.mp4", "recording", seconds, "mov", True, True, "aac", "h264", 1280, 720
        ),
        segments=segments,
        fused=fused,
        by_branch=by_branch,
        provenance=Provenance("0", "3", {}, {}, {}),
        transcript=Transcript(said, "given"),
        speech=tuple(line.segment for line in said),
        faces=faces,
        shots=shots,
        whole=Whole(answer, whole, method.explanations(whole, answer)[0]),
        smoothed=course.smoothed,
        events=course.events,
        summaries=course.summaries,
        portraits=pictures(random, seconds),
        part=part,
        explanations=method.explanations(by_branch, fused),
    )


def drifting(random: np.random.Generator, name: str, segments: Sequence[Segment]) -> Evidence:
    """Rows that have the same label, or are absent, for random periods."""
    label_for, there_for, reason = DRIFT[name]
    label, there = int(random.integers(7)), True
    rows: list[tuple[Any, float] | str] = []
    for segment in segments:
        if random.random() < segment.duration / 2 / label_for:
            label = int(random.integers(7))
        if random.random() < segment.duration / 2 / there_for:
            there = not there
        probs = random.dirichlet(np.where(np.arange(7) == label, 6.0, 0.7))
        rows.append((probs, float(random.uniform(0.3, 1.0))) if there else reason)
    rows[0] = (np.full(7, 1 / 7), 0.8)
    return Evidence.of_rows(name, tuple(segments), rows)


def in_view(random: np.random.Generator, seconds: float) -> list[tuple[int, float]]:
    """People in view with start times: three people, one per minute."""
    return [(int(random.integers(3)), float(at)) for at in np.arange(0.0, seconds, 60.0)]


def pictures(random: np.random.Generator, seconds: float) -> tuple[Portrait, ...]:
    """The maximum number of faces of a report, as noise, which PNG cannot compress."""
    times = np.linspace(0, seconds, 200, endpoint=False).tolist()
    noise = random.integers(0, 256, (200, 48, 48)).astype(np.uint8)
    return tuple(
        Portrait(at, i % 3, cv2.imencode(".png", image)[1].tobytes())
        for i, (at, image) in enumerate(zip(times, noise, strict=True))
    )


# --- the browser -----------------------------------------------------------------------------


def opened(page: Path, times: int) -> tuple[list[Opening], str]:
    """Open the page repeatedly, each time in a new browser; also returns the browser's version.

    Raises:
        SystemExit: if there is no Chromium, or the chart has no colours.
    """
    from playwright.sync_api import sync_playwright

    found = next(filter(None, map(shutil.which, ("chromium", "chromium-browser"))), None)
    if found is None:
        raise SystemExit("No Chromium is installed.")
    openings = []
    with sync_playwright() as play:
        for _ in range(times):
            browser = play.chromium.launch(executable_path=found, args=["--no-sandbox"])
            openings.append(open_once(browser, page))
            version = browser.version
            browser.close()
    return openings, version


def open_once(browser: Any, path: Path) -> Opening:
    """One opening."""
    page = browser.new_page(viewport={"width": 1280, "height": 900})
    session = page.context.new_cdp_session(page)
    session.send("Performance.enable")
    page.goto(path.as_uri())
    page.wait_for_selector("html[data-ready]")
    page.evaluate(FRAME)
    drawn = page.evaluate("performance.now()") / 1000
    metrics = {m["name"]: m["value"] for m in session.send("Performance.getMetrics")["metrics"]}
    if page.evaluate(COLOURS) < 4:
        raise SystemExit("The chart of the fused rows was not drawn.")
    chart = page.locator(".lane.fused .u-over").bounding_box()
    before = page.inner_text("#moment")
    started = page.evaluate("performance.now()")
    page.mouse.click(chart["x"] + chart["width"] * 0.6, chart["y"] + 40)
    page.evaluate(FRAME)
    clicked = (page.evaluate("performance.now()") - started) / 1000
    if page.inner_text("#moment") == before:
        raise SystemExit("A click on the chart had no effect.")
    return Opening(drawn, metrics["ProcessTime"], clicked)


def table(about: dict[str, str], openings: Sequence[Opening]) -> str:
    """The measurements as Markdown."""
    lines = ["# Time to open the report of a long recording", ""]
    lines += [f"* {name}: {value}" for name, value in about.items()]
    lines += ["", f"Target: drawn within {MOST:.0f} s.", "", "| seconds | least | median | most |"]
    lines += ["|---|---|---|---|"]
    for name in ("drawn", "processor", "click"):
        values = [getattr(one, name) for one in openings]
        shown = [min(values), statistics.median(values), max(values)]
        lines.append(f"| {name} | {' | '.join(f'{v:.2f}' for v in shown)} |")
    return "\n".join([*lines, ""])


if __name__ == "__main__":
    sys.exit(main())
