"""From the cues of a transcript to what was said, and by whom: without sounds, marks, repeats."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from itertools import pairwise

from mien.media.markup import SPEAKER, clean
from mien.perceive.formats.cue import Cue
from mien.perceive.speakers import Names, headed
from mien.timebase import Segment
from mien.words import Dropped, Line, Word

NOTE = "a note on a sound"
"""Why a cue that holds no words is left out: ``[door slams]``, a pair of notes."""

_NOTE = re.compile(
    rf"({SPEAKER}[^{SPEAKER}\n]*{SPEAKER})|\[[^\[\]]*\]|\([^()]*\)|\u3010[^\u3010\u3011]*\u3011"
    r"|\uff08[^\uff08\uff09]*\uff09|\uff3b[^\uff3b\uff3d]*\uff3d"
    r"|[\u2669-\u266f\U0001f3b5\U0001f3b6\U0001f3bc]+"
)
"""A note on a sound, or a speaker's name between its marks, which is kept."""
_LABEL = re.compile(
    r"^[ \t]*(?:>>+[ \t]*|[-\u2013\u2014][ \t]*)?[\[(]([^\[\]()\n]{1,60})[\])][ \t]*:[ \t]*",
    re.MULTILINE,
)
_NUMBERED = re.compile(
    r"^[ \t]*[\[(]((?:speaker|spk|spkr|person|voice)[ _-]?\w{1,3})[\])][ \t]*",
    re.MULTILINE | re.IGNORECASE,
)
_MARKED = re.compile(rf"{SPEAKER}([^{SPEAKER}\n]*){SPEAKER}")
_DASH = re.compile(r"^\s*(?:>>+|[-\u2013\u2014])\s*")
_RUN = re.compile(r"([^\w\s])\1{9,}")
"""A mark ten times or more, of which three say as much."""
_CHEVRONS = re.compile(r"(?<=\S)[ \t]+>>+")
"""Marks of a new speaker within a row, as captions of live broadcasts have them."""
_SOUND_ROW = re.compile(r"^\s*\*[^*]{1,80}\*\s*$|^\s*#+\s*$")
_SUNG = re.compile(r"^\s*#\s+|(?<!\s)\s+#\s*$")
_WORD = re.compile(r"\w")

Part = tuple[str | None, list[str]]
"""Who speaks, if that is named, and the rows."""


def spoken(cues: Iterable[Cue]) -> tuple[tuple[Line, ...], tuple[Dropped, ...]]:
    """The lines that were said in cues, in time order, and what was left out.

    Notes in brackets (``[laughs]``, ``(door slams)``), dashes and names of speakers are no words;
    a name becomes the line's speaker. A cue in which two people speak becomes two lines, which
    share its time by their letters. Captions that roll, as those that a video platform writes by
    itself, show each row twice or more; it is said once.

    Args:
        cues: with times that a segment can have.
    """
    ordered = sorted(cues, key=lambda cue: (cue.start, cue.end))
    texts = [clean(cue.text).splitlines() for cue in ordered]
    shown = [[row.strip() for row in rows if row.strip()] for rows in texts]
    new = _unrolled(shown)
    rows = [_without_notes(own) for own in new]
    if headed([own for own in rows if own]):
        rows = [[f"{SPEAKER}{own[0]}{SPEAKER}{own[1]}", *own[2:]] if own else own for own in rows]
    known = {cue.speaker for cue in ordered if cue.speaker}
    known |= {" ".join(who.split()) for own in rows for row in own for who in _MARKED.findall(row)}
    names = Names.of(([_DASH.sub("", row) for row in own] for own in rows), known)
    lines: list[Line] = []
    count, notes = 0, 0.0
    for cue, own, all_rows in zip(ordered, rows, new, strict=True):
        said = _lines(cue, _parts(own, cue.speaker, names))
        lines += said
        if all_rows and not said:
            count, notes = count + 1, notes + cue.end - cue.start
    return tuple(lines), (Dropped(NOTE, count, round(notes, 3)),) if count else ()


def words_of(text: str) -> str:
    """What is said in a text without times, on one line; names of speakers are left out."""
    lines, _ = spoken([Cue(0.0, 0.0, row) for row in text.splitlines()])
    return " ".join(line.text for line in lines)


def _without_notes(rows: Sequence[str]) -> list[str]:
    """The rows of a cue without notes on sounds; names in brackets become marks."""
    text = "\n".join(row for row in rows if not _SOUND_ROW.match(row))
    text = _RUN.sub(lambda m: m[1] * 3, text)
    text = _CHEVRONS.sub("\n>>", text)
    text = _LABEL.sub(lambda m: f"{SPEAKER}{m[1].strip()}{SPEAKER}", text)
    text = _NUMBERED.sub(lambda m: f"{SPEAKER}{m[1].strip()}{SPEAKER}", text)
    text = _NOTE.sub(lambda m: m[1] or " ", text)
    return [_SUNG.sub("", row).strip() for row in text.split("\n") if row.strip()]


def _parts(rows: Sequence[str], speaker: str | None, names: Names) -> list[Part]:
    """The rows of a cue by who speaks."""
    speaker = _name(speaker)
    parts: list[Part] = [(speaker, [])]
    for row in rows:
        plain = _DASH.sub("", row)
        if plain != row and parts[-1][0] != speaker:
            parts.append((speaker, []))
        before, *marked = _MARKED.split(plain)
        for who, text in [(None, before), *zip(marked[::2], marked[1::2], strict=True)]:
            named, rest = names.split(_DASH.sub("", text))
            now = named or _name(who)
            if now is not None and now != parts[-1][0]:
                parts.append((now, []))
            parts[-1][1].append(rest)
    return parts


def _name(who: str | None) -> str | None:
    """A speaker's name on one line; None if it holds no letter or figure."""
    name = " ".join(clean(who or "").split())
    return name if _WORD.search(name) else None


def _lines(cue: Cue, parts: Sequence[Part]) -> list[Line]:
    said = [(who, " ".join(" ".join(rows).replace(SPEAKER, " ").split())) for who, rows in parts]
    said = [(who, text) for who, text in said if _WORD.search(text)]
    length = sum(len(text) for _, text in said)
    out = []
    reached, start = 0, cue.start
    for who, text in said:
        reached += len(text)
        end = cue.start + (cue.end - cue.start) * reached / length
        words = _kept(cue.words, text) if len(said) == 1 else ()
        segment = Segment(start, max(start, end if len(said) > 1 else cue.end))
        start = segment.end
        out.append(
            Line(
                segment,
                text,
                words,
                cue.confidence,
                cue.avg_logprob,
                cue.no_speech_prob,
                speaker=who,
            )
        )
    return out


def _kept(words: Sequence[Word], text: str) -> tuple[Word, ...]:
    """The words that are left in a text; none if it is not made of them."""
    tokens = text.split()
    kept: list[Word] = []
    at = 0
    for word in words:
        own = word.text.split()
        if own and tokens[at : at + len(own)] == own:
            kept.append(word)
            at += len(own)
    return tuple(kept) if at == len(tokens) else ()


def _unrolled(shown: Sequence[list[str]]) -> Sequence[list[str]]:
    """The rows that are new in each cue, if the cues roll; else all of them."""
    full = [rows for rows in shown if rows]
    repeats = sum(before[-1] == rows[0] for before, rows in pairwise(full))
    if len(full) < 4 or repeats <= len(full) / 2:
        return shown
    out: list[list[str]] = []
    last = ""
    for rows in shown:
        out.append(rows[1:] if rows and rows[0] == last else rows)
        last = rows[-1] if rows else last
    return out
