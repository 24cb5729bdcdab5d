"""Who speaks when, as somebody says it: turns of speakers, and RTTM, the text form they come in.

NIST's *Rich Transcription Time Marked* (RT-09 evaluation plan, appendix A) has one object a line,
in fields parted by white space: type, file, channel, start, duration, two that turns do not use,
name, confidence, and optionally a look-ahead time. Turns are the objects of the type ``SPEAKER``.
"""

from __future__ import annotations

import math
import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial

from mien.errors import ContractError, InputError
from mien.timebase import Segment

TYPES = frozenset({
    "segment", "noscore", "no_rt_metadata", "lexeme", "non-lex", "non-speech", "filler", "edit",
    "ip", "su", "cb", "a/p", "speaker", "spkr-info",
})  # fmt: skip
"""The types of objects in the evaluation plan, in small letters."""
SHAPE = "SPEAKER FILE CHANNEL START DURATION <NA> <NA> NAME <NA> <NA>"
NOTHING = "<NA>"
_NUMBER = re.compile(r"[+-]?(\d+(\.\d*)?|\.\d+)([eE][+-]?\d+)?")
_FEWEST = 8
_SHOWN = 80
ROUNDED = 0.05
"""Seconds before the start at which a turn may begin, by rounding; it then begins at the start."""


@dataclass(frozen=True)
class Turn:
    """A stretch of time in which somebody speaks.

    Args:
        segment: seconds.
        speaker: the name, not empty.

    Raises:
        ContractError: if the name is empty.
    """

    segment: Segment
    speaker: str

    def __post_init__(self) -> None:
        if not self.speaker:
            raise ContractError(f"The turn {self.segment} needs the name of a speaker.")


def joined_turns(turns: Iterable[Turn]) -> tuple[Turn, ...]:
    """Turns in time order, those of one speaker that overlap or touch as one.

    Examples:
        >>> turns = [Turn(Segment(0, 2), "A"), Turn(Segment(1, 3), "A"), Turn(Segment(1, 2), "B")]
        >>> [(one.speaker, one.segment.end) for one in joined_turns(turns)]
        [('A', 3), ('B', 2)]
    """
    by_speaker: dict[str, list[Segment]] = {}
    for turn in sorted(turns, key=lambda one: one.segment):
        own = by_speaker.setdefault(turn.speaker, [])
        if own and turn.segment.start <= own[-1].end:
            own[-1] = Segment(own[-1].start, max(own[-1].end, turn.segment.end))
        else:
            own.append(turn.segment)
    found = (Turn(segment, who) for who, own in by_speaker.items() for segment in own)
    return tuple(sorted(found, key=lambda one: (one.segment, one.speaker)))


# --- reading ---------------------------------------------------------------------------------

_Refused = Callable[[str], InputError]
"""The error for a line, by what is wrong with it."""


def parse_rttm(text: str, name: str) -> dict[str, tuple[Turn, ...]]:
    """The turns in an RTTM by the recording that their lines name, in the order of the file.

    Objects of other types, comments (``;;``) and turns of no length are left out. Names may hold
    white space where the fields around them tell where they end; a control character in the name
    of a speaker is U+FFFD.

    Args:
        text: of the file.
        name: of the file, for messages.

    Raises:
        InputError: if a line is not RTTM, or no line is a turn; the message names the line.

    Examples:
        >>> parse_rttm("SPEAKER talk 1 0.5 2.0 <NA> <NA> Ann <NA> <NA>", "talk.rttm")
        {'talk': (Turn(segment=Segment(start=0.5, end=2.5), speaker='Ann'),)}
    """
    found: dict[str, list[Turn]] = {}
    spoken = False
    for number, line in enumerate(text.split("\n"), 1):
        fields = line.split()
        if not fields or line.lstrip().startswith((";;", "#")):
            continue
        kind = fields[0].lower()
        if kind not in TYPES:
            raise _refused(name, number, line, f"{fields[0][:_SHOWN]!r} is no type of RTTM")
        if kind != "speaker":
            continue
        spoken = True
        file, turn = _turn(_fields(line), partial(_refused, name, number, line))
        if turn is not None:
            found.setdefault(file, []).append(turn)
    if not found:
        why = "every turn in it has no length" if spoken else "no line begins with SPEAKER"
        raise InputError(f"{name} says of nobody when they speak: {why}; a turn is '{SHAPE}'.")
    return {file: joined_turns(turns) for file, turns in found.items()}


def _refused(name: str, number: int, line: str, why: str) -> InputError:
    shown = line if len(line) <= _SHOWN else f"{line[:_SHOWN]}..."
    return InputError(f"{name}, line {number}: {why}; expected '{SHAPE}', got {shown!r}.")


def _fields(line: str) -> list[str]:
    """The fields of a line; parted by tabs if that alone gives enough of them."""
    by_tabs = [field.strip() for field in line.strip("\r ").split("\t")]
    return by_tabs if len(by_tabs) > _FEWEST else line.split()


def _turn(fields: Sequence[str], refused: _Refused) -> tuple[str, Turn | None]:
    """The file and the turn of a line; no turn if it has no length."""
    if len(fields) < _FEWEST:
        raise refused(f"there are {len(fields)} fields")
    at = _channel(fields)
    start, length = (_seconds(fields[at + i], what, refused) for i, what in _TIMES)
    if start < -ROUNDED:
        raise refused(f"the start {fields[at + 1]} lies before the recording")
    if length < 0:
        raise refused(f"the duration {fields[at + 2]} is negative")
    rest = list(fields[at + 5 :])
    for _ in range(2):  # confidence and look-ahead
        if len(rest) > 1 and (rest[-1] == NOTHING or _NUMBER.fullmatch(rest[-1])):
            rest.pop()
    who = "".join(char if char.isprintable() else "\ufffd" for char in " ".join(rest))
    if who in ("", NOTHING):
        raise refused("it names no speaker")
    begin, end = max(0.0, start), start + length
    turn = Turn(Segment(begin, end), who) if end > begin else None
    return " ".join(fields[1:at]), turn


_TIMES = ((1, "start"), (2, "duration"))


def _channel(fields: Sequence[str]) -> int:
    """Which field is the channel: two numbers follow, then what turns do not use; else the third.

    It is a later one if the name of the file holds white space.
    """
    for i in range(2, len(fields) - 5):
        numbers = all(_NUMBER.fullmatch(field) for field in fields[i + 1 : i + 3])
        if numbers and fields[i + 3] == NOTHING:
            return i
    return 2


def _seconds(field: str, what: str, refused: _Refused) -> float:
    value = float(field) if _NUMBER.fullmatch(field) else math.nan
    if not math.isfinite(value):
        point = " (write a decimal point)" if "," in field else ""
        raise refused(f"the {what} {field[:_SHOWN]!r} is no number of seconds{point}")
    return value


# --- writing ---------------------------------------------------------------------------------


def rttm_text(by_file: Mapping[str, Iterable[Turn]]) -> str:
    r"""Turns as RTTM, a line each in time order; the inverse of :func:`parse_rttm`.

    White space in names is written as ``_``, since it parts the fields; names that would then be
    the same get a number.

    Examples:
        >>> rttm_text({"my talk": [Turn(Segment(0, 1.5), "Ann Lee")]})
        'SPEAKER my_talk 1 0.000 1.500 <NA> <NA> Ann_Lee <NA> <NA>\n'
    """
    files = _written(by_file)
    rows = []
    for file, turns in by_file.items():
        ordered = sorted(turns, key=lambda one: (one.segment, one.speaker))
        names = _written(one.speaker for one in ordered)
        rows += [
            f"SPEAKER {files[file]} 1 {one.segment.start:.3f} {one.segment.duration:.3f} "
            f"{NOTHING} {NOTHING} {names[one.speaker]} {NOTHING} {NOTHING}\n"
            for one in ordered
        ]
    return "".join(rows)


def field_of(name: str) -> str:
    """A name as a field: without white space, and not empty.

    Examples:
        >>> field_of(" Ann  Lee"), field_of("")
        ('Ann_Lee', '_')
    """
    return "_".join(name.split()) or "_"


def _written(names: Iterable[str]) -> dict[str, str]:
    """Each name as a field; no two are the same."""
    found: dict[str, str] = {}
    taken: dict[str, int] = {}
    for name in dict.fromkeys(names):
        plain = field = field_of(name)
        while field in taken:
            taken[plain] += 1
            field = f"{plain}_{taken[plain]}"
        found[name], taken[field] = field, 1
    return found
