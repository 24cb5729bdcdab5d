"""The JSON of Whisper and its kin, each segment with its emotion under one key."""

from __future__ import annotations

import json
import math
import zlib
from collections.abc import Callable, Mapping
from copy import deepcopy
from pathlib import Path
from typing import Any

from mien.analysis.analysis import Analysis
from mien.emotions import MIEN7
from mien.errors import InputError
from mien.facts import as_utf8, shown
from mien.media import read_text
from mien.report.spans import probs_of
from mien.timebase import Segment
from mien.words import Line

KEY = "emotion"
Emotion = dict[str, Any]


def write_whisper(analysis: Analysis, path: Path, words: Path | None = None) -> None:
    """Write the JSON, of the transcript of the analysis or of a Whisper JSON that is kept.

    Args:
        analysis: whose emotions are written.
        path: of the file.
        words: a JSON of Whisper, WhisperX or faster-whisper.

    Raises:
        InputError: if there is no transcript, or the file is no such JSON.
    """
    value = whisper_json(analysis) if words is None else with_emotions(_read(words), analysis)
    path.write_text(json.dumps(value) + "\n", encoding="utf-8")


def whisper_json(analysis: Analysis) -> dict[str, Any]:
    """The transcript in the shape of ``whisper.transcribe``, each segment with its emotion.

    ``tokens`` is empty; ``avg_logprob`` and ``no_speech_prob`` are None where the recogniser does
    not give them. A segment whose speaker is known has ``speaker``, as in WhisperX.

    Raises:
        InputError: if the analysis has no transcript.
    """
    if analysis.transcript is None or not analysis.transcript.lines:
        raise InputError(
            f"There are no words in the analysis of {analysis.clip.name}; a Whisper JSON needs "
            "some. Give the transcript with --words when you analyse the recording."
        )
    emotion = emotions_of(analysis)
    lines = analysis.transcript.lines
    segments = [_segment(i, line, emotion(line.segment)) for i, line in enumerate(lines)]
    text = "".join(one["text"] for one in segments)
    return {"text": text, "segments": segments, "language": analysis.transcript.language}


def with_emotions(value: Any, analysis: Analysis, key: str = KEY) -> Any:
    """A Whisper JSON with the emotion of each segment under one key, all else unchanged.

    Args:
        value: a mapping with ``segments`` (openai-whisper, WhisperX, faster-whisper's service), or
            a list of segments; each with ``start`` and ``end`` in seconds. It is not changed.
        analysis: of the recording.
        key: under which each segment gets its emotion, see :func:`emotions_of`.

    Raises:
        InputError: if the value is of no such shape, or a segment has something else under the key.
    """
    copy = deepcopy(value)
    segments = copy.get("segments") if isinstance(copy, Mapping) else copy
    if not isinstance(segments, list):
        raise InputError(
            "This is no JSON of Whisper: it has no list 'segments'; give the file that whisper "
            "--output_format json, WhisperX or faster-whisper wrote."
        )
    emotion = emotions_of(analysis)
    for i, one in enumerate(segments):
        span = _span(one, i)
        if key in one and not _is_ours(one[key]):
            raise InputError(
                f"Segment {i} of the Whisper JSON has a {key!r} already ({one[key]!r:.60}); give "
                "another key, or the JSON as Whisper wrote it."
            )
        one[key] = emotion(span)
    return copy


def emotions_of(analysis: Analysis) -> Callable[[Segment], Emotion | None]:
    """The emotion over a stretch of time, as a function of it; None where nothing was judged.

    ``label`` and ``probability`` are those of the likeliest fused label, ``probabilities`` those of
    all seven (sum 1), ``modalities`` the likeliest label of each branch that judged something
    there. All are means of the rows weighted by their overlap with the stretch.
    """
    fused = probs_of(analysis, analysis.fused)
    branches = {name: probs_of(analysis, one) for name, one in analysis.by_branch.items()}

    def emotion(segment: Segment) -> Emotion | None:
        probs = fused(segment)
        if probs is None:
            return None
        each = {name: probs_at(segment) for name, probs_at in branches.items()}
        return {
            "label": MIEN7.labels[int(probs.argmax())],
            "probability": round(float(probs.max()), 4),
            "probabilities": {
                label: round(float(p), 4) for label, p in zip(MIEN7.labels, probs, strict=True)
            },
            "modalities": {
                name: MIEN7.labels[int(one.argmax())]
                for name, one in each.items()
                if one is not None
            },
        }

    return emotion


def _is_ours(value: Any) -> bool:
    return value is None or (isinstance(value, Mapping) and "probabilities" in value)


def _span(segment: Any, number: int) -> Segment:
    try:
        start, end = float(segment["start"]), float(segment["end"])
    except (TypeError, KeyError, ValueError):
        start = end = math.nan
    if not (math.isfinite(start) and start <= end < math.inf):
        raise InputError(
            f"Segment {number} of the Whisper JSON has no 'start' and 'end' in seconds with start "
            "<= end; align it first, or give the JSON as Whisper wrote it."
        )
    return Segment(start, end)


def _segment(number: int, line: Line, emotion: Emotion | None) -> dict[str, Any]:
    text = f" {as_utf8(line.text).strip()}"
    raw = text.encode()
    found: dict[str, Any] = {
        "id": number,
        "seek": round(line.segment.start * 100),
        "start": round(line.segment.start, 3),
        "end": round(line.segment.end, 3),
        "text": text,
        "tokens": [],
        "temperature": 0.0,
        "avg_logprob": line.avg_logprob,
        "compression_ratio": len(raw) / len(zlib.compress(raw)),
        "no_speech_prob": line.no_speech_prob,
    }
    if line.words:
        found["words"] = [
            {
                "word": f" {as_utf8(word.text).strip()}",
                "start": round(word.segment.start, 3),
                "end": round(word.segment.end, 3),
                "probability": round(word.confidence, 4),
            }
            for word in line.words
        ]
    if line.speaker is not None:
        found["speaker"] = as_utf8(line.speaker)
    return found | {KEY: emotion}


def _read(path: Path) -> Any:
    try:
        return json.loads(read_text(path, limit=1_000_000_000))
    except (ValueError, RecursionError) as error:
        raise InputError(f"{shown(path)} is no JSON ({error}).") from None
