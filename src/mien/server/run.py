"""The service as a process: uvicorn with our bounds and our log."""

from __future__ import annotations

import contextlib
import logging
import socket
import sys

import uvicorn

from mien.server import logs
from mien.server.app import create_app
from mien.server.protocol import Protocol
from mien.server.settings import Settings

SWITCH = 0.001
"""Seconds after which a thread that writes uploads gives way to the one that answers."""
KEEP_ALIVE = 20
"""Seconds that a connection stays open without a request."""
BACKLOG = 2048
FAREWELL = 5
"""Seconds in which answers under way may end when the service is stopped."""
log = logging.getLogger("mien.server")


class _Server(uvicorn.Server):
    """As uvicorn's, but says where it listens once it does."""

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        """Begin to listen."""
        await super().startup(sockets)
        for server in self.servers if self.started else ():
            for opened in server.sockets:
                host, port = opened.getsockname()[:2]
                shown = f"[{host}]" if ":" in host else host
                log.info("listening", extra={"url": f"http://{shown}:{port}"})


def run(settings: Settings) -> None:
    """Serve until the process is told to stop."""
    logs.configure()
    sys.setswitchinterval(SWITCH)
    config = uvicorn.Config(
        create_app(settings),
        host=settings.host,
        port=settings.port,
        http=Protocol,
        log_config=None,
        access_log=False,
        server_header=False,
        date_header=True,
        proxy_headers=False,
        timeout_keep_alive=KEEP_ALIVE,
        timeout_graceful_shutdown=FAREWELL,
        backlog=BACKLOG,
        ws_max_size=2**22,
    )
    server = _Server(config)
    with contextlib.suppress(KeyboardInterrupt):
        server.run()
    if not server.started:
        raise SystemExit(1)
