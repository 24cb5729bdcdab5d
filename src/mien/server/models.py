"""The shapes of answers, for the description of the API; answers are made by the routes."""

from __future__ import annotations

from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, Field

from mien.server.store import FINAL

State = Literal["queued", "running", "completed", "failed", "cancelled"]
_JOB: dict[str, Any] = {
    "id": "5f0c6a7b8e9d4c3b2a190817f6e5d4c3",
    "name": "interview.mp4",
    "state": "running",
    "created": "2026-11-26T09:00:00.000Z",
    "started": "2026-11-26T09:00:01.250Z",
    "ended": None,
    "stage": "transcribing",
    "share": 0.4,
    "error": None,
    "options": {"segmentation": {"by": "window", "window": 5.0, "step": 2.5}},
    "duration": 61.5,
}


class JobError(BaseModel):
    """Why a job failed, or why a request was refused."""

    model_config = ConfigDict(extra="forbid")
    type: str = Field(description="Short name of the error.", examples=["MediaError"])
    message: str = Field(
        description="A sentence: the bad value, what was expected, the remedy.",
        examples=["notes.mp4 is damaged, cut off or of an unknown kind; export it again."],
    )


class ErrorAnswer(BaseModel):
    """The answer to a request that was refused."""

    model_config = ConfigDict(extra="forbid")
    error: JobError


class JobAnswer(BaseModel):
    """A job."""

    model_config = ConfigDict(extra="forbid", json_schema_extra={"examples": [_JOB]})
    id: str = Field(pattern="^[0-9a-f]{32}$")
    name: str = Field(description="The name that is shown.")
    state: State = Field(description=f"Final states: {', '.join(FINAL)}.")
    created: str = Field(json_schema_extra={"format": "date-time"})
    started: str | None = Field(json_schema_extra={"format": "date-time"})
    ended: str | None = Field(json_schema_extra={"format": "date-time"})
    stage: str = Field(description="What is being done; empty if nothing is.")
    share: float = Field(ge=0, le=1, description="Share of the stage that is done.")
    error: JobError | None = Field(description="Why it failed; null unless it did.")
    options: dict[str, Any] = Field(description="All options of the analysis.")
    duration: float | None = Field(description="Seconds of the recording, as far as known.")


class JobsAnswer(BaseModel):
    """A page of the list of jobs."""

    model_config = ConfigDict(extra="forbid")
    jobs: list[JobAnswer]
    next: str | None = Field(description="Give it as 'after' for the next page; null: no more.")


class TicketAnswer(BaseModel):
    """A permit for the report and the recording of one job."""

    model_config = ConfigDict(extra="forbid")
    ticket: str = Field(description="Give it as ?ticket= to /report and /media.")
    expires: str = Field(json_schema_extra={"format": "date-time"})


class HealthAnswer(BaseModel):
    """That the service answers."""

    model_config = ConfigDict(extra="forbid")
    status: Literal["ok"]
    mien: str = Field(description="Version.")


class NoticeAnswer(BaseModel):
    """What must be said to the people shown."""

    model_config = ConfigDict(extra="forbid")
    notice: str
    template: str
    forbidden: list[str]


_WHY = {
    400: "The body cannot be read.",
    401: "A key is needed.",
    403: "A page of another site asks.",
    404: "There is no such job of this key.",
    405: "The path does not have this method.",
    408: "The upload does not go on.",
    409: "The job has no such result.",
    413: "The upload or the recording is larger than the limit.",
    415: "The body is not multipart/form-data.",
    416: "There is no such range.",
    421: "The name of the service is not known.",
    422: "A value is not what was expected.",
    429: "There are too many jobs; Retry-After says when to try again.",
    507: "The disk is nearly full.",
}


def refusals(*statuses: int) -> dict[int | str, dict[str, Any]]:
    """The answers of a route with a status of 400 or more, for its description."""
    always = (401, 421)
    return {
        status: {"model": ErrorAnswer, "description": _WHY[status]}
        for status in sorted({*statuses, *always})
    }
