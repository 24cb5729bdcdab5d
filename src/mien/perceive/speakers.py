"""Which words before a colon name a speaker: ``Ann Lee: Hello`` does, ``Remember: stay calm`` not.

One row does not tell. A name comes back, or most cues have one; a sentence with a colon in it does
neither.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

_PREFIX = re.compile(r"([^:\uff1a\n]{1,60}?)\s?[:\uff1a](?:\s+|$)")
_TOKEN = re.compile(r"\+?[\w.'\u2019&/#@-]+")
_NUMBERED = re.compile(r"([A-Za-z]+)[ _-]?\d{1,3}")
_LOWER = re.compile(r"\b[a-z][a-z']+\b")
MOST_TOKENS = 5
FEWEST, ALL = 3, 0.9
"""Cues from which on any spelling of names is believed, and the share of them that has one."""


def _words(listed: str) -> frozenset[str]:
    return frozenset(listed.split())


_ROLES = _words(
    """
    anchor announcer attorney audience boy caller child client coach commentator
    correspondent counsel customer doctor examiner expert father female girl guest host
    husband interviewee interviewer judge lawyer male man moderator mother narrator nurse
    officer operator panelist participant patient person presenter president professor
    reporter respondent speaker spk spkr student subject teacher therapist translator
    unknown voice voiceover waiter wife woman
    """
)
"""Who somebody is rather than a name; one row is enough for these."""

_PARTICLES = _words(
    """
    al and bin da de del den der di dos du el la le of the van von y
    """
)

_NO_NAMES = _words(
    """
    action add address advice aim also always announcement answer aside attention
    background because before beware bonus breaking breathe but careful case caution chapter
    choose claim clearly comment conclusion confession consider contents contrast correction
    credits danger date dear decision definition details disclaimer edit episode especially
    essentially example excerpt exercise explanation fact facts fear fifth figure final
    finally first five focus follow forget four fourth from fun fyi goal guess happiness
    hello help her here hint his history how however hypothesis idea imagine important
    instead intro introduction issue item its just know language lesson let listen literally
    location look love lyrics mantra maybe meaning meanwhile message mission moral motto
    music my namely never new news next no not note notice now number obviously ok okay one
    only option or order our part please plus point prediction problem promise proof proverb
    ps purpose question questions quote reason reasons recall recap recipe reference remark
    remember reminder reply report request response result results rule rules sadly sarcasm
    scene second secondly secret section seriously shocking shout simple so solution song
    sorry source spoiler statement step stop story subtitle subtitles suggestion summary
    surprise task techniques thanks their theme then there therefore thesis thing third this
    thought three time tip title to today tomorrow topic translation true truth two update
    verdict verse version wait wanted warning watch well what when where which who why wish
    word words yes yesterday you your
    """
)
"""Words that stand before a colon in sentences, headings and lists."""


@dataclass(frozen=True)
class Names:
    """The speakers of a file that are named before what they say.

    Args:
        accepted: as they are written.
    """

    accepted: frozenset[str] = frozenset()

    @classmethod
    def of(cls, cues: Iterable[Sequence[str]], known: Iterable[str] = ()) -> Names:
        """The names of a file, told by all its cues.

        Args:
            cues: the rows of each.
            known: names that the file gives in a place of their own.
        """
        rows = [own for own in cues if own]
        found = [hit for own in rows for row in own if (hit := _candidate(row))]
        first = [hit for own in rows if (hit := _candidate(own[0]))]
        if len(rows) >= FEWEST and len(first) >= ALL * len(rows):
            return cls(frozenset(name for name, _ in first) | frozenset(known))
        counts = Counter(name for name, _ in found if _has_form(name))
        named = sum(_has_form(name) for name, _ in first)
        surely = {name for name, rest in found if name in counts and _is_sure(name, rest)}
        common = _common(rows)
        return cls(
            frozenset(
                name
                for name, count in counts.items()
                if name in surely or _comes_back(name, count, named, len(rows), common)
            )
            | frozenset(known)
        )

    def split(self, row: str) -> tuple[str | None, str]:
        """The speaker that a row begins with, if any, and the rest of it."""
        found = _candidate(row)
        if found is None or found[0] not in self.accepted:
            return None, row
        return found


def _candidate(row: str) -> tuple[str, str] | None:
    """What stands before a colon, if it may be a name, and what follows."""
    found = _PREFIX.match(row.lstrip())
    if found is None:
        return None
    name = " ".join(found[1].split())
    return (name, row.lstrip()[found.end() :]) if _may_be(name) else None


def _may_be(name: str) -> bool:
    """Whether it may be a name in any spelling, as people choose for themselves: ``ann_lee23``."""
    tokens = name.replace(",", " ").split()
    return (
        1 <= len(tokens) <= MOST_TOKENS
        and all(map(_TOKEN.fullmatch, tokens))
        and not any(token.lower().strip(".'\u2019") in _NO_NAMES for token in tokens)
    )


def _has_form(name: str) -> bool:
    """Whether it is spelt as names are."""
    tokens = name.replace(",", " ").split()
    if not any(char.isalpha() for char in tokens[0]) or name.isdecimal():
        return False
    return _NUMBERED.fullmatch(name) is not None or all(
        _is_capital(token) or (i > 0 and (token in _PARTICLES or token.isdecimal()))
        for i, token in enumerate(tokens)
    )


def headed(rows: Sequence[Sequence[str]]) -> bool:
    """Whether every cue has a name in a row of its own above the words."""
    return len(rows) >= 2 and all(
        len(own) >= 2
        and _may_be(own[0])
        and _has_form(own[0])
        and (len(own[0].split()) >= 2 or _is_sure(own[0], own[1]))
        for own in rows
    )


def _is_capital(token: str) -> bool:
    """Whether a token begins as names do, and does not end a sentence."""
    first = next((char for char in token if char.isalpha()), "")
    return first != "" and not first.islower() and (token[-1] != "." or len(token) <= 5)


def _is_sure(name: str, rest: str) -> bool:
    """A role, a numbered speaker, or capitals before words that are not all in capitals."""
    word, _, more = name.lower().partition(" ")
    numbered = _NUMBERED.fullmatch(name)
    if (word in _ROLES and not more) or (
        numbered and (numbered[1].lower() in _ROLES or len(numbered[1]) == 1)
    ):
        return True
    letters = [char for char in name if char.isalpha()]
    in_capitals = len(letters) > 1 and all(char.isupper() for char in letters)
    return in_capitals and (not rest or any(char.islower() for char in rest))


def _comes_back(name: str, count: int, named: int, cues: int, common: frozenset[str]) -> bool:
    """Whether a name stands so often, or so many cues have one, that it is no accident."""
    words = [word.lower() for word in re.findall(r"[^\W\d_]+", name)]
    most = 2 * named >= cues
    if all(word in common for word in words) and not (most and count >= 3):
        return False
    if len(words) > 1:
        return count >= 2 or 3 * named >= cues
    return (count >= 3 and 10 * named >= cues) or (most and named >= 2)


def _common(rows: Iterable[Sequence[str]]) -> frozenset[str]:
    """Words that also stand in small letters, as names do not."""
    return frozenset(word for own in rows for row in own for word in _LOWER.findall(row))
