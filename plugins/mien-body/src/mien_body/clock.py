"""Where a file of body signals lies on the clock of the recording."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from mien.errors import InputError
from mien.facts import ClipFacts, shown
from mien_body.measured import BodyFile
from mien_body.options import BodyOptions

UNSURE = (
    "The body signals were placed by the times that both files claim, which can be wrong by "
    "seconds (clocks differ, and some cameras write the time at which a recording ended); check "
    "with a marker, or give --body-offset."
)
NO_ZONE = "{} has no time zone; that of this computer was taken."
ASSUMED = (
    "{} says nothing of when it began; it was taken to begin with the recording. Give "
    "--body-offset if it does not."
)


@dataclass(frozen=True)
class Placed:
    """How a file lies on the recording's clock.

    Args:
        offset: seconds of the recording at which second 0 of the file lies; None if not known.
        how: in words, or why it is not known.
        notes: what speaks against relying on it.
    """

    offset: float | None
    how: str
    notes: tuple[str, ...] = ()


def place(file: BodyFile, facts: ClipFacts, options: BodyOptions) -> Placed:
    """The place of a file: by the offset, a marker, absolute times, or with the recording.

    Raises:
        InputError: if the file has no marker of the name that was given.
    """
    if options.offset is not None:
        return Placed(options.offset, "by --body-offset")
    if options.marker_at is not None:
        return _by_marker(file, *options.marker_at)
    if file.began is None:
        if options.began is not None:
            return Placed(None, f"{file.name} has no absolute times; give --body-offset")
        return Placed(0.0, "with the recording", (ASSUMED.format(shown(file.name)),))
    recorded = options.began or _parsed(facts.recorded)
    if recorded is None:
        return Placed(
            None,
            "the recording does not say when it began; give --body-offset, --body-marker or "
            "--body-recorded",
        )
    doubts = [] if file.zone_known else [NO_ZONE.format(shown(file.name))]
    doubts += [] if options.began is not None else [UNSURE]
    return Placed((file.began - recorded).total_seconds(), "by absolute times", tuple(doubts))


def _by_marker(file: BodyFile, name: str, seconds: float) -> Placed:
    times = [marker.time for marker in file.markers if marker.name == name]
    if not times:
        named = list(dict.fromkeys(shown(marker.name) for marker in file.markers))[:10]
        there = f"it has {', '.join(named)}" if named else "it has none"
        raise InputError(
            f"{shown(file.name)} has no marker {name!r}; {there}. Give one of them, or "
            "--body-offset."
        )
    several = f"{shown(file.name)} has {len(times)} markers {name!r}; the first was taken."
    return Placed(seconds - times[0], f"by the marker {name!r}", (several,) * (len(times) > 1))


def _parsed(text: str) -> datetime | None:
    """What a container says; without a time zone it is of no use."""
    try:
        found = datetime.fromisoformat(text)
    except ValueError:
        return None
    # Cameras without a clock write the year in which the format's time begins.
    return found if found.tzinfo is not None and found.year > 1971 else None
