"""Pictures that come one by one are decoded in a process without rights that stays.

A camera gives five a second: to fork a process for each, as for files, takes longer than to decode.
One process serves one session; it sees the pictures of no other. After a picture that made it
crash or hang it is started again.
"""

from __future__ import annotations

import os
import socket
import struct
from typing import NoReturn

import numpy as np

from mien.errors import MediaError, SandboxError
from mien.media.picture import PUSHED, PUSHED_BYTES, PUSHED_SIDE, decode_picture
from mien.sandbox.confine import confine, keep_only
from mien.sandbox.kernel import die_with
from mien.sandbox.limits import Limits
from mien.sandbox.process import START, check_platform, started
from mien.scene import Image

ANSWER = struct.Struct("<II")
"""Height and width; 0 and 0 for a picture that cannot be decoded."""
LENGTH = struct.Struct("<I")
WALL = 5.0
"""Seconds in which a picture is decoded."""
ENDED = 5
"""Times that the process may end before its time."""
_LIMITS = Limits(
    memory=1_000_000_000, processor=7 * 86_400, opening=1.0, minute=1.0, longest=1.0, spool=1
)
_READY = b"r"
_CODE = (
    "import json, sys; sys.path[:] = json.loads(sys.argv[3]); "
    "from mien.sandbox.pictures import main; main(int(sys.argv[1]), int(sys.argv[2]))"
)


class ConfinedDecoder:
    """Decodes pictures in a process of its own that is confined; used by one thread.

    Args:
        wall: seconds in which a picture is decoded.

    Raises:
        OptionError: on another system than Linux.
        SandboxError: if the process could not be started.
    """

    def __init__(self, wall: float = WALL) -> None:
        check_platform()
        self._wall = wall
        self._ended = 0
        self._start()

    def _start(self) -> None:
        self._channel, theirs = socket.socketpair()
        self._process = started(_CODE, theirs)
        self._channel.settimeout(START)
        try:
            ready = self._channel.recv(1)
        except OSError:
            ready = b""
        if ready != _READY:
            self.close()
            raise SandboxError(
                "The process that decodes pictures could not be started; it needs Linux 5.3 or "
                "later. Use --no-sandbox (media.sandbox=False) for pictures that you trust."
            )
        self._channel.settimeout(self._wall)

    @property
    def pid(self) -> int:
        """Of the process."""
        return self._process.pid

    def __call__(self, content: bytes) -> Image:
        """The picture, ``(height, width, 3) uint8`` in BGR order.

        Raises:
            MediaError: if it cannot be decoded; SandboxError, which is one, if that made the
                process crash or hang.
        """
        if len(content) > PUSHED_BYTES:
            raise MediaError(f"A picture has {len(content)} bytes; at most {PUSHED_BYTES}.")
        if self._process.poll() is not None:
            self._start()
        try:
            self._channel.sendall(LENGTH.pack(len(content)) + content)
            height, width = ANSWER.unpack(_received(self._channel, ANSWER.size))
            if not 0 < max(height, width) <= PUSHED_SIDE:
                raise MediaError(f"A picture of {len(content)} bytes cannot be decoded.")
            pixels = _received(self._channel, height * width * 3)
        except OSError as error:
            self._end()
            raise SandboxError(
                f"A picture of {len(content)} bytes made its decoder crash or hang."
            ) from error
        return np.frombuffer(pixels, np.uint8).reshape(height, width, 3)

    def _end(self) -> None:
        self.close()
        self._ended += 1
        if self._ended > ENDED:
            raise RuntimeError(
                f"The process that decodes pictures ended {self._ended} times before its time."
            )

    def close(self) -> None:
        """End the process; calling it twice is allowed."""
        self._channel.close()
        self._process.kill()
        self._process.wait()


def _received(channel: socket.socket, count: int) -> bytearray:
    """So many bytes.

    Raises:
        OSError: if the other side is gone, or too slow.
    """
    found = bytearray(count)
    view = memoryview(found)
    while view:
        got = channel.recv_into(view)
        if not got:
            raise ConnectionError("the other side is gone")
        view = view[got:]
    return found


def main(descriptor: int, parent: int) -> NoReturn:
    """The confined process: it decodes what it is sent until the other side is gone."""
    try:
        die_with(parent)
        import cv2

        gray = np.full((8, 8, 3), 128, np.uint8)
        for kind in PUSHED:  # what a decoder loads is loaded now
            decode_picture(cv2.imencode(f".{kind}", gray)[1].tobytes())
        keep_only([descriptor])
        channel = socket.socket(fileno=descriptor)
        confine(_LIMITS)
        channel.sendall(_READY)
        while True:
            (count,) = LENGTH.unpack(_received(channel, LENGTH.size))
            if count > PUSHED_BYTES:
                break
            _answer(channel, bytes(_received(channel, count)))
    finally:
        os._exit(0)


def _answer(channel: socket.socket, content: bytes) -> None:
    try:
        image = decode_picture(content)
    except (MediaError, MemoryError):
        channel.sendall(ANSWER.pack(0, 0))
        return
    channel.sendall(ANSWER.pack(*image.shape[:2]))
    channel.sendall(image.tobytes())
