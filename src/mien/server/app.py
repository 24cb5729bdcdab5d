"""The application: routers, what every request passes through, and the description of it all."""

from __future__ import annotations

import asyncio
import logging
import os
from collections.abc import AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from typing import Any

from fastapi import FastAPI
from fastapi.exceptions import RequestValidationError
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import compile_path

import mien
from mien.server import codings, jobs, live, notice, pages, results
from mien.server.child import analyze_upload
from mien.server.clerk import Clerk
from mien.server.describe import describe
from mien.server.export import duration_of, exported
from mien.server.gate import Gate
from mien.server.keys import Keys
from mien.server.metrics import CONTENT_TYPE, Metrics
from mien.server.models import HealthAnswer, NoticeAnswer, refusals
from mien.server.refusals import RefusalError
from mien.server.safe import safe
from mien.server.service import Caller, Running, Service
from mien.server.settings import Settings
from mien.server.store import Store
from mien.server.work import Workers

PROBE_SECONDS, EXPORT_SECONDS = 30.0, 300.0
_KINDS = {404: "NotFound", 405: "MethodNotAllowed", 413: "BodyTooLarge", 416: "RangeNotSatisfiable"}
log = logging.getLogger("mien.server")


def create_app(settings: Settings, analyze: Callable[..., Any] = analyze_upload) -> FastAPI:
    """The application of one service.

    Its store is open, and its workers run, while it is served.

    Args:
        settings: of the service.
        analyze: what a worker does for a job; tests plant another.
    """
    app = FastAPI(
        title="mien",
        version=mien.__version__,
        summary="Recognises emotion in a recording from its words, its voice and its faces.",
        lifespan=_life(settings, analyze),
        docs_url=None,
        redoc_url=None,
        openapi_url="/openapi.json",
    )
    app.add_middleware(Gate, settings=settings, seen=_seen(app))
    app.include_router(jobs.router)
    app.include_router(results.router)
    app.include_router(codings.router)
    app.include_router(live.router)
    app.include_router(pages.router)
    _add_service_routes(app)
    app.add_exception_handler(RefusalError, _refused)
    app.add_exception_handler(RequestValidationError, _invalid)
    app.add_exception_handler(HTTPException, _http)
    describe(app)
    return app


def _life(settings: Settings, analyze: Callable[..., Any]) -> Any:
    """What is open while the application is served."""

    @asynccontextmanager
    async def life(app: FastAPI) -> AsyncIterator[None]:
        store = Store(settings.folder)
        again = store.recover()
        metrics = Metrics(store)
        workers = Workers(store, settings, metrics.job, analyze)
        memory = int(settings.job_memory)
        probe = Clerk(duration_of, memory, PROBE_SECONDS)
        exports = Clerk(exported, memory, EXPORT_SECONDS, nice=5)
        loop = asyncio.get_running_loop()
        app.state.service = Service(
            settings, store, Keys(store), workers, metrics, probe, exports, loop
        )
        store.told = app.state.service.tell
        probe.ask(os.devnull, {"sandbox": True})  # it loads what it needs before the first upload
        workers.start()
        log.info("started", extra={"count": again})
        try:
            yield
        finally:
            store.told = lambda job: None
            for end in (workers.stop, probe.close, exports.close, store.close):
                await asyncio.to_thread(end)
            log.info("stopped")

    def begin(app: FastAPI) -> AbstractAsyncContextManager[None]:
        return life(app)

    return begin


def _seen(app: FastAPI) -> Any:
    """Counts every answer; logs those that change or refuse something."""

    def seen(method: str, route: str, status: int, seconds: float) -> None:
        service: Service | None = getattr(app.state, "service", None)
        if service is not None:
            service.metrics.request(method, route, status, seconds)
        if status >= 400 or method not in ("GET", "HEAD"):
            ms = round(1000 * seconds, 1)
            extra = {"method": method[:10], "route": route, "status": status, "ms": ms}
            log.info("request", extra=extra)

    return seen


def _add_service_routes(app: FastAPI) -> None:
    @app.get("/health", tags=["service"], response_model=HealthAnswer)
    async def health() -> JSONResponse:
        """Whether the service answers; needs no key."""
        return JSONResponse({"status": "ok", "mien": mien.__version__})

    @app.get(
        "/metrics",
        tags=["service"],
        response_class=Response,
        responses=refusals()
        | {
            200: {"content": {"text/plain": {"schema": {"type": "string"}}}, "description": "Text."}
        },
    )
    async def metrics(service: Running, owner: Caller) -> Response:
        """Metrics for Prometheus."""
        return Response(await asyncio.to_thread(service.metrics.text), media_type=CONTENT_TYPE)

    @app.get("/v1/notice", tags=["service"], response_model=NoticeAnswer)
    async def notice_of_service() -> JSONResponse:
        """What must be said to the people shown, and what is forbidden; needs no key."""
        return JSONResponse(notice.plain())


async def _refused(request: Request, error: Any) -> JSONResponse:
    return JSONResponse(error.body, error.status, error.headers)


async def _invalid(request: Request, error: Any) -> JSONResponse:
    first = error.errors()[0]
    place = ".".join(str(one) for one in first["loc"])
    message = safe(f"{place} cannot be {str(first.get('input'))[:60]!r}: {first['msg']}.")
    return await _refused(request, RefusalError(422, "ValidationError", message))


async def _http(request: Request, error: Any) -> JSONResponse:
    status = error.status_code
    message = {
        404: "There is nothing at this path; /openapi.json describes the service.",
        405: f"This path does not take {request.method[:10]}; the header Allow says what it takes.",
    }.get(status, f"{error.detail}.")
    headers = dict(error.headers or {})
    if status == 405:
        headers["Allow"] = ", ".join(_methods(request))
    refusal = RefusalError(status, _KINDS.get(status, "HTTPError"), message, headers)
    return await _refused(request, refusal)


def _methods(request: Request) -> list[str]:
    """What the path of a request takes, as the description says."""
    paths = request.app.openapi()["paths"]
    fitting = [one for path, one in paths.items() if _fits(path, request.url.path)]
    return sorted({method.upper() for one in fitting for method in one})


def _fits(path: str, given: str) -> bool:
    return compile_path(path)[0].match(given) is not None
