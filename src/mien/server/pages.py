"""The page at ``/`` and its files."""

from __future__ import annotations

import json
from pathlib import Path

from fastapi import APIRouter
from starlette.requests import Request
from starlette.responses import FileResponse, Response

import mien.report.page as report_page
from mien.emotions import MIEN7
from mien.report.colours import EMOTIONS, ink
from mien.server.refusals import RefusalError

router = APIRouter(include_in_schema=False)
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
_FILES = {path.name: path for path in HERE.iterdir() if path.suffix in _TYPES} | _SHARED
"""All that the page loads, by name."""
POLICY = "; ".join(
    [
        "default-src 'none'", "script-src 'self'", "style-src 'self'", "img-src 'self' data:",
        "media-src 'self'", "connect-src 'self'", "frame-src 'self'", "base-uri 'none'",
        "form-action 'none'", "frame-ancestors 'none'",
    ]
)  # fmt: skip
"""The content security policy of the page: nothing inline, nothing from elsewhere."""


@router.get("/")
def page() -> Response:
    """The page."""
    headers = {"Content-Security-Policy": POLICY, "Cache-Control": "no-cache"}
    return FileResponse(HERE / "index.html", media_type="text/html", headers=headers)


@router.get("/page/{name}")
def asset(name: str, request: Request) -> Response:
    """A script or style of the page."""
    headers = {"Cache-Control": "no-cache"}
    if name == "labels.css":
        return Response(_labels_css(), media_type="text/css", headers=headers)
    if name == "labels.js":
        live = any(getattr(route, "path", "") == "/live" for route in request.app.routes)
        return Response(_labels_js(live), media_type="text/javascript", headers=headers)
    path = _FILES.get(name)
    if path is None:
        raise RefusalError(404, "NotFound", f"The page has no file {name[:80]!r}.")
    return FileResponse(path, media_type=_TYPES[path.suffix], headers=headers)


def _labels_css() -> str:
    """The colours of the labels, which all drawings of mien share."""
    rules = [
        f"--e{i}: {EMOTIONS[name]}; --i{i}: {ink(EMOTIONS[name])};"
        for i, name in enumerate(MIEN7.labels)
    ]
    return ":root {\n  " + "\n  ".join(rules) + "\n}\n"


def _labels_js(live: bool) -> str:
    labels = [{"name": name, "colour": EMOTIONS[name]} for name in MIEN7.labels]
    return f"export const LABELS = {json.dumps(labels)};\nexport const LIVE = {json.dumps(live)};\n"
