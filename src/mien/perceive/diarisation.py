"""Who speaks when: the turns of an RTTM that the user gives or that lies beside the recording."""

from __future__ import annotations

import unicodedata
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import groupby
from pathlib import Path, PurePosixPath

import numpy as np

from mien.emotions import MIEN7
from mien.errors import InputError, MienError, OptionError
from mien.facts import ClipFacts, shown
from mien.media import read_text
from mien.timebase import Segment
from mien.turns import Turn, field_of, joined_turns, parse_rttm
from mien.words import Line, Transcript, Word

AUTO, NONE = "auto", "none"
SUFFIX = ".rttm"
NEAR = 0.5
"""Seconds beside a turn within which a word may still belong to it: turns are found to about so."""
MOST_NAMED = 5
"""Recordings that a message names, at most."""


@dataclass(frozen=True)
class Diarised:
    """Turns that were found, and what was wrong with files that were tried, in words."""

    turns: tuple[Turn, ...] = ()
    warnings: tuple[str, ...] = ()

    def fitted(self, extent: Segment, duration: float) -> Diarised:
        """The parts of the turns that lie in what was perceived of a recording.

        Args:
            extent: what was perceived.
            duration: seconds of the recording; turns beyond them are warned of.
        """
        parts = ((turn, turn.segment & extent) for turn in self.turns)
        kept = tuple(replace(turn, segment=part) for turn, part in parts if part is not None)
        over = [turn for turn in self.turns if turn.segment.end > duration + NEAR]
        if not over:
            return replace(self, turns=kept)
        gone = sum(turn.segment.start >= duration for turn in over)
        latest = max(turn.segment.end for turn in over)
        said = (
            f"{len(over)} of {len(self.turns)} turns of speakers reach beyond the end of the "
            f"recording ({latest:.1f} s, it lasts {duration:.1f} s): {len(over) - gone} are cut, "
            f"{gone} left out. The file may be of another recording."
        )
        return Diarised(kept, (*self.warnings, said))


def find_turns(facts: ClipFacts, given: str | Path | None) -> Diarised:
    """The turns of a recording, read and checked before it is played.

    Args:
        facts: of the recording.
        given: an RTTM; ``auto`` for one that bears the recording's name beside it, ``none``.

    Raises:
        InputError: if a file that is given is not there, is no RTTM, is of other recordings, or
            says nothing of the time of this one.
    """
    if given in (None, NONE) or (given == AUTO and facts.kind != "recording"):
        return Diarised()
    path = Path(facts.path)
    if given == AUTO:
        return _beside(path)
    if facts.kind != "recording":
        return Diarised(warnings=(f"A {facts.kind} has no turns; the file of speakers is unused.",))
    found = _read(Path(str(given)), path)
    starts = min(turn.segment.start for turn in found.turns)
    if 0 < facts.duration <= starts:
        raise InputError(
            f"{shown(given)} has no turn in {facts.name}: its first one begins at {starts:.1f} s, "
            f"the recording lasts {facts.duration:.1f} s. Give the file of this recording, with "
            "times in seconds from its start."
        )
    return found


def _read(file: Path, recording: Path) -> Diarised:
    by_file = parse_rttm(read_text(file), shown(file))
    if holds_emotions(by_file):
        raise InputError(
            f"{shown(file)} names emotions and no speakers: it is an export of mien. Give an RTTM "
            "that says who speaks when."
        )
    own = _own(by_file, recording)
    if own is None and len(by_file) > 1:
        names = [shown(name) for name in by_file]
        more = f" and {len(names) - MOST_NAMED} more" if len(names) > MOST_NAMED else ""
        raise InputError(
            f"{shown(file)} is of {', '.join(names[:MOST_NAMED])}{more}, none of which is "
            f"{shown(recording.name)}; the second field of its lines must be "
            f"{shown(field_of(recording.stem))!r}."
        )
    if own is not None:
        return Diarised(own)
    ((name, turns),) = by_file.items()
    said = (
        f"The turns in {shown(file.name)} are of {shown(name)!r} by their second field; they are "
        f"taken as those of {shown(recording.name)}, as there are no others."
    )
    return Diarised(turns, (said,))


def holds_emotions(by_file: Mapping[str, Iterable[Turn]]) -> bool:
    """Whether an RTTM is an export of mien, whose "speakers" are labels, a file a modality."""
    names = {turn.speaker for turns in by_file.values() for turn in turns}
    return names <= set(MIEN7.labels) and all("." in file for file in by_file)


def _own(by_file: Mapping[str, tuple[Turn, ...]], recording: Path) -> tuple[Turn, ...] | None:
    """The turns of the lines that name a recording; None if there are none.

    By its name with or without its suffix, then the same in a folder, then with another suffix.
    """
    wanted = {_folded(recording.name), _folded(recording.stem)}
    ways = (str, lambda name: PurePosixPath(name).name, lambda name: PurePosixPath(name).stem)
    for way in ways:
        named = [name for name in by_file if _folded(way(name)) in wanted]
        if named:
            return joined_turns(turn for name in named for turn in by_file[name])
    return None


def _folded(name: str) -> str:
    """A name for comparison: as a field, without case, the same however accents are written."""
    return unicodedata.normalize("NFC", field_of(name)).casefold()


def check_for_many(given: str | Path | None, recordings: int) -> None:
    """Refuse an RTTM of one recording for several: it would be taken for the turns of each.

    Raises:
        OptionError: if it is one.
        InputError: if it is no RTTM.
    """
    if recordings < 2 or given in (None, AUTO, NONE):
        return
    file = Path(str(given))
    names = list(parse_rttm(read_text(file), shown(file)))
    if len(names) == 1:
        raise OptionError(
            f"{shown(file)} has the turns of one recording ({shown(names[0])}), and {recordings} "
            "are given. Name each recording in the second field of its lines, or put NAME.rttm "
            "beside each recording, which is read without --speakers."
        )


# --- beside a recording ----------------------------------------------------------------------


def rttm_beside(recording: Path, names: Iterable[str] | None = None) -> Path | None:
    """``talk.mp4.rttm`` or ``talk.rttm`` beside ``talk.mp4``, in any case of letters; or None.

    Args:
        recording: its path.
        names: of the files beside it; by default the folder is listed.
    """
    wanted = [_folded(name + SUFFIX) for name in (recording.name, recording.stem)]
    try:
        names = [one.name for one in recording.parent.iterdir()] if names is None else names
        likely = [name for name in names if name.lower().endswith(SUFFIX)]
        found = {_folded(one): one for one in likely if recording.with_name(one).is_file()}
    except (OSError, ValueError):  # ValueError: a path with NUL
        return None
    name = next((found[name] for name in wanted if name in found), None)
    return None if name is None else recording.with_name(name)


def _beside(recording: Path) -> Diarised:
    file = rttm_beside(recording)
    if file is None:
        return Diarised()
    name = shown(file.name)
    if file.is_symlink() and not recording.is_symlink():
        return Diarised(
            warnings=(
                f"{name} beside the recording is a link to another file and is not followed; give "
                f"it with --speakers {name} if it says who speaks when.",
            )
        )
    try:
        return _read(file, recording)
    except MienError as error:
        return Diarised(warnings=(f"The turns beside the recording are left out: {error}",))


def is_input(file: Path) -> bool:
    """Whether an RTTM beside a recording holds turns of speakers, and no emotions."""
    try:
        return not holds_emotions(parse_rttm(read_text(file), shown(file)))
    except MienError:
        return False


# --- who says the words ----------------------------------------------------------------------


def with_speakers(transcript: Transcript, turns: Sequence[Turn]) -> Transcript:
    """The lines with who says them, as the turns tell; unchanged if there are none.

    A word belongs to the turn that it overlaps most, else to the nearest within ``NEAR``; a line
    whose words belong to several speakers is divided. A line without words that have times belongs
    to whoever speaks for more than half of the turns in it. Names that the transcript gives are
    replaced.
    """
    if not turns:
        return transcript
    whose = _Whose(turns)
    lines = [part for line in transcript.lines for part in _named(line, whose)]
    return replace(transcript, lines=tuple(sorted(lines, key=lambda line: line.segment)))


class _Whose:
    """Who speaks in a stretch of time."""

    def __init__(self, turns: Sequence[Turn]) -> None:
        turns = sorted(turns, key=lambda turn: turn.segment)
        self._starts = np.array([turn.segment.start for turn in turns])
        self._ends = np.array([turn.segment.end for turn in turns])
        self._names = list(dict.fromkeys(turn.speaker for turn in turns))
        number = {name: i for i, name in enumerate(self._names)}
        self._who = np.array([number[turn.speaker] for turn in turns])
        self._latest = np.maximum.accumulate(self._ends)

    def shares(self, segment: Segment) -> dict[str, float]:
        """Seconds of each speaker in a segment; the nearest turn if there are none in it."""
        # Turns are in order of their starts; those that end too early are skipped at once.
        low = int(np.searchsorted(self._latest, segment.start - NEAR, "left"))
        high = int(np.searchsorted(self._starts, segment.end + NEAR, "right"))
        if low >= high:
            return {}
        who, starts, ends = (column[low:high] for column in (self._who, self._starts, self._ends))
        signed = np.minimum(ends, segment.end) - np.maximum(starts, segment.start)
        if (signed > 0).any():
            sums = np.bincount(who, np.maximum(signed, 0.0), len(self._names))
            return {self._names[i]: float(sums[i]) for i in np.flatnonzero(sums)}
        nearest = int(signed.argmax())
        return {self._names[who[nearest]]: 0.0} if signed[nearest] >= -NEAR else {}

    def of_word(self, word: Word, before: str | None) -> str | None:
        """Who says a word; of two who speak for as long, the one who spoke before."""
        shares = self.shares(word.segment)
        return max(shares, key=lambda who: (round(shares[who], 3), who == before), default=None)

    def of_line(self, line: Line) -> str | None:
        shares = self.shares(line.segment)
        who = max(shares, key=lambda who: shares[who], default=None)
        return who if who is not None and 2 * shares[who] >= sum(shares.values()) else None


def _named(line: Line, whose: _Whose) -> list[Line]:
    """A line by its speakers, one after the other."""
    if not line.words:
        return [replace(line, speaker=whose.of_line(line))]
    names: list[str | None] = []
    for word in line.words:
        names.append(whose.of_word(word, names[-1] if names else None))
    if len(set(names)) == 1:
        return [replace(line, speaker=names[0])]
    runs = groupby(zip(names, line.words, strict=True), key=lambda pair: pair[0])
    return [_part(line, who, [word for _, word in run]) for who, run in runs]


def _part(line: Line, who: str | None, words: Sequence[Word]) -> Line:
    start = min(word.segment.start for word in words)
    return replace(
        line,
        segment=Segment(start, max(word.segment.end for word in words)),
        text=" ".join(word.text.strip() for word in words),
        words=tuple(words),
        confidence=sum(word.confidence for word in words) / len(words),
        speaker=who,
    )
