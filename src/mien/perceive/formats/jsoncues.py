"""JSON of recognisers and editors: which file is of which shape, and its cues."""

from __future__ import annotations

import json
import math
from bisect import bisect_left
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import replace
from typing import Any

from mien.perceive.formats.cue import (
    Cue,
    CueFile,
    Spoken,
    UnreadableError,
    lines_of,
    reason,
    timed_words,
)
from mien.perceive.formats.jsonparts import (
    confidence,
    entries,
    first,
    number,
    said_by,
    segment,
    word,
)
from mien.words import Word

Value = Mapping[str, Any]
TICKS = 10_000_000
"""Ticks of 100 ns in a second, the unit of Azure."""
_LISTS = (
    "segments", "chunks", "transcription", "events", "utterances", "words", "monologues", "result",
    "recognizedPhrases",
)  # fmt: skip
_BESIDE_TEXT = frozenset({"text", "language", "duration", "task", "model", "usage", "logprobs"})
"""What a text without times may have beside it."""


def read_json(text: str) -> CueFile:
    """A JSON file of one of the shapes that are known, ``SHAPES``; or one value a row.

    Raises:
        UnreadableError: if it is damaged or of no such shape; the message names its keys.
    """
    value = _parsed(text)
    if isinstance(value, list):
        value = {"segments": value}
    if isinstance(value, Mapping):
        for kind, fits, cues in SHAPES:
            try:
                found = tuple(cues(value)) if fits(value) else ()
            except (TypeError, ValueError, KeyError, IndexError, AttributeError, OverflowError):
                continue
            if found:
                return CueFile(kind, found, _language(value))
        if any(value.get(key) == [] for key in _LISTS):
            return CueFile("JSON", ())
        if isinstance(value.get("text"), str) and set(value) <= _BESIDE_TEXT:
            return CueFile("JSON", (Cue(0.0, 0.0, value["text"]),), timed=False)
        keys = ", ".join(repr(str(key)[:30]) for key in list(value)[:6])
        raise UnreadableError(f"JSON of an unknown shape (its keys: {keys or 'none'})")
    raise UnreadableError(f"JSON of an unknown shape (a single {type(value).__name__})")


def _parsed(text: str) -> Any:
    text = text.lstrip("\ufeff")
    try:
        return json.loads(text)
    except RecursionError:
        raise UnreadableError("JSON that is nested too deeply") from None
    except ValueError as error:
        try:
            return [json.loads(row) for row in text.split("\n") if row.strip()]
        except (ValueError, RecursionError):
            raise UnreadableError(f"JSON that is damaged ({reason(error)})") from None


def _language(value: Value) -> str | None:
    """ISO 639-1 code of the language, where the file gives one."""
    said = value.get("language") or value.get("language_code")
    result = value.get("result")
    if said is None and isinstance(result, Mapping):
        said = result.get("language")
    if not isinstance(said, str):
        return None
    code = said.lower().replace("_", "-").split("-")[0]
    return {"english": "en"}.get(code, code if len(code) == 2 else None)


# --- Whisper and its kin ---------------------------------------------------------------------


def _segments(value: Value) -> Iterator[Cue]:
    """``segments`` of Whisper, WhisperX, whisper-timestamped, podcasts, Premiere and others."""
    names = {
        str(one["id"]): str(one["name"])
        for one in entries(value, "speakers")
        if "id" in one and one.get("name")
    }
    cues = [segment(one, 1.0) for one in entries(value, "segments")]
    if not any(cue.words for cue in cues):
        # The service of OpenAI gives the words beside the segments.
        apart = [word(one, 1.0) for one in entries(value, "words")]
        apart = apart or [word(one, 1.0) for one in entries(value, "word_segments")]
        cues = _with_words(cues, timed_words(apart, 0.0, math.inf))
    for cue in cues:
        yield replace(cue, speaker=names.get(str(cue.speaker), cue.speaker))


def _with_words(cues: list[Cue], words: Sequence[Word]) -> list[Cue]:
    """Segments in time order with the words whose middles lie in them."""
    middles = [one.segment.middle for one in words]
    return [
        replace(
            cue, words=tuple(words[bisect_left(middles, cue.start) : bisect_left(middles, cue.end)])
        )
        for cue in cues
    ]


def _chunks(value: Value) -> Iterator[Cue]:
    """``chunks`` of the pipeline of Transformers, words or sentences; with ``speakers`` if any."""
    chunks = entries(value, "speakers") or entries(value, "chunks")
    spoken = []
    for one in chunks:
        start, end = (math.nan if t is None else float(t) for t in one["timestamp"])
        spoken.append(Spoken(str(one["text"]), start, end, 1.0, said_by(one)))
    if spoken and sum(" " in one.text.strip() for one in spoken) * 4 < len(spoken):
        yield from lines_of(spoken)
        return
    for this, after in zip(spoken, [*spoken[1:], None], strict=True):
        end = this.end
        if math.isnan(end):
            end = after.start if after is not None else this.start + 4.0
        yield Cue(this.start, end, this.text.strip(), this.speaker)


def _whisper_cpp(value: Value) -> Iterator[Cue]:
    for one in entries(value, "transcription"):
        start, end = (float(one["offsets"][key]) / 1000 for key in ("from", "to"))
        sure = [number(token.get("p")) for token in entries(one, "tokens")]
        known = [p for p in sure if math.isfinite(p)]
        mean = sum(known) / len(known) if known else 1.0
        yield Cue(start, end, str(one["text"]).strip(), said_by(one), (), mean)


# --- services --------------------------------------------------------------------------------


def _youtube(value: Value) -> Iterator[Cue]:
    for one in entries(value, "events"):
        text = "".join(str(part.get("utf8", "")) for part in entries(one, "segs"))
        if text.strip():
            start = float(one["tStartMs"]) / 1000
            yield Cue(start, start + float(one.get("dDurationMs", 4000)) / 1000, text)


def _amazon(value: Value) -> Iterator[Cue]:
    spoken: list[Spoken] = []
    for one in entries(value["results"], "items"):
        best = entries(one, "alternatives")[0]
        if one.get("type") == "punctuation":
            _punctuate(spoken, str(best["content"]))
            continue
        start, end = float(one["start_time"]), float(one["end_time"])
        spoken.append(
            Spoken(str(best["content"]), start, end, confidence(best), one.get("speaker_label"))
        )
    return iter(lines_of(spoken))


def _punctuate(spoken: list[Spoken], mark: str) -> None:
    if spoken:
        last = spoken[-1]
        spoken[-1] = Spoken(last.text + mark, last.start, last.end, last.confidence, last.speaker)


def _google(value: Value) -> Iterator[Cue]:
    spoken: list[Spoken] = []
    for result in entries(value, "results"):
        words = entries(entries(result, "alternatives")[0], "words")
        tagged = [one for one in words if said_by(one) is not None]
        if tagged:
            spoken = []  # the last result says everything again, with speakers
        spoken += [word(one, 1.0) for one in words]
    return iter(lines_of(spoken))


def _azure(value: Value) -> Iterator[Cue]:
    for one in entries(value, "recognizedPhrases"):
        start = float(one["offsetInTicks"]) / TICKS
        best = entries(one, "nBest")[0]
        who = one.get("speaker")
        yield Cue(
            start,
            start + float(one["durationInTicks"]) / TICKS,
            str(best["display"]),
            None if who is None else f"Speaker {who}",
            (),
            confidence(best),
        )


def _assembly(value: Value) -> Iterator[Cue]:
    utterances = entries(value, "utterances")
    if utterances:
        return (segment(one, 1000.0) for one in utterances)
    return iter(lines_of([word(one, 1000.0) for one in entries(value, "words")]))


def _deepgram(value: Value) -> Iterator[Cue]:
    results = value["results"]
    utterances = entries(results, "utterances")
    if utterances:
        return (segment(one, 1.0) for one in utterances)
    best = entries(entries(results, "channels")[0], "alternatives")[0]
    return iter(lines_of([word(one, 1.0) for one in entries(best, "words")]))


def _rev(value: Value) -> Iterator[Cue]:
    for one in entries(value, "monologues"):
        spoken: list[Spoken] = []
        for part in entries(one, "elements"):
            if part.get("type") == "text":
                start, end = float(part["ts"]), float(part["end_ts"])
                spoken.append(Spoken(str(part["value"]), start, end, confidence(part)))
            elif str(part.get("value", "")).strip():
                _punctuate(spoken, str(part["value"]).strip())
        who = said_by(one)
        for line in lines_of(spoken):
            yield Cue(line.start, line.end, line.text, who, line.words, line.confidence)


def _speechmatics(value: Value) -> Iterator[Cue]:
    spoken: list[Spoken] = []
    for one in entries(value, "results"):
        best = entries(one, "alternatives")[0]
        if one.get("type") == "punctuation":
            _punctuate(spoken, str(best["content"]))
        else:
            start, end = float(one["start_time"]), float(one["end_time"])
            who = best.get("speaker")
            spoken.append(Spoken(str(best["content"]), start, end, confidence(best), who))
    return iter(lines_of(spoken))


def _vosk(value: Value) -> Iterator[Cue]:
    rows = entries(value, "segments") or [value]
    words = [word(one, 1.0) for row in rows for one in entries(row, "result")]
    return iter(lines_of(words))


def _words(value: Value) -> Iterator[Cue]:
    """Words with their times and nothing else (``words`` or ``word_segments``)."""
    words = entries(value, "words") or entries(value, "word_segments") or entries(value, "segments")
    return iter(lines_of([word(one, 1.0) for one in words]))


def _mien(value: Value) -> Iterator[Cue]:
    """The transcript of an analysis of mien, with the confidences that it was heard with."""
    for one in entries(value["transcript"], "lines"):
        start, end = one["segment"]
        parts = [
            Spoken(str(w["text"]), w["segment"][0], w["segment"][1], float(w["confidence"]))
            for w in entries(one, "words")
        ]
        words = timed_words(parts, start, end)
        yield Cue(start, end, str(one["text"]), one.get("speaker"), words, float(one["confidence"]))


def _pysubs2(value: Value) -> Iterator[Cue]:
    for one in entries(value, "events"):
        if one.get("type", "Dialogue") == "Dialogue":
            yield Cue(one["start"] / 1000, one["end"] / 1000, str(one["text"]), one.get("name"))


# --- which is which --------------------------------------------------------------------------


def _have(value: Value, key: str, *names: str) -> bool:
    """Whether there is a list of mappings under a key whose first has all the names."""
    return all(name in first(value, key) for name in names) and bool(first(value, key))


def _result(value: Value, key: str, *names: str) -> bool:
    inner = value.get("results")
    return isinstance(inner, Mapping) and _have(inner, key, *names)


def _timed_segments(value: Value) -> bool:
    """Whether a segment says when it starts and what is said."""
    one = first(value, "segments")
    said = {"text", "body", "words", "transcript", "sentence"} & set(one)
    return bool(said) and bool({"start", "startTime", "start_time", "begin", "from"} & set(one))


Shape = tuple[str, Callable[[Value], bool], Callable[[Value], Iterator[Cue]]]

SHAPES: Sequence[Shape] = (
    ("mien", lambda v: str(v.get("schema", "")).startswith("mien.analysis/")
        and isinstance(v.get("transcript"), Mapping), _mien),
    ("Whisper JSON", _timed_segments, _segments),
    ("whisper.cpp JSON", lambda v: _have(v, "transcription", "offsets", "text"), _whisper_cpp),
    ("Transformers JSON", lambda v: _have(v, "chunks", "timestamp", "text"), _chunks),
    ("YouTube JSON", lambda v: _have(v, "events", "tStartMs"), _youtube),
    ("Amazon Transcribe JSON", lambda v: _result(v, "items", "alternatives"), _amazon),
    ("Deepgram JSON", lambda v: _result(v, "channels") or _result(v, "utterances"), _deepgram),
    ("Speechmatics JSON", lambda v: _have(v, "results", "start_time", "alternatives"),
        _speechmatics),
    ("Google JSON", lambda v: _have(v, "results", "alternatives"), _google),
    ("Azure JSON", lambda v: _have(v, "recognizedPhrases", "offsetInTicks"), _azure),
    ("AssemblyAI JSON", lambda v: "audio_url" in v or _have(v, "utterances", "start", "words"),
        _assembly),
    ("Rev JSON", lambda v: _have(v, "monologues", "elements"), _rev),
    ("Vosk JSON", lambda v: _have(v, "result", "word") or _have(v, "segments", "result"), _vosk),
    ("words in JSON", lambda v: any(
        _have(v, key, "start") and bool({"word", "text"} & set(first(v, key)))
        for key in ("words", "word_segments", "segments")), _words),
    ("pysubs2 JSON", lambda v: _have(v, "events", "start", "end", "text"), _pysubs2),
)  # fmt: skip
"""Name, whether a value is of it, and its cues; the first that fits and gives cues counts."""
