"""The wire form of an analysis: plain values that JSON can hold, under a version.

``mien.analysis/2`` is what is written; ``/1`` is read as well, what it lacks staying empty. The
JSON Schema of what is written lies beside this file, ``analysis.schema.json``.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

from mien.course import Baseline, Event, Portrait, Summary
from mien.errors import InputError
from mien.evidence import Evidence
from mien.findings import Finding
from mien.results import Analysis, Provenance, TrackSummary, Whole
from mien.scene import ClipFacts, Dropped, Line, Transcript, Word
from mien.timebase import Segment

SCHEMA = "mien.analysis/2"
READS = ("mien.analysis/1", SCHEMA)
DEPTH = 3
"""Levels of the JSON text that are broken into lines; a row of an evidence is one line."""
SCHEMA_FILE = Path(__file__).with_name("analysis.schema.json")


def to_wire(analysis: Analysis) -> dict[str, Any]:
    """Plain values, with ``schema`` naming their version."""
    return {
        name: list(value) if isinstance(value, Iterator) else value
        for name, value in _sections(analysis)
    }


def json_text(analysis: Analysis) -> Iterator[str]:
    """The wire form as JSON text, piece by piece, one row a line.

    One section is in memory at a time: as one value, two hours would take ten times their text.
    """
    before = "{"
    for name, value in _sections(analysis):
        yield f"{before}\n{json.dumps(name)}: "
        yield from _lines(value, DEPTH)
        before = ","
    yield "\n}\n"


def write_json(analysis: Analysis, path: Path) -> None:
    """Write the wire form to a file."""
    with path.open("w", encoding="utf-8") as file:
        file.writelines(json_text(analysis))


def _lines(value: Any, depth: int) -> Iterator[str]:
    """A value as JSON, what it holds on lines of their own as deep as ``depth``."""
    entries: Iterable[tuple[str, Any]]
    if isinstance(value, dict) and depth:
        brackets = "{}"
        entries = ((f"{json.dumps(key)}: ", one) for key, one in value.items())
    elif isinstance(value, Iterator) or (depth and _holds_values(value)):
        brackets = "[]"
        entries = (("", one) for one in value)
    else:
        yield json.dumps(value, ensure_ascii=False)
        return
    before = brackets[0]
    for key, one in entries:
        yield f"{before}\n{key}"
        yield from _lines(one, depth - 1)
        before = ","
    yield brackets if before == brackets[0] else f"\n{brackets[1]}"


def _holds_values(value: Any) -> bool:
    """Whether it is a list of lists or mappings, and not of numbers or names."""
    return isinstance(value, list) and any(isinstance(one, (list, dict)) for one in value)


def _sections(analysis: Analysis) -> Iterator[tuple[str, Any]]:
    """Names and values of the wire form, each made when it is asked for."""
    spoken, whole = analysis.transcript, analysis.whole
    yield "schema", SCHEMA
    yield "labels", list(analysis.space.labels)
    yield "clip", analysis.clip.to_dict()
    yield "part", None if analysis.part is None else _pair(analysis.part)
    yield "partial", analysis.partial
    yield "segments", _pairs(analysis.segments)
    yield "fused", analysis.fused.to_dict()
    yield "branches", _evidences(analysis.by_branch)
    yield "findings", (finding.to_dict() for finding in analysis.findings)
    yield "whole", None if whole is None else _whole_dict(whole)
    yield "smoothed", _evidences(analysis.smoothed)
    yield "events", [event.to_dict() for event in analysis.events]
    yield "summaries", [summary.to_dict() for summary in analysis.summaries]
    yield "baselines", [baseline.to_dict() for baseline in analysis.baselines]
    yield "transcript", None if spoken is None else _transcript_dict(spoken)
    yield "lines", None if analysis.lines is None else analysis.lines.to_dict()
    yield "speech", _pairs(analysis.speech)
    yield "people", {str(who): one.to_dict() for who, one in analysis.people.items()}
    yield "cuts", [round(time, 3) for time in analysis.cuts]
    yield "faces", [_face_dict(face) for face in analysis.faces]
    yield "portraits", [portrait.to_dict() for portrait in analysis.portraits]
    yield "provenance", asdict(analysis.provenance)


def _face_dict(face: TrackSummary) -> dict[str, Any]:
    return {
        "identity": face.identity,
        "segment": _pair(face.segment),
        "samples": face.samples,
        "median_size": round(face.median_size, 1),
        "prominence": None if face.prominence is None else round(face.prominence, 4),
        "lips": None if face.lips is None else round(face.lips, 3),
        "lips_reason": face.lips_reason,
    }


def _face_from(value: Mapping[str, Any]) -> TrackSummary:
    return TrackSummary(
        value["identity"],
        Segment(*value["segment"]),
        value["samples"],
        value["median_size"],
        value.get("prominence"),
        value.get("lips"),
        value.get("lips_reason", ""),
    )


def from_wire(value: Mapping[str, Any]) -> Analysis:
    """The inverse of :func:`to_wire`.

    Raises:
        InputError: if the value is of no version that this mien reads, or is not whole.
    """
    if not isinstance(value, Mapping) or value.get("schema") not in READS:
        said = value.get("schema") if isinstance(value, Mapping) else type(value).__name__
        raise InputError(
            f"This is an analysis of the form {said!r}; this version of mien reads "
            f"{', '.join(READS)}. Analyse the recording again."
        )
    try:
        return _from_wire(value)
    except (KeyError, TypeError, AttributeError, ValueError) as error:
        raise InputError(
            f"This analysis is not whole ({type(error).__name__}: {error}); analyse the recording "
            "again."
        ) from None


def _from_wire(value: Mapping[str, Any]) -> Analysis:
    segments = _segments(value["segments"])
    spoken, whole, part = value["transcript"], value.get("whole"), value.get("part")
    heard = None if spoken is None else _transcript_from(spoken)
    return Analysis(
        clip=ClipFacts.from_dict(value["clip"]),
        segments=segments,
        fused=Evidence.from_dict(value["fused"], segments),
        by_branch=_evidences_from(value["branches"], segments),
        provenance=Provenance(**value["provenance"]),
        transcript=heard,
        lines=_lines_from(value.get("lines"), heard),
        speech=_segments(value["speech"]),
        people={
            int(who): Evidence.from_dict(one, segments)
            for who, one in value.get("people", {}).items()
        },
        faces=tuple(_face_from(face) for face in value["faces"]),
        findings=tuple(Finding.from_dict(f) for f in value.get("findings", ())),
        whole=None if whole is None else _whole_from(whole),
        smoothed=_evidences_from(value.get("smoothed", {}), segments),
        events=tuple(Event(**event) for event in value.get("events", ())),
        summaries=tuple(Summary.from_dict(s) for s in value.get("summaries", ())),
        baselines=tuple(Baseline.from_dict(b) for b in value.get("baselines", ())),
        cuts=tuple(float(time) for time in value.get("cuts", ())),
        portraits=tuple(Portrait.from_dict(p) for p in value.get("portraits", ())),
        part=None if part is None else Segment(*part),
        partial=bool(value.get("partial", False)),
    )


def _lines_from(value: Mapping[str, Any] | None, heard: Transcript | None) -> Evidence | None:
    if value is None or heard is None:
        return None
    return Evidence.from_dict(value, [line.segment for line in heard.lines])


def _pair(segment: Segment) -> list[float]:
    return [round(segment.start, 3), round(segment.end, 3)]


def _pairs(segments: Iterable[Segment]) -> list[list[float]]:
    return [_pair(segment) for segment in segments]


def _segments(pairs: Iterable[Sequence[float]]) -> tuple[Segment, ...]:
    return tuple(Segment(*pair) for pair in pairs)


def _evidences(evidences: Mapping[str, Evidence]) -> dict[str, Any]:
    return {name: evidence.to_dict() for name, evidence in evidences.items()}


def _evidences_from(value: Mapping[str, Any], segments: tuple[Segment, ...]) -> dict[str, Evidence]:
    return {name: Evidence.from_dict(one, segments) for name, one in value.items()}


def _whole_dict(whole: Whole) -> dict[str, Any]:
    return {
        "segment": _pair(whole.segment),
        "fused": whole.fused.to_dict(),
        "branches": _evidences(whole.by_branch),
        "finding": None if whole.finding is None else whole.finding.to_dict(),
    }


def _whole_from(value: Mapping[str, Any]) -> Whole:
    segments = (Segment(*value["segment"]),)
    finding = value.get("finding")
    return Whole(
        Evidence.from_dict(value["fused"], segments),
        _evidences_from(value["branches"], segments),
        None if finding is None else Finding.from_dict(finding),
    )


def _transcript_dict(transcript: Transcript) -> dict[str, Any]:
    return {
        "source": transcript.source,
        "language": transcript.language,
        "lines": [_line_dict(line) for line in transcript.lines],
        "dropped": [
            {"reason": d.reason, "count": d.count, "seconds": round(d.seconds, 3)}
            for d in transcript.dropped
        ],
    }


def _line_dict(line: Line) -> dict[str, Any]:
    value: dict[str, Any] = {
        "segment": _pair(line.segment),
        "text": line.text,
        "confidence": round(line.confidence, 4),
        "words": [
            {
                "text": word.text,
                "segment": _pair(word.segment),
                "confidence": round(word.confidence, 4),
            }
            for word in line.words
        ],
    }
    # Only Whisper says these.
    for name in ("avg_logprob", "no_speech_prob", "evidence"):
        if getattr(line, name) is not None:
            value[name] = round(getattr(line, name), 4)
    return value


def _transcript_from(value: Mapping[str, Any]) -> Transcript:
    lines = tuple(
        Line(
            Segment(*line["segment"]),
            line["text"],
            tuple(Word(w["text"], Segment(*w["segment"]), w["confidence"]) for w in line["words"]),
            line["confidence"],
            line.get("avg_logprob"),
            line.get("no_speech_prob"),
            line.get("evidence"),
        )
        for line in value["lines"]
    )
    dropped = tuple(Dropped(**entry) for entry in value.get("dropped", ()))
    return Transcript(lines, value["source"], value["language"], dropped)
