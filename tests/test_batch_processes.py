"""Workers that die or hang, states that are cut off, and batches that are killed."""

import csv
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest

from mien.batch import table
from mien.batch.pool import Pool
from mien.batch.state import STATES, States
from mien.batch.worker import one_core
from mien.errors import InputError, MienError, OptionError
from tests.batches import fault, finished, finished_so_far, lines_of, made_once, states, tone
from tests.console import mien as command
from tests.waiting import until

# --- the pool --------------------------------------------------------------------------------


def play(what):
    """What the jobs of these tests do."""
    fault(what)
    return os.getpid()


def idle():
    pass


def test_a_worker_that_dies_or_hangs_costs_its_job_only():
    kinds = ["fine", "crash", "memory", "exit", "hang", "raise", "fine", "fine"]
    pool = Pool(play, idle, workers=2, timeout=1)
    found = {o.job: o for o in pool.run([(i, (kind,)) for i, kind in enumerate(kinds)])}
    assert sorted(found) == list(range(len(kinds)))
    reasons = [found[i].reason for i in range(len(kinds))]
    assert "SIGSEGV" in reasons[1]
    assert "SIGKILL" in reasons[2]
    assert "memory" in reasons[2]
    assert "code 7" in reasons[3]
    assert "longer than 1 s" in reasons[4]
    assert "ValueError: planted" in reasons[5]
    assert all(found[i].value and not found[i].reason for i in (0, 6, 7))
    assert found[0].value != os.getpid()


def test_a_worker_is_used_again_and_none_is_left():
    pool = Pool(play, idle, workers=1)
    pids = {o.value for o in pool.run([(i, ("fine",)) for i in range(4)])}
    assert len(pids) == 1
    with pytest.raises(MienError, match="planted pack"):
        list(pool.run([(0, ("pack",))]))
    with pytest.raises(ProcessLookupError):
        os.kill(pids.pop(), 0)


def threads():
    import cv2
    from threadpoolctl import threadpool_info

    from mien.packs import Pack

    return [cv2.getNumThreads(), Pack.threads, *(one["num_threads"] for one in threadpool_info())]


def test_a_worker_uses_one_thread_in_each_library():
    found = next(Pool(threads, one_core, 1).run([(0, ())]))
    assert found.reason == ""
    assert len(found.value) > 2
    assert set(found.value) == {1}


def test_stop_finishes_what_is_under_way():
    done = []
    for outcome in Pool(play, idle, 1).run([(i, ("fine",)) for i in range(9)], lambda: bool(done)):
        done.append(outcome.job)
    assert done == [0]


# --- states ----------------------------------------------------------------------------------


def test_states_survive_a_torn_line_and_notice_what_changed(tmp_path):
    with States(tmp_path, resume=False) as kept:
        kept.begin("/a", "a", {"file": 1})
        kept.finish("/a", {"file": 1}, {"state": "done"})
        kept.begin("/b\udcff", "b", {"file": 2})
        with pytest.raises(OptionError, match="Another batch"):
            States(tmp_path, resume=True)
    whole = (tmp_path / STATES).read_bytes()
    for cut in range(len(whole)):
        (tmp_path / STATES).write_bytes(whole[:cut])
        with States(tmp_path, resume=True) as again:
            again.begin("/c", "c", {"file": 3})
        with States(tmp_path, resume=True) as again:
            assert again.begun("/c", {"file": 3})
            known = again.row("/a", {"file": 1})
            assert known == ({"state": "done"} if whole[:cut].count(b"\n") >= 3 else None)
    (tmp_path / STATES).write_bytes(whole)
    with States(tmp_path, resume=True) as again:
        assert again.row("/a", {"file": 9}) is None
        assert again.changed("/a", {"file": 9})
        assert again.begun("/b\udcff", {"file": 2})
    with pytest.raises(OptionError, match="--resume"):
        States(tmp_path, resume=False)
    (tmp_path / STATES).write_text('{"mien-batch":99}\n')
    with pytest.raises(InputError, match="version"):
        States(tmp_path, resume=True)


# --- kills -----------------------------------------------------------------------------------


def start(folder, out, *words):
    kept = {k: v for k, v in os.environ.items() if k in ("PYTHONPATH", "PATH", "HOME")}
    return subprocess.Popen(
        [sys.executable, "-m", "mien", "batch", str(folder), "--out", str(out), "--asr", "none",
         "--workers", "2", "--resume", *words],
        stderr=subprocess.PIPE, stdout=subprocess.DEVNULL, text=True, env=kept,
        start_new_session=True,
    )  # fmt: skip


@pytest.mark.slow
def test_a_batch_killed_at_many_moments_loses_and_repeats_nothing(tmp_path):
    folder, out = tmp_path / "in", tmp_path / "out"
    for i in range(24):
        tone(folder / f"{i % 3}" / f"{i}.wav", 1 + i / 10, level=0.5)
    (folder / "bad.wav").write_bytes(b"nothing")
    rng, written, kills = np.random.default_rng(0), {}, 0
    for share in (0, 1, 3, 4, 7, 9, 12, 15, 18, 21, 24):
        run = start(folder, out)
        until(lambda n=share, run=run: len(finished_so_far(out)) >= n or run.poll() is not None)
        time.sleep(rng.uniform(0, 0.3))
        os.killpg(run.pid, signal.SIGKILL)
        kills += run.wait() == -signal.SIGKILL
        run.stderr.close()
        made_once(out, written)
        print(f"killed with {len(finished_so_far(out))} of 25 finished, {len(written)} written")
    assert kills >= 8
    last = start(folder, out)
    told = last.communicate(timeout=120)[1]
    assert last.returncode == 2, told
    lines = finished(out)
    assert len(lines) == len(set(lines)) == 25
    made_once(out, written)
    with (out / table.CSV).open() as file:
        found = {Path(r["path"]).name: r for r in csv.DictReader(file)}
    assert len(found) == 25
    for i in range(24):
        assert float(found[f"{i}.wav"]["duration"]) == pytest.approx(1 + i / 10, abs=0.01)
    assert not list((out / "clips").rglob(".*"))


@pytest.mark.slow
def test_ctrl_c_finishes_the_clips_under_way_and_tells_how_to_go_on(tmp_path):
    folder, out = tmp_path / "in", tmp_path / "out"
    for i in range(30):
        tone(folder / f"{i}.wav", 2, level=0.5)
    run = start(folder, out)
    until(lambda: len(finished_so_far(out)) >= 2)
    os.killpg(run.pid, signal.SIGINT)  # as a terminal does, to workers too
    told = run.communicate(timeout=60)[1]
    assert run.returncode == 130, told
    assert "Continue with --resume" in told
    begun = [line for line in states(out) if "begun" in line]
    assert len(begun) == len(finished(out)) < 30
    assert "to do (--resume)" in (out / "index.html").read_text()


@pytest.mark.slow
def test_workers_end_with_a_parent_that_was_killed_alone(tmp_path):
    folder, out = tmp_path / "in", tmp_path / "out"
    for i in range(8):
        tone(folder / f"{i}.wav", 20, level=0.5)
    run = start(folder, out)
    until(lambda: len(lines_of(out, b'{"begun"')) >= 2)
    group = run.pid
    run.kill()
    run.wait()
    run.stderr.close()

    def gone():
        try:
            os.killpg(group, 0)
        except ProcessLookupError:
            return True
        return False

    until(gone, 20)


@pytest.mark.slow
def test_a_timeout_on_the_command_line_costs_one_clip(tmp_path, demo_clip):
    folder, out = tmp_path / "in", tmp_path / "out"
    tone(folder / "short.wav")
    tone(folder / "long.wav", 3000, level=0.5)
    done = command("batch", folder, "--out", out, "--asr", "none", "--timeout", 6, "--by", "window")
    assert done.returncode == 2
    found = {line["finished"]: line["row"] for line in states(out) if "finished" in line}
    assert found[str(folder / "short.wav")]["state"] == "done"
    assert "longer than 6 s" in found[str(folder / "long.wav")]["reason"]
