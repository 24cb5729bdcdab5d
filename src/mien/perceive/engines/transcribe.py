"""Through a recording, chunk by chunk."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import replace
from itertools import islice

from mien.memory import release
from mien.perceive.engines.chunks import chunks, widened
from mien.perceive.engines.contract import Engine
from mien.perceive.engines.hallucination import HallucinationFilter
from mien.scene import AudioTrack, Speech
from mien.timebase import Segment
from mien.words import Line, Transcript, Word


def transcribe(
    engine: Engine,
    audio: AudioTrack,
    speech: Speech,
    progress: Callable[[str, float], None],
    start: float = 0.0,
    stop: Callable[[], bool] = lambda: False,
) -> Transcript | None:
    """What an engine hears in the speech turns, without what it seems to have invented.

    As many chunks are heard at the same time as the engine takes, and as many more wait, so that no
    worker waits for the one that hears a longer chunk; of those that are begun together the longest
    is first, so that the workers end together. The language is that of the longest chunk.

    Args:
        engine: hears the chunks.
        audio: the sound.
        speech: the turns in it; at least one.
        progress: told how far it is.
        start: seconds at which the sound begins.
        stop: asked before each chunk; once it says True, no more is heard.

    Returns:
        None if it was stopped: words of a part alone would look like all that was said.
    """
    found = chunks(speech, audio, engine.longest, engine.gap)
    todo = widened(found, Segment(start, start + audio.duration))
    if stop():
        return None
    longest = max(todo, key=lambda chunk: chunk.duration)
    language = engine.language(audio.read(longest))
    keeper = HallucinationFilter(speech)
    with ThreadPoolExecutor(engine.workers, "mien-hear") as crew:
        ahead: deque[tuple[Segment, Future[list[Line]]]] = deque()
        waiting = iter(todo)
        for _ in todo:
            some = list(islice(waiting, 2 * engine.workers - len(ahead)))
            begun = {
                chunk: crew.submit(engine.hear, audio.read(chunk), language)
                for chunk in sorted(some, key=lambda chunk: -chunk.duration)
            }
            ahead.extend((chunk, begun[chunk]) for chunk in some)
            progress("transcribing", (ahead[0][0].start - start) / max(audio.duration, 1e-6))
            if stop():
                return None
            chunk, lines = ahead.popleft()
            for line in lines.result():
                keeper.take(placed(line, chunk, speech))
            release()
    return Transcript(tuple(keeper.lines), engine.name, language, keeper.dropped)


def placed(line: Line, chunk: Segment, speech: Speech) -> Line:
    """A line at its time in the recording, cut at the ends of its chunk.

    An engine counts the pause before a word, or behind it, as part of it. A word that reaches over
    the end of a speech turn is taken for its longest stretch in one.
    """

    def place(part: Segment) -> Segment:
        start, end = (min(chunk.start + time, chunk.end) for time in (part.start, part.end))
        inside = speech.within(Segment(start, end))
        return max(inside, key=lambda turn: turn.duration) if inside else Segment(start, end)

    words = tuple(Word(w.text, place(w.segment), w.confidence) for w in line.words)
    if not words:
        start, end = (
            min(chunk.start + t, chunk.end) for t in (line.segment.start, line.segment.end)
        )
        return replace(line, segment=Segment(start, end))
    whole = Segment(words[0].segment.start, max(word.segment.end for word in words))
    return replace(line, segment=whole, words=words)
