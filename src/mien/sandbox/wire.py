"""The messages between the processes: typed, bounded, and data alone.

Each is its length in four bytes and MessagePack. Those of the confined process are read as what
anybody may have written: types, lengths and ranges are checked on reading, arrays are bytes whose
meaning the reader knows (:mod:`mien.sandbox.answer`).
"""

from __future__ import annotations

import select
import socket
import struct
import time
from collections.abc import Callable
from typing import Annotated, Any

import msgspec
from msgspec import Meta, Struct

PREFIX = struct.Struct("<I")
_POLL = 0.1
"""Seconds after which it is asked whether to stop."""
_PIECE = 1 << 20

Text = Annotated[str, Meta(max_length=8192)]
Seconds = Annotated[float, Meta(ge=0, le=1e15)]
Count = Annotated[int, Meta(ge=0, le=1 << 48)]
Span = tuple[Seconds, Seconds]


# --- to the server and the confined process, which trust their parent ------------------------


class Job(Struct):
    """A file to be opened, sent to the server with the descriptors.

    Args:
        name: of the file.
        options: of :class:`mien.options.MediaOptions`.
        limits: of :class:`mien.sandbox.limits.Limits`.
        detector: what finds faces.
        threads: threads of OpenCV; -1 for as many as it takes by itself.
    """

    name: bytes
    options: dict[str, Any]
    limits: dict[str, int | float]
    detector: str
    threads: int = -1


class Watch(Struct, tag="watch"):
    """Watch the clip."""

    wanted: list[str]
    frame_rate: float
    part: tuple[float, float] | None = None


class Stop(Struct, tag="stop"):
    """Stop watching; what was watched so far is wanted."""


# --- from the confined process, which nobody trusts ------------------------------------------


class Confined(Struct, tag="confined"):
    """Its rights are given up; the layers that the kernel lacks."""

    missing: Annotated[list[Text], Meta(max_length=8)]


class Facts(Struct):
    """Of :class:`mien.facts.ClipFacts`, but for the path."""

    kind: Annotated[str, Meta(pattern="^(recording|picture|text)$")]
    duration: Seconds
    container: Text
    has_audio: bool
    has_video: bool
    audio: Text
    video: Text
    width: Annotated[int, Meta(ge=0, le=100_000)]
    height: Annotated[int, Meta(ge=0, le=100_000)]
    claimed: Seconds | None
    gaps: Annotated[list[Span], Meta(max_length=1_000_000)]
    audio_tracks: Annotated[list[Text], Meta(max_length=1000)]
    notes: Annotated[list[Text], Meta(max_length=100)]
    recorded: Text


class Opened(Struct, tag="opened"):
    """The file is opened."""

    facts: Facts


class Progress(Struct, tag="progress"):
    """The share that is watched."""

    share: Annotated[float, Meta(ge=0, le=1)]


class Failed(Struct, tag="failed"):
    """An error: the name of its class, and its text."""

    kind: Text
    text: Annotated[str, Meta(max_length=100_000)]


class Sound(Struct):
    """The index of the sound spool; see :meth:`mien.media.AudioSpool.restored`."""

    start: Seconds
    count: Count
    places: memoryview
    rows: memoryview


class Faces(Struct):
    """The columns of :class:`mien.perceive.faces.FoundFaces`."""

    crops: Count
    looked: memoryview
    fresh: memoryview
    sure: memoryview
    clothes: memoryview
    samples: dict[Text, memoryview]


class Line(Struct, array_like=True):
    """A caption."""

    start: Seconds
    end: Seconds
    text: Annotated[str, Meta(max_length=1_000_000)]


class Done(Struct, tag="done"):
    """Of :class:`mien.perceive.watch.Watched`."""

    facts: Facts
    extent: Span
    is_part: bool
    stopped: bool
    captions: Annotated[list[Line], Meta(max_length=1_000_000)]
    sound: Sound | None
    shots: Annotated[list[Seconds], Meta(max_length=10_000_000)] | None
    faces: Faces | None


Answer = Confined | Opened | Progress | Failed | Done
Request = Watch | Stop

_answers = msgspec.msgpack.Decoder(Answer)
_requests = msgspec.msgpack.Decoder(Request)


class UnreadableError(Exception):
    """The other side sent what is no message."""


class LateError(Exception):
    """No message came in time."""


def send(channel: socket.socket, message: Struct) -> None:
    """Send a message as a whole."""
    content = msgspec.msgpack.encode(message)
    channel.sendall(PREFIX.pack(len(content)))
    channel.sendall(content)


def read_request(channel: socket.socket) -> Request | None:
    """The next request; None if there will be no more."""
    head = _exactly(channel, PREFIX.size)
    content = None if head is None else _exactly(channel, PREFIX.unpack(head)[0])
    return None if content is None else _requests.decode(content)


def _exactly(channel: socket.socket, size: int) -> bytes | None:
    content = bytearray()
    while len(content) < size:
        more = channel.recv(size - len(content))
        if not more:
            return None
        content += more
    return bytes(content)


class Answers:
    """Reads the messages of a confined process.

    Args:
        channel: to it.
        most: bytes of a message.
    """

    def __init__(self, channel: socket.socket, most: int) -> None:
        self._channel = channel
        self._most = most
        self._poll = select.poll()
        self._poll.register(channel, select.POLLIN)

    def next(self, deadline: float, idle: Callable[[], None] = lambda: None) -> Answer | None:
        """The next message; None if there will be no more.

        Args:
            deadline: of :func:`time.monotonic`.
            idle: called while nothing comes, about ten times a second.

        Raises:
            LateError: if the message is not complete by then.
            UnreadableError: if it is none.
        """
        head = self._read(PREFIX.size, deadline, idle)
        if head is None:
            return None
        size = PREFIX.unpack(head)[0]
        if size > self._most:
            raise UnreadableError(f"a message of {size} bytes; at most {self._most} are read")
        content = self._read(size, deadline, idle)
        if content is None:
            return None
        try:
            answer: Answer = _answers.decode(content)
        except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError) as error:
            raise UnreadableError(str(error)[:200]) from None
        return answer

    def _read(self, size: int, deadline: float, idle: Callable[[], None]) -> bytearray | None:
        """So many bytes; None if the other side closed before. What has not come takes no room."""
        content = bytearray()
        while len(content) < size:
            self._wait(deadline, idle)
            try:
                more = self._channel.recv(min(size - len(content), _PIECE))
            except ConnectionError:
                return None
            if not more:
                return None
            content += more
        return content

    def _wait(self, deadline: float, idle: Callable[[], None]) -> None:
        while True:
            idle()
            left = deadline - time.monotonic()
            if left <= 0:
                raise LateError
            if self._poll.poll(1000 * min(left, _POLL)):
                return
