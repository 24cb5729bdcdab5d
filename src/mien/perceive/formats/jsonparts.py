"""Segments and words of JSON transcripts, under the names that tools give to their fields."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Any

from mien.perceive.formats.cue import Cue, Spoken, mean_confidence, seconds, timed_words

Value = Mapping[str, Any]

_START = ("start", "startTime", "start_time", "begin", "from", "startTimeSeconds")
_END = ("end", "endTime", "end_time", "stop", "to", "endTimeSeconds")
_TEXT = ("text", "body", "transcript", "sentence", "word", "punctuated_word", "content")
_WORD = ("punctuated_word", "word", "text", "content", "value")
_SURE = ("confidence", "score", "probability", "conf", "p", "prob")
_WHO = ("speaker", "speaker_label", "speakerTag", "speaker_name", "speakerLabel", "speaker_id")


def entries(value: Any, key: str) -> list[Value]:
    """The mappings of a list under a key; none if there is no such list."""
    found = value.get(key) if isinstance(value, Mapping) else None
    return [one for one in found if isinstance(one, Mapping)] if isinstance(found, list) else []


def first(value: Value, key: str) -> Value:
    """The first of them; an empty mapping if there is none."""
    return next(iter(entries(value, key)), {})


def number(value: Any) -> float:
    """A number as it is, a text as a clock (``1.3s``, ``0:01.3``); NaN for anything else."""
    if isinstance(value, bool) or value is None:
        return math.nan
    if isinstance(value, (int, float)):
        return float(value)
    return seconds(str(value).removesuffix("s"))


def _named(value: Value, names: Sequence[str]) -> Any:
    return next((value[name] for name in names if value.get(name) is not None), None)


def confidence(value: Value) -> float:
    """How sure the recogniser was, 0 to 1; 1 where it does not say."""
    said = number(_named(value, _SURE))
    return min(1.0, max(0.0, said)) if math.isfinite(said) else 1.0


def said_by(value: Value) -> str | None:
    """Who speaks; a number alone becomes ``Speaker 3``."""
    who = _named(value, _WHO)
    if isinstance(who, Mapping):
        who = who.get("name") or who.get("id")
    if isinstance(who, (int, float)) and not isinstance(who, bool):
        return f"Speaker {int(who)}"
    return " ".join(str(who).split()) or None if who is not None else None


def word(value: Value, unit: float) -> Spoken:
    """One word.

    Args:
        value: as the file has it.
        unit: how many of the file's units are a second.
    """
    start, end = number(_named(value, _START)) / unit, number(_named(value, _END)) / unit
    if math.isnan(end) and value.get("duration") is not None:
        end = start + number(value["duration"]) / unit
    if math.isnan(end) and isinstance(value.get("timestamp"), list):
        start, end = (number(t) / unit for t in value["timestamp"])
    return Spoken(str(_named(value, _WORD) or ""), start, end, confidence(value), said_by(value))


def segment(value: Value, unit: float) -> Cue:
    """A segment with its words, confidence and speaker; see :func:`word`.

    The confidence is the mean of the words', or the segment's own, or Whisper's mean
    log-probability as a probability.
    """
    start, end = number(_named(value, _START)) / unit, number(_named(value, _END)) / unit
    if math.isnan(end) and value.get("duration") is not None:
        end = start + number(value["duration"]) / unit
    spoken = [word(one, unit) for one in entries(value, "words")]
    words = timed_words(spoken, start, end)
    text = _named(value, _TEXT)
    logprob, silence = number(value.get("avg_logprob")), number(value.get("no_speech_prob"))
    surely = any(name in one for one in entries(value, "words") for name in _SURE)
    if surely:
        sure = mean_confidence(words)
    elif _named(value, _SURE) is None and math.isfinite(logprob):
        sure = math.exp(min(0.0, logprob))
    else:
        sure = confidence(value)
    if not surely and words:
        words = tuple(type(one)(one.text, one.segment, sure) for one in words)
    who = said_by(value) or next((one.speaker for one in spoken if one.speaker), None)
    return Cue(
        start,
        end,
        (str(text) if text is not None else " ".join(one.text for one in spoken)).strip(),
        who,
        words,
        sure,
        logprob if math.isfinite(logprob) else None,
        silence if math.isfinite(silence) else None,
    )
