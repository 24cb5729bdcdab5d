"""A batch on Ray Data: the pool, workers that are killed, a driver that is killed, stores."""

import csv
import gc
import json
import os
import signal
import socket
import subprocess
import sys
import tempfile
import threading
import time
from importlib.util import find_spec
from pathlib import Path

import psutil
import pytest

from mien.batch import table
from mien.batch.ray_pool import LOST, RayPool
from mien.batch.state import STATES
from mien.errors import MienError, OptionError, OutputError
from tests.batches import (
    SILENT,
    finished,
    finished_so_far,
    lines_of,
    made_once,
    play,
    prepare,
    states,
    tone,
)
from tests.console import process
from tests.guarded import strace, watch
from tests.waiting import until

# Not imported here: that Ray reads its settings when it is imported is part of what is tested.
pytestmark = [
    pytest.mark.slow,
    # Of Ray's own code, and of the processes that it leaves to the collector.
    pytest.mark.filterwarnings("ignore::DeprecationWarning"),
    pytest.mark.filterwarnings("ignore::ResourceWarning"),
    pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning"),
    pytest.mark.skipif(find_spec("ray") is None, reason="Ray is not installed (extra 'ray')"),
]


@pytest.fixture(autouse=True)
def collected():
    yield
    gc.collect()


def below(pid, name):
    """The processes below a process whose title has the name, oldest first."""
    found = []
    try:
        for one in psutil.Process(pid).children(recursive=True):
            try:
                if name in " ".join(one.cmdline()):
                    found.append(one)
            except psutil.Error:
                continue
    except psutil.NoSuchProcess:
        return []
    return found


# --- the pool --------------------------------------------------------------------------------


def test_what_a_job_does_to_its_process_costs_that_job_only(tmp_path, capfd):
    """One pool for all kinds: a cluster takes seconds to start."""
    once = str(tmp_path / "once")
    kinds = ["fine", "crash", "memory", "exit", "hang", "raise", f"once {once}", "worker", "fine"]
    home, handler = os.environ["HOME"], signal.getsignal(signal.SIGTERM)
    pool = RayPool(play, prepare, workers=2, timeout=2)
    found = {o.job: o for o in pool.run([(i, (kind,)) for i, kind in enumerate(kinds)])}
    assert sorted(found) == list(range(len(kinds)))
    reasons = [found[i].reason for i in range(len(kinds))]
    assert "SIGSEGV" in reasons[1]
    assert "SIGKILL" in reasons[2]
    assert "code 7" in reasons[3]
    assert "longer than 2 s (--timeout)" in reasons[4]
    assert "ValueError: planted" in reasons[5]
    assert reasons[7] == LOST
    for i in (0, 6, 8):
        assert found[i].reason == ""
        assert found[i].value["home"] == home
        assert found[i].value["prepared"]
    assert Path(once).read_text() == "11"  # begun twice
    # Nothing of it is left: processes, files, settings, output.
    assert below(os.getpid(), "ray") == []
    assert not list(Path("/tmp").glob(f"mien-ray-{os.getpid()}-*"))
    assert not [name for name in os.environ if name.startswith("RAY_AUTH")]
    assert (os.environ["HOME"], signal.getsignal(signal.SIGTERM)) == (home, handler)
    assert capfd.readouterr() == ("", "")


def test_what_every_clip_would_fail_with_ends_the_run_and_no_job_starts_nothing():
    begun = time.monotonic()
    assert list(RayPool(play, prepare).run([])) == []
    assert time.monotonic() - begun < 1
    with pytest.raises(MienError, match="planted pack"):
        list(RayPool(play, prepare, 2).run([(0, ("hang",)), (1, ("pack",)), (2, ("fine",))]))
    # Ray would end this process if one of them asked for more while it is shut down.
    assert not [one for one in threading.enumerate() if "StreamingExecutor" in one.name]
    assert time.monotonic() - begun < 100


@pytest.mark.parametrize(
    ("address", "error", "match"),
    [
        ("127.0.0.1:1", MienError, "127.0.0.1:1 cannot be used .*refused.*check --ray-address"),
        ("none.invalid:6379", MienError, "cannot be used"),
        ("ray://127.0.0.1:10001", OptionError, "give HOST:PORT"),
        ("head", OptionError, "give HOST:PORT"),
        ("127.0.0.1:70000", OptionError, "give HOST:PORT"),
    ],
)
def test_a_cluster_that_is_not_there_is_said_at_once(address, error, match):
    begun = time.monotonic()
    with pytest.raises(error, match=match):
        list(RayPool(play, prepare, 1, None, address).run([(0, ("fine",))]))
    assert time.monotonic() - begun < 10


# --- the command -----------------------------------------------------------------------------


def start(folder, out, *words):
    kept = {k: v for k, v in os.environ.items() if k in ("PYTHONPATH", "PATH", "HOME")}
    return subprocess.Popen(
        [sys.executable, "-m", "mien", "batch", str(folder), "--out", str(out), "--asr", "none",
         "--engine", "ray", "--workers", "2", "--resume", *words],
        stderr=subprocess.PIPE, stdout=subprocess.PIPE, text=True, env=kept,
        start_new_session=True,
    )  # fmt: skip


def rows_of(out):
    with (out / table.CSV).open(encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file))


def recordings(folder, number, seconds=2.0):
    for i in range(number):
        tone(folder / f"{i}.wav", seconds + i / 10, level=0.5)


def test_one_of_two_workers_is_killed_and_nothing_is_lost(tmp_path):
    folder, out = tmp_path / "in", tmp_path / "out"
    recordings(folder, 16)
    (folder / "bad.wav").write_bytes(b"nothing")
    run = start(folder, out)
    until(lambda: len(finished_so_far(out)) >= 3)
    workers = below(run.pid, "ray::MapWorker")
    assert len(workers) == 2
    workers[0].kill()  # SIGKILL
    below(run.pid, "ray::Register")[0].kill()
    killed = len(finished_so_far(out))
    stdout, told = run.communicate(timeout=240)
    print(f"one of two workers killed with {killed} of 17 finished")
    assert run.returncode == 2, told
    assert stdout.splitlines() == [f"wrote {out / name}" for name in
                                   (table.CSV, table.PARQUET, "index.html")]  # fmt: skip
    found = {Path(row["path"]).name: row for row in rows_of(out)}
    assert len(found) == 17
    assert [name for name, row in found.items() if row["state"] != "done"] == ["bad.wav"]
    assert sorted(finished(out)) == sorted(set(finished(out)))
    for i in range(16):
        assert float(found[f"{i}.wav"]["duration"]) == pytest.approx(2 + i / 10, abs=0.01)
        json.loads((out / found[f"{i}.wav"]["json"]).read_text())
    assert "clips a minute" in told
    assert not list(tmp_path.rglob(".*"))


def test_a_batch_killed_at_several_moments_loses_and_repeats_nothing(tmp_path):
    folder, out = tmp_path / "in", tmp_path / "out"
    recordings(folder, 14)
    written, kills = {}, 0
    for share in (0, 1, 5, 9):
        run = start(folder, out)
        until(lambda n=share: lines_of(out, b'{"begun"') and len(finished_so_far(out)) >= n)
        others = below(run.pid, "")
        os.killpg(run.pid, signal.SIGKILL)
        kills += run.wait() == -signal.SIGKILL
        run.stderr.close()
        run.stdout.close()
        until(lambda others=others: not any(map(running, others)), 30)
        made_once(out, written)
        print(f"killed with {len(finished_so_far(out))} of 14 finished, {len(written)} written")
    assert kills >= 3
    last = start(folder, out)
    told = last.communicate(timeout=240)[1]
    assert last.returncode == 0, told
    lines = finished(out)
    assert len(lines) == len(set(lines)) == 14
    made_once(out, written)
    assert len(rows_of(out)) == 14
    assert not list((out / "clips").rglob(".*"))


def running(one):
    try:
        return one.status() != psutil.STATUS_ZOMBIE
    except psutil.Error:
        return False


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_a_signal_finishes_the_clips_under_way_and_tells_how_to_go_on(tmp_path, number):
    folder, out = tmp_path / "in", tmp_path / "out"
    recordings(folder, 40, 5)
    run = start(folder, out)
    until(lambda: len(finished_so_far(out)) >= 2)
    # Ctrl-C in a terminal reaches the whole group; SIGTERM the command alone.
    (os.killpg if number == signal.SIGINT else os.kill)(run.pid, number)
    told = run.communicate(timeout=120)[1]
    assert run.returncode == 130, told
    assert "Continue with --resume" in told
    assert 2 <= len(finished(out)) < 40
    assert {line["row"]["state"] for line in states(out) if "row" in line} == {"done"}
    done = {path.name for path in (out / "clips").iterdir()}
    assert len(done) == len(finished(out))


def test_reports_timeouts_and_options_reach_the_workers(tmp_path):
    folder, out = tmp_path / "in", tmp_path / "out"
    tone(folder / "short.wav")
    tone(folder / "long.wav", 3000, level=0.5)
    done = process("batch", folder, "--out", out, "--asr", "none", "--engine", "ray",
                   "--workers", 1, "--timeout", 8, "--reports")  # fmt: skip
    assert done.returncode == 2, done.stderr
    found = {row["clip"]: row for row in rows_of(out)}
    assert "longer than 8 s" in found["long.wav"]["reason"]
    written = json.loads((out / found["short.wav"]["json"]).read_text())
    assert written["provenance"]["options"]["segmentation"]["by"] == "window"
    assert "short.wav" in (out / found["short.wav"]["report"]).read_text()


def test_a_cluster_that_was_started_before_is_used_and_left_running(tmp_path):
    """As for a real cluster: ``ray start``, and the command with its address."""
    short = Path(tempfile.mkdtemp(prefix="mien-head-", dir="/tmp"))  # names of sockets are short
    env = {k: v for k, v in os.environ.items() if k in ("PYTHONPATH", "PATH")}
    env |= {"HOME": str(short), "RAY_USAGE_STATS_ENABLED": "0", "RAY_AUTH_MODE": "disabled"}
    ray = [sys.executable, "-m", "ray.scripts.scripts"]
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    words = ["--head", "--node-ip-address=127.0.0.1", f"--port={port}", "--num-cpus=2", "--block",
             "--include-dashboard=false", f"--temp-dir={short}",
             "--object-store-memory=100000000"]  # fmt: skip
    with (short / "log").open("w") as log:
        head = subprocess.Popen([*ray, "start", *words], stdout=log, stderr=log, env=env)
    try:
        until(lambda: "Ray runtime started" in (short / "log").read_text() or head.poll())
        recordings(tmp_path / "in", 5)
        done = subprocess.run(
            [sys.executable, "-m", "mien", "batch", "in", "--out", "out", "--asr", "none",
             "--engine", "ray", "--ray-address", f"127.0.0.1:{port}"],
            capture_output=True, text=True, timeout=200, env=env, cwd=tmp_path, check=False,
        )  # fmt: skip
        assert done.returncode == 0, done.stderr
        assert [row["state"] for row in rows_of(tmp_path / "out")] == ["done"] * 5
        assert head.poll() is None
    finally:
        for one in [*below(head.pid, ""), psutil.Process(head.pid)]:
            one.kill()
        head.wait()
        subprocess.run(["rm", "-rf", str(short)], check=True)


# --- nothing leaves the machine --------------------------------------------------------------


def elsewhere(line):
    """Whether a line of the watch is of another address than this machine's.

    ``localhost`` is looked up, for which the C library reads ``/etc/resolv.conf``; no server of
    names is asked, on this machine either (port 53).
    """
    if '"/etc/resolv.conf"' in line:
        return False
    return "htons(53)" in line or not any(
        here in line for here in ("127.0.0.1", '"::1"', "'localhost'", "AF_NETLINK")
    )


def test_a_local_cluster_calls_and_looks_up_nobody_and_listens_to_this_machine(tmp_path):
    tone(tmp_path / "work" / "a.wav")
    heard = []

    def listen():
        while not heard or heard[-1] is not None:
            found = {c.laddr.ip for c in psutil.net_connections("inet") if c.status == "LISTEN"
                     and c.pid in {p.pid for p in below(os.getpid(), "ray")}}  # fmt: skip
            heard.append(found)
            if done.wait(0.5):
                heard.append(None)

    done = threading.Event()
    thread = threading.Thread(target=listen)
    thread.start()
    try:
        words = ["batch", "a.wav", "--out", "out", "--asr", "none", "--engine", "ray",
                 "--workers", "2"]  # fmt: skip
        seen = watch(["-m", "mien", *words], tmp_path)
    finally:
        done.set()
        thread.join()
    assert seen.code == 0, seen.output
    assert seen.network, "Ray is seen at all"
    assert [line for line in seen.network if elsewhere(line)] == []
    addresses = set().union(*(one for one in heard if one))
    assert addresses
    assert addresses <= {"127.0.0.1", "::1", "::ffff:127.0.0.1"}
    home = tmp_path / "home"
    assert [p for p in home.rglob("*") if p.is_file() and ".cache" not in p.parts] == []
    outside = seen.outside(
        tmp_path / "work", tmp_path / "temporary", home / ".cache", home / ".config"
    )
    assert [p for p in outside if not p.startswith("/tmp/mien-ray-")] == []
    made = {p.parts[2] for p in seen.written if p.parts[2:3] and p.parts[2].startswith("mien-ray")}
    assert made
    assert not [name for name in made if (Path("/tmp") / name).exists()]
    assert strace() is not None or os.environ.get("CI") != "true"


# --- stores ----------------------------------------------------------------------------------


def test_a_store_serves_a_cluster(tmp_path):
    folder, out, place = tmp_path / "in", tmp_path / "out", tmp_path / "store"
    recordings(folder, 3)
    words = (folder.as_uri(), "--out", out, "--results", place.as_uri(), "--asr", "none",
             "--engine", "ray", "--workers", 2)  # fmt: skip
    done = process("batch", *words)
    assert done.returncode == 0, done.stderr
    for row in rows_of(out):
        name = row["json"].removeprefix(f"{place.as_uri()}/")
        assert json.loads((place / name).read_text())["clip"]["path"] == row["path"]
    stamps = {p: p.stat().st_mtime_ns for p in place.rglob("*.json")}
    lines = (out / STATES).read_bytes().splitlines(keepends=True)
    (out / STATES).write_bytes(b"".join(lines[:-1]))  # killed before the last line
    assert process("batch", *words, "--resume").returncode == 0
    assert {p: p.stat().st_mtime_ns for p in place.rglob("*.json")} == stamps


def test_a_result_that_stays_on_another_machine_ends_the_batch(tmp_path, monkeypatch):
    """An engine whose workers write into a folder of their own machine."""
    from mien.batch import run as batch
    from mien.batch.pool import Outcome

    class Elsewhere:
        def run(self, jobs, stop=lambda: False):
            for job, _ in jobs:
                yield Outcome(job, {"state": "done", "reason": "", "duration": 0.5})

    monkeypatch.setattr(batch, "engine_of", lambda *given: Elsewhere())
    tone(tmp_path / "a.wav")
    setup = batch.Setup(tmp_path / "out", SILENT, engine="ray")
    with pytest.raises(OutputError, match=r"a\.wav\.json.*all its machines share"):
        batch.run_batch([str(tmp_path / "a.wav")], setup)
