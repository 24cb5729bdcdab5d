"""TTML (DFXP, IMSC), YouTube's XML and SAMI."""

from __future__ import annotations

import math
import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field, replace
from xml.etree import ElementTree

from mien.media.markup import without_markup
from mien.perceive.formats.cue import (
    MOST_DIGITS,
    Cue,
    CueFile,
    UnreadableError,
    reason,
    seconds,
    until_next,
)

Element = ElementTree.Element

_DECLARES = re.compile(r"<!(?:ENTITY|ATTLIST|ELEMENT)", re.IGNORECASE)
_DECLARED = re.compile(r"^\s*<\?xml[^>]*\?>")
_N = rf"\d{{1,{MOST_DIGITS}}}"
_OFFSET = re.compile(rf"({_N}(?:\.\d+)?)(h|m|s|ms|f|t)")
_CLOCK = re.compile(rf"({_N}):(\d\d):(\d\d)(?:(\.\d+)|:({_N})(?:\.(\d+))?)?")
_UNITS = {"h": 3600.0, "m": 60.0, "s": 1.0, "ms": 0.001}
_SYNC = re.compile(r"<sync\b[^<>]{0,200}?start\s*=\s*[\"']?(-?\d++)[^<>]{0,200}>", re.IGNORECASE)
_CLASS = re.compile(r"<p\b[^<>]{0,200}?class\s*=\s*[\"']?(\w+)", re.IGNORECASE)
_COMMENT = re.compile(r"<!--.*?(?:-->|$)", re.DOTALL)


def read_xml(text: str) -> CueFile:
    """An XML file of one of the kinds that hold what is said.

    Raises:
        UnreadableError: if it is damaged, declares entities, or is of another kind, by the name of
            its root.
    """
    root = _root(text)
    name = _name(root)
    if name == "tt":
        return _ttml(root)
    if name == "timedtext":
        return _srv3(root)
    if name == "transcript" and any(_name(child) == "text" for child in root):
        return _srv1(root)
    if name in _OF_PAGES:
        raise UnreadableError("a part of a web page (HTML)")
    kind = _OTHERS.get(name, f"XML of an unknown kind (its root is <{name[:40]}>)")
    raise UnreadableError(kind)


_PAGE = """
    a article b body br center div em h1 h2 h3 head i main meta ol p pre script section span strong
    style table title ul
"""
_OF_PAGES = frozenset(_PAGE.split())
_OTHERS = {
    "html": "a web page (HTML)",
    "xmeml": "a Final Cut Pro 7 or Premiere project (XML)",
    "fcpxml": "a Final Cut Pro project (FCPXML)",
    "svg": "a drawing (SVG)",
    "rss": "a news feed (RSS)",
    "package": "a document (Office XML)",
    "worddocument": "a document (Word XML)",
    "emotionml": "EmotionML, which holds judgements and no words",
}


def check_declarations(text: str) -> None:
    """Refuse XML that declares entities: a few of them can stand for gigabytes, or for files.

    Raises:
        UnreadableError: if there is such a declaration.
    """
    if _DECLARES.search(text):
        raise UnreadableError("XML that declares entities, which mien does not expand")


def _root(text: str) -> Element:
    check_declarations(text)
    try:
        return ElementTree.fromstring(_DECLARED.sub("", text.lstrip("\ufeff"), count=1))
    except (ElementTree.ParseError, ValueError, RecursionError) as error:
        raise UnreadableError(f"XML that is damaged ({reason(error)})") from None


def _name(element: Element) -> str:
    """Name of an element in lower case, without its namespace; empty for a comment."""
    tag = element.tag
    return tag.rpartition("}")[2].lower() if isinstance(tag, str) else ""


def _attribute(element: Element, name: str) -> str | None:
    """An attribute by its name, in whatever namespace: there have been four of TTML."""
    for key, value in element.attrib.items():
        if key.rpartition("}")[2] == name:
            return value
    return None


def _whole(text: str | None) -> int:
    """A whole number above 0; 0 for anything else."""
    return int(text) if text and text.isdecimal() and len(text) <= MOST_DIGITS else 0


# --- TTML ------------------------------------------------------------------------------------


@dataclass
class _Rates:
    """What frames and ticks last, and who the agents are.

    Args:
        frame: frames a second.
        tick: ticks a second.
        agents: names by identifier.
    """

    frame: float = 30.0
    tick: float = 1.0
    agents: dict[str, str] = field(default_factory=dict)

    @classmethod
    def of(cls, root: Element) -> _Rates:
        rates = cls()
        frame, tick = _attribute(root, "frameRate"), _attribute(root, "tickRate")
        if _whole(frame):
            rates.frame = rates.tick = float(_whole(frame))
        factor = (_attribute(root, "frameRateMultiplier") or "").replace(":", " ").split()
        if len(factor) == 2 and all(map(_whole, factor)):
            rates.frame *= _whole(factor[0]) / _whole(factor[1])
        if _whole(tick):
            rates.tick = float(_whole(tick))
        for agent in root.iter():
            if _name(agent) == "agent":
                who = _attribute(agent, "id")
                names = [_text(child) for child in agent if _name(child) == "name"]
                if who and names and names[0].strip():
                    rates.agents[who] = " ".join(names[0].split())
        return rates

    def time(self, value: str | None) -> float | None:
        """Seconds of a time expression; None without one, NaN if it is none."""
        if value is None:
            return None
        text = value.strip()
        offset = _OFFSET.fullmatch(text)
        if offset:
            unit = {"f": 1 / self.frame, "t": 1 / self.tick}.get(offset[2], _UNITS.get(offset[2]))
            return float(offset[1]) * (unit or 1.0)
        clock = _CLOCK.fullmatch(text)
        if clock is None:
            return seconds(text)
        hours, minutes, whole, part, frames, _ = clock.groups()
        value_s = int(hours) * 3600 + int(minutes) * 60 + int(whole)
        return value_s + float(part or 0) + int(frames or 0) / self.frame


def _ttml(root: Element) -> CueFile:
    """TTML; its times count from those of the element around, but Apple's from the start."""
    body = next((child for child in root if _name(child) == "body"), None)
    cues: list[Cue] = []
    absolute: list[Cue] = []
    if body is not None:
        around = _Place(0.0, math.inf, None)
        try:
            rates = _Rates.of(root)
            _walk(body, around, rates, cues)
            wrong = 2 * sum(cue.end < cue.start for cue in cues) > len(cues)
            if wrong or any("apple.com" in key for one in root.iter() for key in one.attrib):
                _walk(body, replace(around, absolute=True), rates, absolute)
        except RecursionError:
            raise UnreadableError("XML that is nested too deeply") from None
    cues = absolute or cues
    following = until_next(cues)
    ended = (a if math.isinf(c.end) else c for c, a in zip(cues, following, strict=True))
    return CueFile("TTML", tuple(ended), _attribute(root, "lang") or None)


@dataclass(frozen=True)
class _Place:
    """The interval of a container, who speaks in it, and whether times in it are absolute."""

    start: float
    end: float
    speaker: str | None
    absolute: bool = False


def _walk(element: Element, around: _Place, rates: _Rates, cues: list[Cue]) -> float:
    """Append the cues of an element; its own end, from which on a sequence goes on."""
    here = _place(element, around, rates)
    if _name(element) == "p":
        cues += _paragraph(element, here, rates)
        return here.end
    in_turn = _attribute(element, "timeContainer") == "seq"
    reached = here.start
    for child in element:
        if _name(child) in {"div", "p"}:
            begins = replace(here, start=reached) if in_turn else here
            ended = _walk(child, begins, rates, cues)
            reached = ended if in_turn and math.isfinite(ended) else reached
    return here.end if math.isfinite(here.end) or not in_turn else reached


def _place(element: Element, around: _Place, rates: _Rates) -> _Place:
    begin = rates.time(_attribute(element, "begin"))
    end = rates.time(_attribute(element, "end"))
    length = rates.time(_attribute(element, "dur") or _attribute(element, "duration"))
    origin = 0.0 if around.absolute else around.start
    start = around.start if begin is None else origin + begin
    ends = [around.end]
    if end is not None:
        ends.append(origin + end)
    if length is not None:
        ends.append(start + length)
    agent = (_attribute(element, "agent") or "").split()
    speaker = rates.agents.get(agent[0], agent[0]) if agent else around.speaker
    last = math.nan if any(map(math.isnan, ends)) else min(ends)
    return _Place(start, last, speaker, around.absolute)


def _paragraph(element: Element, here: _Place, rates: _Rates) -> list[Cue]:
    """A paragraph as one cue, or its spans as cues where they alone have times."""
    timed = list(_outermost(element, _is_timed))
    if timed and _attribute(element, "begin") is None:
        places = [(child, _place(child, here, rates)) for child in timed]
        return [Cue(at.start, at.end, _text(child), at.speaker) for child, at in places]
    speakers = {who for child in element.iter() if (who := _place(child, here, rates).speaker)}
    who = speakers.pop() if len(speakers) == 1 else here.speaker
    return [Cue(here.start, here.end, _text(element), who)]


def _is_timed(element: Element) -> bool:
    return _name(element) == "span" and _attribute(element, "begin") is not None


def _text(element: Element) -> str:
    """The words of an element: rows by ``br``, without metadata and annotations of ruby."""
    pieces: list[str] = []
    _gather(element, pieces)
    return "\n".join(" ".join(row.split()) for row in "".join(pieces).split("\v"))


def _gather(element: Element, pieces: list[str]) -> None:
    # Not a generator: each level of those would hand on every piece of the levels below.
    pieces.append(element.text or "")
    for child in element:
        name = _name(child)
        if name == "br":
            pieces.append("\v")
        elif name in {"span", "name"} and _attribute(child, "ruby") not in {"text", "delimiter"}:
            _gather(child, pieces)
        pieces.append(child.tail or "")


def _outermost(element: Element, wanted: Callable[[Element], bool]) -> Iterator[Element]:
    """Those below an element that are wanted, in order; not those inside another one.

    The text of one inside another would be read again at each level.
    """
    stack = [iter(element)]
    while stack:
        child = next(stack[-1], None)
        if child is None:
            stack.pop()
        elif wanted(child):
            yield child
        else:
            stack.append(iter(child))


# --- YouTube, SAMI ---------------------------------------------------------------------------


def _srv1(root: Element) -> CueFile:
    cues = []
    for child in root:
        start = seconds(child.attrib.get("start", ""))
        text = without_markup("".join(child.itertext()))
        cues.append(Cue(start, start + seconds(child.attrib.get("dur", "4")), text))
    return CueFile("YouTube XML", tuple(cues))


def _srv3(root: Element) -> CueFile:
    cues = []
    for child in _outermost(root, lambda one: _name(one) == "p" and "t" in one.attrib):
        start = seconds(child.attrib["t"]) / 1000
        length = seconds(child.attrib.get("d", "4000")) / 1000
        cues.append(Cue(start, start + length, without_markup("".join(child.itertext()))))
    return CueFile("YouTube XML", tuple(cues))


def _milliseconds(text: str) -> float:
    """Seconds of a whole number of milliseconds; NaN for one that no time has."""
    return int(text) / 1000 if len(text) <= MOST_DIGITS else math.nan


def read_sami(text: str) -> CueFile:
    """SAMI; of several languages that of the class whose name holds ``EN``, else the first."""
    parts = _SYNC.split(_COMMENT.sub("", text))
    stamps, texts = parts[1::2], parts[2::2]
    classes = [found[1] if (found := _CLASS.search(said)) else "" for said in texts]
    english = [name for name in classes if "EN" in name.upper()]
    wanted = english[0] if english else next((name for name in classes if name), "")
    cues = [
        Cue(_milliseconds(stamp), math.nan, without_markup(said).strip())
        for stamp, said, name in zip(stamps, texts, classes, strict=True)
        if name in {wanted, ""}
    ]
    # A cue without words ends the one before.
    return CueFile("SAMI", tuple(cue for cue in until_next(cues) if cue.text))
