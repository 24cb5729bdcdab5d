"""Through a recording, piece by piece."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

from mien.perceive.engines.contract import Engine
from mien.perceive.engines.guards import Keeper
from mien.perceive.engines.pieces import pieces, widened
from mien.scene import AudioTrack, Line, Speech, Transcript, Word
from mien.timebase import Segment


def transcribe(
    engine: Engine,
    audio: AudioTrack,
    speech: Speech,
    progress: Callable[[str, float], None],
    start: float = 0.0,
) -> Transcript:
    """What an engine hears in the speech turns, without what it seems to have invented.

    One piece of sound is in memory at a time. The language is that of the longest piece.

    Args:
        engine: hears the pieces.
        audio: the sound.
        speech: the turns in it; at least one.
        progress: told how far it is.
        start: seconds at which the sound begins.
    """
    found = pieces(speech, audio, engine.longest, engine.gap)
    todo = widened(found, Segment(start, start + audio.duration))
    longest = max(todo, key=lambda piece: piece.duration)
    language = engine.language(audio.read(longest))
    keeper = Keeper(speech)
    for piece in todo:
        progress("transcribing", (piece.start - start) / max(audio.duration, 1e-6))
        for line in engine.hear(audio.read(piece), language):
            keeper.take(_placed(line, piece, speech))
    return Transcript(tuple(keeper.lines), engine.name, language, keeper.dropped)


def _placed(line: Line, piece: Segment, speech: Speech) -> Line:
    """A line at its time in the recording, cut at the ends of its piece.

    An engine counts the pause before a word, or behind it, as part of it. A word that reaches over
    the end of a speech turn is taken for its longest stretch in one.
    """

    def place(part: Segment) -> Segment:
        start, end = (min(piece.start + time, piece.end) for time in (part.start, part.end))
        inside = speech.within(Segment(start, end))
        return max(inside, key=lambda turn: turn.duration) if inside else Segment(start, end)

    words = tuple(Word(w.text, place(w.segment), w.confidence) for w in line.words)
    if not words:
        start, end = (
            min(piece.start + t, piece.end) for t in (line.segment.start, line.segment.end)
        )
        return replace(line, segment=Segment(start, end))
    whole = Segment(words[0].segment.start, max(word.segment.end for word in words))
    return replace(line, segment=whole, words=words)
