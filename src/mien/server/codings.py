"""The routes of coding by hand, of agreement, and of the search in transcripts."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from hashlib import sha256
from pathlib import Path
from typing import Annotated, Any, TypeVar

from fastapi import APIRouter, Query, Response
from fastapi import Path as InPath
from starlette.responses import JSONResponse

from mien.coding import Agreement, Coding, Identity, agreements, coder_name, pooled
from mien.coding.wire import json_text
from mien.errors import InputError, OutputError
from mien.files import replacing
from mien.server.child import CODINGS
from mien.server.coding_models import (
    AgreementsAnswer,
    CodeChanges,
    CodingAnswer,
    CodingsAnswer,
    CodingSummary,
    NewCoding,
    RowsAnswer,
    SearchAnswer,
    StripAnswer,
)
from mien.server.derived import Plain, lines_of, rows_of, strip_of
from mien.server.models import refusals
from mien.server.refusals import RefusalError, no_job
from mien.server.service import Caller, Found, Running, Service
from mien.server.store import Job
from mien.timebase import Segment

router = APIRouter(prefix="/v1", tags=["coding"])
MOST_CODERS = 50
"""Coders of one job."""
MOST_HITS = 200
_writing = threading.Lock()
T = TypeVar("T")
CodingId = Annotated[str, InPath(pattern="^[0-9a-f]{16}$")]
READ, WRITE = refusals(404, 409, 422), refusals(403, 404, 409, 422)


# --- rows ------------------------------------------------------------------------------------


@router.get("/jobs/{job_id}/rows", response_model=RowsAnswer | StripAnswer, responses=READ)
def rows(
    job: Found,
    service: Running,
    points: Annotated[int | None, Query(ge=1, le=2000)] = None,
) -> JSONResponse:
    """The rows of a completed job: time, words, fused answer; or at most ``points`` means."""
    found = _of(service, job, rows_of)
    return JSONResponse(found if points is None else strip_of(found, points))


# --- codings ---------------------------------------------------------------------------------


@router.get("/jobs/{job_id}/codings", response_model=CodingsAnswer, responses=READ)
def listed(job: Found, service: Running) -> JSONResponse:
    """Who coded how much. The labels are not among it, so that a coder may stay blind to them."""
    codings = _of(service, job, all_codings)
    return JSONResponse({"codings": [_summary(one) for one in codings]})


@router.post(
    "/jobs/{job_id}/codings",
    response_model=CodingAnswer,
    status_code=201,
    responses=WRITE | {200: {"model": CodingAnswer, "description": "It was there already."}},
)
def begin(given: NewCoding, job: Found, service: Running) -> JSONResponse:
    """Begin to code under a name, or go on where the coder of this name has stopped."""

    def make(folder: Path) -> tuple[Coding, int]:
        name = coder_name(given.coder)
        path = _file(folder, coding_id(name))
        with _writing:
            if path.exists():
                return Coding.load(path), 200
            path.parent.mkdir(exist_ok=True, mode=0o700)
            if sum(1 for _ in path.parent.glob("*.json")) >= MOST_CODERS:
                raise RefusalError(
                    409, "TooManyCoders",
                    f"This job has {MOST_CODERS} codings, the limit; delete one that you no "
                    "longer need.",
                )  # fmt: skip
            made = _start(rows_of(folder), name)
            _write(path, made)
            return made, 201

    coding, status = _of(service, job, make)
    headers = {"Location": f"/v1/jobs/{job.id}/codings/{coding_id(coding.coder)}"}
    return JSONResponse(_whole(coding), status, headers)


def _start(rows: Plain, coder: str) -> Coding:
    """A coding without labels, as :meth:`Coding.start` makes it of the whole analysis."""
    segments = tuple(Segment(start, end) for start, end in rows["segments"])
    return Coding(coder, rows["clip"], Identity(**rows["identity"]), segments, ())


@router.get("/jobs/{job_id}/codings/{coding}", response_model=CodingAnswer, responses=READ)
def one(coding: CodingId, job: Found, service: Running) -> JSONResponse:
    """One coder's labels, in the wire form ``mien.coding/1``."""
    return JSONResponse(_whole(_of(service, job, lambda folder: _one(folder, coding))))


@router.patch("/jobs/{job_id}/codings/{coding}", response_model=CodingSummary, responses=WRITE)
def change(coding: CodingId, given: CodeChanges, job: Found, service: Running) -> JSONResponse:
    """Give or take back labels of rows; all of them, or none where one cannot be."""

    def make(folder: Path) -> Coding:
        with _writing:
            found = _one(folder, coding)
            for code in given.codes:
                if code.label is None:
                    found = found.cleared(code.row)
                else:
                    seen = tuple(dict.fromkeys(code.seen))
                    found = found.code(code.row, code.label, code.note, seen)
            _write(_file(folder, coding), found)
            return found

    return JSONResponse(_summary(_of(service, job, make)))


@router.delete("/jobs/{job_id}/codings/{coding}", status_code=204, responses=WRITE)
def delete(coding: CodingId, job: Found, service: Running) -> Response:
    """Delete one coder's labels."""

    def make(folder: Path) -> None:
        with _writing:
            _one(folder, coding)
            _file(folder, coding).unlink()

    _of(service, job, make)
    return Response(status_code=204)


# --- agreement and search --------------------------------------------------------------------


@router.get("/jobs/{job_id}/agreement", response_model=AgreementsAnswer, responses=READ)
def agreement(job: Found, service: Running) -> JSONResponse:
    """Cohen's kappa of every two coders of a job, and of each with the model."""
    return JSONResponse(_shown(_of(service, job, _agreements)))


@router.get("/agreement", response_model=AgreementsAnswer, responses=refusals())
def agreement_of_all(service: Running, owner: Caller) -> JSONResponse:
    """The same over all completed jobs of your key, the counts of each pair added."""
    found: list[Agreement] = []
    for job in completed(service, owner):
        if (service.store.folder_of(job.id) / CODINGS).is_dir():
            found += _there(service, job, _agreements) or []
    return JSONResponse(_shown(pooled(found)))


@router.get("/search", response_model=SearchAnswer, responses=refusals(422))
def search(
    service: Running,
    owner: Caller,
    q: Annotated[str, Query(min_length=1, max_length=200)],
    limit: Annotated[int, Query(ge=1, le=MOST_HITS)] = 50,
) -> JSONResponse:
    """Lines of the transcripts of your jobs that hold some words, in any case."""
    sought = _plain(q)
    hits: list[Plain] = []
    for job in completed(service, owner) if sought else ():
        for start, end, text in _there(service, job, lines_of) or []:
            if sought not in _plain(text):
                continue
            if len(hits) == limit:
                return JSONResponse({"hits": hits, "more": True})
            hits.append({"job": job.id, "name": job.name, "start": start, "end": end, "text": text})
    return JSONResponse({"hits": hits, "more": False})


def _plain(text: str) -> str:
    """Without case, every stretch of white space as one space."""
    return " ".join(text.casefold().split())


# --- what they share -------------------------------------------------------------------------


def coding_id(coder: str) -> str:
    """The id of a coding: names that differ in case only are one coder."""
    return sha256(coder_name(coder).casefold().encode()).hexdigest()[:16]


def all_codings(folder: Path) -> list[Coding]:
    """The codings of a job, by the name of the coder."""
    found = [Coding.load(path) for path in (folder / CODINGS).glob("*.json")]
    return sorted(found, key=lambda coding: coding.coder.casefold())


def completed(service: Service, owner: str) -> Iterator[Job]:
    """The completed jobs of an owner, the newest first."""
    after: int | None = None
    while True:
        jobs, after = service.store.page(owner, "completed", 200, after)
        yield from jobs
        if after is None:
            return


def _of(service: Service, job: Job, make: Callable[[Path], T]) -> T:
    """What is made of the folder of a completed job.

    Raises:
        RefusalError: 409 if it is not completed, 404 if it was deleted meanwhile, 422 for what
            cannot be.
    """
    if job.state != "completed":
        raise RefusalError(
            409, "NotCompleted",
            f"The job is {job.state} and has no rows; GET /v1/jobs/ID shows how it stands.",
        )  # fmt: skip
    folder = service.store.folder_of(job.id)
    try:
        return make(folder)
    except (FileNotFoundError, OutputError):
        if service.store.get(job.id) is None or not folder.exists():
            raise no_job(job.id) from None
        raise
    except InputError as error:
        raise RefusalError(422, type(error).__name__, str(error)) from None


def _there(service: Service, job: Job, make: Callable[[Path], T]) -> T | None:
    """The same; None for a job that was deleted meanwhile."""
    try:
        return _of(service, job, make)
    except RefusalError:
        return None


def _agreements(folder: Path) -> list[Agreement]:
    codings = [one for one in all_codings(folder) if one.codes]
    return agreements(rows_of(folder)["answers"], codings) if codings else []


def _shown(found: list[Agreement]) -> Plain:
    return {"agreements": [one.to_dict() for one in found]}


def _file(folder: Path, coding: str) -> Path:
    return folder / CODINGS / f"{coding}.json"


def _one(folder: Path, coding: str) -> Coding:
    path = _file(folder, coding)
    if not path.exists():
        raise RefusalError(
            404, "NotFound",
            f"There is no coding {coding!r}; GET /v1/jobs/ID/codings lists those of a job.",
        )  # fmt: skip
    return Coding.load(path)


def _write(path: Path, coding: Coding) -> None:
    with replacing(path) as fresh:
        fresh.write_text(json_text(coding), encoding="utf-8")


def _whole(coding: Coding) -> Plain:
    return {"id": coding_id(coding.coder), **coding.to_dict()}


def _summary(coding: Coding) -> dict[str, Any]:
    return {
        "id": coding_id(coding.coder),
        "coder": coding.coder,
        "coded": len(coding.codes),
        "rows": len(coding.segments),
        "changed": max((code.changed for code in coding.codes), default=None),
    }
