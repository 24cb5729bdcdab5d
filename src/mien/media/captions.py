"""Subtitle lines, markup removed."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from av.packet import Packet
from av.subtitles.stream import SubtitleStream
from av.subtitles.subtitle import AssSubtitle, Subtitle

from mien.media.markup import without_overrides
from mien.media.reader import Reader, Timeline
from mien.scene import Caption
from mien.timebase import Segment

DEFAULT_SECONDS = 4.0
"""How long a line stands that does not say so."""

_FIELDS_BEFORE_TEXT = 8


class CaptionReader(Reader):
    """The lines of a subtitle track, as the container holds them.

    Args:
        stream: of the subtitles.
        origin: the container's time at which the clip starts, seconds.
    """

    def __init__(self, stream: SubtitleStream, origin: float) -> None:
        super().__init__(stream, Timeline(origin, 0.0))
        self._stream = stream
        self._origin = origin

    def read(self, packet: Packet[Any] | None) -> Iterator[Caption]:
        """The lines of a packet."""
        stamp = self._stamp(packet) if packet else None
        if packet is None or stamp is None:
            return
        start = stamp - self._origin
        end = start + (max(0, packet.duration or 0) * self._base or DEFAULT_SECONDS)
        if end <= 0:
            return
        for subtitle in self._attempt(lambda: self._decode(packet)):
            text = _words(subtitle)
            if text:
                yield Caption(Segment(max(0.0, start), end), text)

    def _decode(self, packet: Packet[Any]) -> list[Subtitle]:
        return list(self._stream.decode(packet))


def _words(subtitle: Subtitle) -> str:
    if not isinstance(subtitle, AssSubtitle):
        return ""
    line = subtitle.ass.decode("utf-8", errors="replace")
    return plain(line.split(",", _FIELDS_BEFORE_TEXT)[-1])


def plain(text: str) -> str:
    r"""The words of a SubStation line without tags and drawings, its rows by line breaks.

    Examples:
        >>> plain(r"{\i1}Well,{\i0}\N hello  there")
        'Well,\nhello there'
        >>> plain(r"{\p1}m 0 0 l 10 10")
        ''
    """
    rows = (" ".join(row.split()) for row in without_overrides(text).splitlines())
    return "\n".join(row for row in rows if row)
