"""What the routers share: the store, the workers, and who asks."""

from __future__ import annotations

import asyncio
from collections import defaultdict
from dataclasses import dataclass, field
from typing import Annotated

from fastapi import Depends, Request
from starlette.requests import HTTPConnection

from mien.server.keys import Keys
from mien.server.refusals import Refusal, no_job
from mien.server.settings import Settings
from mien.server.store import Job, Store
from mien.server.work import Workers

CHALLENGE = {"WWW-Authenticate": "Bearer"}


@dataclass
class Service:
    """One running service.

    Args:
        settings: of it.
        store: of its jobs.
        keys: that clients may have.
        workers: that run the jobs.
    """

    settings: Settings
    store: Store
    keys: Keys
    workers: Workers
    loop: asyncio.AbstractEventLoop
    waiting: dict[str, set[asyncio.Event]] = field(default_factory=lambda: defaultdict(set))

    def tell(self, job: str) -> None:
        """Wake whoever waits for news of a job; from any thread."""
        if not self.loop.is_closed():
            self.loop.call_soon_threadsafe(self._wake, job)

    def _wake(self, job: str) -> None:
        for event in self.waiting.get(job, ()):
            event.set()

    def owner(self, authorization: str) -> str:
        """Who a key belongs to; ``""`` where none is needed.

        Args:
            authorization: the header ``Authorization``.

        Raises:
            Refusal: 401 if a key is needed and this is none.
        """
        scheme, _, key = authorization.partition(" ")
        given = key.strip() if scheme.lower() == "bearer" else ""
        found = self.keys.owner(given)
        if found is not None:
            return found
        if self.settings.loopback and not self.keys.any():
            return ""
        raise Refusal(
            401, "Unauthorized",
            "This service needs a key; send it in the header 'Authorization: Bearer KEY'. "
            "Its operator makes one by 'mien serve keys add NAME'.",
            CHALLENGE,
        )  # fmt: skip


def service_of(connection: HTTPConnection) -> Service:
    """The service of a request or WebSocket."""
    found: Service = connection.app.state.service
    return found


async def caller(request: Request) -> str:
    """The owner whose key a request has."""
    return service_of(request).owner(request.headers.get("authorization", ""))


Running = Annotated[Service, Depends(service_of)]
Caller = Annotated[str, Depends(caller)]


async def found_job(job_id: str, service: Running, owner: Caller) -> Job:
    """The job of the path, if it is of the caller.

    Raises:
        Refusal: 404.
    """
    job = service.store.get(job_id, owner)
    if job is None:
        raise no_job(job_id)
    return job


Found = Annotated[Job, Depends(found_job)]
