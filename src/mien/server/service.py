"""What the routers share: the store, the workers, and who asks."""

from __future__ import annotations

import asyncio
from collections import defaultdict
from dataclasses import dataclass, field
from typing import Annotated

from fastapi import Depends, Query, Request
from fastapi.security import HTTPBearer
from starlette.requests import HTTPConnection

from mien.server.clerk import Clerk
from mien.server.keys import Keys
from mien.server.metrics import Metrics
from mien.server.refusals import RefusalError, no_job
from mien.server.settings import Settings
from mien.server.store import Job, Store
from mien.server.tickets import Tickets
from mien.server.work import Workers

TURNS = 4
"""Uploads that are written at the same moment; threads for other work are left."""
CHALLENGE = {"WWW-Authenticate": "Bearer"}
_bearer = HTTPBearer(auto_error=False, description="A key made by 'mien serve keys add NAME'.")


@dataclass
class Service:
    """One running service.

    Args:
        settings: of it.
        store: of its jobs.
        keys: that clients may have.
        workers: that run the jobs.
        metrics: of it.
        probe: tells the length of an upload.
        exports: writes results in other formats.
        loop: that answers requests.
        turns: taken by uploads while they write.
        tickets: that open the results of one job.
        waiting: by job, what is set when it changes.
    """

    settings: Settings
    store: Store
    keys: Keys
    workers: Workers
    metrics: Metrics
    probe: Clerk
    exports: Clerk
    loop: asyncio.AbstractEventLoop
    turns: asyncio.Semaphore = field(default_factory=lambda: asyncio.Semaphore(TURNS))
    tickets: Tickets = field(default_factory=Tickets)
    waiting: dict[str, set[asyncio.Event]] = field(default_factory=lambda: defaultdict(set))

    def tell(self, job: str) -> None:
        """Wake whoever waits for news of a job; from any thread."""
        if not self.loop.is_closed():
            self.loop.call_soon_threadsafe(self._wake, job)

    def _wake(self, job: str) -> None:
        for event in self.waiting.get(job, ()):
            event.set()

    def owner(self, key: str) -> str:
        """Who a key belongs to; ``""`` where none is needed.

        For WebSockets, whose key is the first message; requests use :data:`Caller`.

        Raises:
            RefusalError: 401 if a key is needed and this is none.
        """
        found = self.keys.owner(key) if key else None
        if found is not None:
            return found
        if not key and self.settings.loopback and not self.keys.any():
            return ""
        raise RefusalError(
            401, "Unauthorized",
            "This service needs a key; send it in the header 'Authorization: Bearer KEY'. "
            "Its operator makes one by 'mien serve keys add NAME'.",
            CHALLENGE,
        )  # fmt: skip


def service_of(connection: HTTPConnection) -> Service:
    """The service of a request or WebSocket."""
    found: Service = connection.app.state.service
    return found


def bearer(request: Request) -> str:
    """The key in the header of a request; empty if there is none."""
    scheme, _, key = request.headers.get("authorization", "").partition(" ")
    return key.strip() if scheme.lower() == "bearer" else ""


async def caller(request: Request, _: Annotated[object, Depends(_bearer)]) -> str:
    """The owner whose key a request has."""
    return service_of(request).owner(bearer(request))


Running = Annotated[Service, Depends(service_of)]
Caller = Annotated[str, Depends(caller)]


async def found_job(job_id: str, service: Running, owner: Caller) -> Job:
    """The job of the path, if it is of the caller.

    Raises:
        RefusalError: 404.
    """
    job = service.store.get(job_id, owner)
    if job is None:
        raise no_job(job_id)
    return job


async def permitted_job(
    job_id: str,
    request: Request,
    service: Running,
    _: Annotated[object, Depends(_bearer)],
    ticket: Annotated[str | None, Query(max_length=100)] = None,
) -> Job:
    """The job of the path, for its owner or whoever has a ticket for it.

    Raises:
        RefusalError: 401 or 404.
    """
    if ticket is not None and service.tickets.opens(job_id, ticket):
        job = service.store.get(job_id)
    else:
        job = service.store.get(job_id, service.owner(bearer(request)))
    if job is None:
        raise no_job(job_id)
    return job


Found = Annotated[Job, Depends(found_job)]
Permitted = Annotated[Job, Depends(permitted_job)]
