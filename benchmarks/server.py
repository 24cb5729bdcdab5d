"""Many clients at once against a real service: what they wait for, and what they are answered.

    python benchmarks/server.py --clients 200 --seconds 120 --out benchmarks/results

Every client sends a recording, asks how its job stands every second until it has ended, fetches the
result, deletes the job, and begins again. When the queue is full (429) it goes on asking about
a job of another, and tries again after the time that the service names. Two jobs run all the time.
The clients are one process with plain sockets that stay open, so that they cost little beside the
service on the same machine.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import os
import platform
import random
import sys
import tempfile
import time
from collections import Counter, defaultdict
from dataclasses import dataclass, field
from pathlib import Path
from urllib.parse import urlsplit

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from tests.serving import Serving

from mien.convert.provenance import commit

EVERY = 1.0
"""Seconds between two questions of a client."""


@dataclass
class Seen:
    """What the clients saw."""

    seconds: dict[str, list[float]] = field(default_factory=lambda: defaultdict(list))
    answers: Counter[tuple[str, int]] = field(default_factory=Counter)
    running: list[int] = field(default_factory=list)
    jobs: list[str] = field(default_factory=list)

    def note(self, call: str, status: int, seconds: float) -> None:
        """Count an answer."""
        self.answers[call, status] += 1
        self.seconds[call].append(seconds)


class Connection:
    """HTTP/1.1 on a socket that stays open."""

    def __init__(self, url: str, seen: Seen) -> None:
        place = urlsplit(url)
        self._host, self._port, self._seen = str(place.hostname), int(place.port or 80), seen
        self._streams: tuple[asyncio.StreamReader, asyncio.StreamWriter] | None = None

    async def call(
        self, name: str, method: str, path: str, body: bytes = b"", head: str = ""
    ) -> tuple[int, dict[str, str], bytes]:
        """Status, headers and body of an answer; it is counted under ``name``."""
        began = time.perf_counter()
        if self._streams is None:
            self._streams = await asyncio.open_connection(self._host, self._port)
        reader, writer = self._streams
        writer.write(
            f"{method} {path} HTTP/1.1\r\nHost: {self._host}:{self._port}\r\n{head}"
            f"Content-Length: {len(body)}\r\n\r\n".encode()
            + body
        )
        try:
            first, *lines = (await reader.readuntil(b"\r\n\r\n")).decode().split("\r\n")
            headers = dict(line.lower().split(": ", 1) for line in lines if line)
            content = await reader.readexactly(int(headers.get("content-length", 0)))
        except (OSError, asyncio.IncompleteReadError):
            self._streams = None
            self._seen.note(name, 0, time.perf_counter() - began)
            return 0, {}, b""
        status = int(first.split()[1])
        self._seen.note(name, status, time.perf_counter() - began)
        if headers.get("connection") == "close":
            writer.close()
            self._streams = None
        return status, headers, content


async def client(url: str, media: bytes, end: float, seen: Seen, chance: random.Random) -> None:
    """One client until the end."""
    line = Connection(url, seen)
    body = b'--E\r\nContent-Disposition: form-data; name="file"; filename="talk.wav"\r\n\r\n'
    body += media + b"\r\n--E--\r\n"
    form = "Content-Type: multipart/form-data; boundary=E\r\n"
    await asyncio.sleep(chance.uniform(0, EVERY))
    while time.monotonic() < end:
        status, headers, content = await line.call("submit", "POST", "/v1/jobs", body, form)
        if status != 202:
            again = time.monotonic() + float(headers.get("retry-after", EVERY))
            while time.monotonic() < min(again, end):
                await poll(line, chance.choice(seen.jobs or ["none"]))
                await asyncio.sleep(EVERY)
            continue
        job = json.loads(content)["id"]
        seen.jobs.append(job)
        while time.monotonic() < end and await poll(line, job) in ("queued", "running"):
            await asyncio.sleep(EVERY)
        if time.monotonic() < end:
            await line.call("result", "GET", f"/v1/jobs/{job}/result")
            await line.call("delete", "DELETE", f"/v1/jobs/{job}")
            seen.jobs.remove(job)


async def poll(line: Connection, job: str) -> str:
    """The state of a job; empty if there is none any more."""
    status, _, content = await line.call("status", "GET", f"/v1/jobs/{job}")
    return str(json.loads(content)["state"]) if status == 200 else ""


async def watch(url: str, end: float, seen: Seen) -> None:
    """How many jobs run, every second."""
    line = Connection(url, seen)
    while time.monotonic() < end:
        _, _, content = await line.call("list", "GET", "/v1/jobs?state=running")
        if content:
            seen.running.append(len(json.loads(content)["jobs"]))
        await asyncio.sleep(1.0)


async def load(url: str, media: bytes, clients: int, seconds: float) -> Seen:
    """All clients at once, for so long."""
    seen, end = Seen(), time.monotonic() + seconds
    tasks = [client(url, media, end, seen, random.Random(i)) for i in range(clients)]
    await asyncio.gather(watch(url, end, seen), *tasks)
    return seen


def quantile(values: list[float], share: float) -> float:
    """A quantile in milliseconds."""
    ranked = sorted(values)
    return 1000 * ranked[min(len(ranked) - 1, int(share * len(ranked)))]


def table(seen: Seen) -> list[str]:
    """Calls and their times as lines of Markdown."""
    lines = [
        "| call | answers | p50 ms | p90 ms | p99 ms | max ms | statuses |",
        "|---|" + "---:|" * 5 + "---|",
    ]
    for call, values in sorted(seen.seconds.items()):
        shares = [quantile(values, share) for share in (0.5, 0.9, 0.99)]
        statuses = ", ".join(
            f"{status}: {n}" for (name, status), n in sorted(seen.answers.items()) if name == call
        )
        times = " | ".join(f"{one:.1f}" for one in (*shares, 1000 * max(values)))
        lines.append(f"| {call} | {len(values)} | {times} | {statuses} |")
    return lines


def wrong(seen: Seen) -> list[str]:
    """What does not hold."""
    found = []
    bad = {key: n for key, n in seen.answers.items() if key[1] >= 500 or key[1] == 0}
    if bad:
        found.append(f"answers of 500 and more, or none: {bad}")
    p99 = quantile(seen.seconds["status"], 0.99)
    if p99 >= 100:
        found.append(f"p99 of the status call is {p99:.0f} ms")
    return found


def prefer(process: int, nice: int) -> None:
    """Prefer the session of a process to those of other users of the machine (Linux; as root)."""
    if nice:
        Path(f"/proc/{process}/autogroup").write_text(str(nice), encoding="ascii")


def trial(clients: int, seconds: float, nice: int = 0) -> Seen:
    """A service in a folder for temporary files, and the load on it."""
    from mien.demo import make_clip

    with tempfile.TemporaryDirectory(prefix="mien-load-") as place:
        clip = Path(place) / "demo.mp4"
        make_clip(clip)
        flags = ("--workers", "2", "--min-free", "0")
        with Serving(Path(place) / "state", *flags) as service:
            prefer(os.getpid(), nice)
            prefer(service.process.pid, nice)
            return asyncio.run(load(service.url, clip.read_bytes(), clients, seconds))


def main() -> None:
    """The command line."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--clients", type=int, default=200)
    parser.add_argument("--seconds", type=float, default=120.0)
    parser.add_argument(
        "--nice", type=int, default=0, help="of both sessions, where others use the machine too"
    )
    parser.add_argument("--out", type=Path)
    given = parser.parse_args()
    seen = trial(given.clients, given.seconds, given.nice)
    told = wrong(seen)
    busy = sum(count >= 2 for count in seen.running) / max(1, len(seen.running))
    text = "\n".join(
        [
            "# The service under load",
            "",
            f"`python benchmarks/server.py --clients {given.clients} --seconds "
            f"{given.seconds:g} --nice {given.nice}`, commit {commit()}, {os.cpu_count()} cores "
            f"({_processor()}), Python {platform.python_version()}; clients and service on this "
            f"machine. Load of the machine at the end: {os.getloadavg()[0]:.1f}"
            + (
                ", most of it by others, to whose sessions these were preferred."
                if given.nice
                else "."
            ),
            "",
            f"Each client asks every {EVERY:g} s. Two jobs ran in {busy:.0%} of the seconds.",
            "",
            *table(seen),
            "",
            "429: the queue of 100 jobs is full, with Retry-After. 404: asked about a job that its "
            "owner had deleted.",
            "",
            "Held: no answer of 500 or more, p99 of the status call below 100 ms."
            if not told
            else "Not held: " + "; ".join(told),
            "",
        ]
    )
    print(text)
    if given.out is not None:
        (given.out / "server.md").write_text(text, encoding="utf-8")
    raise SystemExit(1 if told else 0)


def _processor() -> str:
    lines = Path("/proc/cpuinfo").read_text(encoding="utf-8").splitlines()
    return next((line.partition(": ")[2] for line in lines if "model name" in line), "unknown")


if __name__ == "__main__":
    main()
