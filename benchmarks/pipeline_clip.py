"""The recordings of pipeline.py: two people who talk, encoded as a camera would.

25 pictures a second, H.264 and AAC, 1.8 Mbit/s in all. Two faces side by side, each of them alone
and a picture without a face follow one another with cuts between them. The pictures carry sensor
noise; the speech has pauses. A minute is encoded once. Shorter recordings are its beginning and
longer ones repeat it, both packet by packet, so that recordings of all lengths are encoded alike.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from fractions import Fraction
from itertools import count
from pathlib import Path
from typing import Any

import av
import cv2
import numpy as np

from mien.demo import RATE as DEMO_RATE
from mien.demo import portrait_pictures
from mien.packs import EMBEDDED
from mien.scene import Image

RATE, SOUND_RATE = 25, 48_000
VIDEO_BITS, SOUND_BITS = 1_700_000, 96_000
MINUTE = 60
"""Seconds that are encoded; longer recordings repeat them."""
STEP = 5
"""Seconds from one forced key picture to the next: recordings are cut there only."""
PAUSE = 1.2
"""Seconds of silence after each sound."""
SCENES = ("both",) * 3 + ("first",) * 2 + ("second",) * 2 + ("both",) * 2 + ("none",)
"""What is seen, in spans of four seconds."""
SPAN = 4
Frame = Any


def recording(
    work: Path,
    height: int,
    seconds: int,
    faces: Sequence[Path] = (),
    sounds: Sequence[Path] = (),
    base: int = MINUTE,
) -> Path:
    """The recording of a size and length; generated if it is not in the folder yet.

    Args:
        work: folder of the recordings.
        height: in pixels; the width is 16/9 of it.
        seconds: multiple of ``STEP``.
        faces: videos of one person each, of which the first two are shown; none for the portrait
            of ``mien demo`` and its mirror image.
        sounds: recordings of speech, one after another; none for the sentence of ``mien demo``.
        base: seconds that are encoded.

    Raises:
        SystemExit: if the length is not a multiple of ``STEP``.
    """
    if seconds % STEP or seconds < STEP:
        raise SystemExit(f"--seconds {seconds}: give multiples of {STEP}.")
    whole, path = work / f"base-{height}p-{base}s.mp4", work / f"clip-{height}p-{seconds}s.mp4"
    if not whole.exists():
        print(f"encoding {base} s of {height}p", flush=True)
        _encode(whole, height, base, faces, sounds)
    if not path.exists():
        fresh = path.with_suffix(".part")
        _splice(whole, fresh, seconds, base)
        fresh.rename(path)
    return path


def megabits(path: Path, seconds: int) -> float:
    """Mbit/s of a file."""
    return path.stat().st_size * 8 / seconds / 1e6


# --- sources ---------------------------------------------------------------------------------


def _played(path: Path) -> Iterator[Image]:
    """The pictures of a video at ``RATE``, from its start again at its end."""
    while True:
        shown = 0
        with av.open(str(path)) as container:
            for frame in container.decode(video=0):
                # A picture stands until the next one.
                while shown / RATE <= (frame.time or 0.0):
                    yield frame.to_ndarray(format="bgr24")
                    shown += 1
        if not shown:
            raise SystemExit(f"{path} holds no picture; give other --faces.")


def _portrait(mirrored: bool) -> Iterator[Image]:
    """The portrait of the demo, which sways to and fro."""
    near = list(portrait_pictures(5 * DEMO_RATE))
    swing = [picture[:, ::-1] if mirrored else picture for picture in (*near, *near[::-1])]
    for number in count():
        yield np.ascontiguousarray(swing[number * DEMO_RATE // RATE % len(swing)])


def _speech(sounds: Sequence[Path], seconds: int) -> np.ndarray:
    """Mono 16-bit samples ``(1, n)`` at ``SOUND_RATE``; the sounds with pauses, repeated."""
    parts = []
    for path in sounds or [EMBEDDED / "demo" / "speech.flac"]:
        resampler = av.AudioResampler("s16", "mono", SOUND_RATE)
        with av.open(str(path)) as container:
            for frame in container.decode(audio=0):
                parts += [block.to_ndarray().ravel() for block in resampler.resample(frame)]
        parts += [block.to_ndarray().ravel() for block in resampler.resample(None)]
        parts.append(np.zeros(round(PAUSE * SOUND_RATE), np.int16))
    once = np.concatenate(parts)
    said = np.resize(once, seconds * SOUND_RATE).astype(np.float32)
    said += np.random.default_rng(0).normal(0, 12, len(said))  # the hiss of a room, -69 dB
    return np.clip(said, -32768, 32767).astype(np.int16)[None]


# --- pictures --------------------------------------------------------------------------------


def _pictures(height: int, seconds: int, faces: Sequence[Path]) -> Iterator[Image]:
    """The pictures ``(height, width, 3)`` of the whole recording."""
    first, second = (
        [_played(path) for path in (*faces, *faces)[:2]]
        if faces
        else [_portrait(False), _portrait(True)]
    )
    width = height * 16 // 9 // 2 * 2
    rng = np.random.default_rng(0)
    wall = cv2.GaussianBlur(rng.normal(110, 30, (height, width, 3)).astype(np.float32), (0, 0), 9)
    wall = np.clip(wall, 0, 255).astype(np.uint8)
    noise = _noise(rng, height, width)
    for number in range(seconds * RATE):
        pair = next(first), next(second)
        picture = wall.copy()
        scene = SCENES[number // (SPAN * RATE) % len(SCENES)]
        if scene == "both":
            _place(picture[:, : width // 2], pair[0])
            _place(picture[:, width // 2 :], pair[1])
        elif scene != "none":
            _place(picture, pair[scene == "second"])
        grain = np.roll(noise[number % len(noise)], rng.integers(0, width, 2), axis=(0, 1))
        yield cv2.add(picture, grain, dtype=cv2.CV_8U)


def _noise(rng: np.random.Generator, height: int, width: int) -> list[np.ndarray]:
    """Sensor noise that a camera has not smoothed away: one or two levels, in spots."""
    return [
        cv2.resize(
            rng.integers(-2, 3, (height // 4, width // 4, 3), dtype=np.int16), (width, height)
        )
        for _ in range(8)
    ]


def _place(room: Image, picture: Image) -> None:
    """A picture in the middle of a part of another, as large as it fits."""
    scale = min(room.shape[0] / picture.shape[0], room.shape[1] / picture.shape[1])
    high, wide = (max(1, int(side * scale)) for side in picture.shape[:2])
    top, left = (room.shape[0] - high) // 2, (room.shape[1] - wide) // 2
    room[top : top + high, left : left + wide] = cv2.resize(picture, (wide, high))


# --- files -----------------------------------------------------------------------------------


def _encode(
    path: Path, height: int, seconds: int, faces: Sequence[Path], sounds: Sequence[Path]
) -> None:
    fresh = path.with_suffix(".part")
    with av.open(str(fresh), "w", format="mp4") as container:
        video = container.add_stream("libx264", rate=RATE)
        video.height, video.width, video.pix_fmt = height, height * 16 // 9 // 2 * 2, "yuv420p"
        video.bit_rate = VIDEO_BITS
        # Closed groups of pictures: nothing before a key picture needs anything after it.
        video.options = {"preset": "medium", "g": str(STEP * RATE), "forced-idr": "1"}
        sound = container.add_stream("aac", rate=SOUND_RATE)
        sound.layout, sound.bit_rate = "mono", SOUND_BITS
        said, each = _speech(sounds, seconds), SOUND_RATE // RATE
        for number, picture in enumerate(_pictures(height, seconds, faces)):
            frame = av.VideoFrame.from_ndarray(picture, format="bgr24")
            frame.pts, frame.time_base = number, Fraction(1, RATE)
            if number % (STEP * RATE) == 0:
                frame.pict_type = av.video.frame.PictureType.I
            container.mux(video.encode(frame))
            samples = np.ascontiguousarray(said[:, number * each : (number + 1) * each])
            block = av.AudioFrame.from_ndarray(samples, format="s16", layout="mono")
            block.sample_rate, block.pts = SOUND_RATE, number * each
            container.mux(sound.encode(block))
        for stream in (video, sound):
            container.mux(stream.encode(None))
    fresh.rename(path)


def _splice(whole: Path, path: Path, seconds: int, base: int) -> None:
    """The beginning of a recording, or its repetition, packet by packet."""
    with av.open(str(path), "w", format="mp4") as out:
        targets: dict[int, Any] = {}
        for turn in range(-(-seconds // base)):
            with av.open(str(whole)) as source:
                for stream in source.streams:
                    if stream.index not in targets:
                        targets[stream.index] = out.add_stream_from_template(stream)
                packets = [p for p in source.demux() if p.dts is not None and p.pts is not None]
                for packet in sorted(packets, key=lambda p: float(p.dts * p.time_base)):
                    starts = float(packet.pts * packet.time_base)
                    # The encoder's priming samples would overlap the part before.
                    if starts >= base or turn * base + starts >= seconds or (turn and starts < 0):
                        continue
                    later = round(turn * base / packet.time_base)
                    packet.pts, packet.dts = packet.pts + later, packet.dts + later
                    packet.stream = targets[packet.stream.index]
                    out.mux(packet)
