"""What a recording may hold at most; more is refused, since no recording of people has it.

Counted is what is decoded, not what a header claims: a claim that is wrong is measured and noted.
"""

from __future__ import annotations

from av.container import InputContainer

from mien.errors import MediaError
from mien.facts import shown
from mien.media.layouts import keep
from mien.media.reader import Reader
from mien.media.sound import HIGHEST_RATE, LOWEST_RATE
from mien.media.streams import Streams
from mien.scene import Caption, Moment

MAX_STREAMS = 256
"""Streams of a file."""
MAX_CHANNELS = 64
"""Channels of the sound; FFmpeg mixes no more."""
MAX_PICTURES = 1000
"""Pictures a second, on average."""
MAX_LINES = 200_000
"""Lines of a subtitle track."""
MAX_CHARACTERS = 20_000_000
"""Characters of all its lines."""
SLACK = 10.0
"""Seconds of pictures that are read before their number is judged."""


def check_streams(container: InputContainer, name: str) -> None:
    """Refuse a file with very many streams.

    Raises:
        MediaError: if there are more than ``MAX_STREAMS``.
    """
    count = len(container.streams)
    if count > MAX_STREAMS:
        raise MediaError(
            f"{shown(name)} has {count} streams; at most {MAX_STREAMS} are read: copy those that "
            "you need into a file of their own."
        )


def check_sound(streams: Streams, name: str) -> None:
    """Refuse sound with very many channels, or of a rate that no recording has.

    Raises:
        MediaError: saying what it has.
    """
    if streams.audio is None:
        return
    context = streams.audio.codec_context
    channels, rate = keep(context.layout).nb_channels, context.sample_rate
    if channels > MAX_CHANNELS:
        raise MediaError(
            f"{shown(name)} has sound of {channels} channels; at most {MAX_CHANNELS} are read: mix "
            "it down."
        )
    if rate and not LOWEST_RATE <= rate <= HIGHEST_RATE:
        raise MediaError(
            f"{shown(name)} has sound of {rate} samples a second; {LOWEST_RATE} to {HIGHEST_RATE} "
            "are read: convert it to 16000."
        )


class Caps:
    """Counts what is decoded of a recording.

    Args:
        name: of the file, for errors.
        hours: of sound or pictures at most.
        video: index of the stream of pictures; -1 if there is none.
    """

    def __init__(self, name: str, hours: float, video: int) -> None:
        self._name = shown(name)
        self._hours = hours
        self._video = video
        self._pictures = self._lines = self._characters = 0

    def moment(self, moment: Moment) -> None:
        """Count what is handed on.

        Raises:
            MediaError: if there are too many subtitles.
        """
        if isinstance(moment, Caption):
            self._lines += 1
            self._characters += len(moment.text)
            if self._lines > MAX_LINES or self._characters > MAX_CHARACTERS:
                raise MediaError(
                    f"{self._name} has more than {MAX_LINES} lines or {MAX_CHARACTERS} characters "
                    "of subtitles; copy its sound and pictures into a file without them."
                )

    def packet(self, stream: int, reader: Reader) -> None:
        """Count a packet that was decoded.

        Args:
            stream: its stream.
            reader: of the stream.

        Raises:
            MediaError: if the recording is too long or has too many pictures a second.
        """
        most = 3600 * self._hours
        if reader.end > most and reader.end - sum(gap.duration for gap in reader.gaps) > most:
            raise MediaError(
                f"{self._name} is longer than {self._hours:g} hours; raise --max-hours "
                "(media.max_hours), or cut it into parts."
            )
        self._pictures += stream == self._video
        if self._pictures > MAX_PICTURES * (reader.end + SLACK) and stream == self._video:
            raise MediaError(
                f"{self._name} has more than {MAX_PICTURES} pictures a second; convert it to fewer "
                "(ffmpeg -r 30)."
            )
