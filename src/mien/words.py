"""What was said in a recording: words, lines, and the transcript."""

from __future__ import annotations

from dataclasses import dataclass, replace

from mien.timebase import Segment


@dataclass(frozen=True)
class Word:
    """A word, when it was said, and how sure the engine was (0 to 1)."""

    text: str
    segment: Segment
    confidence: float


@dataclass(frozen=True)
class Line:
    """An utterance: its words in one string, and one by one where their times are known.

    Args:
        segment: when it was said.
        text: the words.
        words: one by one, where their times are known.
        confidence: how sure the engine was, 0 to 1.
        avg_logprob: mean log-probability of the tokens (nats), where the engine gives it.
        no_speech_prob: probability that nobody speaks, where the engine gives it.
        evidence: how much likelier the sound makes the words than noise does (nats a token), where
            the engine gives it.
        speaker: who says it, where a transcript names one.
    """

    segment: Segment
    text: str
    words: tuple[Word, ...] = ()
    confidence: float = 1.0
    avg_logprob: float | None = None
    no_speech_prob: float | None = None
    evidence: float | None = None
    speaker: str | None = None

    def inside(self, segment: Segment) -> tuple[str, float]:
        """The part said inside a segment (by the words' middles) and its mean confidence."""
        if not self.words:
            return (self.text, self.confidence) if self.segment.middle in segment else ("", 0.0)
        chosen = [word for word in self.words if word.segment.middle in segment]
        if len(chosen) == len(self.words):
            return self.text, self.confidence
        if not chosen:
            return "", 0.0
        return " ".join(w.text for w in chosen), sum(w.confidence for w in chosen) / len(chosen)


@dataclass(frozen=True)
class Dropped:
    """Lines that were left out: the reason in words, how many, and the seconds they stood over."""

    reason: str
    count: int
    seconds: float


@dataclass(frozen=True)
class Transcript:
    """The lines of a recording in time order.

    Args:
        lines: utterances.
        source: ``given``, ``sidecar``, ``subtitles``, or the name of the engine.
        language: ISO 639-1 code.
        dropped: what the engine gave and nobody is thought to have said.
    """

    lines: tuple[Line, ...]
    source: str
    language: str = "en"
    dropped: tuple[Dropped, ...] = ()

    @property
    def text(self) -> str:
        """All lines, one below the other."""
        return "\n".join(line.text for line in self.lines)

    @property
    def speakers(self) -> tuple[str, ...]:
        """Those whom it names, in the order in which they speak first."""
        return tuple(dict.fromkeys(line.speaker for line in self.lines if line.speaker))

    def within(self, segment: Segment) -> Transcript:
        """The lines whose middles lie in a segment."""
        lines = tuple(line for line in self.lines if line.segment.middle in segment)
        return replace(self, lines=lines)
