"""What the page and the search read of a result: rows, answers, lines, in small files beside it.

They are written with the results, so that a request never waits for a whole analysis to be read,
and they go when the job is deleted.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np

from mien.analysis.analysis import Analysis
from mien.analysis.evidence import Evidence
from mien.coding import answers_of, identity_of
from mien.emotions import MIEN7
from mien.facts import utf8
from mien.files import replacing
from mien.report.spans import own_segments
from mien.server.child import LINES, ROWS

Plain = dict[str, Any]


def write_derived(analysis: Analysis, folder: Path) -> None:
    """Write the files of an analysis.

    Args:
        analysis: of the job.
        folder: of its results.
    """
    for name, value in ((ROWS, _rows(analysis)), (LINES, {"lines": _lines(analysis)})):
        with replacing(folder / name) as fresh:
            text = json.dumps(utf8(value), ensure_ascii=False, separators=(",", ":"))
            fresh.write_text(text, encoding="utf-8")


def rows_of(folder: Path) -> Plain:
    """Rows of an analysis with the fused answer, its words and its length.

    Args:
        folder: of the job.
    """
    found: Plain = json.loads((folder / ROWS).read_bytes())
    return found


def lines_of(folder: Path) -> list[list[Any]]:
    """The lines of the transcript: start, end, text with the speaker before it.

    Args:
        folder: of the job.
    """
    found: list[list[Any]] = json.loads((folder / LINES).read_bytes())["lines"]
    return found


def _rows(analysis: Analysis) -> Plain:
    fused, clip = analysis.fused, analysis.clip
    reasons: list[str] = sorted({reason for reason in fused.reasons if reason})
    identity = identity_of(analysis)
    return {
        "clip": clip.name,
        "identity": {"rows": identity.rows, "content": identity.content},
        "answers": answers_of(analysis),
        "kind": clip.kind,
        "picture": clip.has_video,
        "sound": clip.has_audio,
        "facts": [fact for fact in (clip.video, clip.audio) if fact],
        "extent": _extent(analysis),
        "partial": analysis.partial,
        "warnings": list(analysis.provenance.warnings),
        "segments": [[_ms(s.start), _ms(s.end)] for s in analysis.segments],
        "own": [[_ms(s.start), _ms(s.end)] for s in own_segments(analysis.segments)],
        "probs": _permille(fused),
        "reasons": reasons,
        "absent": [reasons.index(reason) if reason else -1 for reason in fused.reasons],
        "texts": _texts(analysis),
        "whole": None if analysis.whole is None else _permille(analysis.whole.fused),
    }


def _permille(evidence: Evidence) -> list[int]:
    found: list[int] = np.rint(np.nan_to_num(evidence.probs) * 1000).astype(int).ravel().tolist()
    return found


def _texts(analysis: Analysis) -> list[str]:
    """What is said in each row."""
    said = analysis.transcript
    if said is None:
        return [""] * len(analysis.segments)
    if analysis.clip.kind != "recording":
        # A text has no time: its lines are the rows, or one row is all of it.
        lines = [line.text for line in said.lines]
        return lines if len(lines) == len(analysis.segments) else [said.text]
    starts = [line.segment.start for line in said.lines]
    found = []
    for segment in analysis.segments:
        last = int(np.searchsorted(starts, segment.end))
        near = [
            line for line in said.lines[max(0, last - 40) : last]
            if line.segment.overlap(segment) > 0
        ]  # fmt: skip
        found.append(" ".join(_line(line) for line in near))
    return found


def _lines(analysis: Analysis) -> list[list[Any]]:
    said = analysis.transcript
    lines = () if said is None else said.lines
    return [[_ms(line.segment.start), _ms(line.segment.end), _line(line)] for line in lines]


def _line(line: Any) -> str:
    return str(line.text if line.speaker is None else f"{line.speaker}: {line.text}")


def _extent(analysis: Analysis) -> list[float]:
    part = analysis.part
    if part is not None and part.duration > 0:
        return [_ms(part.start), _ms(part.end)]
    return [0.0, _ms(max([analysis.clip.duration, *(s.end for s in analysis.segments)]))]


def _ms(seconds: float) -> float:
    return round(float(seconds), 3)


def strip_of(rows: Plain, points: int) -> Plain:
    """The fused answer over time in few points, for a small picture of it.

    Args:
        rows: see :func:`rows_of`.
        points: at most.

    Returns:
        ``own``: times of each point; ``probs``: per mille, -1 where no row in it has an answer.
    """
    n, k = len(rows["own"]), len(MIEN7)
    probs = np.array(rows["probs"], dtype=float).reshape(n, k)
    probs[np.array(rows["absent"], dtype=int) >= 0] = np.nan
    edges = np.unique(np.linspace(0, n, min(n, points) + 1).astype(int))
    own: list[list[float]] = []
    means: list[int] = []
    for first, last in zip(edges[:-1].tolist(), edges[1:].tolist(), strict=True):
        own.append([rows["own"][first][0], rows["own"][last - 1][1]])
        part = probs[first:last]
        known = part[~np.isnan(part[:, 0])]
        means += [-1] * k if not len(known) else np.rint(known.mean(axis=0)).astype(int).tolist()
    return {"extent": rows["extent"], "own": own, "probs": means}
