"""What the service answers when it does not do what was asked."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any


class RefusalError(Exception):
    """An answer with a status of 400 or more.

    Args:
        status: of HTTP.
        kind: short name of the error, ``NotFound``.
        message: a sentence: the bad value, what was expected, the remedy. Never a path.
        headers: more headers of the answer.
    """

    def __init__(
        self, status: int, kind: str, message: str, headers: Mapping[str, str] | None = None
    ) -> None:
        super().__init__(message)
        self.status, self.kind, self.message = status, kind, message
        self.headers = dict(headers or {})

    @property
    def body(self) -> dict[str, Any]:
        """The JSON of the answer."""
        return {"error": {"type": self.kind, "message": self.message}}


def no_job(job: str) -> RefusalError:
    """There is no such job, or it is of another key."""
    return RefusalError(
        404, "NotFound", f"There is no job {job[:64]!r}; GET /v1/jobs lists the jobs of your key."
    )
