"""The routes of coding by hand, of agreement, and of the search in transcripts."""

from __future__ import annotations

import json
import threading
from collections.abc import Callable, Iterator
from hashlib import sha256
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Annotated, Any, Literal, TypeVar

from fastapi import APIRouter, Query, Response
from fastapi import Path as InPath
from pydantic import BaseModel, Field
from starlette.responses import JSONResponse

from mien.coding import Agreement, Coding, agreements, coder_name, pooled
from mien.coding.wire import json_text
from mien.errors import MienError, OutputError
from mien.files import replacing
from mien.report.export import CODED, FORMATS, export
from mien.server.derived import analysis_of, lines_of, rows_of, strip_of
from mien.server.refusals import Refusal, no_job
from mien.server.service import Caller, Found, Running, Service
from mien.server.store import Job

router = APIRouter(prefix="/v1", tags=["coding"])
FOLDER = "codings"
MOST_CODERS = 50
"""Coders of one job."""
MOST_HITS = 200
_writing = threading.Lock()
T = TypeVar("T")
CodingId = Annotated[str, InPath(pattern="^[0-9a-f]{16}$")]


class NewCoding(BaseModel):
    """Who begins to code."""

    coder: str = Field(min_length=1, max_length=200)


class CodeChange(BaseModel):
    """A label of one row; ``label`` null takes it back."""

    row: int = Field(ge=0, le=10**7)
    label: str | None = Field(max_length=20)
    note: str = Field("", max_length=4000)
    seen: list[Literal["model", "coders"]] = Field(default_factory=list, max_length=2)


class CodeChanges(BaseModel):
    """Labels of some rows; the others stay as they are."""

    codes: list[CodeChange] = Field(min_length=1, max_length=10_000)


# --- rows ------------------------------------------------------------------------------------


@router.get("/jobs/{job_id}/rows")
def rows(
    job: Found,
    service: Running,
    points: Annotated[int | None, Query(ge=1, le=2000)] = None,
) -> JSONResponse:
    """The rows of a completed job: time, words, fused answer; or at most ``points`` means."""
    found = _of(service, job, rows_of)
    return JSONResponse(found if points is None else strip_of(found, points))


# --- codings ---------------------------------------------------------------------------------


@router.get("/jobs/{job_id}/codings")
def listed(job: Found, service: Running) -> JSONResponse:
    """Who coded how much. The labels are not among it, so that a coder may stay blind to them."""
    codings = _of(service, job, all_codings)
    return JSONResponse({"codings": [_summary(one) for one in codings]})


@router.post("/jobs/{job_id}/codings")
def begin(given: NewCoding, job: Found, service: Running) -> JSONResponse:
    """Begin to code under a name, or go on where the coder of this name has stopped."""

    def make(folder: Path) -> tuple[Coding, int]:
        name = coder_name(given.coder)
        path = _file(folder, coding_id(name))
        with _writing:
            if path.exists():
                return _read(path), 200
            path.parent.mkdir(exist_ok=True, mode=0o700)
            if sum(1 for _ in path.parent.glob("*.json")) >= MOST_CODERS:
                raise Refusal(
                    409, "TooManyCoders",
                    f"This job has {MOST_CODERS} codings, the limit; delete one that you no "
                    "longer need.",
                )  # fmt: skip
            made = Coding.start(analysis_of(folder), name)
            _write(path, made)
            return made, 201

    coding, status = _of(service, job, make)
    headers = {"Location": f"/v1/jobs/{job.id}/codings/{coding_id(coding.coder)}"}
    return JSONResponse(_whole(coding), status, headers)


@router.get("/jobs/{job_id}/codings/{coding}")
def one(coding: CodingId, job: Found, service: Running) -> JSONResponse:
    """One coder's labels, in the wire form ``mien.coding/1``."""
    return JSONResponse(_whole(_of(service, job, lambda folder: _one(folder, coding))))


@router.patch("/jobs/{job_id}/codings/{coding}")
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


@router.delete("/jobs/{job_id}/codings/{coding}", status_code=204)
def delete(coding: CodingId, job: Found, service: Running) -> Response:
    """Delete one coder's labels."""

    def make(folder: Path) -> None:
        with _writing:
            _one(folder, coding)
            _file(folder, coding).unlink()

    _of(service, job, make)
    return Response(status_code=204)


# --- agreement and exports -------------------------------------------------------------------


@router.get("/jobs/{job_id}/agreement")
def agreement(job: Found, service: Running) -> JSONResponse:
    """Cohen's kappa of every two coders of a job, and of each with the model."""
    return JSONResponse(_shown(_of(service, job, _agreements)))


@router.get("/agreement")
def agreement_of_all(service: Running, owner: Caller) -> JSONResponse:
    """The same over all completed jobs of your key, the counts of each pair added."""
    found: list[Agreement] = []
    for job in completed(service, owner):
        folder = service.store.folder_of(job.id)
        if (folder / FOLDER).is_dir():
            found += _of(service, job, _agreements)
    return JSONResponse(_shown(pooled(found)))


@router.get("/jobs/{job_id}/export")
def with_codings(
    job: Found, service: Running, format: Annotated[str, Query(max_length=40)] = "csv"
) -> Response:
    """The analysis together with the labels of all coders who have given one."""
    kind = format.lower()
    if kind not in FORMATS:
        raise Refusal(
            422, "OptionError",
            f"There is no format {format!r}; choose one of: {', '.join(FORMATS)}.",
        )  # fmt: skip

    def make(folder: Path) -> bytes:
        codings = [one for one in all_codings(folder) if one.codes]
        with TemporaryDirectory() as temporary:
            target = Path(temporary) / "export"
            export(analysis_of(folder), target, kind, codings=codings if kind in CODED else ())
            return target.read_bytes()

    return Response(_of(service, job, make), media_type="application/octet-stream")


# --- search ----------------------------------------------------------------------------------


@router.get("/search")
def search(
    service: Running,
    owner: Caller,
    q: Annotated[str, Query(min_length=1, max_length=200)],
    limit: Annotated[int, Query(ge=1, le=MOST_HITS)] = 50,
) -> JSONResponse:
    """Lines of the transcripts of your jobs that hold some words, in any case."""
    sought = " ".join(q.casefold().split())
    hits: list[dict[str, Any]] = []
    for job in completed(service, owner):
        for start, end, text in _of(service, job, lines_of):
            if not sought or sought not in " ".join(text.casefold().split()):
                continue
            if len(hits) == limit:
                return JSONResponse({"hits": hits, "more": True})
            hits.append({"job": job.id, "name": job.name, "start": start, "end": end, "text": text})
    return JSONResponse({"hits": hits, "more": False})


# --- what they share -------------------------------------------------------------------------


def coding_id(coder: str) -> str:
    """The id of a coding: names that differ in case only are one coder."""
    return sha256(coder_name(coder).casefold().encode()).hexdigest()[:16]


def all_codings(folder: Path) -> list[Coding]:
    """The codings of a job, by the name of the coder."""
    found = [_read(path) for path in (folder / FOLDER).glob("*.json")]
    return sorted(found, key=lambda coding: coding.coder.casefold())


def completed(service: Service, owner: str) -> Iterator[Job]:
    """The completed jobs of an owner, the newest first."""
    after: int | None = None
    while True:
        jobs, after = service.store.list(owner, "completed", 200, after)
        yield from jobs
        if after is None:
            return


def _of(service: Service, job: Job, make: Callable[[Path], T]) -> T:
    """What is made of the folder of a completed job.

    Raises:
        Refusal: 409 if it is not completed, 404 if it was deleted meanwhile, 422 for what cannot
            be made.
    """
    if job.state != "completed":
        raise Refusal(
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
    except MienError as error:
        raise Refusal(422, type(error).__name__, str(error)) from None


def _agreements(folder: Path) -> list[Agreement]:
    codings = [one for one in all_codings(folder) if one.codes]
    return agreements(analysis_of(folder), codings)


def _shown(found: list[Agreement]) -> dict[str, Any]:
    return {"agreements": [one.to_dict() for one in found]}


def _file(folder: Path, coding: str) -> Path:
    return folder / FOLDER / f"{coding}.json"


def _one(folder: Path, coding: str) -> Coding:
    path = _file(folder, coding)
    if not path.exists():
        raise Refusal(
            404, "NotFound",
            f"There is no coding {coding!r}; GET /v1/jobs/ID/codings lists those of a job.",
        )  # fmt: skip
    return _read(path)


def _read(path: Path) -> Coding:
    return Coding.from_dict(json.loads(path.read_bytes()))


def _write(path: Path, coding: Coding) -> None:
    with replacing(path) as fresh:
        fresh.write_text(json_text(coding), encoding="utf-8")


def _whole(coding: Coding) -> dict[str, Any]:
    return {"id": coding_id(coding.coder), **coding.to_dict()}


def _summary(coding: Coding) -> dict[str, Any]:
    return {
        "id": coding_id(coding.coder),
        "coder": coding.coder,
        "coded": len(coding.codes),
        "rows": len(coding.segments),
        "changed": max((code.changed for code in coding.codes), default=None),
    }
