"""Which streams of a container are played, and what it says of them."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import TypeVar

from av.audio.stream import AudioStream
from av.container import InputContainer
from av.error import FFmpegError
from av.stream import Discard, Disposition, Stream
from av.subtitles.stream import SubtitleStream
from av.video.stream import VideoStream

from mien.errors import MediaError, OptionError
from mien.facts import shown
from mien.media.guard import DECODER_OPTIONS, undecodable
from mien.media.languages import same_language
from mien.media.layouts import is_custom, keep, layout_is_stated
from mien.media.riff import claimed_seconds
from mien.options import MediaOptions
from mien.scene import ClipFacts
from mien.threads import cores

_TEXT_CODECS = frozenset({"ass", "mov_text", "srt", "ssa", "subrip", "text", "webvtt"})
_NOT_VIDEO = Disposition.attached_pic | Disposition.timed_thumbnails | Disposition.still_image
_PRIMING = 0.1
MOST_LISTED = 8
"""Tracks that a message lists, at most."""

MOST_THREADS = 4
"""Threads of a video decoder at most; each holds some pictures."""

S = TypeVar("S", bound=Stream)


@dataclass(frozen=True)
class Streams:
    """The streams that are played, one of a kind at most.

    Args:
        audio: the sound.
        video: the pictures; never cover art.
        captions: the subtitles, if they are text in the language of the sound.
        origin: the container's time at which the clip starts, in seconds.
    """

    audio: AudioStream | None
    video: VideoStream | None
    captions: SubtitleStream | None
    origin: float

    @property
    def chosen(self) -> list[Stream]:
        """The streams that there are."""
        return [s for s in (self.audio, self.video, self.captions) if s is not None]


def choose_streams(
    container: InputContainer, name: str, options: MediaOptions | None = None
) -> Streams:
    """Choose what to play and let the demuxer pass over the rest.

    Args:
        container: opened.
        name: of the file, for errors.
        options: which sound is wanted.

    Raises:
        MediaError: if there is neither sound nor a picture that can be decoded.
        OptionError: if there is no such track or channel.
    """
    tracks = container.streams
    audio = _audio(container, name, options or MediaOptions())
    videos = [s for s in tracks.video if _decodable(s) and not s.disposition & _NOT_VIDEO]
    video = _best(container, "video", videos)
    if audio is None and video is None:
        if not tracks.audio and not tracks.video:
            raise MediaError(
                f"{shown(name)} has neither sound nor pictures; give a recording with one."
            )
        raise undecodable(name, None)
    captions = _captions(tracks.subtitles, audio)
    streams = Streams(audio, video, captions, _origin(audio, video))
    for stream in tracks:
        if stream not in streams.chosen:
            stream.discard = Discard.all
    if video is not None:
        video.codec_context.thread_type = "AUTO"
        video.codec_context.thread_count = min(cores(), MOST_THREADS)
        video.codec_context.options = dict(DECODER_OPTIONS)
    return streams


def _audio(container: InputContainer, name: str, options: MediaOptions) -> AudioStream | None:
    """The audio track that is wanted, else the file's default.

    Raises:
        OptionError: if there is no such track or channel.
    """
    every, wanted = list(container.streams.audio), options.audio_track
    usable = [stream for stream in every if _decodable(stream)]
    if wanted is None:
        chosen = _best(container, "audio", usable)
    else:
        if isinstance(wanted, int):
            found = [s for s in usable if every.index(s) == wanted - 1]
        else:
            found = [s for s in usable if same_language(wanted, _language(s))]
        if not found:
            listed = _listed(audio_tracks(container)) or "none"
            raise OptionError(
                f"{shown(name)} has no audio track {wanted!r} that can be decoded; its audio "
                f"tracks are: {listed}."
            )
        chosen = found[0]
    if options.audio_channel is not None and chosen is not None:
        _check_channel(chosen, options.audio_channel, name)
    return chosen


def _check_channel(stream: AudioStream, channel: int, name: str) -> None:
    layout = keep(stream.codec_context.layout)
    if channel > layout.nb_channels:
        raise OptionError(
            f"{shown(name)} has no audio channel {channel}; the selected track has "
            f"{layout.nb_channels}."
        )
    if is_custom(layout):
        raise OptionError(
            f"{shown(name)} has channels in an order of its own ({layout.name}), of which none can "
            "be chosen; leave --audio-channel out, or convert its sound to a WAV file first."
        )


def audio_tracks(container: InputContainer) -> tuple[str, ...]:
    """The audio tracks in words: number, codec, rate, channels, language, title, default."""
    return tuple(
        f"{number} ({', '.join(_track_words(stream))})"
        for number, stream in enumerate(container.streams.audio, start=1)
    )


def _listed(tracks: Sequence[str]) -> str:
    """Tracks in a message: the first of them, and how many there are beside."""
    more = len(tracks) - MOST_LISTED
    return "; ".join(tracks[:MOST_LISTED]) + (f"; and {more} more" if more > 0 else "")


def _track_words(stream: AudioStream) -> Iterator[str]:
    yield _audio_words(stream) if _decodable(stream) else "cannot be decoded"
    if _language(stream):
        yield shown(_language(stream))
    title = stream.metadata.get("title") or stream.metadata.get("handler_name", "")
    if title and "Handler" not in title and title != "Core Media Audio":
        yield shown(repr(title[:60]))
    if stream.disposition & Disposition.default:
        yield "default"


def _several(
    container: InputContainer, audio: AudioStream | None, options: MediaOptions
) -> Iterator[str]:
    """That there are more audio tracks than the one that is heard."""
    every = list(container.streams.audio)
    if len(every) > 1 and audio is not None and options.audio_track is None:
        yield (
            f"Audio track {every.index(audio) + 1} of {len(every)} is used: "
            f"{_listed(audio_tracks(container))}. --audio-track chooses another."
        )


def describe(
    name: str,
    container: InputContainer,
    streams: Streams,
    size: tuple[int, int],
    options: MediaOptions,
) -> ClipFacts:
    """The facts of a recording.

    Args:
        name: of the file, as given.
        container: opened.
        streams: chosen.
        size: width and height of the upright picture in pixels.
        options: which sound was wanted.
    """
    audio, video = streams.audio, streams.video
    kind = container.format.name.split(",")[0]
    return ClipFacts(
        path=name,
        kind="recording",
        duration=max(
            (container.duration or 0) / 1e6, claimed_seconds(name) if kind == "wav" else 0
        ),
        container=kind,
        has_audio=audio is not None,
        has_video=video is not None,
        audio=_audio_words(audio) if audio else "",
        video=_video_words(video, size) if video else "",
        width=size[0],
        height=size[1],
        audio_tracks=audio_tracks(container),
        notes=tuple(_several(container, audio, options)),
        recorded=shown(container.metadata.get("creation_time", "")[:40]),
    )


def _decodable(stream: Stream) -> bool:
    return stream.codec_context is not None


def _best(container: InputContainer, kind: str, usable: Sequence[S]) -> S | None:
    if not usable:
        return None
    try:
        best = container.streams.best("audio" if kind == "audio" else "video")
    except FFmpegError:
        best = None
    return next((stream for stream in usable if stream is best), usable[0])


def _captions(
    subtitles: Sequence[SubtitleStream], audio: AudioStream | None
) -> SubtitleStream | None:
    """The first track of what is said: in the language of the sound, not only signs and songs."""
    spoken = _language(audio)
    for stream in subtitles:
        if not _decodable(stream) or stream.codec_context.name not in _TEXT_CODECS:
            continue
        other = spoken and _language(stream) and _language(stream) != spoken
        if not other and not stream.disposition & Disposition.forced:
            return stream
    return None


def _language(stream: Stream | None) -> str:
    language = stream.language if stream else None
    return "" if language in (None, "und") else str(language)


def _origin(audio: AudioStream | None, video: VideoStream | None) -> float:
    starts = [
        float(stream.start_time * stream.time_base)
        for stream in (audio, video)
        if stream is not None and stream.start_time is not None and stream.time_base
    ]
    origin = min(starts, default=0.0)
    return 0.0 if -_PRIMING < origin < 0 else origin  # samples that the decoder drops


def _audio_words(stream: AudioStream) -> str:
    context = stream.codec_context
    layout = keep(context.layout)
    words = {1: "mono", 2: "stereo"}.get(layout.nb_channels, layout.name)
    if layout.nb_channels > 2 and not layout_is_stated(stream):
        words = f"{layout.nb_channels} channels"
    return f"{context.codec.canonical_name}, {context.sample_rate} Hz, {words}"


def _video_words(stream: VideoStream, size: tuple[int, int]) -> str:
    rate = stream.average_rate or stream.guessed_rate
    words = f", {float(rate):.4g} fps" if rate else ""
    return f"{stream.codec_context.codec.canonical_name}, {size[0]}x{size[1]}{words}"
