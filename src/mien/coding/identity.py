"""Which analysis a coding is of."""

from __future__ import annotations

import json
from dataclasses import dataclass
from hashlib import sha256
from typing import Any

from mien.analysis.analysis import Analysis
from mien.analysis.codec import TIME_DECIMALS
from mien.facts import utf8


@dataclass(frozen=True)
class Identity:
    """Two digests of an analysis; neither depends on the name of the recording or on provenance.

    Args:
        rows: SHA-256 of the kind and the segments, times in milliseconds: what a coder labels.
        content: SHA-256 of the rows with the words, shots and every probability: what the model
            answered. Another version of the model changes it and leaves ``rows`` as it is.
    """

    rows: str
    content: str


def identity_of(analysis: Analysis) -> Identity:
    """The identity of an analysis; one that was written to JSON and read again has the same."""
    rows = {"kind": analysis.clip.kind, "segments": _times(analysis.segments)}
    said = analysis.transcript
    evidences = {"fused": analysis.fused} | {
        f"branch {k}": e for k, e in analysis.by_branch.items()
    }
    content = {
        "rows": rows,
        "words": [] if said is None else [line.text for line in said.lines],
        "shots": [_ms(time) for time in analysis.shots],
        "evidence": {name: evidences[name].to_dict()["rows"] for name in sorted(evidences)},
    }
    return Identity(_digest(rows), _digest(content))


def _times(segments: Any) -> list[list[int]]:
    return [[_ms(one.start), _ms(one.end)] for one in segments]


def _ms(seconds: float) -> int:
    return round(round(float(seconds), TIME_DECIMALS) * 1000)


def _digest(value: Any) -> str:
    text = json.dumps(utf8(value), sort_keys=True, separators=(",", ":"), ensure_ascii=False)
    return sha256(text.encode("utf-8")).hexdigest()
