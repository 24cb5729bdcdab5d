"""One window of sound under Whisper: what is said in it, when, and what speaks for it.

Whisper was trained on windows of 30 s and fills shorter sound with silence, which costs most of the
time. Eight seconds of silence behind a sound serve as well (``docs/lab-log.md``); with less Whisper
begins to say everything again and again. Where it does so all the same, it is given the whole 30 s.

The evidence of a line is how much likelier the sound makes its tokens than noise or silence does,

    mean over its tokens of log p(token | sound, tokens before) - log p(token | noise, the same),

the pointwise mutual information of sound and words a token, in nats; the lesser of the two. What a
recogniser invents over a sound without speech it would say of any noise, however sure it is of it.
"""

from __future__ import annotations

import threading
from collections.abc import Iterator, Sequence
from copy import copy
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from mien.errors import PackError
from mien.perceive.engines.hallucination import COMPRESSION, compression_ratio
from mien.scene import SAMPLE_RATE, Samples
from mien.timebase import Segment
from mien.words import Line, Word

WINDOW = 30.0
SILENCE = 8.0
"""Seconds of silence behind a sound that is shorter than the window."""
BEAM = 5
THREADS = 1
"""Of CTranslate2 for a chunk; two take a seventh more processor time and .2 s more to load."""
HOP = 160
"""Samples from one frame of the spectrogram to the next."""
STEP = 0.02
"""Seconds from one time token to the next."""
TOKENS, TOKENS_A_SECOND = 24, 14
"""Tokens, times included, that a window may hold: what is longer is a loop."""
LEAST = 0.5
"""Seconds that are worth another window."""
NOISE, NOISE_SECONDS = 0.05, 2.0
"""Level (RMS) and length of the white noise that a line is compared with."""
_OPENING, _CLOSING = "\"'“¿([{-", "\"'.。,，!！?？:：”)]}、"  # noqa: RUF001


@dataclass(frozen=True)
class Heard:
    """What a window was decoded to.

    Args:
        encoded: what the encoder made of it.
        tokens: times among them.
        avg_logprob: mean over the tokens.
        no_speech_prob: that nobody speaks.
        frames: of the spectrogram, without the silence behind.
        whole: whether the decoder came to an end.
    """

    encoded: Any
    tokens: list[int]
    avg_logprob: float
    no_speech_prob: float
    frames: int
    whole: bool


class Windows:
    """A checkpoint of CTranslate2, loaded; hears sounds of at most 30 s.

    Args:
        folder: of the checkpoint.
        workers: chunks that may be heard at the same time, with one copy of the weights.

    Attributes:
        model: the ``faster_whisper.WhisperModel``, whose tokenizer is ``model.hf_tokenizer``.
        multilingual: whether it was trained on more than English.

    Raises:
        PackError: if it cannot be loaded.
    """

    def __init__(self, folder: Path, workers: int = 1) -> None:
        from faster_whisper import WhisperModel

        try:
            self.model = WhisperModel(
                str(folder),
                device="cpu",
                compute_type="int8",
                cpu_threads=THREADS,
                num_workers=workers,
                local_files_only=True,
            )
        except (RuntimeError, ValueError) as error:
            raise PackError(f"{folder} cannot be used as a Whisper: {error}.") from None
        self._net = self.model.model
        self._first, self._encoding = threading.Lock(), threading.Lock()
        self.multilingual = bool(self._net.is_multilingual)

    def language(self, samples: Samples) -> tuple[str, float]:
        """The likeliest language (ISO 639-1) and its probability."""
        encoded, _ = self._encode(samples[: round(WINDOW * SAMPLE_RATE)])
        token, prob = self._net.detect_language(encoded)[0][0]
        return str(token[2:-2]), float(prob)

    def lines(self, samples: Samples, language: str) -> Iterator[Line]:
        """The lines in ``(n,) float32`` at 16 kHz; what Whisper leaves off in is heard anew."""
        from faster_whisper.tokenizer import Tokenizer

        words = Tokenizer(
            self.model.hf_tokenizer, self.multilingual, task="transcribe", language=language
        )
        start, end = 0.0, len(samples) / SAMPLE_RATE
        while end - start > LEAST or start == 0.0:
            heard = self.hear(samples[round(start * SAMPLE_RATE) :], words)
            parts, reached = _cut(heard.tokens, words.timestamp_begin, end - start)
            yield from self._timed(parts, heard, words, start)
            if reached < LEAST:
                return
            start += reached

    def _encode(self, samples: Samples, seconds: float | None = None) -> tuple[Any, int]:
        """What the encoder makes of samples with silence behind, and their own frames."""
        frames = self._spectrogram(samples, seconds)
        # One at a time: the attention of a long window takes a hundred megabytes.
        with self._encoding:
            return self.model.encode(frames), min(frames.shape[1], len(samples) // HOP)

    def _spectrogram(
        self, samples: Samples, seconds: float | None = None
    ) -> npt.NDArray[np.float32]:
        """Log-mel frames ``(bands, frames)`` of samples, filled to so many seconds."""
        if seconds is None:
            seconds = min(WINDOW, len(samples) / SAMPLE_RATE + SILENCE)
        filled = np.zeros(round(np.ceil(seconds / STEP) * STEP * SAMPLE_RATE), np.float32)
        filled[: len(samples)] = samples[: len(filled)]
        return np.asarray(self.model.feature_extractor(filled, padding=0), np.float32)

    def hear(self, samples: Samples, words: Any) -> Heard:
        """What is said in one window; where the decoder loops, in the window of 30 s."""
        heard = self.decode(samples, words, None)
        if len(samples) < (WINDOW - SILENCE) * SAMPLE_RATE and _loops(heard, words):
            return self.decode(samples, words, WINDOW)
        return heard

    def decode(self, samples: Samples, words: Any, seconds: float | None) -> Heard:
        """What is said in samples filled to so many seconds; None for a short silence behind."""
        encoded, frames = self._encode(samples, seconds)
        prompt = list(words.sot_sequence)
        room = min(440, round(TOKENS + TOKENS_A_SECOND * len(samples) / SAMPLE_RATE))
        found = self._net.generate(
            encoded,
            [prompt],
            beam_size=BEAM,
            max_length=len(prompt) + room,
            return_scores=True,
            return_no_speech_prob=True,
            max_initial_timestamp_index=round(1.0 / STEP),
        )[0]
        tokens = list(found.sequences_ids[0])
        # CTranslate2 4.8 divides the sum by the number of tokens; OpenAI's Whisper, whose threshold
        # applies here, counts the end token as well.
        score = float(found.scores[0]) * len(tokens) / (len(tokens) + 1)
        whole = len(tokens) < room
        return Heard(encoded, tokens, score, float(found.no_speech_prob), frames, whole)

    def _timed(
        self, parts: Sequence[tuple[Segment, list[int]]], heard: Heard, words: Any, start: float
    ) -> Iterator[Line]:
        """Lines with the times of their words and their evidence."""
        spoken = [(when, [token for token in ids if token < words.eot]) for when, ids in parts]
        said = [(when, ids) for when, ids in spoken if words.decode(ids).strip()]
        if not said:
            return
        lines = [ids for _, ids in said]
        aligned = self.aligned([token for ids in lines for token in ids], heard, words)
        evidence = self.evidence(lines, aligned, words)
        rows: list[dict[str, Any]] = [
            {"seek": 0, "start": when.start, "end": when.end, "tokens": ids} for when, ids in said
        ]
        timer = copy(self.model)
        timer.model = _Aligned(aligned)
        timer.add_word_timestamps(
            [rows], words, heard.encoded, heard.frames, _OPENING, _CLOSING, 0.0
        )
        for row, speaks in zip(rows, evidence, strict=True):
            timed = tuple(_word(word, start) for word in row.get("words") or ())
            yield _line(row, timed, start, heard, (words.decode(row["tokens"]), speaks))

    def prepare(self) -> None:
        """Compute once what every sound is compared with; at the first line otherwise."""
        with self._first:
            _ = self._wordless

    def aligned(self, tokens: list[int], heard: Heard, words: Any) -> Any:
        """CTranslate2's alignment of tokens with the sound of a window: when, and how likely."""
        return self._align(heard.encoded, heard.frames, tokens, words)

    def evidence(self, lines: Sequence[list[int]], aligned: Any, words: Any) -> list[float]:
        """Nats a token by which the sound makes each line likelier than noise or silence does.

        Each line is scored after those before it. One that says the same as an earlier line is then
        likely over noise as well; it is scored over noise by itself, and counts at most as the
        earlier one.

        Args:
            lines: their tokens.
            aligned: the tokens of all lines with the sound, see :meth:`aligned`.
            words: the tokenizer.
        """
        tokens = [token for ids in lines for token in ids]
        ends = np.cumsum([len(ids) for ids in lines])[:-1]
        own = _scores(aligned)
        self.prepare()
        gains = own - self._over_nothing(tokens, words)
        found = [float(part.mean(axis=1).min()) for part in np.split(gains, ends, axis=1)]
        texts = [words.decode(ids).strip().lower() for ids in lines]
        for i, part in enumerate(np.split(own, ends, axis=1)):
            first = texts.index(texts[i])
            if first < i:
                alone = part - self._over_nothing(lines[i], words)
                found[i] = max(found[i], min(found[first], float(alone.mean(axis=1).min())))
        return found

    def _align(self, encoded: Any, frames: int, tokens: list[int], words: Any) -> Any:
        with self._encoding:
            return self._net.align(encoded, words.sot_sequence, [tokens], frames)[0]

    def _over_nothing(self, tokens: list[int], words: Any) -> npt.NDArray[np.float64]:
        """Log-probabilities ``(2, tokens)`` of tokens over noise and over silence.

        One after the other: a score of every symbol for every token takes fifty megabytes.
        """
        rows = [_scores(self._align(*sound, tokens, words)) for sound in self._wordless]
        return np.concatenate(rows)

    @cached_property
    def _wordless(self) -> list[tuple[Any, int]]:
        """White noise and silence under the encoder, the same at every call."""
        size = round(NOISE_SECONDS * SAMPLE_RATE)
        noise = np.random.default_rng(0).normal(0, NOISE, size).astype(np.float32)
        frames = [self._spectrogram(sound) for sound in (noise, np.zeros_like(noise))]
        return [(self.model.encode(one), size // HOP) for one in frames]


class _Aligned:
    """Stands for the net of a ``WhisperModel`` where its one answer is known.

    Args:
        answer: an alignment.
    """

    def __init__(self, answer: Any) -> None:
        self._answer = answer

    def align(self, *_: Any, **__: Any) -> list[Any]:
        """The alignment."""
        return [self._answer]


def _scores(aligned: Any) -> npt.NDArray[np.float64]:
    """Log-probabilities ``(1, tokens)`` of tokens after those before them."""
    probs = np.asarray([aligned.text_token_probs], np.float64)
    return np.log(np.maximum(probs, 1e-8))


def _loops(heard: Heard, words: Any) -> bool:
    text = words.decode([token for token in heard.tokens if token < words.eot])
    return not heard.whole or compression_ratio(text) > COMPRESSION


def _cut(
    tokens: Sequence[int], first_time: int, seconds: float
) -> tuple[list[tuple[Segment, list[int]]], float]:
    """Tokens cut at their times, and how far the window was heard.

    A window that ends in two times was left at the second of them; after one, nobody speaks.

    Args:
        tokens: as decoded; times have ids from ``first_time`` on.
        first_time: id of the time zero.
        seconds: length of the sound.

    Examples:
        >>> _cut([100, 7, 8, 150, 150, 9, 200], 100, 2.5)
        ([(Segment(start=0.0, end=1.0), [7, 8]), (Segment(start=1.0, end=2.0), [9])], 2.5)
        >>> _cut([100, 7, 150, 150], 100, 9.0)
        ([(Segment(start=0.0, end=1.0), [7])], 1.0)
    """
    parts: list[tuple[Segment, list[int]]] = []
    start, ids, last = 0.0, list[int](), 0.0
    for token in tokens:
        if token < first_time:
            ids.append(token)
            continue
        last = min(seconds, (token - first_time) * STEP)
        if ids:
            parts.append((Segment(start, max(start, last)), ids))
            ids = []
        start = last
    if ids:
        parts.append((Segment(start, max(start, seconds)), ids))
    left = len(tokens) > 2 and tokens[-1] >= first_time and tokens[-2] >= first_time
    return parts, last if left else seconds


def _word(word: Any, start: float) -> Word:
    begins = max(0.0, start + float(word["start"]))
    span = Segment(begins, max(begins, start + float(word["end"])))
    return Word(word["word"].strip(), span, float(np.clip(word["probability"], 0, 1)))


def _line(
    row: Any, words: tuple[Word, ...], start: float, heard: Heard, said: tuple[str, float]
) -> Line:
    if words:
        weights = [max(word.segment.duration, 0.01) for word in words]
        confidence = float(np.average([word.confidence for word in words], weights=weights))
    else:
        confidence = float(np.exp(min(0.0, heard.avg_logprob)))
    begins = max(0.0, start + float(row["start"]))
    return Line(
        Segment(begins, max(begins, start + float(row["end"]))),
        " ".join(said[0].split()),
        words,
        confidence,
        avg_logprob=heard.avg_logprob,
        no_speech_prob=heard.no_speech_prob,
        evidence=said[1],
    )
