"""HTTP over a connection, with bounds that uvicorn leaves to a proxy."""

from __future__ import annotations

import asyncio
from typing import Any

from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol

HEAD_SECONDS = 10.0
"""In which the head of a request must have arrived (slow loris)."""
HEAD_BYTES = 32_768
"""Of the head of a request at most."""
DISCARDED = 32 * 2**20
"""Bytes of a body that are read and thrown away after the answer, so that a client that is still
sending sees the answer and no reset."""


class Protocol(HttpToolsProtocol):
    """As uvicorn's, but a head must arrive soon and be short, and few bytes follow an answer."""

    _timer: asyncio.TimerHandle | None = None
    _head = _after = 0

    def connection_made(self, transport: Any) -> None:
        """A connection was opened."""
        super().connection_made(transport)
        self._expect_head()

    def connection_lost(self, exc: Exception | None) -> None:
        """A connection was closed."""
        self._head_ended()
        super().connection_lost(exc)

    def data_received(self, data: bytes) -> None:
        """Bytes arrived."""
        answered = self.cycle is not None and self.cycle.response_complete
        super().data_received(data)
        if self._timer is not None:
            self._head += len(data)
            if self._head > HEAD_BYTES and not self.transport.is_closing():
                self._refuse(b"431 Request Header Fields Too Large", b"HeadTooLarge")
        elif answered and self.cycle.response_complete:
            self._after += len(data)
            if self._after > DISCARDED:
                self.transport.close()

    def on_message_begin(self) -> None:
        """A request begins."""
        self._expect_head()
        self._after = 0
        super().on_message_begin()

    def on_headers_complete(self) -> None:
        """The head of a request has arrived."""
        self._head_ended()
        super().on_headers_complete()

    def _expect_head(self) -> None:
        if self._timer is None:
            self._head = 0
            self._timer = self.loop.call_later(HEAD_SECONDS, self._late)

    def _head_ended(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None

    def _late(self) -> None:
        self._timer = None
        if not self.transport.is_closing():
            self._refuse(b"408 Request Timeout", b"HeadTimeout")

    def _refuse(self, status: bytes, kind: bytes) -> None:
        self._head_ended()
        body = b'{"error":{"type":"' + kind + b'","message":"The head of the request is '
        body += b'too long, or did not arrive in time; send a shorter one at once."}}'
        head = b"HTTP/1.1 " + status + b"\r\ncontent-type: application/json\r\nconnection: close"
        self.transport.write(head + b"\r\ncontent-length: %d\r\n\r\n" % len(body) + body)
        self.transport.close()
