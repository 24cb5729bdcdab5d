"""What the confined process cannot do, and what becomes of it when it tries to do harm."""

import os
import subprocess
import sys
import time
from contextlib import closing
from pathlib import Path

import pytest

from mien.errors import SandboxError
from mien.options import MediaOptions
from mien.perceive.watch import WatchOptions
from mien.sandbox import open_confined
from mien.sandbox.process import Server
from mien.scene import AUDIO
from tests import hostile_clips as hostile

LIMITS = MediaOptions(sandbox_cpu=1, sandbox_wall=60, sandbox_memory=1)


def told(doing, share):
    pass


def never():
    return False


@pytest.fixture(scope="module")
def server(tmp_path_factory):
    made = Server("tests.hostile_clips:open_clip")
    yield made
    made.close()


def planted(tmp_path, what, size=1000):
    path = tmp_path / f"{what}.wav"
    path.write_bytes(b"x" * size)
    return path


# --- what it cannot do -----------------------------------------------------------------------


@pytest.mark.parametrize("attempt", hostile.ATTEMPTS)
def test_an_attempt_is_refused(server, tmp_path, attempt):
    path = planted(tmp_path, attempt)
    with closing(open_confined(path, LIMITS, server=server)) as source:
        assert source.warnings == ()
        assert source.facts.notes in (("EPERM",), ("EACCES",))
    assert [p.name for p in tmp_path.iterdir()] == [path.name]


def test_it_knows_no_password_of_the_environment(tmp_path, monkeypatch):
    monkeypatch.setenv("MY_SECRET", "x")
    monkeypatch.setenv("PYTHON_SECRET", "x")  # so that the test can fail
    with closing(Server("tests.hostile_clips:open_clip")) as server:
        path = planted(tmp_path, "secrets")
        with closing(open_confined(path, LIMITS, server=server)) as source:
            assert source.facts.notes == ("PYTHON_SECRET",)


@pytest.mark.slow
@pytest.mark.parametrize("attempt", hostile.ATTEMPTS)
def test_outside_the_sandbox_most_attempts_succeed(tmp_path, attempt):
    """So the test above shows the sandbox and not the attempt."""
    path = planted(tmp_path, attempt)
    code = (
        f"import sys; sys.path.insert(0, {str(Path(hostile.__file__).parent)!r})\n"
        f"import hostile_clips; print(*hostile_clips.open_clip({str(path)!r}, None).facts.notes)"
    )
    env = os.environ | {"PYTHON_HOSTILE_SCRATCH": str(tmp_path), "PYTHONPATH": ":".join(sys.path)}
    done = subprocess.run(
        [sys.executable, "-c", code], env=env, capture_output=True, text=True, check=False
    )
    expected = {
        "exec": "",  # another program took its place
        "unix": "ENOENT",
        "io-uring": ("EFAULT", "EPERM", "ENOSYS"),
        "bpf": ("EINVAL", "EPERM", "EFAULT"),
        "other-process-memory": ("it could", "EPERM", "EINVAL"),
        "hand-out-descriptor": "",
        "new-namespace": ("it could", "EPERM", "ENOSPC"),
        "x32-call": ("it could", "ENOSYS"),
        "process-by-raw-clone": "",
        "dumpable": "it could",
        "ptrace": "it could",
    }.get(attempt, "it could")
    assert done.stdout.strip().split("\n")[0] in expected or not expected


# --- what becomes of it ----------------------------------------------------------------------

SAID = {
    "spin": r"more than \d s of processor time .*--sandbox-cpu",
    "hang": r"within \d+ s; raise the limit \(--sandbox-wall",
    "fill": r"temporary file of more than .* GB.*--sandbox-disk",
    "allocate": r"more than 0.2 GB of memory .*--sandbox-memory",
    "swallow": r"more than 0.2 GB of memory .*--sandbox-memory",
    "segfault": r"decoder crashed \(SIGSEGV\); it is damaged or made to do harm",
    "abort": r"decoder crashed \(SIGABRT\); memory may have run out",
    "illegal": r"decoder crashed \(SIGILL\)",
    "bus": r"decoder crashed \(SIGBUS\)",
    "kill": r"ended by SIGKILL; the memory of the machine",
    "leave": r"ended without an answer",
    "leave-well": r"ended without an answer",
    "wrong": r"could not be decoded in the sandbox \(ZeroDivisionError",
    "recurse": r"RecursionError",
    "half-message": r"ended without an answer",
}
"""By end, what is said; of all others that their answer cannot be used."""


@pytest.mark.parametrize("when", ["opening", "playing"])
@pytest.mark.parametrize("end", hostile.ENDS)
def test_an_end_is_an_error_with_a_remedy(server, tmp_path, when, end):
    if (when, end) == ("playing", "out-of-turn"):
        return  # progress is what is expected then
    path = planted(tmp_path, f"{when}-{end}", 1000)
    wall = 3 if end == "hang" else 60
    limits = MediaOptions(sandbox_cpu=1, sandbox_wall=wall, sandbox_memory=0.2, sandbox_disk=0.02)
    with (
        pytest.raises(SandboxError, match=SAID.get(end, r"an answer that cannot be used")) as found,
        closing(open_confined(path, limits, server=server)) as source,
    ):
        source.watch({AUDIO}, WatchOptions(), told, never)
    assert str(path) in str(found.value)
    assert "\n" not in str(found.value)
    assert children(server.pid) == []
    assert server.alive


def children(pid):
    """The processes that a process has, those that have ended among them, after a moment."""
    for _ in range(100):
        found = Path(f"/proc/{pid}/task/{pid}/children").read_text().split()
        if not found:
            break
        time.sleep(0.02)
    return found
