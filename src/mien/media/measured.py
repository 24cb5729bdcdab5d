"""What a recording turned out to hold, against what its header claims."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import replace

from mien.facts import ClipFacts
from mien.media.reader import Reader
from mien.timebase import Segment, format_time

AGREE = 0.5
"""Seconds by which a header may be off; it is believed then."""

LEAST_GAP = 1.0
"""Seconds of a gap that is told, at least."""

HEADERLESS = frozenset(
    {"aac", "ac3", "amr", "eac3", "h264", "hevc", "ivf", "loas", "m4v", "mjpeg", "mpegvideo"}
)
"""Formats that claim no length; FFmpeg guesses one from the first bit rate."""


def measured(facts: ClipFacts, readers: Sequence[Reader], finished: bool) -> ClipFacts:
    """The facts once the recording was played, to its end or not.

    Args:
        facts: as the header has them.
        readers: of sound and pictures, each at its end or where play was stopped.
        finished: whether all packets were read.
    """
    end = max((reader.end for reader in readers), default=0.0)
    claimed = facts.duration
    if not finished or end <= 0:
        return replace(facts, duration=max(claimed, end))
    agrees = abs(claimed - end) <= AGREE
    gaps = gaps_of(readers, end)
    notes = [*([] if agrees else _claim(facts, end)), *_gap_notes(gaps), *_resets(readers)]
    believed = agrees or claimed <= 0 or facts.container in HEADERLESS
    return replace(
        facts,
        duration=max(claimed, end) if agrees else end,
        claimed=None if believed else claimed,
        gaps=gaps,
        notes=(*facts.notes, *notes),
    )


def gaps_of(readers: Sequence[Reader], end: float) -> tuple[Segment, ...]:
    """Where none of the streams has anything, ``LEAST_GAP`` seconds or more."""
    common = [Segment(0.0, end)]
    for reader in readers:
        if reader.end <= 0:
            continue
        empty = [*reader.gaps, *([Segment(reader.end, end)] if reader.end < end else [])]
        common = list(_shared(common, empty))
    return tuple(gap for gap in common if gap.duration >= LEAST_GAP and readers)


def _shared(some: Sequence[Segment], others: Sequence[Segment]) -> Iterable[Segment]:
    """What two lists of segments in time order have in common."""
    i = j = 0
    while i < len(some) and j < len(others):
        both = some[i] & others[j]
        if both is not None:
            yield both
        if some[i].end <= others[j].end:
            i += 1
        else:
            j += 1


def _claim(facts: ClipFacts, end: float) -> Iterable[str]:
    claimed = facts.duration
    if claimed <= 0 or facts.container in HEADERLESS:
        return
    if claimed > end:
        yield (
            f"The file claims {_seconds(claimed)}, but what could be decoded ends at "
            f"{_seconds(end)}; it is analysed up to there (cut off, damaged, or a wrong header)."
        )
    else:
        yield (
            f"The file claims {_seconds(claimed)}, but {_seconds(end)} could be decoded; all of it "
            "is analysed."
        )


def _gap_notes(gaps: Sequence[Segment]) -> Iterable[str]:
    if gaps:
        total = sum(gap.duration for gap in gaps)
        yield (
            f"The time stamps leap over {len(gaps)} {'gap' if len(gaps) == 1 else 'gaps'} of "
            f"{_seconds(total)} in all, in which nothing was recorded; the first is from "
            f"{format_time(gaps[0].start)} to {format_time(gaps[0].end)}."
        )


def _resets(readers: Sequence[Reader]) -> Iterable[str]:
    resets = max((reader.resets for reader in readers), default=0)
    if resets:
        yield (
            f"The time stamps jump {resets} {'time' if resets == 1 else 'times'} as if the clock "
            "had been set anew; the recording is taken to go on without a gap there."
        )


def _seconds(seconds: float) -> str:
    """``64.1 s``, from an hour on also in hours or days."""
    if seconds >= 2 * 86_400:
        return f"{seconds:.1f} s ({seconds / 86_400:.1f} days)"
    return f"{seconds:.1f} s" + (f" ({seconds / 3600:.1f} hours)" if seconds >= 3600 else "")
