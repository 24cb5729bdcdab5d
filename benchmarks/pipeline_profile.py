"""Processor seconds of an analysis by room and by function, over all threads.

A thread of the process looks every few milliseconds at the processor time that each thread has
used (``/proc/self/task/*/schedstat``, nanoseconds) and at the Python function in which it stands.
The time since the last look is counted for that function, and for the room of the innermost frame
that belongs to one. Threads without Python (FFmpeg's decoders, the threads of CTranslate2 and of
ONNX Runtime) are counted by their names; a thread without a name of its own counts for speech
recognition while a Python thread waits there. cProfile sees one thread and slows each call.
"""

from __future__ import annotations

import sys
import threading
import time
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from types import FrameType
from typing import Any

EVERY = 0.005
"""Seconds between two looks."""
ROOMS = (
    ("mien/perceive/engines", "recognition"),
    ("mien/perceive/speech", "speech detection"),
    ("mien/perceive/transcript", "transcript"),
    ("mien/perceive/shots", "shots"),
    ("mien/perceive/detectors", "face detection"),
    ("mien/perceive/anchors", "face detection"),
    ("mien/perceive/upright", "face detection"),
    ("mien/perceive/second", "face detection"),
    ("mien/perceive/faces", "crops, tracks, identity"),
    ("mien/perceive/crops", "crops, tracks, identity"),
    ("mien/perceive/identity", "crops, tracks, identity"),
    ("mien/perceive/tracks", "crops, tracks, identity"),
    ("mien/perceive/lips", "crops, tracks, identity"),
    ("mien/perceive/primary", "crops, tracks, identity"),
    ("mien/branches/voice", "voice"),
    ("mien/branches/speech_", "voice"),
    ("mien/branches/whispermel", "voice"),
    ("mien/branches/face", "face"),
    ("mien/branches/text", "text"),
    ("mien/branches/wordpiece", "text"),
    ("mien/media/", "decoding"),
    ("mien/fusion", "fusion"),
    ("mien/temporal", "fusion"),
)
"""Part of a file's path -> room; the first that fits the innermost frame, then the next outward."""
IMPORT, DECODE, RECOGNISE = "imports", "decoding", "recognition"
NATIVE, OTHER = "threads of ONNX Runtime", "other"
SHOWN = 25
"""Functions in the page."""


class Sampler:
    """Looks at the threads of this process until it is stopped."""

    def __init__(self) -> None:
        self._rooms: Counter[str] = Counter()
        self._functions: Counter[str] = Counter()
        # What threads have used until now counts for nothing.
        self._before = {tid: spent for tid, spent, _ in _threads()}
        self._began = time.process_time()
        self._ended = threading.Event()
        self._thread = threading.Thread(target=self._watch, name="sampler", daemon=True)
        self._thread.start()

    def stop(self) -> dict[str, Any]:
        """Processor seconds by room and by function, the seconds of the sampler and all."""
        self._ended.set()
        self._thread.join()
        own = self._rooms.pop("sampler", 0)
        whole = time.process_time() - self._began - own / 1e9
        # What threads did between the last look at them and their end.
        unseen = whole - sum(self._rooms.values()) / 1e9
        self._rooms[OTHER] += max(0, round(unseen * 1e9))
        return {
            "rooms": {name: ns / 1e9 for name, ns in self._rooms.most_common()},
            "functions": {name: ns / 1e9 for name, ns in self._functions.most_common(SHOWN)},
            "sampler": own / 1e9,
            "all": whole,
        }

    def _watch(self) -> None:
        while not self._ended.wait(EVERY):
            self._look()
        self._look()

    def _look(self) -> None:
        frames = sys._current_frames()
        python = {t.native_id: frames.get(t.ident or 0) for t in threading.enumerate()}
        rooms = {tid: room_of(frame) for tid, frame in python.items()}
        waiting = RECOGNISE if RECOGNISE in rooms.values() else NATIVE
        for tid, spent, name in _threads():
            new = spent - self._before.get(tid, 0)
            self._before[tid] = spent
            if new <= 0:
                continue
            frame = python.get(tid)
            if tid == self._thread.native_id:
                self._rooms["sampler"] += new
            elif frame is not None:
                self._rooms[rooms[tid]] += new
                self._functions[function_of(frame)] += new
            else:
                decodes = name.startswith("av:")
                self._rooms[DECODE if decodes else waiting] += new
                self._functions["FFmpeg's threads" if decodes else f"threads: {waiting}"] += new


def _threads() -> Iterator[tuple[int, int, str]]:
    """Number, nanoseconds of processor time and name of every thread of this process."""
    for task in Path("/proc/self/task").iterdir():
        try:
            spent = int((task / "schedstat").read_text().split()[0])
            yield int(task.name), spent, (task / "comm").read_text().strip()
        except OSError:  # it has just ended
            continue


def room_of(frame: FrameType | None) -> str:
    """The room of the innermost frame that belongs to one."""
    loading = False
    while frame is not None:
        path = frame.f_code.co_filename
        loading |= "importlib._bootstrap" in path
        for part, room in ROOMS:
            if part in path:
                return IMPORT if loading else room
        frame = frame.f_back
    return IMPORT if loading else OTHER


def function_of(frame: FrameType) -> str:
    """The innermost function of mien, and what it had called of another library."""
    called = _named(frame)
    one: FrameType | None = frame
    while one is not None:
        if "importlib._bootstrap" in one.f_code.co_filename:
            return "import of modules"
        if "/mien/" in one.f_code.co_filename:
            ours = _named(one)
            return ours if ours == called else f"{ours} > {called}"
        one = one.f_back
    return called


def _named(frame: FrameType) -> str:
    path = Path(frame.f_code.co_filename)
    parts = path.parts
    inside = parts[len(parts) - parts[::-1].index("mien") :] if "mien" in parts else parts[-2:]
    return f"{'/'.join(inside)}:{frame.f_code.co_qualname}"


def page(profiles: dict[str, dict[str, Any]], about: list[str]) -> str:
    """The profile in Markdown.

    Args:
        profiles: by title, what :meth:`Sampler.stop` gave.
        about: lines on clip, commit and machine.
    """
    lines = ["# Where the processor time goes", "", *about, "", *_explained(), ""]
    rooms = list(dict.fromkeys(room for one in profiles.values() for room in one["rooms"]))
    lines += [f"| room | {' | '.join(profiles)} |", "|---" * (len(profiles) + 1) + "|"]
    for room in rooms:
        cells = [_share(one["rooms"].get(room, 0.0), one) for one in profiles.values()]
        lines.append(f"| {room} | {' | '.join(cells)} |")
    totals = [f"{sum(one['rooms'].values()):.2f} s" for one in profiles.values()]
    lines.append(f"| all | {' | '.join(totals)} |")
    for title, one in profiles.items():
        lines += ["", f"## {title}", "", "| function | seconds | share |", "|---|---|---|"]
        for name, seconds in one["functions"].items():
            share = seconds / sum(one["rooms"].values())
            lines.append(f"| `{name}` | {seconds:.2f} | {share:.1%} |")
    return "\n".join([*lines, ""])


def _explained() -> list[str]:
    return [
        "Processor seconds of all threads on one core, sampled every "
        f"{EVERY * 1000:.0f} ms (`benchmarks/pipeline_profile.py`); imports included. A function "
        "of mien stands before `>`, behind it the Python function of a library that it had called. "
        "Time in native code counts for the Python function that called it."
    ]


def _share(seconds: float, one: dict[str, Any]) -> str:
    return f"{seconds:.2f} s ({seconds / sum(one['rooms'].values()):.0%})" if seconds else ""
