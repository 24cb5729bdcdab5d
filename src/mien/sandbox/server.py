"""The warm process: it has everything loaded and forks a process for each file.

It never opens a stranger's file itself, has one thread, and ends with its parent.
"""

from __future__ import annotations

import contextlib
import gc
import os
import selectors
import signal
import socket
from importlib import import_module
from typing import NoReturn

import cv2
import msgspec

from mien.errors import MienError
from mien.sandbox import child, wire
from mien.sandbox.process import MOST_BYTES, READY, STATUS
from mien.sandbox.warm import warm

DESCRIPTORS = 5
"""Sent with a job: the file, the channel, the line of life, and the files of the two spools."""


def main(control: int, parent: int, opener: str) -> NoReturn:
    """Serve until the parent ends.

    Args:
        control: descriptor of the socket on which jobs come.
        parent: the process that started this one.
        opener: ``module:function`` of what makes a clip of a file.
    """
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C reaches the whole group
    channel = socket.socket(fileno=control)
    try:
        watch_parent = os.pidfd_open(parent)
        if os.getppid() != parent:
            os._exit(0)
        server = _Server(channel, watch_parent, opener)
    except (MienError, ImportError, OSError) as error:
        with contextlib.suppress(OSError):
            channel.sendall(
                f"{type(error).__name__}: {error}".encode(errors="replace")[:MOST_BYTES]
            )
        os._exit(1)
    channel.sendall(READY)
    server.run()
    os._exit(0)


class _Server:
    """Forks, waits and kills.

    Args:
        channel: on which jobs come.
        parent: descriptor of the parent process.
        opener: see :func:`main`.
    """

    def __init__(self, channel: socket.socket, parent: int, opener: str) -> None:
        module, _, name = opener.partition(":")
        self._opener: child.Opener = getattr(import_module(module), name)
        self._channel = channel
        self._threads = cv2.getNumThreads()
        self._detector = warm()
        self._pid = os.getpid()
        self._selector = selectors.PollSelector()
        self._selector.register(channel, selectors.EVENT_READ, None)
        self._selector.register(parent, selectors.EVENT_READ, None)
        self._parent = parent
        # What is loaded stays: without it in sight, a collection in a child copies no pages.
        gc.collect()
        gc.freeze()

    def run(self) -> None:
        """Until the parent ends."""
        while True:
            for key, _ in self._selector.select():
                if key.data is not None:
                    key.data.heard(key.fileobj, self._selector)
                elif key.fileobj == self._parent or not self._begin():
                    return  # the children end with this process

    def _begin(self) -> bool:
        """Begin a job; False if there will be no more."""
        flags = socket.MSG_CMSG_CLOEXEC
        try:
            message, given, _, _ = socket.recv_fds(self._channel, MOST_BYTES, DESCRIPTORS, flags)
        except ConnectionError:
            return False
        if not message:
            return False
        try:
            job = msgspec.msgpack.decode(message, type=wire.Job)
            file, channel, life, sound, crops = given
            handed = child.Handed(file, channel, sound, crops)
            pid = os.fork()
            if pid == 0:
                cv2.setNumThreads(job.threads if job.threads >= 0 else self._threads)
                child.serve(job, handed, self._opener, self._detector, self._pid)
            _Child(pid, socket.socket(fileno=os.dup(life))).watched_by(self._selector)
        finally:
            for one in given:
                os.close(one)
        return True


class _Child:
    """A confined process and the line of life to the parent: it is killed when that speaks or ends.

    Args:
        pid: of the process.
        life: where its end is told.
    """

    def __init__(self, pid: int, life: socket.socket) -> None:
        self._pid = pid
        self._life = life
        self._process = os.pidfd_open(pid)
        self._ended = False

    def watched_by(self, selector: selectors.BaseSelector) -> None:
        for one in (self._life, self._process):
            selector.register(one, selectors.EVENT_READ, self)

    def heard(self, source: object, selector: selectors.BaseSelector) -> None:
        if self._ended:
            return
        if source is self._life:
            selector.unregister(self._life)
            os.kill(self._pid, signal.SIGKILL)  # not waited for yet, so the number is still its own
            return
        self._ended = True
        selector.unregister(self._process)
        with contextlib.suppress(KeyError):
            selector.unregister(self._life)
        code = os.waitstatus_to_exitcode(os.waitpid(self._pid, 0)[1])
        with contextlib.suppress(OSError):
            self._life.sendall(STATUS.pack(code))
        self._life.close()
        os.close(self._process)
