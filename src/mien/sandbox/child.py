"""The confined process: it opens one file, watches it, and ends."""

from __future__ import annotations

import errno
import os
import resource  # noqa: F401  loaded before the limits are set by it
import select
import socket
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, NoReturn

from mien.errors import MienError
from mien.media.files import lend
from mien.options import MediaOptions
from mien.perceive.detectors import YUNET, Detector, make_detector
from mien.perceive.watch import Means, WatchOptions, watch
from mien.sandbox import wire
from mien.sandbox.answer import facts_message, watched_message
from mien.sandbox.confine import confine, keep_only
from mien.sandbox.failures import INTERNAL, OUT_OF_MEMORY, SYSTEM
from mien.sandbox.kernel import die_with
from mien.sandbox.limits import Limits
from mien.scene import Clip, TrackKey
from mien.timebase import Segment

Opener = Callable[[str, MediaOptions], Clip]

_BETWEEN = 0.1
"""Seconds between two messages of progress, at least."""


@dataclass(frozen=True)
class Handed:
    """The descriptors of a job.

    Args:
        file: what is to be watched, open for reading.
        channel: to the parent.
        sound, crops: of the spools.
    """

    file: int
    channel: int
    sound: int
    crops: int


def serve(job: wire.Job, handed: Handed, opener: Opener, ready: Detector, server: int) -> NoReturn:
    """Confine this process, then do the job, and end.

    Args:
        job: what is to be done.
        handed: with what.
        opener: makes a clip of a file.
        ready: the detector that ships, loaded.
        server: the process that this one was forked from.
    """
    try:
        die_with(server)
        keep_only(vars(handed).values())
        channel = socket.socket(fileno=handed.channel)
        _serve(job, handed, opener, ready, channel)
    finally:
        os._exit(0)


def _serve(
    job: wire.Job, handed: Handed, opener: Opener, ready: Detector, channel: socket.socket
) -> None:
    try:
        limits = Limits(**job.limits)  # type: ignore[arg-type]
        finds = make_detector(job.detector) if job.detector.startswith(YUNET) else ready
        sound, crops = (os.fdopen(one, "w+b") for one in (handed.sound, handed.crops))
        name, options = os.fsdecode(job.name), MediaOptions(**job.options)
        lend(name, handed.file)
        means = Means(lambda _: finds, sound, crops)
        # From here on this process may use what it has, and nothing else.
        wire.send(channel, wire.Confined(confine(limits)))
        clip = opener(name, options)
        wire.send(channel, wire.Opened(facts_message(clip.facts)))
        request = wire.read_request(channel)
        if isinstance(request, wire.Watch):
            _watch(clip, request, job.detector, means, channel)
    except MienError as error:
        _fail(channel, type(error).__name__, str(error))
    except MemoryError:
        _fail(channel, OUT_OF_MEMORY, "")
    except OSError as error:
        kind = errno.errorcode.get(error.errno or 0, SYSTEM)
        _fail(channel, kind, error.strerror or str(error))
    except Exception as error:
        _fail(channel, INTERNAL, f"{type(error).__name__}: {error}")


def _fail(channel: socket.socket, kind: str, text: str) -> None:
    clean = text[:10_000].encode(errors="backslashreplace").decode()
    wire.send(channel, wire.Failed(kind, clean))


def _watch(
    clip: Clip, request: wire.Watch, detector: str, means: Means, channel: socket.socket
) -> None:
    part = None if request.part is None else Segment(*request.part)
    options = WatchOptions(request.frame_rate, detector, part)
    wanted: set[TrackKey[Any]] = {TrackKey(name) for name in request.wanted}
    told = _Told(channel)
    watched = watch(clip, wanted, options, told.progress, told.stop, means)
    for file in (means.sound, means.crops):
        if file is not None:
            file.flush()
    wire.send(channel, watched_message(watched))


class _Told:
    """Tells the parent how far this is, and asks whether it wants to stop."""

    def __init__(self, channel: socket.socket) -> None:
        self._channel = channel
        self._poll = select.poll()
        self._poll.register(channel, select.POLLIN)
        self._last = 0.0

    def progress(self, doing: str, share: float) -> None:
        """Called with the share that is done."""
        now = time.monotonic()
        if now - self._last >= _BETWEEN:
            self._last = now
            wire.send(self._channel, wire.Progress(min(max(share, 0.0), 1.0)))

    def stop(self) -> bool:
        """Whether the parent has said anything, which can only be to stop, or is gone."""
        return bool(self._poll.poll(0))
