"""Which streams of a container are played, and what it says of them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TypeVar

from av.audio.stream import AudioStream
from av.container import InputContainer
from av.error import FFmpegError
from av.stream import Discard, Disposition, Stream
from av.subtitles.stream import SubtitleStream
from av.video.stream import VideoStream

from mien.errors import MediaError
from mien.facts import shown
from mien.media.guard import DECODER_OPTIONS, undecodable
from mien.media.layouts import keep
from mien.scene import ClipFacts

_TEXT_CODECS = frozenset({"ass", "mov_text", "srt", "ssa", "subrip", "text", "webvtt"})
_NOT_VIDEO = Disposition.attached_pic | Disposition.timed_thumbnails | Disposition.still_image
_PRIMING = 0.1

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


def choose_streams(container: InputContainer, name: str) -> Streams:
    """Choose what to play and let the demuxer pass over the rest.

    Raises:
        MediaError: if there is neither sound nor a picture that can be decoded.
    """
    tracks = container.streams
    audio = _best(container, "audio", [s for s in tracks.audio if _decodable(s)])
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
        video.codec_context.options = dict(DECODER_OPTIONS)
    return streams


def describe(
    name: str, container: InputContainer, streams: Streams, size: tuple[int, int]
) -> ClipFacts:
    """The facts of a recording.

    Args:
        name: of the file, as given.
        container: opened.
        streams: chosen.
        size: width and height of the upright picture in pixels.
    """
    audio, video = streams.audio, streams.video
    return ClipFacts(
        path=name,
        kind="recording",
        duration=max(0.0, (container.duration or 0) / 1e6),
        container=container.format.name.split(",")[0],
        has_audio=audio is not None,
        has_video=video is not None,
        audio=_audio_words(audio) if audio else "",
        video=_video_words(video, size) if video else "",
        width=size[0],
        height=size[1],
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
    return f"{context.codec.canonical_name}, {context.sample_rate} Hz, {words}"


def _video_words(stream: VideoStream, size: tuple[int, int]) -> str:
    rate = stream.average_rate or stream.guessed_rate
    words = f", {float(rate):.4g} fps" if rate else ""
    return f"{stream.codec_context.codec.canonical_name}, {size[0]}x{size[1]}{words}"
