"""Words that are written down: given, in a file beside the clip, or on a subtitle track."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from mien.errors import InputError, MienError
from mien.facts import shown
from mien.language import foreign
from mien.media import read_text
from mien.media.markup import without_markup
from mien.perceive.fit import Checked, check_cues, fitted, most_characters
from mien.perceive.formats import SUBTITLES, Cue, CueFile, read_cues
from mien.perceive.sidecar import named_in_warning, subtitles_beside
from mien.perceive.subtitles import spoken, words_of
from mien.scene import Caption, ClipFacts
from mien.timebase import Segment
from mien.words import Line, Transcript

__all__ = [
    "LONG", "SUBTITLES", "Written", "find_written", "read_transcript", "sentences",
    "transcript_of_text",
]  # fmt: skip

LONG = 60
"""Words of a paragraph of a text from which on it is read sentence by sentence."""

_END = re.compile(
    r"""(?:(?<=[.!?\u2026])|(?<=[.!?\u2026]["'\u201d\u2019)]))\s+(?=["'\u201c\u2018(]*[A-Z0-9])"""
)
_ABBREVIATED = re.compile(r"\b(?:Mr|Mrs|Ms|Dr|Prof|St|vs|etc|e\.g|i\.e|[A-Z])\.$")
_LONGEST_ABBREVIATION = 6


@dataclass(frozen=True)
class Written:
    """What was found of written words before the clip is played.

    Args:
        transcript: the words, None if there are none that can be used.
        warnings: what was wrong with files that were tried, in words.
        has_times: whether the lines have times of their own, which a text has not.
    """

    transcript: Transcript | None = None
    warnings: tuple[str, ...] = ()
    has_times: bool = True

    def completed(self, facts: ClipFacts, captions: Sequence[Caption], asr: str) -> Written:
        """With the captions of the clip, and held against the length that it turned out to have.

        Args:
            facts: of the clip after it was played.
            captions: of the clip.
            asr: as in ``PerceiveOptions``.
        """
        if self.transcript is not None and not self.has_times:
            lines = tuple(replace(line, segment=_whole(facts)) for line in self.transcript.lines)
            one = len(lines) == 1 and facts.kind == "recording"
            return replace(self, transcript=replace(self.transcript, lines=lines)) if one else self
        warnings = self.warnings
        if self.transcript is not None:
            kept, why = fitted(self.transcript, facts.duration)
            if kept is not None:
                return replace(self, transcript=kept)
            warnings = (*warnings, why)
        if not captions or asr != "auto":
            return Written(None, warnings)
        written = sum(len(one.text) for one in captions)
        if written > most_characters(facts.duration):
            more = f"its {len(captions)} lines hold {written} characters, more than can be said."
            return Written(None, (*warnings, f"The subtitle track is left out: {more}"))
        lines, dropped = spoken(
            Cue(one.segment.start, one.segment.end, without_markup(one.text)) for one in captions
        )
        if not lines:
            return Written(None, (*warnings, "The subtitle track is left out: it holds no words."))
        return Written(_told(Transcript(lines, "subtitles", dropped=dropped)), warnings)


def _whole(facts: ClipFacts) -> Segment:
    return Segment(0.0, facts.duration)


def find_written(
    facts: ClipFacts, asr: str, given: Transcript | str | Path | None, offset: float = 0.0
) -> Written:
    """The words that nobody has to hear: given, a text's own, or in a file beside the clip.

    Everything is read and checked here, before the clip is played. A file that cannot be used
    is a warning, and the next one, the captions or the recogniser take its place.

    Args:
        facts: of the clip.
        asr: as in ``PerceiveOptions``.
        given: the words of the user, or the file that holds them.
        offset: seconds to add to the times of a file that is given, or lies beside the clip.

    Raises:
        InputError: if a file that is given is not there, is of a kind that cannot be read, or is
            a text without words.
    """
    if isinstance(given, (str, Path)):
        return read_transcript(Path(given), facts.duration, offset)
    if given is not None:
        return Written(_told(given))
    if facts.kind == "text":
        own = transcript_of_text(read_text(Path(facts.path)))
        return Written(own, has_times=False)
    return _beside(facts, offset) if asr == "auto" and facts.kind == "recording" else Written()


def _beside(facts: ClipFacts, offset: float) -> Written:
    """The first file beside a recording that can be used, and what was wrong with others."""
    path = Path(facts.path)
    beside = subtitles_beside(path)
    warnings: list[str] = []
    for file in beside.own:
        if file.is_symlink() and not path.is_symlink():
            warnings.append(
                f"{shown(file.name)} beside the recording is a link to another file and is not "
                f"followed; give it with --words {shown(file.name)} if it holds what is said."
            )
            continue
        try:
            found = read_cues(file)
        except MienError as error:
            warnings.append(f"Subtitles beside the recording are left out: {error}")
            continue
        if found.by_mien:
            warnings.append(
                f"{shown(file.name)} says that mien wrote it and is not read back; if you have "
                f"corrected it, give it with --words {shown(file.name)}."
            )
            continue
        checked = check_cues(found, shown(file.name), facts.duration, offset)
        written = _written(found, checked, shown(file.name), "sidecar")
        warnings += written.warnings
        if written.transcript is not None:
            return Written(written.transcript, tuple(warnings))
    named = named_in_warning(path, beside.others)
    return Written(None, (*warnings, named) if named else tuple(warnings))


def read_transcript(path: Path, duration: float, offset: float = 0.0) -> Written:
    """A transcript that the user names, of any kind that ``mien.perceive.formats`` reads.

    Args:
        path: the file.
        duration: seconds of the clip, 0 if not known; a text without times is taken to span it.
        offset: seconds to add to the times of the file.

    Returns:
        the words with warnings; no transcript where no cue can be used.

    Raises:
        InputError: if the file is not there, of a kind that cannot be read, or a text without
            words.
    """
    found = read_cues(path)
    if not found.timed:
        words = words_of("\n".join(without_markup(cue.text) for cue in found.cues))
        if not words:
            raise InputError(f"The transcript {shown(path)} holds no words.")
        line = Line(Segment(0.0, duration), words)
        return Written(_told(Transcript((line,), "given")), has_times=False)
    checked = check_cues(found, shown(path.name), duration, offset)
    written = _written(found, checked, shown(path.name), "given")
    if not found.by_mien:
        return written
    own = (
        f"{shown(path.name)} says that mien wrote it: its words are taken as if a person had "
        "written them."
    )
    return replace(written, warnings=(*written.warnings, own))


def _written(found: CueFile, checked: Checked, name: str, source: str) -> Written:
    """The words of the cues that fit; none, with a warning, if there are none in them."""
    lines, notes = spoken(checked.cues)
    if not lines:
        none = f"{name} is left out: none of its {len(found.cues)} cues holds words."
        return Written(None, checked.warnings if not checked.cues else (*checked.warnings, none))
    language = (found.language or "en").split("-")[0].lower()
    known = language if len(language) == 2 else "en"
    transcript = Transcript(lines, source, known, (*checked.dropped, *notes))
    return Written(_told(transcript), checked.warnings)


def _told(transcript: Transcript) -> Transcript:
    """With the language of the words, told from their letters."""
    other = foreign(transcript.text)
    return transcript if other is None else replace(transcript, language=other.code)


def transcript_of_text(text: str) -> Transcript:
    """The non-empty lines of a text, all at one instant, since a text has no time.

    A paragraph of more than ``LONG`` words is cut into its sentences; a shorter text says more
    as one (``benchmarks/context.py``).
    """
    instant = Segment(0.0, 0.0)
    said = [" ".join(row.split()) for row in text.splitlines() if row.strip()]
    parts = [part for row in said for part in (sentences(row) if _is_long(row) else [row])]
    return _told(Transcript(tuple(Line(instant, part) for part in parts), "given"))


def _is_long(row: str) -> bool:
    return len(row.split()) > LONG


def sentences(text: str) -> list[str]:
    """A text cut behind its full stops, question and exclamation marks, in linear time.

    Examples:
        >>> sentences('Dr. Lee left at 3.30 p.m. on foot. "Why?" he asked. Nobody knew.')
        ['Dr. Lee left at 3.30 p.m. on foot.', '"Why?" he asked.', 'Nobody knew.']
    """
    out: list[list[str]] = []
    for part in _END.split(text):
        before = out[-1][-1][-_LONGEST_ABBREVIATION:] if out else ""
        if _ABBREVIATED.search(before):
            out[-1].append(part)
        else:
            out.append([part])
    return [" ".join(parts) for parts in out]
