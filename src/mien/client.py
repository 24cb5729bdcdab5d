"""A client of the service in a few lines, on the standard library alone.

For other languages, and for a typed client, make one of ``/openapi.json``.
"""

from __future__ import annotations

import json
import secrets
import time
from collections.abc import Iterator, Mapping
from http.client import HTTPException
from pathlib import Path
from typing import Any
from urllib.error import HTTPError
from urllib.request import ProxyHandler, Request, build_opener

from mien.errors import InputError, MienError

Job = dict[str, Any]


class Client:
    """One service.

    Args:
        url: of the service, ``http://127.0.0.1:8765``.
        key: made by ``mien serve keys add``; None where none is needed.

    Every call raises MienError with the sentence of the service if it refuses.
    """

    def __init__(self, url: str, key: str | None = None) -> None:
        self._url = url.rstrip("/")
        self._headers = {} if key is None else {"Authorization": f"Bearer {key}"}
        # A proxy of the environment has no place between this and a service of the same machine.
        local = self._url.partition("://")[2].startswith(("127.", "localhost", "[::1]"))
        self._open = build_opener(*([ProxyHandler({})] if local else [])).open

    def submit(
        self,
        path: str | Path,
        options: Mapping[str, Any] | None = None,
        once: str | None = None,
    ) -> Job:
        """Send a recording.

        Args:
            path: of the file.
            options: those of :class:`mien.Options` as plain values.
            once: an idempotency key: sent again with the same key, after a lost connection, the
                same recording makes no second job.
        """
        path, edge = Path(path), secrets.token_hex(16)
        name = path.name.replace('"', "%22").replace("\r", "").replace("\n", "")
        form = f'\r\n--{edge}\r\nContent-Disposition: form-data; name="'
        head = f'{form}options"\r\n\r\n{json.dumps(dict(options or {}))}'
        head += f'{form}file"; filename="{name}"\r\n\r\n'
        parts = (head[2:].encode(errors="surrogateescape"), path, f"\r\n--{edge}--\r\n".encode())
        more = {
            "Content-Type": f"multipart/form-data; boundary={edge}",
            "Content-Length": str(len(parts[0]) + path.stat().st_size + len(parts[2])),
            "Idempotency-Key": once or secrets.token_hex(16),
        }
        return self._json("/v1/jobs", _pieces(parts), more)

    def job(self, job: str) -> Job:
        """How a job stands."""
        return self._json(f"/v1/jobs/{job}")

    def wait(self, job: str, every: float = 1.0) -> Job:
        """The job once it has ended.

        Raises:
            InputError: if it failed or was cancelled.
        """
        while (now := self.job(job))["state"] in ("queued", "running"):
            time.sleep(every)
        if now["state"] != "completed":
            why = (now["error"] or {}).get("message", "it was cancelled")
            raise InputError(f"The job {job} has no result: {why}")
        return now

    def result(self, job: str, kind: str = "json") -> bytes:
        """The result in a format of ``mien export``."""
        return self._call(f"/v1/jobs/{job}/result?format={kind}")

    def report(self, job: str) -> bytes:
        """The report page."""
        return self._call(f"/v1/jobs/{job}/report")

    def delete(self, job: str) -> None:
        """Delete a job with all that is kept of it."""
        self._call(f"/v1/jobs/{job}", method="DELETE")

    def _call(
        self,
        path: str,
        body: Iterator[bytes] | None = None,
        more: Mapping[str, str] | None = None,
        method: str | None = None,
    ) -> bytes:
        headers = {**self._headers, **(more or {})}
        request = Request(self._url + path, body, headers, method=method)
        try:
            with self._open(request, timeout=600) as answer:
                found: bytes = answer.read()
        except HTTPError as error:
            with error:
                raise MienError(_message(error)) from None
        except (OSError, HTTPException) as error:
            raise MienError(
                f"The service at {self._url} cannot be reached ({error}); start it by 'mien serve'."
            ) from None
        return found

    def _json(self, path: str, *more: Any) -> Job:
        found: Job = json.loads(self._call(path, *more))
        return found


def _message(error: HTTPError) -> str:
    try:
        return str(json.loads(error.read())["error"]["message"])
    except (ValueError, LookupError, TypeError):
        return f"The service answered {error.code}."


def _pieces(parts: tuple[bytes, Path, bytes]) -> Iterator[bytes]:
    yield parts[0]
    with parts[1].open("rb") as file:
        while block := file.read(1 << 20):
            yield block
    yield parts[2]
