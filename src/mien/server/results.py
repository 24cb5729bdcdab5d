"""The routes of what a job results in: ``/result``, ``/report``, ``/media``."""

from __future__ import annotations

import asyncio
import re
from pathlib import Path
from typing import Annotated, Any

from fastapi import APIRouter, Query, Response
from starlette.responses import FileResponse

from mien.server.child import ANALYSIS, CODINGS, REPORT
from mien.server.clerk import ClerkError
from mien.server.export import TYPES
from mien.server.models import refusals
from mien.server.refusals import RefusalError, no_job
from mien.server.safe import safe
from mien.server.service import Found, Permitted, Running, Service
from mien.server.store import Job

router = APIRouter(prefix="/v1/jobs/{job_id}", tags=["results"])
MEDIA_TYPES = {
    ".mp4": "video/mp4", ".m4v": "video/mp4", ".mov": "video/quicktime", ".webm": "video/webm",
    ".mkv": "video/x-matroska", ".avi": "video/x-msvideo", ".ogv": "video/ogg",
    ".mp3": "audio/mpeg", ".wav": "audio/wav", ".flac": "audio/flac", ".ogg": "audio/ogg",
    ".oga": "audio/ogg", ".opus": "audio/ogg", ".m4a": "audio/mp4", ".aac": "audio/aac",
    ".png": "image/png", ".jpg": "image/jpeg", ".jpeg": "image/jpeg", ".webp": "image/webp",
    ".gif": "image/gif", ".bmp": "image/bmp", ".txt": "text/plain; charset=utf-8",
}  # fmt: skip
"""By the suffix of a recording. Nothing that a browser would run is among them."""
_SANDBOX = "sandbox; default-src 'none'; style-src 'unsafe-inline'; frame-ancestors 'self'"
_POLICY = re.compile(r'<meta http-equiv="Content-Security-Policy" content="([^"]*)">')
_HEAD = 8192


def _file(types: tuple[str, ...]) -> dict[int | str, dict[str, Any]]:
    binary = {"schema": {"type": "string", "format": "binary"}}
    content: dict[str, Any] = dict.fromkeys(types, binary)
    if "application/json" in content:  # an analysis, or a list of tasks for Label Studio
        content["application/json"] = {"schema": {"type": ["object", "array"]}}
    return {200: {"description": "The file.", "content": content}}


_RESULTS = _file(tuple(sorted({one.partition(";")[0] for one in TYPES.values()})))
_MEDIA = _file((*sorted({one.partition(";")[0] for one in MEDIA_TYPES.values()}),
                "application/octet-stream"))  # fmt: skip


@router.get("/result", responses=refusals(404, 409, 422) | _RESULTS, response_class=Response)
async def result(
    job: Found,
    service: Running,
    format: Annotated[str, Query(json_schema_extra={"enum": sorted(TYPES)})] = "json",
    codings: Annotated[bool, Query(description="With the labels of coders, if any.")] = False,
) -> Response:
    """The analysis: the bytes that ``mien analyze --json`` or ``mien export`` write."""
    kind = format.lower()
    if kind not in TYPES:
        raise RefusalError(
            422, "OptionError",
            f"There is no format {format[:40]!r}; choose one of: {', '.join(TYPES)}.",
        )  # fmt: skip
    path = _finished(service, job, ANALYSIS)
    name = f"{Path(job.file).stem}.{kind}"
    coded = sorted(map(str, path.parent.glob(f"{CODINGS}/*.json"))) if codings else []
    if kind == "json" and not coded:
        return FileResponse(path, filename=name, media_type=TYPES[kind])
    try:
        said, content = await asyncio.wrap_future(service.exports.ask(str(path), kind, coded))
    except ClerkError:
        said, content = (
            "error",
            "The export took too long or too much memory; choose another format.",
        )
    if said != "data":
        raise RefusalError(409, "NothingToExport", safe(content))
    return _download(content, name, TYPES[kind])


def _download(content: bytes, name: str, media_type: str) -> Response:
    answer = Response(content, media_type=media_type)
    named = FileResponse("", filename=name).headers["content-disposition"]
    answer.headers["content-disposition"] = named
    answer.headers["content-security-policy"] = _SANDBOX
    return answer


@router.get(
    "/report",
    responses=refusals(404, 409, 422)
    | {200: {"content": {"text/html": {"schema": {"type": "string"}}}, "description": "The page."}},
    response_class=Response,
)
async def report(job: Permitted, service: Running) -> FileResponse:
    """The report page, as ``mien analyze --report`` writes it, for a frame of this service."""
    path = _finished(service, job, REPORT)
    with path.open(encoding="utf-8") as file:
        found = _POLICY.search(file.read(_HEAD))
    own = found[1].replace("&#x27;", "'") if found else "default-src 'none'"
    headers = {"Content-Security-Policy": f"{own}; frame-ancestors 'self'"}
    return FileResponse(path, headers=headers, media_type="text/html; charset=utf-8")


@router.get(
    "/media", responses=refusals(404, 416, 422) | _MEDIA | {206: _MEDIA[200]},
    response_class=Response,
)  # fmt: skip
async def media(job: Permitted, service: Running) -> FileResponse:
    """The recording as it was sent; parts of it by Range."""
    path = service.store.media_of(job)
    if not path.is_file():
        raise no_job(job.id)
    kind = MEDIA_TYPES.get(path.suffix.lower(), "application/octet-stream")
    headers = {"Content-Security-Policy": _SANDBOX}
    return FileResponse(path, filename=job.file, media_type=kind, headers=headers)


def _finished(service: Service, job: Job, name: str) -> Path:
    """A file of a job that is completed.

    Raises:
        RefusalError: 409 if it is not, 404 if it was deleted meanwhile.
    """
    if job.state != "completed":
        raise RefusalError(
            409, "NotCompleted",
            f"The job is {job.state} and has no result; GET /v1/jobs/ID shows how it stands.",
        )  # fmt: skip
    path = service.store.folder_of(job.id) / name
    if not path.is_file():
        raise no_job(job.id)
    return path
