"""Media with planted answers: beeps and colours at known times, written with PyAV."""

from __future__ import annotations

import struct
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from fractions import Fraction
from pathlib import Path
from typing import Any, cast

import av
import numpy as np
import numpy.typing as npt
from av.audio.stream import AudioStream
from av.container import OutputContainer
from av.subtitles.stream import SubtitleStream
from av.video.stream import VideoStream

ASS_HEADER = (
    b"[Script Info]\r\nScriptType: v4.00+\r\n\r\n[V4+ Styles]\r\n"
    b"Format: Name, Fontname, Fontsize\r\nStyle: Default,Arial,16\r\n\r\n[Events]\r\n"
    b"Format: Layer, Start, End, Style, Name, MarginL, MarginR, MarginV, Effect, Text\r\n"
)

Sound = npt.NDArray[np.float32]
Picture = npt.NDArray[np.uint8]
Warp = Callable[[float], float]

RED, GREEN, BLUE, WHITE = (0, 0, 255), (0, 255, 0), (255, 0, 0), (255, 255, 255)
"""Blue, green, red."""

SECONDS = (RED, GREEN, BLUE, WHITE)
"""The colour of each second of ``by_second``."""


def beeps(seconds: float, at: Sequence[float], rate: int = 48_000, length: float = 0.1) -> Sound:
    """Silence with beeps of 600 Hz that start at the given times, ``(1, n)``."""
    time = np.arange(round(seconds * rate)) / rate
    sound = np.zeros(len(time), np.float32)
    for start in at:
        inside = (time >= start) & (time < start + length)
        sound[inside] = 0.5 * np.sin(2 * np.pi * 600 * (time[inside] - start))
    return sound[None]


def onsets(samples: npt.NDArray[Any], rate: int = 16_000, level: float = 0.1) -> list[float]:
    """When beeps start, seconds: where the level rises after 50 ms of quiet."""
    loud = np.flatnonzero(np.abs(samples) > level)
    if not len(loud):
        return []
    first = np.concatenate([[True], np.diff(loud) > rate // 20])
    return [float(at) / rate for at in loud[first]]


def plain(colour: tuple[int, int, int], width: int = 64, height: int = 48) -> Picture:
    """A picture of one colour in BGR order."""
    return np.full((height, width, 3), colour, np.uint8)


def by_second(time: float) -> Picture:
    """Red in the first second, then green, blue and white."""
    return plain(SECONDS[int(time + 1e-6) % len(SECONDS)])


def nearest(image: npt.NDArray[Any]) -> tuple[int, int, int]:
    """Which of the colours a picture has in its middle."""
    height, width = image.shape[:2]
    middle = image[height // 2, width // 2].astype(int)
    return min(SECONDS, key=lambda colour: int(np.abs(middle - colour).sum()))


def steps(seconds: float, rate: float) -> list[float]:
    """Times of frames at a constant rate."""
    return [i / rate for i in range(round(seconds * rate))]


def _unmoved(time: float) -> float:
    return time


@dataclass
class Recipe:
    """What ``write`` puts into a file; a stream is there if it has content.

    Args:
        sound: ``(channels, n)`` in [-1, 1].
        rate: samples per second.
        layout: of the channels.
        acodec: encoder of the sound.
        times: of the video frames, seconds.
        picture: what is shown at a time.
        vcodec: encoder of the video.
        rotation: degrees counterclockwise that the player is told to turn.
        flips: whether it is told to mirror left-right and up-down.
        captions: (start, end, line).
        scodec: of the captions.
        warp: moves the packets of the sound in time.
        options: of the muxer.
        format: of the container, by the suffix if None.
        aspect: of a pixel.
        language: of the sound and of the captions.
        clock: frames a second of an encoder that wants a fixed frame rate; 0 for one that does not.
        pixels: format of the pixels.
        bits: a second of sound, 0 for the encoder's choice.
    """

    sound: Sound | None = None
    rate: int = 48_000
    layout: str = "mono"
    acodec: str = "aac"
    times: Sequence[float] = ()
    picture: Callable[[float], Picture] = by_second
    vcodec: str = "mpeg4"
    rotation: int = 0
    flips: tuple[bool, bool] = (False, False)
    captions: Sequence[tuple[float, float, str]] = ()
    scodec: str = "subrip"
    warp: Warp = _unmoved
    options: dict[str, str] = field(default_factory=dict)
    format: str | None = None
    aspect: Fraction | int | None = None
    language: tuple[str, str] = ("", "")
    clock: int = 0
    pixels: str = "yuv420p"
    bits: int = 0


def write(path: Path, **recipe: Any) -> Path:
    """Write a file as a ``Recipe`` says."""
    made = Recipe(**recipe)
    with av.open(str(path), "w", format=made.format, container_options=made.options) as out:
        video = _video_stream(out, made) if len(made.times) else None
        audio = None
        if made.sound is not None:
            audio = cast(AudioStream, out.add_stream(made.acodec, rate=made.rate))
            audio.codec_context.layout = made.layout
            audio.metadata["language"] = made.language[0]
            if made.bits:
                audio.bit_rate = made.bits
        subtitles = None
        if made.captions:
            subtitles = cast(SubtitleStream, out.add_stream(made.scodec))
            subtitles.metadata["language"] = made.language[1]
            subtitles.codec_context.subtitle_header = ASS_HEADER
        packets = list(_captions(subtitles, made)) if subtitles else []
        packets += list(_sound(audio, made)) if audio else []
        packets += list(_pictures(video, made)) if video else []
        packets.sort(
            key=lambda p: float((p.dts if p.dts is not None else p.pts or 0) * p.time_base)
        )
        for packet in packets:
            out.mux(packet)
    return path


def _is_avi(out: OutputContainer) -> bool:
    return "avi" in out.format.name


def _video_stream(out: OutputContainer, made: Recipe) -> VideoStream:
    video = cast(VideoStream, out.add_stream(made.vcodec, rate=25))
    height, width = made.picture(0.0).shape[:2]
    video.width, video.height, video.pix_fmt = width, height, made.pixels
    if made.clock:
        video.codec_context.time_base = Fraction(1, made.clock)
    elif not _is_avi(out):
        video.codec_context.time_base = Fraction(1, 1000)
    if made.vcodec == "mpeg4":
        video.codec_context.qmin = video.codec_context.qmax = 3
    if made.vcodec == "libx264":
        video.codec_context.options = {"preset": "ultrafast", "bf": "2"}
    if made.aspect:
        video.codec_context.sample_aspect_ratio = Fraction(made.aspect)
    if made.rotation:
        video.set_display_rotation(made.rotation, hflip=made.flips[0], vflip=made.flips[1])
    return video


def _pictures(video: VideoStream, made: Recipe) -> list[av.Packet[Any]]:
    packets: list[av.Packet[Any]] = []
    for time in made.times:
        frame = av.VideoFrame.from_ndarray(made.picture(time), "bgr24").reformat(format=made.pixels)
        ticks = made.clock or 1000
        frame.pts, frame.time_base = round(time * ticks), Fraction(1, ticks)
        packets += video.encode(frame)
    return packets + video.encode(None)


def _sound(audio: AudioStream, made: Recipe) -> list[av.Packet[Any]]:
    assert made.sound is not None
    packets: list[av.Packet[Any]] = []
    for at in range(0, made.sound.shape[1], 1024):
        piece = np.ascontiguousarray(made.sound[:, at : at + 1024].T.reshape(1, -1))
        frame = av.AudioFrame.from_ndarray(piece, "flt", made.layout)
        frame.sample_rate, frame.pts = made.rate, at
        frame.time_base = Fraction(1, made.rate)
        packets += audio.encode(frame)
    packets += audio.encode(None)
    for packet in packets:
        for name in ("pts", "dts"):
            stamp = getattr(packet, name)
            if stamp is not None:
                moved = made.warp(float(stamp * packet.time_base))
                setattr(packet, name, round(moved / packet.time_base))
    return packets


def _captions(stream: SubtitleStream, made: Recipe) -> list[av.Packet[Any]]:
    packets = []
    for start, end, line in made.captions:
        text = line.encode()
        packet = av.Packet(
            struct.pack(">H", len(text)) + text if made.scodec == "mov_text" else text
        )
        packet.stream = stream
        packet.time_base = Fraction(1, 1000)
        packet.pts = packet.dts = round(start * 1000)
        packet.duration = round((end - start) * 1000)
        packets.append(packet)
    return packets
