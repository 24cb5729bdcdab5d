"""A multipart upload, streamed to the disk as it arrives."""

from __future__ import annotations

import asyncio
import hashlib
import os
import shutil
import time
from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, BinaryIO

from fastapi import Request
from python_multipart.exceptions import MultipartParseError
from python_multipart.multipart import MultipartParser, parse_options_header

from mien.server.refusals import RefusalError
from mien.server.settings import Settings

FIELDS = {"options": 65_536, "name": 1024}
"""Fields beside ``file``, and the bytes of each at most."""
GRACE, SLOWEST = 60.0, 1000
"""Seconds that any upload may take, and bytes a second that it must have beyond that."""
MOST_HEADERS = 8192
"""Bytes of the headers of one part at most."""


@dataclass
class Upload:
    """What was sent: a synced file and the fields beside it."""

    path: Path
    file: str = ""
    bytes: int = 0
    sha256: str = ""
    fields: dict[str, str] = field(default_factory=dict)


class _Receiver:
    """Parts of a body, in the calls of the parser."""

    def __init__(self, path: Path, settings: Settings) -> None:
        self.upload = Upload(path)
        self._most = settings.max_upload
        self._digest = hashlib.sha256()
        self._header = [b"", b""]
        self._headers: dict[bytes, bytes] = {}
        self._size = 0
        self._part = ""
        self._data = bytearray()
        self._seen: set[str] = set()
        self._out: BinaryIO | None = None
        self.done = False

    def callbacks(self) -> dict[str, Any]:
        return {
            "on_part_begin": self._begin,
            "on_part_data": self._take,
            "on_part_end": self._end,
            "on_header_field": lambda d, a, b: self._add(0, d[a:b]),
            "on_header_value": lambda d, a, b: self._add(1, d[a:b]),
            "on_header_end": self._header_end,
            "on_headers_finished": self._named,
            "on_end": self._finish,
        }

    def close(self) -> None:
        if self._out is not None:
            self._out.close()

    def sync(self) -> None:
        assert self._out is not None
        self._out.flush()
        os.fsync(self._out.fileno())
        self._out.close()
        self.upload.sha256 = self._digest.hexdigest()

    def _begin(self) -> None:
        self._headers, self._size, self._data = {}, 0, bytearray()

    def _add(self, place: int, data: bytes) -> None:
        self._size += len(data)
        if self._size > MOST_HEADERS:
            raise _bad("the headers of a part are too long")
        self._header[place] += data

    def _header_end(self) -> None:
        self._headers[self._header[0].lower()] = self._header[1]
        self._header = [b"", b""]

    def _named(self) -> None:
        _, found = parse_options_header(self._headers.get(b"content-disposition", b""))
        part = found.get(b"name", b"").decode(errors="replace")
        if part != "file" and part not in FIELDS:
            raise _bad(f"there is no field {part[:40]!r}; the fields are file, options and name")
        if part in self._seen:
            raise _bad(f"the field {part!r} was sent twice")
        self._seen.add(part)
        self._part = part
        if part == "file":
            if b"filename" not in found:
                raise _bad("the field 'file' is not a file; send it with a file name")
            self.upload.file = found[b"filename"].decode(errors="replace")
            self._out = self.upload.path.open("xb")

    def _take(self, data: bytes, start: int, end: int) -> None:
        if self._part == "file":
            assert self._out is not None
            self.upload.bytes += end - start
            if self.upload.bytes > self._most:
                raise too_large(self._most)
            self._digest.update(memoryview(data)[start:end])
            self._out.write(memoryview(data)[start:end])
            return
        self._data += data[start:end]
        if len(self._data) > FIELDS[self._part]:
            raise RefusalError(
                413, "BodyTooLarge",
                f"The field {self._part!r} is longer than {FIELDS[self._part]} bytes; shorten it.",
            )  # fmt: skip

    def _end(self) -> None:
        if self._part != "file":
            try:
                self.upload.fields[self._part] = self._data.decode("utf-8")
            except UnicodeDecodeError:
                raise _bad(f"the field {self._part!r} is not UTF-8") from None

    def _finish(self) -> None:
        self.done = True


async def receive(
    request: Request, path: Path, settings: Settings, turns: asyncio.Semaphore
) -> Upload:
    """Write the file of a multipart body to ``path`` as it arrives, and sync it.

    Args:
        request: with the body.
        path: of the file that is made.
        settings: with the limits.
        turns: taken for each piece that is written. Many uploads at once share them, so that other
            requests are answered between the pieces; who sends slowly does not hold one.

    Raises:
        RefusalError: 400 or 422 for a body that is not what was expected, 408 for one that does not
            go on, 413 for one that is too large, 507 if the disk is nearly full.
    """
    content_type = request.headers.get("content-type", "")
    kind, found = parse_options_header(content_type)
    if kind != b"multipart/form-data" or not found.get(b"boundary"):
        raise RefusalError(
            415, "UnsupportedMediaType",
            f"The body is {content_type[:60] or 'of no type'!r}; send multipart/form-data with "
            "the recording in the field 'file'.",
        )  # fmt: skip
    receiver = _Receiver(path, settings)
    parser = MultipartParser(found[b"boundary"], receiver.callbacks())  # type: ignore[arg-type]
    try:
        body = aiter(request.stream())
        began, received = time.monotonic(), 0
        while (chunk := await _next(body, settings.upload_idle)) is not None:
            received += len(chunk)
            if time.monotonic() - began > GRACE + received / SLOWEST:
                raise _slow(f"The upload is slower than {SLOWEST} bytes a second")
            check_disk(path.parent, settings)
            async with turns:
                await asyncio.to_thread(parser.write, chunk)
        parser.finalize()
        if not receiver.done:
            raise _bad("it is cut off")
        if not receiver.upload.file:
            raise RefusalError(
                422, "MissingField", "There is no field 'file'; send the recording in it."
            )
        async with turns:
            await asyncio.to_thread(receiver.sync)
    except MultipartParseError as error:
        raise _bad(str(error)) from None
    finally:
        receiver.close()
    return receiver.upload


async def _next(body: AsyncIterator[bytes], idle: float) -> bytes | None:
    try:
        async with asyncio.timeout(idle):
            return await anext(body)
    except StopAsyncIteration:
        return None
    except TimeoutError:
        raise _slow(f"No byte arrived for {idle:g} s") from None


def _slow(what: str) -> RefusalError:
    message = f"{what}; send the recording again over a faster connection."
    return RefusalError(408, "UploadTimeout", message, {"Connection": "close"})


def check_disk(folder: Path, settings: Settings, more: int = 0) -> None:
    """Refuse an upload for which there is no room.

    Raises:
        RefusalError: 507.
    """
    if shutil.disk_usage(folder).free - more < settings.min_free:
        raise disk_full()


def disk_full() -> RefusalError:
    """There is no room on the disk."""
    return RefusalError(
        507, "DiskFull",
        "The disk of this service is nearly full; delete jobs that are no longer needed, or try "
        "again later.",
    )  # fmt: skip


def too_large(most: int) -> RefusalError:
    """The upload exceeds the limit."""
    return RefusalError(
        413, "BodyTooLarge",
        f"The upload is larger than {most / 1e6:g} MB, the limit of this service; send a shorter "
        "part of the recording, or compress it.",
    )  # fmt: skip


def _bad(what: str) -> RefusalError:
    return RefusalError(400, "BadBody", f"The multipart body cannot be read: {what}.")
