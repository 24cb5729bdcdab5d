"""A file that is opened and watched in a confined process; what comes from there is untrusted."""

from __future__ import annotations

import contextlib
import os
import socket
import sys
import tempfile
import time
from collections.abc import Callable
from contextlib import ExitStack
from dataclasses import asdict
from typing import Any, TypeVar

from mien.facts import ClipFacts, shown
from mien.media.files import open_file, regular_file
from mien.options import MediaOptions
from mien.perceive.watch import READING, Progress, Watched, WatchOptions
from mien.sandbox import failures, wire
from mien.sandbox.answer import facts_of, watched_of
from mien.sandbox.confine import LAYERS
from mien.sandbox.limits import Limits
from mien.sandbox.process import STATUS, Server
from mien.scene import TrackKey

END = 10.0
"""Seconds in which the server tells the end of a process that it was asked to kill."""

A = TypeVar("A", bound=wire.Answer)
T = TypeVar("T")


class ConfinedSource:
    """A file in a confined process, a :class:`mien.perceive.source.Source`.

    The file is opened here, and nowhere else: the process gets its descriptor. So it does with
    two temporary files without a name, in which it leaves the sound and the face crops.

    Args:
        path: of the file.
        options: which sound is heard, and the limits.
        detector: what finds faces.
        server: that forks the process.

    Raises:
        MediaError: if the file is missing, empty, no regular file, or none that can be read.
        SandboxError: if opening it crashed, hung, or exceeded a limit.
        OptionError: as :func:`mien.media.open_clip`.
    """

    def __init__(
        self, path: str | os.PathLike[str], options: MediaOptions, detector: str, server: Server
    ) -> None:
        regular_file(path)
        self._path = os.fspath(path)
        self._name = shown(self._path)
        with ExitStack() as opened:
            file = opened.enter_context(open_file(path))
            self._bytes = os.fstat(file.fileno()).st_size
            self._limits = Limits.of(options, self._bytes)
            self._sound, self._crops = (
                opened.enter_context(tempfile.TemporaryFile()) for _ in range(2)
            )
            self._channel, theirs = map(opened.enter_context, socket.socketpair())
            self._life, end = map(opened.enter_context, socket.socketpair())
            handed = [one.fileno() for one in (file, theirs, end, self._sound, self._crops)]
            server.give(self._job(options, detector), handed)
            for one in (file, theirs, end):
                one.close()
            self._answers = wire.Answers(self._channel, self._limits.answer)
            deadline = time.monotonic() + self._limits.opening
            missing = self._expect(wire.Confined, deadline).missing
            self._facts = self._used(lambda: facts_of(self._opened(deadline), self._path))
            self._open = opened.pop_all()
        self.warnings = tuple(
            f"The sandbox is incomplete: this kernel lacks {layer}, by which the decoder can "
            f"{LAYERS[layer]}."
            for layer in missing
            if layer in LAYERS
        )

    def _job(self, options: MediaOptions, detector: str) -> wire.Job:
        cv2 = sys.modules.get("cv2")
        threads = -1 if cv2 is None else cv2.getNumThreads()
        name = os.fsencode(self._path)
        given = {name: getattr(options, name) for name in vars(options)}
        return wire.Job(name, given, asdict(self._limits), detector, threads)

    def _opened(self, deadline: float) -> wire.Facts:
        return self._expect(wire.Opened, deadline).facts

    @property
    def facts(self) -> ClipFacts:
        """What the container says."""
        return self._facts

    def watch(
        self,
        wanted: set[TrackKey[Any]],
        options: WatchOptions,
        progress: Progress,
        stop: Callable[[], bool],
    ) -> Watched:
        """See :func:`mien.perceive.watch.watch`.

        Raises:
            SandboxError: if the process crashed, hung, exceeded a limit, or gave no fit answer.
            MediaError: if the file cannot be decoded.
        """
        part = None if options.part is None else (options.part.start, options.part.end)
        names = sorted(key.name for key in wanted)
        self._send(wire.Watch(names, options.frame_rate, part))
        asked = False

        def idle() -> None:
            nonlocal asked
            if not asked and stop():
                asked = True
                self._send(wire.Stop())

        seconds = self._limits.wall(self._facts.duration, self._bytes)
        deadline = time.monotonic() + seconds
        while True:
            answer = self._next(deadline, seconds, idle)
            if isinstance(answer, wire.Done):
                return self._done(answer)
            if not isinstance(answer, wire.Progress):
                raise failures.unreadable(self._name, "a message out of turn")
            progress(READING, answer.share)

    def _done(self, answer: wire.Done) -> Watched:
        # Once the process has ended nobody can change what is in the spools.
        if self._end() is None:
            raise failures.ended(self._name, None, self._limits)
        watched = self._used(lambda: watched_of(answer, self._path, self._sound, self._crops))
        if watched.sound is None:
            self._sound.close()
        if watched.faces is None:
            self._crops.close()
        self._open.pop_all()  # the spools close their files
        self._channel.close()
        self._life.close()
        return watched

    def close(self) -> None:
        """End the process; calling it twice is allowed."""
        self._open.close()

    def _send(self, message: wire.Request) -> None:
        with contextlib.suppress(OSError):  # that it has ended is found on reading
            wire.send(self._channel, message)

    def _expect(self, kind: type[A], deadline: float) -> A:
        answer = self._next(deadline, self._limits.opening)
        if not isinstance(answer, kind):
            raise failures.unreadable(self._name, "a message out of turn")
        return answer

    def _next(
        self, deadline: float, seconds: float, idle: Callable[[], None] = lambda: None
    ) -> wire.Answer:
        """The next message.

        Raises:
            MienError: the failure that it reports, or that there is none.
        """
        try:
            answer = self._answers.next(deadline, idle)
        except wire.LateError:
            raise failures.late(self._name, seconds) from None
        except wire.UnreadableError as error:
            raise failures.unreadable(self._name, error) from None
        if answer is None:
            raise failures.ended(self._name, self._end(), self._limits)
        if isinstance(answer, wire.Failed):
            raise failures.reported(self._name, answer.kind, answer.text, self._limits)
        return answer

    def _end(self) -> int | None:
        """Have the process killed unless it has ended; its exit code, None if it is not told."""
        self._life.settimeout(END)
        try:
            with contextlib.suppress(BrokenPipeError):
                self._life.sendall(b"k")
            code = self._life.recv(STATUS.size)
        except OSError:
            return None
        return STATUS.unpack(code)[0] if len(code) == STATUS.size else None

    def _used(self, make: Callable[[], T]) -> T:
        """What is made of an answer, or the error that it cannot be used."""
        try:
            return make()
        except (ValueError, TypeError, OverflowError) as error:
            raise failures.unreadable(self._name, error) from None
