"""A recording or a device, pushed into a session as if it happened now."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from pathlib import Path

from mien.errors import InputError, OptionError
from mien.live.session import Session
from mien.media import open_clip
from mien.media.device import DeviceClip, is_device
from mien.options import MediaOptions
from mien.scene import SAMPLE_RATE, AudioBlock, Clip, Frame

_PART = 0.05
"""Seconds of sound that are pushed at once."""
FASTEST = 100.0
"""Times faster than real time."""
_AHEAD = 3.0
"""Seconds by which one stream of a file may be ahead before the other is taken to have ended."""


def check_speed(speed: float) -> None:
    """Refuse a speed at which nothing can be played.

    Raises:
        OptionError: if it is negative or too high.
    """
    if not 0 <= speed <= FASTEST:
        raise OptionError(
            f"A speed of {speed:g} cannot be played; give a number from 0 to {FASTEST:g}."
        )


def open_live(name: str, options: MediaOptions | None = None) -> Clip:
    """The clip of a file, or of a device such as ``/dev/video0`` or ``alsa:default``.

    Raises:
        InputError: if there is no such file or device, or it cannot be opened.
    """
    if is_device(name):
        return DeviceClip(name)
    path = Path(name)
    if not path.exists():
        raise InputError(
            f"There is no file and no device {name!r}; give a recording, /dev/videoN for a camera, "
            "alsa:NAME for a microphone (alsa:default), or both as /dev/video0+alsa:default."
        )
    clip = open_clip(path, options)
    if clip.facts.kind != "recording":
        clip.close()
        raise InputError(
            f"{path.name} is a {clip.facts.kind}; only a recording can be played live."
        )
    return clip


def play(
    clip: Clip,
    session: Session,
    speed: float = 1.0,
    stop: Callable[[], bool] = lambda: False,
) -> None:
    """Push the moments of a clip into a session that runs, each at its time.

    Args:
        clip: not yet played; a device gives its moments when they happen.
        session: started.
        speed: how many times faster than real time; of a patient session, 0 for as fast as it can.
        stop: asked between two moments; once it says True, no more is pushed.

    Raises:
        OptionError: if the speed is negative or too high.
        MediaError: if the clip cannot be decoded.
    """
    check_speed(speed)
    begun = time.monotonic()
    for at, push in _in_order(clip, session):
        if stop():
            return
        if speed and not isinstance(clip, DeviceClip):
            time.sleep(max(0.0, begun + at / speed - time.monotonic()))
        push()


def _in_order(clip: Clip, session: Session) -> Iterator[tuple[float, Callable[[], None]]]:
    """What is pushed, in the order in which it happens, with the time at which it is over."""
    waiting: list[tuple[float, Callable[[], None]]] = []
    reached = {AudioBlock: 0.0, Frame: 0.0}
    both = clip.facts.has_audio and clip.facts.has_video
    for moment in clip.play(session.options.faces.frame_rate):
        if isinstance(moment, AudioBlock):
            waiting += _sound(moment, session)
            reached[AudioBlock] = moment.start
        elif isinstance(moment, Frame):
            raster, at = moment.raster, moment.time
            waiting.append((at, lambda r=raster, t=at: session.push_picture(r, t)))  # type: ignore[misc]
            reached[Frame] = at
        # One stream may be ahead of the other; a file with one only has nothing to wait for.
        until = min(reached.values()) if both else max(reached.values())
        until = max(until, max(reached.values()) - _AHEAD)
        waiting.sort(key=lambda one: one[0])
        while waiting and waiting[0][0] <= until:
            yield waiting.pop(0)
    yield from waiting


def _sound(block: AudioBlock, session: Session) -> Iterator[tuple[float, Callable[[], None]]]:
    size = round(_PART * SAMPLE_RATE)
    for first in range(0, len(block.samples), size):
        part = block.samples[first : first + size]
        start = block.start + first / SAMPLE_RATE

        def push(samples: object = part, at: float = start) -> None:
            session.push_sound(samples, SAMPLE_RATE, at)  # type: ignore[arg-type]

        yield start + len(part) / SAMPLE_RATE, push
