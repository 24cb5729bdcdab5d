"""A recording that was stopped: which rows are whole, and which of them hold when it is gone on."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import takewhile
from pathlib import Path

from mien.analysis.analysis import Analysis
from mien.errors import OptionError
from mien.facts import as_utf8, shown
from mien.options import Options, differing
from mien.timebase import Segment

SAME = 6e-4
"""Seconds within which times are the same: they are written with three decimals."""
NEAR = 5.0
"""Seconds around a segment within which its speech turns must be the same for its row to be kept:
more than the noise and the pauses beside a turn that are looked at."""


def check_same(earlier: Analysis, name: str, options: Options) -> None:
    """Refuse to go on with an analysis of something else.

    Raises:
        OptionError: if it is of another file or was made with other options.
    """
    if as_utf8(Path(earlier.clip.path).name) != as_utf8(name):
        raise OptionError(
            f"The partial analysis is of {earlier.clip.name}, not of {shown(name)}; name "
            "another file for it, or leave --resume out."
        )
    other = differing(earlier.provenance.options, options)
    if other:
        raise OptionError(
            f"The partial analysis was made with another {' and '.join(other)}; give the same "
            "options, or leave --resume out."
        )


def whole_rows(segments: Sequence[Segment], by: str, stopped_at: float) -> tuple[Segment, ...]:
    """The rows that are whole in a recording that was stopped.

    Args:
        segments: of what was perceived.
        by: how it was divided.
        stopped_at: seconds up to which was perceived.
    """
    if by == "clip":
        return tuple(segments)
    # The last one may have been cut short by the end of what was perceived.
    return tuple(segment for segment in segments if segment.end < stopped_at - 1e-6)


def leading_rows(earlier: Sequence[Segment], now: Sequence[Segment]) -> int:
    """How many rows an earlier analysis and this one begin with that are the same."""
    both = zip(earlier, now, strict=False)
    return sum(1 for _ in takewhile(lambda pair: _same(*pair), both))


def same_speech(earlier: Sequence[Segment], now: Sequence[Segment], segment: Segment) -> bool:
    """Whether the speech turns of a segment and around it are the same."""
    around = Segment(max(0.0, segment.start - NEAR), segment.end + NEAR)
    then, here = ([t for t in turns if t.overlap(around) > SAME] for turns in (earlier, now))
    return len(then) == len(here) and all(map(_same, then, here))


def _same(one: Segment, other: Segment) -> bool:
    return abs(one.start - other.start) < SAME and abs(one.end - other.end) < SAME
