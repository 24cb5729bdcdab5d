"""What every request passes through: Host, Origin, headers for safety, one line in the log.

A page of another site can have a browser send requests to this service, under a name of its own
that leads to this machine (DNS rebinding), or across origins (forged requests, WebSockets). So
requests by an unknown name are refused, and requests that change something, or open a WebSocket,
must come from a page of this service if they come from a page at all.
"""

from __future__ import annotations

import asyncio
import contextlib
import ipaddress
import logging
import time
from collections.abc import Callable, Mapping
from typing import Any
from urllib.parse import urlsplit

from starlette.datastructures import Headers, MutableHeaders
from starlette.responses import JSONResponse
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from mien.server.refusals import RefusalError
from mien.server.settings import LOCAL_NAMES, Settings

HEADERS = {
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "no-referrer",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Permissions-Policy": "camera=(self), microphone=(self), geolocation=(), payment=(), usb=()",
    "Cache-Control": "no-store",
}
"""Of every answer that does not set them itself."""
POLICY = "default-src 'none'; frame-ancestors 'none'; base-uri 'none'; form-action 'none'"
"""Content security policy of answers that set none: they are data and load nothing."""
SAFE_METHODS = ("GET", "HEAD", "OPTIONS")
DRAINED, DRAIN_SECONDS = 32 * 2**20, 10.0
"""Bytes of a body that was refused that are read at most, and for how long."""
LATE = 408
"""The status of an upload that did not go on; nothing more of it is waited for."""
UNMATCHED = "(none)"
"""The route in logs and metrics of what no route matches; a path may hold anything."""

Seen = Callable[[str, str, int, float], None]
log = logging.getLogger("mien.server")


class Gate:
    """An ASGI middleware around the application.

    Args:
        app: the application.
        settings: with the names under which it may be reached.
        seen: told method, route, status and seconds of every answer.
    """

    def __init__(self, app: ASGIApp, settings: Settings, seen: Seen) -> None:
        self._app, self._seen = app, seen
        self._names = {name.lower() for name in (*LOCAL_NAMES, *settings.allow_hosts)}

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """One request or WebSocket."""
        if scope["type"] not in ("http", "websocket"):
            await self._app(scope, receive, send)
            return
        try:
            self._check(scope)
        except RefusalError as refusal:
            answer = JSONResponse(refusal.body, refusal.status, refusal.headers)
            if scope["type"] == "websocket":
                await receive()
                await send({"type": "websocket.close", "code": 1008, "reason": refusal.kind})
            else:
                body = _Body(receive, Headers(scope=scope))
                await answer(scope, receive, _Watched(send, body))
                self._seen(scope["method"], UNMATCHED, refusal.status, 0.0)
            return
        if scope["type"] == "websocket":
            await self._app(scope, receive, send)
        else:
            await self._request(scope, receive, send)

    async def _request(self, scope: Scope, receive: Receive, send: Send) -> None:
        began = time.perf_counter()
        body = _Body(receive, Headers(scope=scope))
        watched = _Watched(send, body)
        try:
            await self._app(scope, body, watched)
        except Exception as error:
            log.error("internal error", extra={"error": frames(error)})
            if not watched.status:
                answer = RefusalError(
                    500, "InternalError", "The service failed for an internal reason; see its log."
                ).body
                await JSONResponse(answer, 500)(scope, receive, watched)
        seconds = time.perf_counter() - began
        self._seen(scope["method"], route_of(scope), watched.status, seconds)

    def _check(self, scope: Scope) -> None:
        headers = Headers(scope=scope)
        hosts = headers.getlist("host")
        host = hosts[0] if len(hosts) == 1 else ""
        if not self._known(host):
            raise RefusalError(
                421, "HostNotAllowed",
                f"This service is not reached by the name {host[:60]!r}; use its address, or let "
                "its operator allow the name by --allow-host.",
            )  # fmt: skip
        if scope["type"] == "http" and scope["method"] in SAFE_METHODS:
            return
        origins = headers.getlist("origin")
        if any(not _same_origin(origin, host) for origin in origins) or (
            headers.get("sec-fetch-site", "none") not in ("same-origin", "none")
        ):
            raise RefusalError(
                403, "OriginNotAllowed",
                "A page of another site may not change anything here; use the page of this "
                "service, or a program that is not a browser.",
            )  # fmt: skip

    def _known(self, host: str) -> bool:
        """Whether a Host is an address, or a name of this service; any port."""
        try:
            name = urlsplit(f"//{host}").hostname or ""
        except ValueError:
            return False
        if name in self._names:
            return True
        try:
            ipaddress.ip_address(name)
        except ValueError:
            return False
        return True


class _Body:
    """The way in: knows what is left of the body."""

    def __init__(self, receive: Receive, headers: Headers) -> None:
        self._receive = receive
        sent = "content-length" in headers or "transfer-encoding" in headers
        # Who waits to be told to go on has sent nothing yet.
        self._left = sent and "expect" not in headers

    async def __call__(self) -> Message:
        message = await self._receive()
        if message["type"] != "http.request" or not message.get("more_body", False):
            self._left = False
        return message

    async def drain(self) -> None:
        """Read on for a while, so that a client that is still sending gets the answer.

        A connection that is closed before all was read is reset, and the answer is lost.
        """
        most = DRAINED
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(DRAIN_SECONDS):
                while self._left and most > 0:
                    most -= len((await self()).get("body", b""))


class _Watched:
    """The way out: sets headers, and remembers the status."""

    def __init__(self, send: Send, body: _Body) -> None:
        self._send, self._body, self.status = send, body, 0

    async def __call__(self, message: Message) -> None:
        if message["type"] == "http.response.start":
            self.status = message["status"]
            if self.status >= 400 and self.status != LATE:
                await self._body.drain()
            headers = MutableHeaders(scope=message)
            if "content-security-policy" not in headers:
                headers["Content-Security-Policy"] = POLICY
                headers["X-Frame-Options"] = "DENY"
            for name, value in HEADERS.items():
                headers.setdefault(name, value)
        await self._send(message)


def route_of(scope: Mapping[str, Any]) -> str:
    """The route that a request took, with the names of its parameters and not their values."""
    return str(getattr(scope.get("route"), "path", UNMATCHED))


def frames(error: BaseException) -> list[str]:
    """Type and place of an error, without its message, which may hold names and words."""
    found, trace = [type(error).__name__], error.__traceback__
    while trace is not None:
        code = trace.tb_frame.f_code
        found.append(f"{trace.tb_frame.f_globals.get('__name__')}:{code.co_name}:{trace.tb_lineno}")
        trace = trace.tb_next
    return found[:1] + found[-8:]


def _same_origin(origin: str, host: str) -> bool:
    """Whether a page is of the host that it talks to; behind a proxy the scheme differs."""
    try:
        parts = urlsplit(origin)
        return parts.scheme in ("http", "https") and parts.netloc.lower() == host.lower()
    except ValueError:
        return False
