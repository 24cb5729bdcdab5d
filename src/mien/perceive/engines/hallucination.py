"""Guards against words that nobody said: what is dropped is counted and named.

The thresholds of compression, log-probability and no-speech are those of Radford et al. 2022,
"Robust Speech Recognition via Large-Scale Weak Supervision", section 4.5, but that no-speech is
believed already at a log-probability of -0.5 (there: -1); a chunk is not tried again with random
sampling, which invents more, but left out.
"""

from __future__ import annotations

import re
import zlib

from mien.scene import Speech
from mien.words import Dropped, Line

LEAST_SPEECH = 0.2
"""Seconds of detected speech that a line needs under it."""
LEAST_SHARE = 0.2
"""Share of a line's time that must be speech."""
COMPRESSION = 2.4
LOG_PROB = -1.0
NO_SPEECH, NO_SPEECH_LOG_PROB = 0.6, -0.5
CONFIDENCE = 0.02
"""Mean posterior of the words below which an engine says no more than that there was sound."""
EVIDENCE = 1.8
"""Nats a token by which the sound must make a line likelier than noise does."""
WORDS_A_SECOND = 8.0
LOOP = 4
"""Times that several words in a row, or a whole line, may not be said again one after another."""
LOOP_OF_ONE = 9
"""The same for a single word: "no no no no" is something people say."""

_WORD = re.compile(r"[\w']+")


class HallucinationFilter:
    """Takes lines in time order; keeps those that can be believed.

    Args:
        speech: the turns in which somebody speaks.
    """

    def __init__(self, speech: Speech) -> None:
        self.lines: list[Line] = []
        self.speech = speech
        self._dropped: dict[str, tuple[int, float]] = {}
        self._same = 0

    def take(self, line: Line) -> None:
        """Keep a line or count why not."""
        reason = why_invented(line, self.speech) or self._said_again(line)
        if reason is None:
            self.lines.append(line)
            return
        count, seconds = self._dropped.get(reason, (0, 0.0))
        self._dropped[reason] = (count + 1, seconds + line.segment.duration)

    def _said_again(self, line: Line) -> str | None:
        same = bool(self.lines) and _plain(self.lines[-1].text) == _plain(line.text)
        self._same = self._same + 1 if same else 0
        return "a repeated line" if self._same >= LOOP - 1 else None

    @property
    def dropped(self) -> tuple[Dropped, ...]:
        """What was left out, by reason."""
        return tuple(Dropped(why, n, round(s, 3)) for why, (n, s) in sorted(self._dropped.items()))


def why_invented(line: Line, speech: Speech) -> str | None:
    """Why a line is not believed; None if it is.

    Examples:
        >>> from mien.timebase import Segment
        >>> speech = Speech((Segment(0.0, 5.0),))
        >>> why_invented(Line(Segment(1.0, 3.0), "Thank you."), speech)
        >>> why_invented(Line(Segment(7.0, 9.0), "Thank you."), speech)
        'no speech under it'
        >>> why_invented(Line(Segment(1.0, 3.0), "you and me " * 5), speech)
        'repeats itself'
    """
    words = _plain(line.text).split()
    if not words:
        return "no words in it"
    spoken = sum(part.duration for part in speech.within(line.segment))
    if spoken < max(LEAST_SPEECH, LEAST_SHARE * line.segment.duration):
        return "no speech under it"
    if compression_ratio(line.text) > COMPRESSION or _loops(words):
        return "repeats itself"
    # A second more, since the first and last words may reach over the ends.
    if len(words) > WORDS_A_SECOND * (line.segment.duration + 1.0):
        return "more words than fit into the time"
    return _why_unsure(line)


def _why_unsure(line: Line) -> str | None:
    sure = line.avg_logprob
    if sure is not None and sure < LOG_PROB:
        return "low confidence of the recogniser"
    silent = line.no_speech_prob
    if silent is not None and silent > NO_SPEECH and (sure or 0.0) < NO_SPEECH_LOG_PROB:
        return "no speech by the recogniser"
    if line.evidence is not None and line.evidence < EVIDENCE:
        return "noise explains the words equally well"
    return "low confidence of the recogniser" if line.confidence < CONFIDENCE else None


def compression_ratio(text: str) -> float:
    """Bytes of a text over its bytes under zlib; high for text that repeats itself."""
    data = text.encode()
    return len(data) / len(zlib.compress(data))


def _plain(text: str) -> str:
    return " ".join(_WORD.findall(text.lower()))


def _loops(words: list[str]) -> bool:
    """Whether up to six words follow on themselves too often."""
    for size in range(1, 7):
        most = LOOP_OF_ONE if size == 1 else LOOP
        run = 1
        for i in range(size, len(words)):
            run = run + 1 if words[i] == words[i - size] else size
            if run >= size * most:
                return True
    return False
