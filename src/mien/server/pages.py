"""The page at ``/``: its files, and what its frames and players load.

A browser cannot send a key with a frame, a film or a picture. The page therefore asks, with its
key, for a ticket: a part of the address of one job's report and recording, good for some hours.
"""

from __future__ import annotations

import hashlib
import hmac
import json
import secrets
import time
from pathlib import Path
from typing import Annotated

from fastapi import APIRouter
from fastapi import Path as InPath
from starlette.responses import FileResponse, JSONResponse, Response

import mien.report.page as report_page
from mien.emotions import MIEN7
from mien.report.colours import EMOTIONS, ink
from mien.report.page.media import media_type
from mien.server.child import REPORT
from mien.server.refusals import Refusal
from mien.server.service import Found, Running, Service
from mien.server.store import Job

router = APIRouter(include_in_schema=False)
tickets = APIRouter(prefix="/v1/jobs", tags=["page"])
HERE = Path(__file__).parent / "page"
_UPLOT = Path(report_page.__file__).parent / "vendor" / "uplot"
_SHARED = {
    "uplot.js": _UPLOT / "uPlot.iife.min.js",
    "uplot.css": _UPLOT / "uPlot.min.css",
    "uplot-licence.txt": _UPLOT / "LICENSE",
}
_TYPES = {
    ".js": "text/javascript", ".css": "text/css", ".svg": "image/svg+xml", ".txt": "text/plain",
}  # fmt: skip
POLICY = "; ".join(
    [
        "default-src 'none'", "script-src 'self'", "style-src 'self'", "img-src 'self' data:",
        "media-src 'self'", "connect-src 'self'", "frame-src 'self'", "base-uri 'none'",
        "form-action 'none'", "frame-ancestors 'none'",
    ]
)  # fmt: skip
"""The content security policy of the page: nothing inline, nothing from elsewhere."""
SAFE = {
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "no-referrer",
    "Cross-Origin-Resource-Policy": "same-origin",
}
LASTS = 12 * 3600
"""Seconds for which a ticket is good, a working day."""
_SECRET = secrets.token_bytes(32)
"""Of this process: tickets end with it."""
Ticket = Annotated[str, InPath(max_length=200)]


@router.get("/")
def page() -> Response:
    """The page."""
    headers = {**SAFE, "Content-Security-Policy": POLICY, "Cache-Control": "no-cache"}
    return FileResponse(HERE / "index.html", media_type="text/html", headers=headers)


@router.get("/page/{name}")
def asset(name: str) -> Response:
    """A script or style of the page."""
    headers = {**SAFE, "Cache-Control": "no-cache"}
    if name in _MADE:
        text, kind = _MADE[name]
        return Response(text, media_type=kind, headers=headers)
    path = _SHARED.get(name, HERE / name)
    # A name with a folder in it never gets here; what is listed is all there is.
    if (
        (name != path.name and name not in _SHARED)
        or path.suffix not in _TYPES
        or not path.is_file()
    ):
        raise Refusal(404, "NotFound", f"The page has no file {name[:80]!r}.")
    return FileResponse(path, media_type=_TYPES[path.suffix], headers=headers)


def _labels_css() -> str:
    """The colours of the labels, which all drawings of mien share."""
    rules = [
        f"--e{i}: {EMOTIONS[name]}; --i{i}: {ink(EMOTIONS[name])};"
        for i, name in enumerate(MIEN7.labels)
    ]
    return ":root {\n  " + "\n  ".join(rules) + "\n}\n"


def _labels_js() -> str:
    labels = [{"name": name, "colour": EMOTIONS[name]} for name in MIEN7.labels]
    return f"export const LABELS = {json.dumps(labels)};\n"


_MADE = {
    "labels.css": (_labels_css(), "text/css"),
    "labels.js": (_labels_js(), "text/javascript"),
}


# --- tickets -----------------------------------------------------------------------------------


@tickets.post("/{job_id}/ticket")
def ticket(job: Found) -> JSONResponse:
    """Addresses of the report and the recording that need no key, for frames and players."""
    made = make_ticket(job.id, time.time() + LASTS)
    places = {name: f"/view/{made}/{name}" for name in ("report", "media")}
    return JSONResponse({**places, "lasts": LASTS}, headers={"Cache-Control": "no-store"})


def make_ticket(job: str, until: float) -> str:
    """The ticket of a job until a time in seconds since 1970."""
    head = f"{job}.{int(until)}"
    return f"{head}.{_sign(head)}"


def _sign(head: str) -> str:
    return hmac.new(_SECRET, head.encode(), hashlib.sha256).hexdigest()[:40]


def _job_of(ticket: str, service: Service) -> Job:
    """The job of a ticket.

    Raises:
        Refusal: 404 if it is none, is over, or its job was deleted.
    """
    head, _, signed = ticket.rpartition(".")
    job, _, until = head.partition(".")
    good = hmac.compare_digest(_sign(head).encode(), signed.encode())
    found = service.store.get(job) if good and float(until) > time.time() else None
    if found is None:
        raise Refusal(404, "NotFound", "This address is not good any more; open the job again.")
    return found


@router.get("/view/{ticket}/report")
def report(ticket: Ticket, service: Running) -> Response:
    """The report in a frame of the page: its own policy, an origin of its own."""
    job = _job_of(ticket, service)
    path = service.store.folder_of(job.id) / REPORT
    if job.state != "completed" or not path.is_file():
        raise Refusal(409, "NotCompleted", f"The job is {job.state} and has no report.")
    policy = "sandbox allow-scripts; frame-ancestors 'self'"
    headers = {**SAFE, "Content-Security-Policy": policy, "Cache-Control": "no-store"}
    return FileResponse(path, media_type="text/html", headers=headers)


@router.get("/view/{ticket}/media")
def media(ticket: Ticket, service: Running) -> Response:
    """The recording for a player; parts of it by Range. Never a document with scripts."""
    job = _job_of(ticket, service)
    path = service.store.media_of(job)
    kind = media_type(path) or "application/octet-stream"
    headers = {**SAFE, "Content-Security-Policy": "default-src 'none'; sandbox"}
    headers |= {"Cache-Control": "private, no-store"}
    # The report is a document of an origin of its own: its player loads this from elsewhere.
    headers["Cross-Origin-Resource-Policy"] = "cross-origin"
    return FileResponse(path, media_type=kind, headers=headers)
