"""Which stretches of speech are recognised when."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from mien.perceive.engines.chunks import MARGIN, chunks, quietest, widened
from mien.scene import AudioTrack, Speech
from mien.timebase import Segment

HANGOVER = MARGIN
"""Seconds of sound behind a turn after which it is over; the recogniser is given as much."""
LONGEST = 10.0
"""Seconds of a turn after which a part of it is recognised while it goes on."""
SHORTEST = 0.15
"""Seconds that are worth a recognition."""
_SAME = 0.05


@dataclass(frozen=True)
class Heard:
    """A stretch of speech, and the sound around it that the recogniser is given.

    Args:
        segment: of the speech.
        sound: that is heard.
        over: whether the speech ends with it; else it is a part of a turn that goes on.
    """

    segment: Segment
    sound: Segment
    over: bool = True


class Plan:
    """Hands out stretches of speech once they are over.

    Every stretch is handed out twice: soon after its end (:meth:`utterances`), since somebody waits
    for the words, and in the chunks that an analysis would make (:meth:`chunks`), whose words have
    more around them and stay. Where both are the same, the words are.

    Args:
        longest: seconds of a chunk at most.
        gap: seconds of a pause over which turns are joined to a chunk.
    """

    def __init__(self, longest: float, gap: float) -> None:
        self._longest, self._gap = longest, gap
        self._said = 0.0
        self._before: Segment | None = None
        self._chunked = 0.0
        self._open: float | None = None

    def utterances(
        self, turns: Sequence[Segment], now: float, audio: AudioTrack, ended: bool
    ) -> Iterator[Heard]:
        """The turns that are over and were not handed out, and the first parts of long ones.

        Args:
            turns: in what is kept of the sound.
            now: seconds up to which speech was looked for.
            audio: the sound.
            ended: whether no more sound will come.
        """
        for turn in turns:
            if turn.end <= self._said + _SAME:
                continue
            left = Segment(max(turn.start, self._said), turn.end)
            while left.duration > LONGEST:
                half = Segment(left.start + LONGEST / 2, left.start + LONGEST)
                at = quietest(audio, half)
                yield self._utterance(Segment(left.start, at), at, over=False)
                left = Segment(at, left.end)
            if left.duration >= SHORTEST and (ended or now >= turn.end + HANGOVER):
                yield self._utterance(left, now)

    def _utterance(self, part: Segment, now: float, over: bool = True) -> Heard:
        start = max(part.start - MARGIN, min(self._said, part.start))
        self._said = part.end
        return Heard(part, Segment(start, max(part.end, min(part.end + MARGIN, now))), over)

    def chunks(
        self, turns: Sequence[Segment], now: float, audio: AudioTrack, ended: bool
    ) -> list[Heard]:
        """The chunks that are over and were not handed out; arguments as of :meth:`utterances`."""
        left = [
            Segment(max(turn.start, self._chunked), turn.end)
            for turn in turns
            if turn.end > self._chunked + _SAME
        ]
        if not left:
            self._open = None
            return []
        found = chunks(Speech(tuple(left)), audio, self._longest, self._gap)
        over = len(found) if ended or now >= found[-1].end + self._gap else len(found) - 1
        around = ([] if self._before is None else [self._before]) + found
        sounds = widened(around, Segment(0.0, now))[-len(found) :]
        if over:
            self._before, self._chunked = found[over - 1], found[over - 1].end
        self._open = found[over].start if over < len(found) else None
        return [Heard(*pair) for pair in zip(found[:over], sounds[:over], strict=True)]

    @property
    def open_since(self) -> float | None:
        """When the first speech begins that is in no chunk yet; None if there is none."""
        return self._open
