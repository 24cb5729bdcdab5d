"""Which options a live session can have."""

from __future__ import annotations

from dataclasses import replace

from mien.errors import OptionError
from mien.options import Options
from mien.options.groups import PEOPLE

LONGEST_WINDOW = 120.0
"""Seconds."""


def live_options(options: Options) -> Options:
    """The options under which a session works: everybody's face is judged, by window.

    Raises:
        OptionError: if one of them needs the whole recording.
    """
    _refuse(options.start != 0 or options.end is not None, "a part (start, end)", "push that part")
    words = options.speech.words is not None or options.speech.words_offset != 0
    _refuse(words, "a given transcript (speech.words)", "leave it out")
    person = options.faces.person
    why = "people are numbered as they appear; choose primary or all"
    _refuse(person not in PEOPLE, f"the person {person!r} (faces.person)", why)
    window = options.segmentation.window
    why = f"give at most {LONGEST_WINDOW:g} s"
    _refuse(window > LONGEST_WINDOW, f"a window of {window:g} s (segmentation.window)", why)
    return replace(
        options,
        faces=replace(options.faces, person="all"),
        segmentation=replace(options.segmentation, by="window"),
    )


def _refuse(refused: bool, what: str, remedy: str) -> None:
    if refused:
        raise OptionError(f"A live session cannot have {what}; {remedy}.")
