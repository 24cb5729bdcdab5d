"""Live analysis: its delays, its numbers against those of ``mien analyze``, and its memory.

    python benchmarks/live.py --part numbers --part delays --part memory --out benchmarks/results
    python benchmarks/live.py --part delays --seconds 120 --url ws://127.0.0.1:8765/v1/live

``numbers``: clips are pushed as fast as they can be, and the final windows are compared with those
of ``mien analyze --by window``. Clips: that of the demo, and those of ``--clips``.

``delays``: utterances with pauses of 2.5 s and five pictures a second are pushed in real time. The
end of each utterance is planted: the last 20 ms of the sound within 25 dB of its loudest 20 ms. The
delay of words is counted from that end to the row, the delay of faces from the push of the picture
(as JPEG) to its row. With ``--url`` all goes through the WebSocket of a service.

``memory``: an hour of pictures and utterances, pushed as fast as it can be; resident memory every
five minutes of it.

Each part writes its section of ``live.json``; ``live.md`` is made of all that were run. The exit
code is 1 if a bar is missed: 0.3 s and 1.5 s (95th percentile), 0.02, and 30 MB from the tenth
minute on.
"""

from __future__ import annotations

import argparse
import contextlib
import json
import os
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import psutil

from live_page import missed, written
from mien.analyzer import Analyzer
from mien.convert.provenance import commit, machine
from mien.demo import make_clip, portrait_pictures
from mien.live import Session
from mien.live.play import play
from mien.media import load_audio, open_clip
from mien.options import Options, SegmentationOptions
from mien.packs import EMBEDDED
from mien.scene import SAMPLE_RATE, Frame

PAUSE, PUSH, FRAME = 2.5, 0.04, SAMPLE_RATE // 50
SUFFIXES = (".mp4", ".mov", ".avi", ".wav", ".flac")


# --- numbers -------------------------------------------------------------------------------------


def numbers(clips: list[Path]) -> list[dict[str, Any]]:
    """The largest differences by clip."""
    with tempfile.TemporaryDirectory() as folder:
        demo = Path(folder) / "demo.mp4"
        make_clip(demo)
        analyzer = Analyzer(Options(segmentation=SegmentationOptions("window")))
        return [compared(path, analyzer) for path in [demo, *clips]]


def compared(path: Path, analyzer: Analyzer) -> dict[str, Any]:
    """One clip both ways."""
    clip = open_clip(path)
    with Session(patient=True) as session:
        play(clip, session, 0)
        session.finish(clip.facts.duration)
    clip.close()
    rows = [row for row in session.rows() if row.kind == "window" and row.final]
    analysis = analyzer.analyze(path)
    worst: dict[str, float] = {}
    otherwise = 0
    for i, row in enumerate(rows):
        whole = {**analysis.by_branch, "fused": analysis.fused}
        for name, evidence in {**row.by_branch, "fused": row.fused}.items():
            if evidence.present[0] != whole[name].present[i]:
                otherwise += 1
            elif evidence.present[0]:
                apart = float(np.abs(evidence.probs[0] - whole[name].probs[i]).max())
                worst[name] = max(worst.get(name, 0.0), apart)
    grid = [row.segment for row in rows] == list(analysis.segments)
    found = {"clip": path.name, "seconds": round(analysis.clip.duration, 1), "windows": len(rows)}
    return {**found, "grid": grid, "otherwise": otherwise, "apart": worst}


# --- delays --------------------------------------------------------------------------------------


def utterances(files: list[Path]) -> list[np.ndarray]:
    """Sounds that each begin and end with speech."""
    sounds = [load_audio(path) for path in files] or [load_audio(EMBEDDED / "demo" / "speech.flac")]
    return [trimmed(sound) for sound in sounds]


def trimmed(sound: np.ndarray) -> np.ndarray:
    """A sound from its first to its last 20 ms within 25 dB of the loudest."""
    frames = sound[: len(sound) // FRAME * FRAME].reshape(-1, FRAME)
    power = np.square(frames).mean(axis=1)
    loud = np.flatnonzero(power >= power.max() * 10**-2.5)
    return sound[loud[0] * FRAME : (loud[-1] + 1) * FRAME]


def script(sounds: list[np.ndarray], seconds: float) -> tuple[np.ndarray, list[float]]:
    """Sound of so many seconds, utterances with pauses in faint noise, and where each ends."""
    noise = np.random.default_rng(0)
    parts, ends, at = [], [], 0.0
    for number in range(100_000):
        sound = sounds[number % len(sounds)]
        if at + PAUSE + len(sound) / SAMPLE_RATE + PAUSE > seconds:
            break
        parts += [np.zeros(round(PAUSE * SAMPLE_RATE), np.float32), sound]
        at += PAUSE + len(sound) / SAMPLE_RATE
        ends.append(at)
    parts.append(np.zeros(round(PAUSE * SAMPLE_RATE), np.float32))
    whole = np.concatenate(parts)
    return (whole + noise.normal(0, 3e-4, len(whole))).astype(np.float32), ends


def pictures(clip: Path | None) -> list[bytes]:
    """Pictures as a browser sends them, at five a second."""
    if clip is None:
        images = list(portrait_pictures(25))
    else:
        opened = open_clip(clip)
        images = [m.image for m in opened.play(5.0) if isinstance(m, Frame)]
        opened.close()
    out = []
    for image in images:
        scale = min(1.0, 576 / max(image.shape[:2]))
        small = cv2.resize(image, None, fx=scale, fy=scale, interpolation=cv2.INTER_AREA)
        out.append(cv2.imencode(".jpg", small, [cv2.IMWRITE_JPEG_QUALITY, 85])[1].tobytes())
    return out


class Straight:
    """A session in this process."""

    def __init__(self, told: Callable[[dict[str, Any], float], None]) -> None:
        self._session = Session(tell=lambda row: told(row.to_dict(), time.monotonic()))
        self._session.start()

    def sound(self, at: float, samples: np.ndarray) -> None:
        """Push sound."""
        self._session.push_sound(samples, SAMPLE_RATE, at)

    def picture(self, at: float, content: bytes) -> None:
        """Push a picture."""
        self._session.push_picture(content, at)

    def finish(self) -> dict[str, Any]:
        """End; what was taken."""
        self._session.finish()
        return self._session.counts.to_dict()


class Served:
    """A session of a service, by its WebSocket."""

    def __init__(self, url: str, told: Callable[[dict[str, Any], float], None]) -> None:
        from websockets.sync.client import connect

        self._socket, self._told = connect(url, max_size=None), told
        self._socket.send(json.dumps({"type": "hello", "rate": SAMPLE_RATE, "format": "float32"}))
        ready = json.loads(self._socket.recv(120))
        if ready["kind"] != "ready":
            raise SystemExit(f"The service says: {ready}")
        self._counts: dict[str, Any] = {}
        self._thread = threading.Thread(target=self._read)
        self._thread.start()

    def _read(self) -> None:
        for text in self._socket:
            row = json.loads(text)
            if row["kind"] in ("counts", "ended"):
                self._counts = row
            self._told(row, time.monotonic())

    def _send(self, kind: int, at: float, content: bytes) -> None:
        self._socket.send(bytes([kind]) + np.float64(at).tobytes() + content)

    def sound(self, at: float, samples: np.ndarray) -> None:
        """Push sound."""
        self._send(1, at, samples.tobytes())

    def picture(self, at: float, content: bytes) -> None:
        """Push a picture."""
        self._send(2, at, content)

    def finish(self) -> dict[str, Any]:
        """End; what was taken."""
        self._socket.send('{"type": "end"}')
        self._thread.join()
        return self._counts


def delays(args: argparse.Namespace) -> dict[str, Any]:
    """Delays of a session in real time."""
    sound, ends = script(utterances(args.utterances), args.seconds)
    shown = pictures(args.faces)
    rows: list[tuple[dict[str, Any], float]] = []

    def told(row: dict[str, Any], moment: float) -> None:
        rows.append((row, moment))

    target = Served(args.url, told) if args.url else Straight(told)
    watch = Status(args.url)
    pushed: dict[float, float] = {}
    picture, spent, begun = 0, cpu_seconds(args.pid), time.monotonic()
    for start in range(0, len(sound), round(PUSH * SAMPLE_RATE)):
        part = sound[start : start + round(PUSH * SAMPLE_RATE)]
        over = (start + len(part)) / SAMPLE_RATE
        time.sleep(max(0.0, begun + over - time.monotonic()))
        target.sound(start / SAMPLE_RATE, part)
        while picture / 5 < over:
            at = round(0.01 + picture / 5, 3)
            pushed[at] = time.monotonic()
            target.picture(at, shown[picture % len(shown)])
            picture += 1
    spent = cpu_seconds(args.pid) - spent
    counts = target.finish()
    faces = [t - pushed[r["time"]] for r, t in rows if r["kind"] == "picture"]
    said = [(r, t) for r, t in rows if r["kind"] == "utterance"]
    words = list(after_ends(ends, said, begun))
    found = {"seconds": args.seconds, "utterances": len(ends), "pictures": len(pushed)}
    found |= {"face": percentiles(faces), "words": percentiles(words), "timed": len(words)}
    found |= {"unheard": sum(not list(held(end, ends, said)) for end in ends)}
    found |= {
        "cpu": round(spent / args.seconds, 3),
        "dropped": counts["dropped"],
        "load": round(os.getloadavg()[0], 1),
    }
    real_time = os.sched_getscheduler(0) in (os.SCHED_RR, os.SCHED_FIFO)
    return found | {"real_time": real_time} | watch.end()


def cpu_seconds(service: int | None) -> float:
    """Processor time of a service, or of this process, with all that it started."""
    root = psutil.Process(service)
    total = 0.0
    for one in [root, *root.children(recursive=True)]:
        with contextlib.suppress(psutil.Error):
            times = one.cpu_times()
            total += times.user + times.system
    return total


def after_ends(
    ends: list[float], said: list[tuple[dict[str, Any], float]], begun: float
) -> Iterator[float]:
    """The delay of the row that ends with each utterance.

    One that ends half a second or more before the sound does, which is a breath then, is left out:
    to count from the end of the sound would flatter.
    """
    for end in ends:
        own = [(r, t) for r, t in said if r["start"] < end and r["end"] > end - 0.5]
        if own:
            yield own[-1][1] - (begun + end)


def held(
    end: float, ends: list[float], said: list[tuple[dict[str, Any], float]]
) -> Iterator[dict[str, Any]]:
    """The rows with words of the utterance that ends at ``end``."""
    before = max((other for other in ends if other < end), default=0.0)
    for row, _ in said:
        if row["text"] and before < row["end"] - 0.2 and row["start"] < end:
            yield row


def percentiles(values: list[float]) -> dict[str, float]:
    """The 50th, 95th and 99th percentile, and the largest."""
    if not values:
        return {}
    at = np.percentile(values, [50, 95, 99, 100])
    return dict(zip(("p50", "p95", "p99", "most"), [round(float(v), 3) for v in at], strict=True))


class Status:
    """Asks a service for its health while the session runs, ten times a second."""

    def __init__(self, url: str | None) -> None:
        self._ended, self._took = threading.Event(), list[float]()
        self._url = url and url.replace("ws", "http", 1).split("/v1")[0] + "/health"
        self._thread = threading.Thread(target=self._ask)
        if url:
            self._thread.start()

    def _ask(self) -> None:
        import urllib.request

        while not self._ended.wait(0.1):
            started = time.monotonic()
            with urllib.request.urlopen(self._url) as answer:
                answer.read()
            self._took.append(time.monotonic() - started)

    def end(self) -> dict[str, Any]:
        """What it took."""
        if not self._url:
            return {"way": "in this process"}
        self._ended.set()
        self._thread.join()
        return {"way": "by WebSocket", "status": percentiles(self._took)}


# --- memory --------------------------------------------------------------------------------------


def memory(args: argparse.Namespace) -> dict[str, Any]:
    """Resident memory over an hour."""
    sound, _ = script(utterances(args.utterances), 60.0)
    shown = pictures(args.faces)
    process, found = psutil.Process(), []
    started = time.monotonic()
    with Session(patient=True, tell=lambda row: None) as session:
        for second in range(round(args.hours * 3600)):
            if second % 300 == 0:
                found.append([second // 60, round(process.memory_info().rss / 1e6, 1)])
                print(f"{second // 60} min: {found[-1][1]} MB", flush=True)
            # Half a minute with speech, half a minute without.
            first = second % 60 * SAMPLE_RATE
            part = sound[first : first + SAMPLE_RATE]
            quiet = second % 60 >= 30
            session.push_sound(part * 0 if quiet else part, SAMPLE_RATE)
            for number in range(5):
                at = second + number / 5 + 0.01
                session.push_picture(shown[(second * 5 + number) % len(shown)], at)
    found.append([round(args.hours * 60), round(process.memory_info().rss / 1e6, 1)])
    settled = [megabytes for minute, megabytes in found if minute >= 10]
    growth = round(max(settled) - settled[0], 1) if settled else 0.0
    took = round(time.monotonic() - started)
    return {"resident": found, "growth": growth, "seconds": took}


# --- all ------------------------------------------------------------------------------------------


def main() -> int:
    """Run the parts that were asked for."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawTextHelpFormatter
    )
    parser.add_argument("--part", action="append", choices=("numbers", "delays", "memory"))
    parser.add_argument("--clips", type=Path, help="folder of clips for 'numbers'")
    parser.add_argument(
        "--utterances", type=Path, nargs="*", default=[], help="sounds for 'delays'"
    )
    parser.add_argument("--faces", type=Path, help="clip with a face for 'delays' and 'memory'")
    parser.add_argument("--seconds", type=float, default=60.0)
    parser.add_argument("--hours", type=float, default=1.0)
    parser.add_argument("--url", help="ws://HOST:PORT/v1/live of a service")
    parser.add_argument("--pid", type=int, help="of that service, for its processor time")
    parser.add_argument("--out", type=Path)
    args = parser.parse_args()
    stamp = {"commit": commit(), "machine": machine()}
    file = args.out / "live.json" if args.out else None
    value: dict[str, Any] = json.loads(file.read_text()) if file and file.exists() else {}
    for part in args.part or ["numbers", "delays"]:
        if part == "numbers":
            found = (
                sorted(p for p in args.clips.iterdir() if p.suffix in SUFFIXES)
                if args.clips
                else []
            )
            value["numbers"] = {**stamp, "clips": numbers(found)}
        elif part == "delays":
            one = {**stamp, **delays(args)}
            others = [o for o in value.get("delays", []) if o["way"] != one["way"]]
            value["delays"] = sorted([*others, one], key=lambda o: o["way"], reverse=True)
        else:
            value["memory"] = {**stamp, **memory(args)}
    text = written(value)
    print(text)
    if args.out and file:
        args.out.mkdir(parents=True, exist_ok=True)
        file.write_text(json.dumps(value, indent=1) + "\n")
        (args.out / "live.md").write_text(text)
    short = missed(value)
    print("missed: " + ", ".join(short) if short else "all bars are met")
    return 1 if short else 0


if __name__ == "__main__":
    sys.exit(main())
