"""Kill a real service at random moments, start it again, and see that nothing was lost.

    python benchmarks/server_kills.py --kills 50 --seed 21 --out benchmarks/results

Clients send recordings, texts and pictures, poll, and delete. Each kill (SIGKILL, alternately of
all processes and of the one that answers) is aimed at a phase: half of an upload, the moment after
the acknowledgement, a run, the writing of results, a deletion. At the end every job that was
acknowledged, and not deleted, has completed exactly once, with the bytes that ``mien analyze
--json`` gives (times spent left out); what was deleted is gone; and the folder holds nothing else.
"""

from __future__ import annotations

import argparse
import contextlib
import json
import os
import random
import re
import socket
import sqlite3
import subprocess
import sys
import tempfile
import threading
import time
from collections import Counter
from dataclasses import dataclass, field
from pathlib import Path
from urllib.parse import urlsplit

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from tests.serving import Serving, open_url

from mien.client import Client
from mien.convert.provenance import commit
from mien.errors import MienError
from mien.server.child import RESULTS

PHASES = ("upload", "queue", "run", "write", "delete")
SECONDS = re.compile(rb'"seconds": \{[^}]*\}')
"""Times spent, the one part of an analysis that differs from run to run."""
OPTIONS = {"segmentation": {"by": "window"}}
FLAGS = ("--sandbox", "--by", "window")


def make_inputs(folder: Path) -> list[Path]:
    """Small recordings, a text and a picture, made of what ships with mien."""
    import cv2

    from mien.demo import make_clip

    clip = folder / "demo.mp4"
    make_clip(clip)
    (folder / "lines.txt").write_text("I am so happy to see you!\nLeave me alone.\n")
    video = cv2.VideoCapture(str(clip))
    _, frame = video.read()
    cv2.imwrite(str(folder / "face.png"), frame)
    return sorted(folder.iterdir())


def plain(result: bytes) -> bytes:
    """An analysis without the times spent."""
    return SECONDS.sub(b"", result)


def analysed(path: Path) -> bytes:
    """What ``mien analyze --json`` says of a file, run where it lies."""
    out = path.parent.parent / f"{path.name}.json"
    command = [sys.executable, "-m", "mien", "analyze", path.name, *FLAGS, "--json", str(out)]
    subprocess.run(command, cwd=path.parent, check=True, capture_output=True)
    return plain(out.read_bytes())


@dataclass
class Trial:
    """What clients know."""

    folder: Path
    inputs: list[Path]
    chance: random.Random
    acked: dict[str, Path] = field(default_factory=dict)
    deleted: set[str] = field(default_factory=set)
    doubtful: set[str] = field(default_factory=set)
    log: list[str] = field(default_factory=list)
    threads: list[threading.Thread] = field(default_factory=list)
    opened: list[socket.socket] = field(default_factory=list)

    def send(self, client: Client, path: Path) -> str | None:
        """Send a file; the id if it was acknowledged."""
        key = f"{self.chance.random()}"
        for _ in range(2):  # the second must find the first
            try:
                job = client.submit(path, OPTIONS, key)["id"]
            except (MienError, OSError, ValueError):
                continue
            self.acked[str(job)] = path
            return str(job)
        return None

    def settle(self) -> None:
        """After a kill: what was under way has ended."""
        while self.threads:
            self.threads.pop().join()
        while self.opened:
            self.opened.pop().close()

    def live(self) -> list[str]:
        """Jobs that must be there."""
        return [job for job in self.acked if job not in self.deleted | self.doubtful]


def half_an_upload(url: str) -> socket.socket:
    """A connection on which an upload has begun and not ended."""
    place = urlsplit(url)
    opened = socket.create_connection((place.hostname, place.port), 10)
    body = (
        b'--E\r\nContent-Disposition: form-data; name="file"; filename="h.wav"\r\n\r\n'
        + b"x" * 70_000
    )
    head = "POST /v1/jobs HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Length: 900000\r\n"
    head += "Content-Type: multipart/form-data; boundary=E\r\n\r\n"
    opened.sendall(head.encode() + body)
    return opened


def wait_for(condition, seconds: float = 60.0) -> bool:
    """Whether a condition comes true in time."""
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        with contextlib.suppress(OSError, MienError):
            if condition():
                return True
        time.sleep(0.003)
    return False


def reach(trial: Trial, service: Serving, client: Client, phase: str) -> str:
    """Bring the service to a phase, and wait for a random moment of it."""
    chance, jobs = trial.chance, trial.folder / "jobs"
    if phase == "upload":
        trial.opened += [half_an_upload(service.url) for _ in range(2)]
        wait_for(lambda: any((trial.folder / "incoming").iterdir()), 10)
        pause = chance.uniform(0, 0.05)
        time.sleep(pause)
    elif phase == "queue":
        trial.threads.append(threading.Thread(target=trial.send, args=(client, chance_of(trial))))
        trial.threads[-1].start()
        pause = chance.uniform(0, 0.4)
        time.sleep(pause)
    elif phase == "run":
        job = trial.send(client, chance_of(trial))
        wait_for(lambda: job is None or client.job(job)["state"] != "queued")
        pause = chance.uniform(0, 3.0)
        time.sleep(pause)
    elif phase == "write":
        trial.send(client, chance_of(trial))
        wait_for(lambda: any(jobs.glob("*/run-*")))
        pause = chance.uniform(0, 0.04)
        time.sleep(pause)
    else:
        job = chance.choice(trial.live() or [trial.send(client, trial.inputs[0])])
        trial.doubtful.add(job)
        trial.threads.append(threading.Thread(target=_delete, args=(trial, client, job)))
        trial.threads[-1].start()
        pause = chance.uniform(0, 0.25)
        time.sleep(pause)
    return f"{phase} +{1000 * pause:.0f} ms"


def _delete(trial: Trial, client: Client, job: str) -> None:
    with contextlib.suppress(MienError, OSError):
        client.delete(job)
        trial.deleted.add(job)


def checked(trial: Trial, client: Client) -> None:
    """After a start: what was acknowledged is there, what was deleted is not."""
    for job in trial.live():
        client.job(job)
    for job in list(trial.deleted):
        try:
            client.job(job)
        except MienError:
            continue
        raise AssertionError(f"{job} was deleted and is there")
    for job in list(trial.doubtful - trial.deleted):
        try:
            client.job(job)
        except MienError:
            trial.deleted.add(job)
            if (trial.folder / "jobs" / job).exists():
                raise AssertionError(f"{job} is half deleted") from None
        else:
            trial.doubtful.discard(job)


def run(trial: Trial, kills: int, workers: int) -> None:
    """Kill, start again, and check, so many times."""
    for number in range(kills):
        phase = PHASES[number % len(PHASES)]
        service = Serving(trial.folder, "--workers", str(workers))
        client = Client(service.url)
        checked(trial, client)
        if not trial.acked:
            for path in trial.inputs:
                trial.send(client, path)
        if number % 2:
            trial.send(client, chance_of(trial))
        if number % 3 == 2 and len(trial.live()) > 4:
            _delete(trial, client, trial.chance.choice(trial.live()))
        moment = reach(trial, service, client, phase)
        states = Counter(_states(trial.folder))
        group = number % 2 == 0
        service.kill(group)
        trial.settle()
        line = f"{number + 1:3} {'all processes' if group else 'one process':13} {moment:16} "
        line += ", ".join(f"{count} {state}" for state, count in sorted(states.items()))
        trial.log.append(line)
        print(line, flush=True)


def chance_of(trial: Trial) -> Path:
    """One of the inputs."""
    return trial.chance.choice(trial.inputs)


def _states(folder: Path) -> list[str]:
    with contextlib.closing(sqlite3.connect(folder / "mien.sqlite")) as db:
        return [row[0] for row in db.execute("SELECT state FROM jobs")]


def finish(trial: Trial, references: dict[str, bytes]) -> list[str]:
    """Let all jobs end, and compare; what is wrong."""
    wrong: list[str] = []
    with Serving(trial.folder) as service:
        client = Client(service.url)
        checked(trial, client)
        live = trial.live()
        wait_for(lambda: not {"queued", "running"} & set(_states(trial.folder)), 1800)
        for job in live:
            now = client.job(job)
            if now["state"] != "completed":
                wrong.append(f"{job} is {now['state']}: {now['error']}")
            elif plain(client.result(job)) != references[trial.acked[job].name]:
                wrong.append(f"{job} has another result than 'mien analyze'")
        with contextlib.closing(sqlite3.connect(trial.folder / "mien.sqlite")) as db:
            rows = db.execute("SELECT job, data FROM events WHERE kind='state'").fetchall()
            there = {row[0] for row in db.execute("SELECT id FROM jobs")}
    ends = Counter(job for job, data in rows if json.loads(data)["state"] == "completed")
    wrong += [f"{job} completed {ends[job]} times" for job in live if ends[job] != 1]
    # A job whose acknowledgement did not arrive may be there: its key finds it again.
    wrong += [f"{job} is lost" for job in set(live) - there]
    return wrong + _left_over(trial.folder, there)


def _left_over(folder: Path, there: set[str]) -> list[str]:
    known = {"mien.sqlite", "mien.sqlite-wal", "mien.sqlite-shm", "lock"}
    wrong = []
    for path in folder.rglob("*"):
        parts = path.relative_to(folder).parts
        mine = parts[0] == "jobs" and len(parts) > 1 and parts[1] in there
        fine = mine and (len(parts) == 2 or parts[2] in ("upload", *RESULTS))
        if path.is_file() and not fine and path.name not in known:
            wrong.append(f"{path.relative_to(folder)} is left over")
        if path.is_dir() and len(parts) > 1 and not fine:
            wrong.append(f"the folder {path.relative_to(folder)} is left over")
    return wrong


def alone(folder: Path) -> list[str]:
    """Processes that still work in the folder."""
    found = []
    for process in Path("/proc").glob("[0-9]*"):
        with contextlib.suppress(OSError):
            place = os.readlink(process / "cwd")  # noqa: PTH115
            if str(folder) in place or str(folder).encode() in (process / "cmdline").read_bytes():
                found.append(process.name)
    return found


def trial(kills: int, seed: int, workers: int = 2) -> tuple[Trial, list[str]]:
    """Run it all in a folder for temporary files; what happened, and what is wrong."""
    with tempfile.TemporaryDirectory(prefix="mien-kills-") as place:
        inputs = Path(place) / "inputs"
        inputs.mkdir()
        made = Trial(Path(place) / "state", make_inputs(inputs), random.Random(seed))
        references = {path.name: analysed(path) for path in made.inputs}
        run(made, kills, workers)
        wrong = finish(made, references)
        if not wait_for(lambda: not alone(made.folder), 10):
            wrong.append(f"processes are left: {alone(made.folder)}")
        return made, wrong


def main() -> None:
    """The command line."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--kills", type=int, default=50)
    parser.add_argument("--seed", type=int, default=21)
    parser.add_argument("--out", type=Path)
    given = parser.parse_args()
    began = time.monotonic()
    made, wrong = trial(given.kills, given.seed)
    lines = [
        "# A service killed at random moments",
        "",
        f"`python benchmarks/server_kills.py --kills {given.kills} --seed {given.seed}`, commit "
        f"{commit()}, {os.cpu_count()} cores, {time.monotonic() - began:.0f} s.",
        "",
        f"{given.kills} kills (SIGKILL), {len(made.acked)} jobs acknowledged, "
        f"{len(made.deleted)} deleted; {len(made.live())} to be completed exactly once with the "
        "bytes of `mien analyze --json`, nothing else left in the folder and no process left.",
        "",
        f"**Wrong: {len(wrong)}**",
        *(f"* {one}" for one in wrong),
        "",
        "Kill, what was killed, phase and delay, jobs at that moment:",
        "",
        "```text",
        *made.log,
        "```",
        "",
    ]
    text = "\n".join(lines)
    print(text)
    if given.out is not None:
        (given.out / "server_kills.md").write_text(text, encoding="utf-8")
    raise SystemExit(1 if wrong else 0)


if __name__ == "__main__":
    open_url  # noqa: B018  the tests' opener without a proxy
    main()
