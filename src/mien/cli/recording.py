"""Whether a recording is the one that an analysis is of."""

from __future__ import annotations

from contextlib import closing
from pathlib import Path
from typing import TYPE_CHECKING

import typer

from mien.errors import MediaError, OptionError
from mien.facts import ClipFacts, shown
from mien.options import MediaOptions

if TYPE_CHECKING:
    from mien.analysis.analysis import Analysis

MOST_APART = 1.0
"""Seconds by which the lengths of one recording in two containers may differ, at least."""
SHARE_APART = 0.02
"""Share of the length by which they may differ."""


def check_recording(analysis: Analysis, media: Path | None) -> None:
    """Refuse a recording that cannot be the one of the analysis; warn if it may be another.

    Kind and length must agree. Another name, or another picture or sound, is a warning: the file
    may have been renamed or converted.

    Raises:
        OptionError: if kind or length differ.
        InputError: if there is no such file.
    """
    if media is None:
        return
    from mien.sandbox import open_source

    try:
        with closing(open_source(media, _options(analysis))) as source:
            given = source.facts
    except MediaError as error:
        typer.echo(
            f"mien: warning: {shown(media)} cannot be compared with the recording of this analysis "
            f"({shown(error)}).",
            err=True,
        )
        return
    known = analysis.clip
    said = _length(known)
    if given.kind != known.kind or not _may_be(given, analysis):
        raise OptionError(
            f"{shown(media)} is not the recording of this analysis: it is a {given.kind}"
            f"{_length(given)}, the analysis is of {known.name}, a {known.kind}{said}; give the "
            "recording that was analysed."
        )
    differ = [
        f"{what}: {shown(here or 'none')}, not {shown(there or 'none')}"
        for what, here, there in (
            ("name", given.name, known.name),
            ("picture", given.video, known.video),
            ("sound", given.audio, known.audio),
        )
        if here != there
    ]
    if differ:
        typer.echo(
            f"mien: warning: {shown(media)} may not be the recording of this analysis "
            f"({'; '.join(differ)}).",
            err=True,
        )


def _options(analysis: Analysis) -> MediaOptions:
    """How the recording is opened: in the sandbox if it was analysed there."""
    recorded = analysis.provenance.options.get("media", {})
    return MediaOptions(sandbox=bool(recorded.get("sandbox", False)))


def _length(facts: ClipFacts) -> str:
    return f" of {facts.duration:.1f} s" if facts.duration > 0 else ""


def _may_be(given: ClipFacts, analysis: Analysis) -> bool:
    """Whether the lengths allow that both are one recording; a header may claim too much."""
    known = analysis.clip
    lengths = [length for length in (known.duration, known.claimed) if length]
    if given.duration <= 0 or not lengths:
        return True
    if analysis.partial and given.duration >= max(lengths):
        return True
    return any(
        abs(given.duration - length) <= max(MOST_APART, SHARE_APART * length) for length in lengths
    )
