"""The routes of ``/v1/jobs``."""

from __future__ import annotations

import asyncio
import hashlib
import json
from collections.abc import AsyncIterator
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Annotated, Any, Literal

from fastapi import APIRouter, Header, Query, Request, Response
from starlette.responses import FileResponse, JSONResponse, StreamingResponse

from mien.errors import MienError
from mien.report.export import FORMATS
from mien.server.allowed import options_of
from mien.server.child import ANALYSIS, REPORT
from mien.server.names import file_name, shown_name
from mien.server.refusals import Refusal
from mien.server.service import Caller, Found, Running, Service
from mien.server.store import FINAL, Job
from mien.server.upload import Upload, check_disk, receive, too_large

router = APIRouter(prefix="/v1/jobs", tags=["jobs"])
HEARTBEAT = 15.0
"""Seconds without an event after which a stream says that it is alive."""
RETRY_AFTER = {"Retry-After": "10"}


@router.post("", status_code=202)
async def submit(
    request: Request,
    service: Running,
    owner: Caller,
    idempotency_key: Annotated[str | None, Header(max_length=255)] = None,
) -> JSONResponse:
    """Send a recording; it is analysed as soon as a worker is free."""
    _check_room(request, service, owner, idempotency_key)
    path = service.store.incoming()
    try:
        content_type = request.headers.get("content-type", "")
        upload = await receive(content_type, aiter(request.stream()), path, service.settings)
        fields = _fields(upload, service, owner, idempotency_key)
        job = await asyncio.to_thread(_acknowledge, service, upload, fields)
    finally:
        await asyncio.to_thread(path.unlink, missing_ok=True)
    return JSONResponse(job.shown(), 202, {"Location": f"/v1/jobs/{job.id}"})


def _check_room(request: Request, service: Service, owner: str, key: str | None) -> None:
    """Refuse what would be refused after the upload, before it."""
    settings, store = service.settings, service.store
    length = request.headers.get("content-length", "")
    size = int(length) if length.isdecimal() else 0
    if size > settings.max_upload + 100_000:
        raise too_large(settings.max_upload)
    check_disk(store.folder, settings, size)
    if store.repeated(owner, key) is not None:
        return
    if store.count("queued") >= settings.max_queue:
        raise Refusal(
            429, "QueueFull",
            f"{settings.max_queue} jobs wait already, the limit of this service; send the "
            "recording again later.", RETRY_AFTER,
        )  # fmt: skip
    if store.count(owner=owner) >= settings.max_jobs:
        raise Refusal(
            429, "TooManyJobs",
            f"You have {settings.max_jobs} jobs on this service, the limit of a key; delete jobs "
            "that you no longer need.", RETRY_AFTER,
        )  # fmt: skip


def _fields(upload: Upload, service: Service, owner: str, key: str | None) -> dict[str, Any]:
    """The row of a job."""
    text = upload.fields.get("options", "") or "{}"
    try:
        given = json.loads(text, parse_constant=_no_constant)
    except (ValueError, RecursionError):
        raise Refusal(
            422, "OptionError", f"options is not JSON: {text[:40]!r}; send an object."
        ) from None
    try:
        options = json.dumps(options_of(given, service.settings).to_dict())
    except (MienError, RecursionError) as error:
        raise Refusal(422, "OptionError", str(error)) from None
    file = file_name(upload.file)
    name = shown_name(upload.fields.get("name", "")) or file
    parts = json.dumps([upload.sha256, file, name, options])
    return {
        "owner": owner, "name": name, "file": file, "bytes": upload.bytes, "options": options,
        "digest": hashlib.sha256(parts.encode()).hexdigest(), "idempotency": key,
    }  # fmt: skip


def _no_constant(name: str) -> Any:
    raise ValueError(name)


def _acknowledge(service: Service, upload: Upload, fields: dict[str, Any]) -> Job:
    job = service.store.repeated(fields["owner"], fields["idempotency"])
    if job is None:
        job, _ = service.store.add(upload.path, fields)
    if job.digest != fields["digest"]:
        raise Refusal(
            422, "IdempotencyKeyReused",
            "The Idempotency-Key was used for another recording or other options; choose a new "
            "key for each job.",
        )  # fmt: skip
    return job


@router.get("")
async def listed(
    service: Running,
    owner: Caller,
    state: Literal["queued", "running", "completed", "failed", "cancelled"] | None = None,
    limit: Annotated[int, Query(ge=1, le=200)] = 50,
    after: Annotated[str | None, Query(pattern="^[0-9]{1,18}$")] = None,
) -> JSONResponse:
    """Jobs of your key, the newest first."""
    jobs, more = service.store.list(owner, state, limit, int(after) if after else None)
    following = None if more is None else str(more)
    return JSONResponse({"jobs": [job.shown() for job in jobs], "next": following})


@router.get("/{job_id}")
async def one(job: Found) -> JSONResponse:
    """How a job stands."""
    return JSONResponse(job.shown())


@router.get("/{job_id}/events")
async def events(
    job: Found, service: Running, last_event_id: Annotated[str, Header()] = "0"
) -> StreamingResponse:
    """How a job goes on, as server-sent events, until it has its final state."""
    after = int(last_event_id) if last_event_id.isdecimal() else 0
    stream = _stream(service, job.id, after)
    return StreamingResponse(stream, media_type="text/event-stream")


async def _stream(service: Service, job: str, after: int) -> AsyncIterator[str]:
    news = asyncio.Event()
    service.waiting[job].add(news)
    try:
        while True:
            news.clear()
            for event in service.store.events(job, after):
                after = event.id
                yield f"id: {event.id}\nevent: {event.kind}\ndata: {event.data}\n\n"
            now = service.store.get(job)
            if now is None or now.state in FINAL:
                if not (now and service.store.events(job, after)):
                    return
                continue
            try:
                async with asyncio.timeout(HEARTBEAT):
                    await news.wait()
            except TimeoutError:
                yield ": alive\n\n"
    finally:
        service.waiting[job].discard(news)
        if not service.waiting[job]:
            del service.waiting[job]


@router.post("/{job_id}/cancel")
async def cancel(job: Found, service: Running) -> JSONResponse:
    """Stop a job; one that has ended stays as it is."""
    await _stop(service, job)
    again = service.store.get(job.id)
    return JSONResponse((again or job).shown())


async def _stop(service: Service, job: Job) -> None:
    if await asyncio.to_thread(service.store.end, job.id, "cancelled", None, None, ("queued",)):
        return
    if await asyncio.wrap_future(service.workers.drop(job.id)):
        await asyncio.to_thread(service.store.end, job.id, "cancelled")


@router.delete("/{job_id}", status_code=204)
async def delete(job: Found, service: Running) -> Response:
    """Delete a job with its recording and all results; one that runs is stopped."""
    await _stop(service, job)
    await asyncio.to_thread(service.store.delete, job.id)
    return Response(status_code=204)


@router.get("/{job_id}/result")
async def result(
    job: Found, service: Running, format: Annotated[str, Query()] = "json"
) -> Response:
    """The analysis, in any format of ``mien export``."""
    kind = format.lower()
    if kind not in FORMATS:
        raise Refusal(
            422, "OptionError",
            f"There is no format {format[:40]!r}; choose one of: {', '.join(FORMATS)}.",
        )  # fmt: skip
    path = _finished(service, job, ANALYSIS)
    stem = Path(job.file).stem
    if kind == "json":
        return FileResponse(path, filename=f"{stem}.json", media_type="application/json")
    try:
        data = await asyncio.to_thread(_exported, path, kind)
    except MienError as error:
        raise Refusal(422, type(error).__name__, str(error)) from None
    return Response(data, media_type="application/octet-stream")


def _exported(path: Path, kind: str) -> bytes:
    from mien.analysis.analysis import Analysis
    from mien.report.export import export

    analysis = Analysis.from_dict(json.loads(path.read_bytes()))
    with TemporaryDirectory() as folder:
        target = Path(folder) / "export"
        export(analysis, target, kind)
        return target.read_bytes()


@router.get("/{job_id}/report")
async def report(job: Found, service: Running) -> FileResponse:
    """The report page."""
    return FileResponse(_finished(service, job, REPORT), media_type="text/html")


@router.get("/{job_id}/media")
async def media(job: Found, service: Running) -> FileResponse:
    """The recording as it was sent; parts of it by Range."""
    path = service.store.media_of(job)
    return FileResponse(path, filename=job.file, media_type="application/octet-stream")


def _finished(service: Service, job: Job, name: str) -> Path:
    if job.state != "completed":
        raise Refusal(
            409, "NotCompleted",
            f"The job is {job.state} and has no result; GET /v1/jobs/ID shows how it stands.",
        )  # fmt: skip
    return service.store.folder_of(job.id) / name
