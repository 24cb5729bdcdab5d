"""Markup taken out of cue text in linear time, whatever the text is."""

from __future__ import annotations

import html
import re

SPEAKER = "\ue000"
"""Stands on both sides of a speaker's name within the text of a cue, until it is taken apart."""

_VOICE = re.compile(r"<v(?:\.[^\s<>]*)?[ \t]([^<>]+)>", re.IGNORECASE)
_RUBY = re.compile(r"<rt\b[^<>]*>[^<]*(?:</rt>)?", re.IGNORECASE)
_BREAK = re.compile(r"<br[ \t]*/?>", re.IGNORECASE)
_TAG = re.compile(r"</?[A-Za-z][^<>]*>|<\d[\d:.]*>|</?>")
_ESCAPED = re.compile(r"</?(?:i|b|u|s|c|v|font|span|em|strong)\b[^<>]*>", re.IGNORECASE)
_ENTITY = re.compile(r"&(?:#\d{1,7}|#[xX][0-9a-fA-F]{1,6}|[A-Za-z][A-Za-z0-9]{1,31});")
_OVERRIDE = re.compile(r"\{\\[^{}]*\}|\{[yYcCfFsSpPoO]:[^{}]*\}")
_INVISIBLE = re.compile(
    "[\u00ad\u200b-\u200f\u202a-\u202e\u2060-\u2064\u2066-\u2069\ufeff\ufff9-\ufffb]"
)
_CONTROLS = re.compile(r"[\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x84\x86-\x9f]")
_SURROGATES = re.compile(r"[\ud800-\udfff]")
_DRAWING = re.compile(r"\\p(\d)")
_ASS_BREAK = re.compile(r"\\[Nn]")


def without_markup(text: str) -> str:
    r"""The text of an SRT or WebVTT cue without tags, with entities as characters.

    ``<v Name>`` becomes the name between two ``SPEAKER`` marks.

    Examples:
        >>> without_markup(r"<i>I am</i> {\an8}<font color=red>happy</font> &amp; glad: 1 < 2")
        'I am happy & glad: 1 < 2'
    """
    text = _CONTROLS.sub("", text).replace(SPEAKER, "")
    text = _VOICE.sub(lambda m: f"{SPEAKER}{m[1].strip()}{SPEAKER}", text)
    text = _TAG.sub("", _BREAK.sub("\n", _RUBY.sub("", text)))
    text = _ESCAPED.sub("", entities(_OVERRIDE.sub("", text)))
    return visible(text)


def entities(text: str) -> str:
    """Character references that end in ``;`` as the characters that they stand for."""
    return _CONTROLS.sub("", _ENTITY.sub(lambda m: html.unescape(m[0]), text))


def visible(text: str) -> str:
    """Without characters of no width, which would part or join words unseen."""
    return _INVISIBLE.sub("", text).replace("\u00a0", " ")


def clean(text: str) -> str:
    """Text without controls, halves of surrogate pairs and characters of no width."""
    return visible(_SURROGATES.sub("", _CONTROLS.sub("", text)))


def without_overrides(text: str) -> str:
    r"""The text of a SubStation line without its tags and drawings, rows by line breaks.

    A tag goes from a ``{`` to the next ``}``, whatever lies between; a ``{`` that is never
    closed is text. Takes linear time.

    Examples:
        >>> without_overrides(r"{\i1}Well,{\i0}\Nhello")
        'Well,\nhello'
    """
    *closed, rest = _CONTROLS.sub("", text).split("}")
    kept: list[str] = []
    drawing = False
    for part in closed:
        start = part.find("{")
        if not drawing:
            kept.append(part[:start] if start >= 0 else part + "}")
        modes = _DRAWING.findall(part, start) if start >= 0 else []
        drawing = modes[-1] != "0" if modes else drawing
    plain = "".join(kept) + ("" if drawing else rest)
    return visible(_ASS_BREAK.sub("\n", plain).replace("\\h", " "))
