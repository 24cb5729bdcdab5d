"""From an upload to a job that is acknowledged."""

from __future__ import annotations

import asyncio
import errno
import hashlib
import json
import logging
import sqlite3
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from fastapi import Request

from mien.errors import MienError
from mien.options import Options
from mien.sandbox.limits import LEAST_RATE
from mien.server.allowed import options_of
from mien.server.clerk import ClerkError
from mien.server.names import MOST_NAME, file_name, shown_name
from mien.server.refusals import RefusalError
from mien.server.safe import safe
from mien.server.service import Service
from mien.server.store import FullError, Job
from mien.server.upload import Upload, check_disk, disk_full, receive, too_large

RETRY_AFTER = {"Retry-After": "10"}
_FULL = (errno.ENOSPC, errno.EDQUOT)
log = logging.getLogger("mien.server")


@dataclass(frozen=True)
class Asked:
    """Who asks for a job, and under which idempotency key."""

    owner: str
    key: str | None


async def submitted(request: Request, service: Service, asked: Asked) -> Job:
    """Receive an upload, and acknowledge its job.

    Raises:
        RefusalError: if it is not taken; nothing of it is left then.
    """
    check_room(request, service, asked)
    path = service.store.incoming()
    try:
        upload = await receive(request, path, service.settings, service.turns)
        service.metrics.upload(upload.bytes)
        fields = await _fields(upload, service, asked)
        async with service.turns:
            job = await asyncio.to_thread(_acknowledged, service, upload, fields)
    except (OSError, sqlite3.OperationalError) as error:
        if getattr(error, "errno", None) in _FULL or "full" in str(error):
            raise disk_full() from None
        raise
    finally:
        await asyncio.to_thread(path.unlink, missing_ok=True)
    log.info("submitted", extra={"job": job.id, "bytes": upload.bytes})
    return job


def check_room(request: Request, service: Service, asked: Asked) -> None:
    """Refuse what would be refused after the upload, before it.

    Raises:
        RefusalError: 413, 429 or 507.
    """
    settings, store = service.settings, service.store
    length = request.headers.get("content-length", "")
    size = int(length) if length.isascii() and length.isdecimal() and len(length) < 20 else 0
    if size > settings.max_upload + 100_000:
        raise too_large(settings.max_upload)
    check_disk(store.folder, settings, size)
    if store.repeated(asked.owner, asked.key) is not None:
        return
    if store.count("queued") >= settings.max_queue:
        raise _full(service, queue=True)
    if store.count(owner=asked.owner) >= settings.max_jobs:
        raise _full(service, queue=False)


def _full(service: Service, queue: bool) -> RefusalError:
    settings = service.settings
    if queue:
        message = (
            f"{settings.max_queue} jobs wait already, the limit of this service; send the "
            "recording again later."
        )
        return RefusalError(429, "QueueFull", message, RETRY_AFTER)
    message = (
        f"You have {settings.max_jobs} jobs on this service, the limit of a key; delete jobs that "
        "you no longer need."
    )
    return RefusalError(429, "TooManyJobs", message, RETRY_AFTER)


async def _fields(upload: Upload, service: Service, asked: Asked) -> dict[str, Any]:
    """The row of a job."""
    options = _options(upload.fields.get("options", ""), service)
    written = json.dumps(options.to_dict(), sort_keys=True)
    file = file_name(upload.file)
    name = shown_name(_name(upload.fields.get("name", ""))) or file
    content = json.dumps([upload.sha256, file, name, written])
    return {
        "owner": asked.owner,
        "name": name,
        "file": file,
        "bytes": upload.bytes,
        "options": json.dumps(options.to_dict()),
        "digest": hashlib.sha256(content.encode()).hexdigest(),
        "idempotency": asked.key,
        "duration": await _duration(upload.path, options, service),
    }


def _name(given: str) -> str:
    if len(given) > MOST_NAME:
        raise RefusalError(
            422, "ValidationError",
            f"name has {len(given)} characters; give at most {MOST_NAME}.",
        )  # fmt: skip
    return given


def _options(text: str, service: Service) -> Options:
    try:
        given = json.loads(text or "{}", parse_constant=_no_constant)
    except (ValueError, RecursionError):
        raise RefusalError(
            422, "OptionError", f"options is not JSON: {text[:40]!r}; send a JSON object."
        ) from None
    try:
        return options_of(given, service.settings)
    except MienError as error:
        raise RefusalError(422, "OptionError", safe(str(error))) from None
    except (RecursionError, OverflowError):
        raise RefusalError(422, "OptionError", "options has values out of range.") from None


def _no_constant(name: str) -> Any:
    raise ValueError(name)


async def _duration(path: Path, options: Options, service: Service) -> float | None:
    """Seconds that the recording claims; None if it claims none or was not opened.

    It is opened only if it may be too long: no recording has less than ``LEAST_RATE`` bytes a
    second, and what is decoded is limited in any case. What cannot be read is no reason to refuse
    it here: the job says what is wrong with it.

    Raises:
        RefusalError: 413 if it is too long.
    """
    most = service.settings.max_duration
    if path.stat().st_size / LEAST_RATE < most:
        return None
    given = asdict(options.media) | {"sandbox_wall": min(options.media.sandbox_wall, 10.0)}
    try:
        found = await asyncio.wrap_future(service.probe.ask(str(path), given))
    except ClerkError:
        return None
    if found is not None and found > most:
        raise RefusalError(
            413, "RecordingTooLong",
            f"The recording lasts {found:.0f} s, and this service takes {most:.0f} s at most; send "
            "a shorter part of it.",
        )  # fmt: skip
    return found or None


def _acknowledged(service: Service, upload: Upload, fields: dict[str, Any]) -> Job:
    settings = service.settings
    job = service.store.repeated(fields["owner"], fields["idempotency"])
    if job is None:
        try:
            job, _ = service.store.add(
                upload.path, fields, int(settings.max_queue), int(settings.max_jobs)
            )
        except FullError as error:
            raise _full(service, error.queue) from None
    if job.digest != fields["digest"]:
        raise RefusalError(
            422, "IdempotencyKeyReused",
            "The Idempotency-Key was used for another recording or other options; choose a new "
            "key for each job.",
        )  # fmt: skip
    return job


__all__ = ["Asked", "check_disk", "check_room", "submitted"]
