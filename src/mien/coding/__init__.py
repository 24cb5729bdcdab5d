"""Coding by hand: a coder's label of each row, kept beside the model's answer, never in its place.

    >>> import mien
    >>> analysis = mien.analyze_text("I am so happy to see you!")
    >>> anna = Coding.start(analysis, "Anna").code(0, "surprise")
    >>> with_model(anna, analysis).observed
    0.0

A :class:`Coding` belongs to one analysis, which it names by two digests (:class:`Identity`).
:func:`between_coders` and :func:`with_model` give Cohen's kappa; ``mien.report.export.export``
writes analyses with codings, ``mien agree`` and ``mien export --codings`` do both from the command
line.
"""

from mien.coding.agreement import (
    Agreement,
    agreements,
    answers_of,
    between_coders,
    pooled,
    with_model,
)
from mien.coding.coding import NONE, Code, Coding, coder_name
from mien.coding.identity import Identity, identity_of
from mien.coding.wire import SCHEMA, SCHEMA_FILE, coding_schema, read_codings

__all__ = [
    "NONE",
    "SCHEMA",
    "SCHEMA_FILE",
    "Agreement",
    "Code",
    "Coding",
    "Identity",
    "agreements",
    "answers_of",
    "between_coders",
    "coder_name",
    "coding_schema",
    "identity_of",
    "pooled",
    "read_codings",
    "with_model",
]
