"""The way between the event loop and the process of a live session, which never blocks the loop."""

from __future__ import annotations

import asyncio
import contextlib
import multiprocessing
import threading
from collections import deque
from collections.abc import Mapping
from typing import Any

from mien.server.live_child import END, HEAD, PICTURE, SOUND, serve

PICTURES = 2
"""Pictures that wait for the process; of more, the oldest is left out."""
BACKLOG = 16_000_000
"""Bytes of sound that may wait for the process."""
_FAREWELL = 3.0
"""Seconds in which the process may end by itself."""


class Link:
    """A process with a live session.

    Args:
        options: plain values of :class:`mien.options.Options`.
        rate: samples per second.
        form: ``int16`` or ``float32``.
    """

    def __init__(self, options: Mapping[str, Any], rate: int, form: str) -> None:
        self._loop = asyncio.get_running_loop()
        self.answers: asyncio.Queue[bytes | None] = asyncio.Queue()
        self.dropped = 0
        context = multiprocessing.get_context("spawn")
        self._channel, theirs = context.Pipe()
        self._process = context.Process(
            target=serve, args=(theirs, dict(options), rate, form), name="mien-live", daemon=True
        )
        self._process.start()
        theirs.close()
        self._waiting: deque[bytes] = deque()
        self._sound = self._pictures = 0
        self._more = threading.Condition()
        self._closed = False
        for work in (self._write, self._read):
            threading.Thread(target=work, name="mien-live-link", daemon=True).start()

    def sound(self, at: float, content: bytes) -> bool:
        """Send sound; whether there was room, which there is unless the process hangs."""
        with self._more:
            if self._sound + len(content) > BACKLOG:
                return False
            self._sound += len(content)
            self._waiting.append(SOUND + HEAD.pack(at) + content)
            self._more.notify()
        return True

    def picture(self, at: float, content: bytes) -> None:
        """Send a picture; of several that wait, the oldest is left out."""
        with self._more:
            if self._pictures >= PICTURES:
                oldest = next(m for m in self._waiting if m[:1] == PICTURE)
                self._waiting.remove(oldest)
                self.dropped += 1
            else:
                self._pictures += 1
            self._waiting.append(PICTURE + HEAD.pack(at) + content)
            self._more.notify()

    def finish(self) -> None:
        """Say that no more will come; the answers go on to their end."""
        with self._more:
            self._waiting.append(END)
            self._more.notify()

    async def close(self) -> None:
        """End the process."""
        with self._more:
            self._closed = True
            self._more.notify()
        await asyncio.to_thread(self._end)

    def _end(self) -> None:
        with contextlib.suppress(OSError):
            self._channel.close()
        self._process.join(_FAREWELL)
        if self._process.is_alive():
            self._process.kill()
            self._process.join()
        self._process.close()

    def _write(self) -> None:
        with contextlib.suppress(OSError, ValueError):
            while (message := self._next()) is not None:
                self._channel.send_bytes(message)

    def _next(self) -> bytes | None:
        with self._more:
            while not self._waiting and not self._closed:
                self._more.wait()
            if self._closed:
                return None
            message = self._waiting.popleft()
            if message[:1] == SOUND:
                self._sound -= len(message) - 1 - HEAD.size
            elif message[:1] == PICTURE:
                self._pictures -= 1
            return message

    def _read(self) -> None:
        try:
            while True:
                self._put(self._channel.recv_bytes())
        except (OSError, EOFError, ValueError, TypeError):
            self._put(None)

    def _put(self, answer: bytes | None) -> None:
        with contextlib.suppress(RuntimeError):  # the loop has ended
            self._loop.call_soon_threadsafe(self.answers.put_nowait, answer)
