"""Live analysis: the WebSocket ``/v1/live`` and the page ``/live``.

The first message is JSON: ``{"type": "hello", "rate": 48000, "format": "int16", "options": {...},
"key": "..."}``. Then come binary messages: a byte that is 1 for sound or 2 for a picture, the time
in seconds as a little-endian double, and the samples (mono) or the picture (JPEG, WebP or PNG).
``{"type": "end"}`` asks for the rows that are left. What is answered is one JSON object a message.
``docs/live.md`` describes both. Nothing of a session is written anywhere.
"""

from __future__ import annotations

import asyncio
import contextlib
import json
import math
import struct
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from fastapi import APIRouter, WebSocket
from starlette.responses import FileResponse, Response
from starlette.websockets import WebSocketDisconnect, WebSocketState

from mien.emotions import MIEN7
from mien.errors import MienError, OptionError
from mien.live.check import live_options
from mien.media.picture import PUSHED_BYTES
from mien.server.allowed import options_of
from mien.server.live_link import Link
from mien.server.refusals import RefusalError
from mien.server.safe import safe
from mien.server.service import Service, service_of

router = APIRouter(include_in_schema=False)
HERE = Path(__file__).parent / "page"

POLICY = "; ".join(
    [
        "default-src 'none'", "script-src 'self'", "style-src 'self'", "img-src 'self' data:",
        "connect-src 'self'", "worker-src 'self'", "media-src 'self' blob:", "base-uri 'none'",
        "form-action 'none'", "frame-ancestors 'none'",
    ]
)  # fmt: skip
"""The content security policy of the page: nothing inline, nothing from elsewhere."""
PROTOCOL = 'The first message must be a JSON object with "type": "hello".'
FORMATS = {"int16": 2, "float32": 4}
RATES = (8_000, 96_000)
HEAD = struct.Struct("<Bd")
SOUND, PICTURE = 1, 2
MOST = PUSHED_BYTES + HEAD.size
"""Bytes of a message."""
TEXT = 20_000
"""Characters of a message of text."""
HELLO = 10.0
"""Seconds in which the first message must come."""
IDLE = 20.0
"""Seconds without a message after which a session is closed."""
AHEAD = 10.0
"""Seconds of sound that may come before their time."""
STARTING = 120.0
"""Seconds in which the models must be loaded."""
LASTING = 60.0
"""Seconds in which the rows that are left at the end must come."""
MALFORMED, UNAUTHORISED, TOO_SLOW, IDLED, TOO_BIG, BUSY, FAILED = (
    4400, 4401, 4402, 4408, 1009, 4429, 1011,
)  # fmt: skip
"""Codes with which the socket is closed; the reason says it in words."""


@router.get("/live")
def page() -> Response:
    """The page."""
    headers = {"Content-Security-Policy": POLICY, "Cache-Control": "no-cache"}
    return FileResponse(HERE / "live.html", media_type="text/html", headers=headers)


class CloseError(Exception):
    """The session is closed with a code and a reason.

    Args:
        code: of the WebSocket.
        reason: a sentence.
    """

    def __init__(self, code: int, reason: str) -> None:
        super().__init__(reason)
        self.code, self.reason = code, reason


@dataclass(frozen=True)
class Hello:
    """The first message.

    Args:
        rate: samples per second.
        form: ``int16`` or ``float32``.
        options: plain values.
    """

    rate: int
    form: str
    options: dict[str, Any]


@router.websocket("/v1/live")
async def live(socket: WebSocket) -> None:
    """One session."""
    await socket.accept()
    service = service_of(socket)
    running = _running(service)
    link: Link | None = None
    entered = False
    try:
        hello = _hello(await _first(socket), service)
        if running[0] >= service.settings.live_sessions:
            raise CloseError(
                BUSY, f"{running[0]} live sessions run, the limit of this service; try again later."
            )
        running[0] += 1
        entered = True
        link = Link(hello.options, hello.rate, hello.form)
        await _session(socket, link, hello)
    except CloseError as error:
        await _close(socket, error.code, error.reason)
    except WebSocketDisconnect:
        pass
    finally:
        if link is not None:
            await link.close()
        running[0] -= entered


def _running(service: Service) -> list[int]:
    """How many sessions run, in a list of one."""
    found: list[int] = service.__dict__.setdefault("live_sessions", [0])
    return found


async def _first(socket: WebSocket) -> dict[str, Any]:
    try:
        message = await asyncio.wait_for(_receive(socket), HELLO)
    except TimeoutError:
        raise CloseError(IDLED, f"No first message came within {HELLO:g} s.") from None
    value = _parsed(message)
    if value.get("type") != "hello":
        raise CloseError(MALFORMED, PROTOCOL)
    return value


def _hello(value: dict[str, Any], service: Service) -> Hello:
    key = value.get("key", "")
    try:
        service.owner(key if isinstance(key, str) else repr(key))
    except RefusalError:
        why = "This service needs a key; its operator makes one by 'mien serve keys add NAME'."
        raise CloseError(UNAUTHORISED, why) from None
    rate, form = value.get("rate", 48_000), value.get("format", "int16")
    known = isinstance(rate, int) and not isinstance(rate, bool) and RATES[0] <= rate <= RATES[1]
    if not known:
        raise CloseError(MALFORMED, f"rate must be a whole number from {RATES[0]} to {RATES[1]}.")
    if form not in FORMATS:
        raise CloseError(MALFORMED, f"format must be one of: {', '.join(FORMATS)}.")
    try:
        options = options_of(value.get("options", {}), service.settings)
        live_options(options)
    except OptionError as error:
        raise CloseError(MALFORMED, str(error)) from None
    except (MienError, RecursionError, TypeError) as error:
        raise CloseError(MALFORMED, f"options: {error}") from None
    return Hello(rate, form, options.to_dict())


async def _session(socket: WebSocket, link: Link, hello: Hello) -> None:
    """From the start of the process to the last row."""
    try:
        ready = await asyncio.wait_for(link.answers.get(), STARTING)
    except TimeoutError:
        raise CloseError(FAILED, "The models could not be loaded in time.") from None
    if ready is None or json.loads(ready).get("kind") != "ready":
        raise CloseError(FAILED, _failure(ready))
    by = hello.options["segmentation"]
    told = {"kind": "ready", "labels": list(MIEN7.labels), "window": by["window"]}
    told |= {"step": by["step"], "frame_rate": hello.options["faces"]["frame_rate"]}
    await socket.send_text(json.dumps(told))
    sending = asyncio.create_task(_answers(socket, link))
    taking = asyncio.create_task(_messages(socket, link, hello))
    try:
        await asyncio.wait({sending, taking}, return_when=asyncio.FIRST_COMPLETED)
        if not sending.done():
            taking.result()  # raises what closes the session
            link.finish()
            await asyncio.wait({sending}, timeout=LASTING)
        if not sending.done():
            raise CloseError(FAILED, "The rows that are left did not come in time.")
        sending.result()
        await _close(socket, 1000, "ended")
    finally:
        for task in (sending, taking):
            task.cancel()
            with contextlib.suppress(asyncio.CancelledError, WebSocketDisconnect, CloseError):
                await task


async def _answers(socket: WebSocket, link: Link) -> None:
    """Hand on what the process says, to its end."""
    while (answer := await link.answers.get()) is not None:
        text = answer.decode()
        value = json.loads(text) if '"kind": "' in text[:200] else {}
        kind = value.get("kind")
        if kind == "failed":
            raise CloseError(FAILED, _failure(answer))
        if kind in ("counts", "ended"):
            value["dropped"] += link.dropped
            text = json.dumps(value)
        await socket.send_text(text)
        if kind == "ended":
            return
    raise CloseError(FAILED, _failure(None))


async def _messages(socket: WebSocket, link: Link, hello: Hello) -> None:
    """Take sound and pictures until the end is asked for."""
    begun, seconds = time.monotonic(), 0.0
    while True:
        try:
            message = await asyncio.wait_for(_receive(socket), IDLE)
        except TimeoutError:
            raise CloseError(IDLED, f"Nothing came for {IDLE:g} s.") from None
        if isinstance(message, str):
            if _parsed(message).get("type") == "end":
                return
            raise CloseError(MALFORMED, 'A message of text can only be {"type": "end"}.')
        kind, at, content = binary_of(message)
        if kind == PICTURE:
            link.picture(at, content)
            continue
        size = FORMATS[hello.form]
        if not content or len(content) % size:
            raise CloseError(MALFORMED, f"Sound of {len(content)} bytes is no {hello.form}.")
        seconds += len(content) / size / hello.rate
        if seconds > time.monotonic() - begun + AHEAD:
            raise CloseError(MALFORMED, "Sound came faster than it can have been recorded.")
        if not link.sound(at, content):
            raise CloseError(TOO_SLOW, "The analysis is too far behind the sound.")


def binary_of(message: bytes) -> tuple[int, float, bytes]:
    """Type, time and content of a message of bytes.

    Raises:
        CloseError: if it is none.
    """
    if len(message) < HEAD.size:
        raise CloseError(MALFORMED, f"A message of {len(message)} bytes has no type and time.")
    kind, at = HEAD.unpack_from(message)
    if kind not in (SOUND, PICTURE):
        raise CloseError(MALFORMED, f"There is no message of type {kind}; 1 is sound, 2 a picture.")
    if not math.isfinite(at) or not 0 <= at < 1e6:
        raise CloseError(MALFORMED, f"The time of a message is {at!r}; it must be seconds, from 0.")
    return kind, at, message[HEAD.size :]


async def _receive(socket: WebSocket) -> str | bytes:
    message = await socket.receive()
    if message["type"] == "websocket.disconnect":
        raise WebSocketDisconnect(message.get("code", 1005))
    content: str | bytes | None = message.get("text")
    if content is None:
        content = message.get("bytes") or b""
    if len(content) > (TEXT if isinstance(content, str) else MOST):
        raise CloseError(TOO_BIG, f"A message of {len(content)} bytes is too long.")
    return content


def _parsed(message: str | bytes) -> dict[str, Any]:
    try:
        value = json.loads(message) if isinstance(message, str) else None
    except (ValueError, RecursionError):
        value = None
    if not isinstance(value, dict):
        raise CloseError(MALFORMED, PROTOCOL)
    return value


def _failure(answer: bytes | None) -> str:
    if answer is None:
        return "The process of this session ended before its time."
    return safe(str(json.loads(answer).get("message", "The analysis failed.")))


async def _close(socket: WebSocket, code: int, reason: str) -> None:
    # A reason has at most 123 bytes.
    short = reason.encode()[:120].decode(errors="ignore")
    with contextlib.suppress(RuntimeError, WebSocketDisconnect):
        if socket.application_state != WebSocketState.DISCONNECTED:
            await socket.send_text(json.dumps({"kind": "closed", "code": code, "reason": reason}))
            await socket.close(code, short)
