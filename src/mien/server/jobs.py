"""The routes of ``/v1/jobs``; :mod:`mien.server.results` has those of what a job results in."""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import AsyncIterator
from typing import Annotated, Any

from fastapi import APIRouter, Header, Query, Request, Response
from starlette.responses import JSONResponse, StreamingResponse

from mien.server.models import JobAnswer, JobsAnswer, State, TicketAnswer, refusals
from mien.server.refusals import no_job
from mien.server.service import Caller, Found, Running, Service
from mien.server.store import FINAL, Job, moment
from mien.server.submit import Asked, submitted

router = APIRouter(prefix="/v1/jobs", tags=["jobs"])
HEARTBEAT = 15.0
"""Seconds without an event after which a stream says that it is alive."""
log = logging.getLogger("mien.server")
_BODY = {
    "requestBody": {
        "required": True,
        "content": {
            "multipart/form-data": {
                "schema": {"$ref": "#/components/schemas/Submission"},
                "encoding": {"options": {"contentType": "application/json"}},
            }
        },
    }
}
_STREAM: dict[int | str, dict[str, Any]] = {
    200: {
        "description": "Events: `state` with the job, `progress` with its stage and share.",
        "content": {
            "text/event-stream": {
                "example": 'id: 7\nevent: progress\ndata: {"stage": "done", "share": 1.0}\n\n',
            }
        },
    }
}


@router.post(
    "",
    status_code=202,
    response_model=JobAnswer,
    responses=refusals(400, 403, 408, 413, 415, 422, 429, 507)
    | {202: {"headers": {"Location": {"schema": {"type": "string"}}}}},
    openapi_extra=_BODY,
)
async def submit(
    request: Request,
    service: Running,
    owner: Caller,
    idempotency_key: Annotated[
        str | None,
        Header(
            min_length=1,
            max_length=255,
            pattern="^[!-~]+$",
            description="The same key with the same content makes one job.",
        ),
    ] = None,
) -> JSONResponse:
    """Send a recording; it is analysed as soon as a worker is free.

    Once this is answered by 202 the job is on the disk and is not lost by a crash. A recording that
    cannot be analysed becomes a job that fails, with the reason.
    """
    job = await submitted(request, service, Asked(owner, idempotency_key))
    return JSONResponse(job.shown(), 202, {"Location": f"/v1/jobs/{job.id}"})


@router.get("", response_model=JobsAnswer, responses=refusals(422))
async def listed(
    service: Running,
    owner: Caller,
    state: State | None = None,
    limit: Annotated[int, Query(ge=1, le=200)] = 50,
    after: Annotated[
        str | None, Query(pattern="^[0-9]{1,15}$", description="'next' of the page before.")
    ] = None,
) -> JSONResponse:
    """Jobs of your key, the newest first."""
    jobs, more = service.store.page(owner, state, limit, int(after) if after else None)
    following = None if more is None else str(more)
    return JSONResponse({"jobs": [job.shown() for job in jobs], "next": following})


@router.get("/{job_id}", response_model=JobAnswer, responses=refusals(404, 422))
async def one(job: Found) -> JSONResponse:
    """How a job stands."""
    return JSONResponse(job.shown())


@router.get(
    "/{job_id}/events", responses=refusals(404, 422) | _STREAM, response_class=StreamingResponse
)
async def events(
    job: Found,
    service: Running,
    last_event_id: Annotated[
        str | None,
        Header(pattern="^[0-9]{1,15}$", description="Only what happened after this event."),
    ] = None,
) -> StreamingResponse:
    """How a job goes on, as server-sent events, until it has its final state."""
    stream = _stream(service, job.id, int(last_event_id or 0))
    headers = {"X-Accel-Buffering": "no"}
    return StreamingResponse(stream, headers=headers, media_type="text/event-stream")


async def _stream(service: Service, job: str, after: int) -> AsyncIterator[str]:
    news = asyncio.Event()
    service.waiting[job].add(news)
    try:
        while True:
            news.clear()
            ended = (now := service.store.get(job)) is None or now.state in FINAL
            while some := service.store.events(job, after):
                for event in some:
                    after = event.id
                    yield f"id: {event.id}\nevent: {event.kind}\ndata: {event.data}\n\n"
            if ended:
                return
            try:
                async with asyncio.timeout(HEARTBEAT):
                    await news.wait()
            except TimeoutError:
                yield ": alive\n\n"
    finally:
        service.waiting[job].discard(news)
        if not service.waiting[job]:
            del service.waiting[job]


@router.post("/{job_id}/cancel", response_model=JobAnswer, responses=refusals(403, 404, 422))
async def cancel(job: Found, service: Running) -> JSONResponse:
    """Stop a job that waits or runs; one that has ended stays as it is."""
    await _stop(service, job)
    again = service.store.get(job.id)
    if again is None:
        raise no_job(job.id)
    return JSONResponse(again.shown())


@router.delete(
    "/{job_id}", status_code=204, response_class=Response, responses=refusals(403, 404, 422)
)
async def delete(job: Found, service: Running) -> Response:
    """Delete a job with its recording and all results; one that runs is stopped."""
    await _stop(service, job)
    await asyncio.to_thread(service.store.delete, job.id)
    log.info("deleted", extra={"job": job.id})
    return Response(status_code=204)


async def _stop(service: Service, job: Job) -> None:
    """Cancel a job that waits or runs."""
    end, states = service.store.end, ("queued",)
    stopped = await asyncio.to_thread(end, job.id, "cancelled", of=states)
    if not stopped and await asyncio.wrap_future(service.workers.drop(job.id)):
        stopped = await asyncio.to_thread(end, job.id, "cancelled")
    if stopped:
        service.metrics.job("cancelled", "", time.time() - (job.started or time.time()))
        log.info("job", extra={"job": job.id, "state": "cancelled"})


@router.post("/{job_id}/ticket", response_model=TicketAnswer, responses=refusals(403, 404, 422))
async def ticket(job: Found, service: Running) -> JSONResponse:
    """A permit that opens the report and the recording of a job for an hour.

    For what a browser fetches without a header: a frame, a player. The address with the ticket
    should not be given to others.
    """
    made, until = service.tickets.make(job.id)
    return JSONResponse({"ticket": made, "expires": moment(until)})
