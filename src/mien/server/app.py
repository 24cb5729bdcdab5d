"""The application: routers, what every request passes through, and the description of it all."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

from fastapi import FastAPI
from fastapi.exceptions import RequestValidationError
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import JSONResponse

import mien
from mien.server import jobs
from mien.server.keys import Keys
from mien.server.refusals import Refusal
from mien.server.service import Service
from mien.server.settings import Settings
from mien.server.store import Store
from mien.server.work import Workers


def create_app(settings: Settings) -> FastAPI:
    """The application of one service.

    Its store is opened, and its workers run, while it is served.
    """

    @asynccontextmanager
    async def life(app: FastAPI) -> AsyncIterator[None]:
        store = Store(settings.folder)
        store.recover()
        workers = Workers(store, settings)
        service = Service(settings, store, Keys(store), workers, asyncio.get_running_loop())
        store.told = service.tell
        app.state.service = service
        workers.start()
        try:
            yield
        finally:
            await asyncio.to_thread(workers.stop)
            store.close()

    app = FastAPI(
        title="mien", version=mien.__version__, lifespan=life, docs_url=None, redoc_url=None
    )
    app.include_router(jobs.router)
    app.add_exception_handler(Refusal, _refused)
    app.add_exception_handler(RequestValidationError, _invalid)
    app.add_exception_handler(HTTPException, _http)

    @app.get("/health", tags=["service"])
    async def health() -> dict[str, str]:
        return {"status": "ok", "mien": mien.__version__}

    return app


async def _refused(request: Request, error: Any) -> JSONResponse:
    return JSONResponse(error.body, error.status, error.headers)


async def _invalid(request: Request, error: Any) -> JSONResponse:
    first = error.errors()[0]
    place = ".".join(str(one) for one in first["loc"])
    return await _refused(request, Refusal(422, "ValidationError", f"{place}: {first['msg']}."))


async def _http(request: Request, error: Any) -> JSONResponse:
    kind = "NotFound" if error.status_code == 404 else "HTTPError"
    refusal = Refusal(error.status_code, kind, f"{error.detail}.", error.headers)
    return await _refused(request, refusal)
