"""Who speaks when, as RTTM that diarisation tools read, and that ``--speakers`` reads."""

from __future__ import annotations

from pathlib import Path

from mien.analysis.analysis import Analysis
from mien.errors import InputError
from mien.turns import Turn, joined_turns, rttm_text

UNNAMED = "speech"
"""The name in turns of an analysis that knows nobody's."""


def turns_of(analysis: Analysis) -> tuple[Turn, ...]:
    """Who speaks when, in time order; turns of several may overlap.

    The turns that the user gave; without them, the lines of the transcript that name a speaker;
    without these, the turns of speech that were found, under the name ``UNNAMED``.

    Raises:
        InputError: if there are none of them.
    """
    if analysis.speakers:
        return analysis.speakers
    lines = analysis.transcript.lines if analysis.transcript is not None else ()
    turns = [Turn(line.segment, line.speaker) for line in lines if line.speaker]
    turns = turns or [Turn(segment, UNNAMED) for segment in analysis.speech]
    found = joined_turns(turn for turn in turns if turn.segment.duration > 0)
    if not found:
        raise InputError(f"Nobody speaks in {analysis.clip.name}: there are no turns to write.")
    return found


def write_speakers(analysis: Analysis, path: Path) -> None:
    """A ``SPEAKER`` line a turn; the second field is the recording's name without its suffix.

    Raises:
        InputError: if nobody speaks.
    """
    stem = Path(analysis.clip.name).stem
    path.write_text(rttm_text({stem: turns_of(analysis)}), encoding="utf-8")
