"""Whose turns the rows are where a recording was cut by speaker, and the answer for each."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from mien.analysis.analysis import Analysis
from mien.mathematics import log_pool
from mien.segmentation import speaker_turns
from mien.timebase import Segment

NAMELESS = "not named"


@dataclass(frozen=True, eq=False)
class SpeakerRow:
    """The answer for all turns of one speaker.

    Args:
        who: the name; ``NAMELESS`` for the lines of nobody who is named.
        turns: how many.
        seconds: of them.
        probs: ``(k,)`` pooled from the fused rows; None if no turn was judged.
    """

    who: str
    turns: int
    seconds: float
    probs: npt.NDArray[np.float64] | None


def row_speakers(analysis: Analysis) -> list[str] | None:
    """Who speaks in each row; None if the rows are not turns of speakers."""
    recorded = analysis.provenance.options
    asked = recorded.get("segmentation", recorded.get("cut"))
    spoken, turns = analysis.transcript, analysis.speakers
    if not isinstance(asked, dict) or asked.get("by") != "speaker":
        return None
    if not turns and (spoken is None or not spoken.speakers):
        return None
    whole = analysis.part or Segment(0.0, analysis.clip.duration)
    found: dict[tuple[int, int], list[str]] = {}
    for turn in sorted(speaker_turns(spoken, turns, whole), key=lambda one: one.segment):
        found.setdefault(_key(turn.segment), []).append(turn.speaker or NAMELESS)
    names = [found.get(_key(segment), [NAMELESS]) for segment in analysis.segments]
    # Two who speak over exactly the same time have a row each.
    return [own.pop(0) if len(own) > 1 else own[0] for own in names]


def speaker_rows(analysis: Analysis) -> list[SpeakerRow]:
    """One row a speaker, in the order in which they speak first; none if not cut by speaker.

    A log-linear pool of the fused rows of the turns, weighted by quality times seconds.
    """
    names = row_speakers(analysis) or []
    out = []
    for who in dict.fromkeys(names):
        rows = [i for i, name in enumerate(names) if name == who]
        seconds = np.array([analysis.segments[i].duration for i in rows])
        judged = [i for i in rows if analysis.fused.present[i]]
        probs = None
        if judged:
            lasting = np.array([analysis.segments[i].duration for i in judged])
            weights = analysis.fused.quality[judged] * lasting
            weights = weights if weights.sum() > 0 else np.ones(len(judged))
            probs = log_pool(analysis.fused.probs[judged], weights)
        out.append(SpeakerRow(who, len(rows), float(seconds.sum()), probs))
    return out


def _key(segment: Segment) -> tuple[int, int]:
    """Milliseconds, to which the wire form rounds."""
    return round(segment.start * 1000), round(segment.end * 1000)
