"""The server as its parent sees it: one for a process, started early, kept for all files."""

from __future__ import annotations

import atexit
import json
import os
import socket
import struct
import subprocess
import sys
import threading
from collections.abc import Sequence

import msgspec

from mien.errors import MienError, OptionError
from mien.facts import shown
from mien.sandbox import wire

OPENER = "mien.media:open_clip"
"""What makes a clip of a file; tests plant another."""
STATUS = struct.Struct("<i")
"""How the end of a confined process is told."""
READY = b"ready"
MOST_BYTES = 65_536
"""Of the message of a job."""
START = 120.0
"""Seconds in which the server may start."""
_FAREWELL = 5.0
"""Seconds in which the server may end by itself."""

_CODE = (
    "import json, sys; sys.path[:] = json.loads(sys.argv[4]); "
    "from mien.sandbox.server import main; main(int(sys.argv[1]), int(sys.argv[2]), sys.argv[3])"
)
_KEPT = frozenset(
    {"HOME", "LANG", "LANGUAGE", "LD_LIBRARY_PATH", "PATH", "TEMP", "TMP", "TMPDIR", "VIRTUAL_ENV"}
)
_KEPT_KINDS = ("COVERAGE", "LC_", "MALLOC_", "OPENCV_", "ORT_", "PYTHON")
"""The environment variables that the server gets: a decoder that was taken over can read them, so
no key or password is among them."""
# A server with threads could not fork. The confined processes do no large products.
_ONE_THREAD = ("OPENBLAS_NUM_THREADS", "OMP_NUM_THREADS", "MKL_NUM_THREADS")

# Each of glibc's arenas takes 64 MB of address space, used or not, and each thread wants one.
_UNLESS_SET = {"ORT_DISABLE_TELEMETRY": "1", "MALLOC_ARENA_MAX": "4"}


def check_platform() -> None:
    """Refuse a sandbox where there can be none.

    Raises:
        OptionError: on another system than Linux.
    """
    if sys.platform != "linux":
        raise OptionError(
            f"The sandbox needs Linux, and this is {sys.platform}; use --no-sandbox "
            "(media.sandbox=False) for files that you trust."
        )


def started(code: str, theirs: socket.socket, *more: str) -> subprocess.Popen[bytes]:
    """A fresh Python process with one end of a pair of sockets, which is closed here.

    Args:
        code: what it runs. Its arguments are the number of the socket, the id of this process,
            ``more``, and ``sys.path`` as JSON.
        theirs: its end.
        more: further arguments.
    """
    arguments = [str(theirs.fileno()), str(os.getpid()), *more, json.dumps(sys.path)]
    with theirs:
        # -P: nothing is imported from the working folder, where a stranger's file may lie.
        return subprocess.Popen(
            [sys.executable, "-P", "-c", code, *arguments],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            env=environment(),
            pass_fds=(theirs.fileno(),),
        )


class Server:
    """A process that forks a confined one for each file.

    Args:
        opener: ``module:function`` of what makes a clip of a file.

    Raises:
        OptionError: on another system than Linux.
    """

    def __init__(self, opener: str = OPENER) -> None:
        check_platform()
        self.owner = os.getpid()
        self._control, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        self._process = started(_CODE, theirs, opener)
        self._starting = threading.Lock()
        self._ready = False

    @property
    def pid(self) -> int:
        """Of the server."""
        return self._process.pid

    @property
    def alive(self) -> bool:
        """Whether it runs, and was started by this process and not by one that forked it."""
        return self.owner == os.getpid() and self._process.poll() is None

    def give(self, job: wire.Job, descriptors: Sequence[int]) -> None:
        """Have a job begun.

        Args:
            job: what is to be done.
            descriptors: of the file, the channel, the line of life, and the two spools.

        Raises:
            MienError: if the server has ended.
        """
        content = msgspec.msgpack.encode(job)
        self._wait_until_ready()
        try:
            socket.send_fds(self._control, [content], list(descriptors))
        except OSError as error:
            raise _unusable(error.strerror or str(error)) from None

    def _wait_until_ready(self) -> None:
        """Until the server has loaded what it needs."""
        with self._starting:
            if self._ready:
                return
            self._control.settimeout(START)
            try:
                said = self._control.recv(MOST_BYTES)
            except OSError as error:
                raise _unusable(error.strerror or str(error)) from None
            if said != READY:
                raise _unusable(shown(said.decode(errors="replace")) or "its process ended")
            self._ready = True

    def close(self) -> None:
        """End the server and all that it has forked."""
        self._control.close()
        if self.owner != os.getpid():
            return
        try:
            self._process.wait(_FAREWELL)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()


def environment() -> dict[str, str]:
    """The environment of the server."""
    kept = {n: v for n, v in os.environ.items() if n in _KEPT or n.startswith(_KEPT_KINDS)}
    kept |= dict.fromkeys(_ONE_THREAD, "1")
    return kept | {name: kept.get(name) or value for name, value in _UNLESS_SET.items()}


def _unusable(reason: str) -> MienError:
    return MienError(
        f"The sandbox could not be started ({reason}); it needs Linux 5.3 or later. Use "
        "--no-sandbox (media.sandbox=False) for files that you trust."
    )


_lock = threading.Lock()
_kept: list[Server] = []


def shared_server() -> Server:
    """The server of this process; it is started if there is none.

    It loads in the background, so it is called before other work that takes time.
    """
    with _lock:
        if not (_kept and _kept[0].alive):
            _end()
            _kept.append(Server())
        return _kept[0]


@atexit.register
def _end() -> None:
    while _kept:
        _kept.pop().close()
