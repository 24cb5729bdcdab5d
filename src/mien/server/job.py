"""A job, and what happened to it."""

from __future__ import annotations

import json
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

STATES = ("queued", "running", "completed", "failed", "cancelled")
FINAL = ("completed", "failed", "cancelled")
"""States that do not change any more."""


@dataclass(frozen=True)
class Job:
    """One row of the jobs; times are seconds since 1970."""

    n: int
    id: str
    owner: str
    name: str
    file: str
    bytes: int
    state: str
    created: float
    started: float | None
    ended: float | None
    stage: str
    share: float
    error_type: str | None
    error_message: str | None
    options: str
    duration: float | None
    digest: str
    idempotency: str | None
    attempt: int

    def shown(self) -> dict[str, Any]:
        """What a client sees."""
        error = None
        if self.error_type is not None:
            error = {"type": self.error_type, "message": self.error_message}
        return {
            "id": self.id,
            "name": self.name,
            "state": self.state,
            "created": moment(self.created),
            "started": moment(self.started),
            "ended": moment(self.ended),
            "stage": self.stage,
            "share": self.share,
            "error": error,
            "options": json.loads(self.options),
            "duration": self.duration,
        }


@dataclass(frozen=True)
class Event:
    """Something that happened to a job: ``progress`` or ``state``."""

    id: int
    kind: str
    data: str


def moment(seconds: float | None) -> str | None:
    """A time as RFC 3339 in UTC.

    Examples:
        >>> moment(0.5)
        '1970-01-01T00:00:00.500Z'
    """
    if seconds is None:
        return None
    return datetime.fromtimestamp(seconds, UTC).isoformat(timespec="milliseconds")[:-6] + "Z"
