"""The shapes of requests and answers of coding by hand, agreement and search."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field

from mien.coding.coding import CODES, MOST_NAME, MOST_NOTE

CodingKey = Annotated[str, Field(pattern="^[0-9a-f]{16}$")]
Label = Literal[CODES]  # type: ignore[valid-type]
Seen = Literal["model", "coders"]
Times = Annotated[list[float], Field(min_length=2, max_length=2)]


class Closed(BaseModel):
    """An object without further keys."""

    model_config = ConfigDict(extra="forbid")


class NewCoding(Closed):
    """Who begins to code."""

    coder: str = Field(
        min_length=1, max_length=MOST_NAME, description="Name or initials, printable.",
        examples=["Anna"],
    )  # fmt: skip


class CodeChange(Closed):
    """A label of one row; ``label`` null takes it back."""

    row: int = Field(ge=0, le=10**7, description="From 0.")
    label: Label | None
    note: str = Field("", max_length=MOST_NOTE)
    seen: list[Seen] = Field(
        default_factory=list, max_length=2, description="What was in view: the model's answer, "
        "labels of other coders.",
    )  # fmt: skip


class CodeChanges(Closed):
    """Labels of some rows; the others stay as they are."""

    codes: list[CodeChange] = Field(min_length=1, max_length=10_000)


class CodingSummary(Closed):
    """Who coded how much."""

    id: CodingKey
    coder: str
    coded: int
    rows: int
    changed: str | None = Field(description="Time of the last change.")


class CodingsAnswer(Closed):
    """The coders of a job."""

    codings: list[CodingSummary]


class CodeAnswer(Closed):
    """A coder's label of one row."""

    row: int
    label: Label
    note: str
    changed: str
    seen: list[Seen]


class IdentityAnswer(Closed):
    """Which analysis a coding is of, two SHA-256."""

    rows: str
    content: str


class CodingAnswer(BaseModel):
    """One coder's labels: the form ``mien.coding/1`` with the id of the coding."""

    model_config = ConfigDict(extra="forbid", populate_by_name=True)
    id: CodingKey
    form: Literal["mien.coding/1"] = Field(alias="schema")
    labels: list[Label]
    coder: str
    clip: str
    analysis: IdentityAnswer
    segments: list[Times]
    codes: list[CodeAnswer]


class AgreementOfTwo(Closed):
    """Cohen's kappa of two coders, or of a coder and the model."""

    first: str
    second: str
    model: bool = Field(description="Whether the second is the model.")
    n: int = Field(description="Rows that both labelled.")
    agreement: float | None = Field(description="Share of them with the same label.")
    expected: float | None = Field(description="Share that is expected by chance.")
    kappa: float | None = Field(description="Null where it is undefined.")
    reason: str | None = Field(description="Why it is undefined.")
    labels: list[Label]
    confusion: list[list[int]] = Field(description="Rows: the first's labels.")
    only_first: int
    only_second: int
    influenced: int = Field(description="Rows labelled while the other's answer was in view.")
    notes: list[str]


class AgreementsAnswer(Closed):
    """Agreements of pairs."""

    agreements: list[AgreementOfTwo]


class StripAnswer(Closed):
    """The fused answer over time in few points."""

    extent: Times
    own: list[Times]
    probs: list[int] = Field(description="Per mille, seven a point; -1 without an answer.")


class RowsAnswer(StripAnswer):
    """The rows of a result; times are seconds."""

    clip: str
    identity: IdentityAnswer
    answers: list[str | None] = Field(description="The most probable label of each row.")
    kind: Literal["recording", "picture", "text"]
    picture: bool
    sound: bool
    facts: list[str]
    partial: bool
    warnings: list[str]
    segments: list[Times]
    reasons: list[str]
    absent: list[int] = Field(description="Place among reasons, or -1.")
    texts: list[str]
    whole: list[int] | None


class Hit(Closed):
    """A line of a transcript."""

    job: str
    name: str
    start: float
    end: float
    text: str


class SearchAnswer(Closed):
    """Lines that hold the words."""

    hits: list[Hit]
    more: bool = Field(description="Whether there are more than the limit.")
