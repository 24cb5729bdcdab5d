"""Shot boundaries from sampled pictures: what was seen just before against what is seen after."""

from __future__ import annotations

from array import array
from bisect import bisect_left
from collections import deque
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from mien.scene import Floats, Frame, Raster

THUMBNAIL = (24, 16)
BINS = (12, 5)
"""Of hue and saturation."""
SPAN, FEWEST = 0.6, 3
"""Seconds, and pictures at least, that are looked at on either side."""
MOST = 8
LEAST = 0.25
"""Difference below which there is no cut, however calm the film is around."""
RATIO = 2.0
"""How many times the difference must exceed what is usual around it."""
SUDDEN = 4.0
"""How many times the step to a picture must exceed what is usual, where films are cut so often that
the difference is large all the time."""
DARK = 0.04
"""Mean brightness below which a picture is taken for black."""


@dataclass(frozen=True, eq=False)
class _Look:
    """A picture as its colours in place, of mean 0, and as shares of its hues."""

    time: float
    thumbnail: Floats
    hues: Floats


class ShotFinder:
    """Looks at pictures in time order; keeps some small ones and 16 bytes a picture.

    The medians of the pictures just before and just after are compared, so that a flash is no
    cut. The difference, or the step from the one picture to the next, must stand out from what is
    usual around it, so that a pan or a shaken camera is none. Brightness and contrast do not count
    and black pictures are left out, so that a fade into something else is one cut and a fade of the
    same shot is none. Slow cross-fades are not found, nor every cut of shots of less than 0.8 s or
    of fewer than four pictures.
    """

    def __init__(self) -> None:
        self._looks: deque[_Look] = deque()
        self._next = 0
        # A picture that stands is measured once.
        self._raster: Raster | None = None
        self._last: _Look | None = None
        self._times, self._jumps, self._steps = array("d"), array("f"), array("f")

    def look(self, frame: Frame) -> None:
        """Take the next picture."""
        if frame.raster is not self._raster:
            self._raster, self._last = frame.raster, look_at(frame)
        if self._last is None:
            return
        look = replace(self._last, time=frame.time)
        self._looks.append(look)
        while self._next < len(self._looks) and self._ready():
            self._measure()

    def _ready(self) -> bool:
        """Whether all is there that comes after the next picture to be measured."""
        after = len(self._looks) - self._next
        waited = self._looks[-1].time - self._looks[self._next].time
        return after >= MOST or (after >= FEWEST and waited >= SPAN)

    def _measure(self) -> None:
        looks, at = list(self._looks), self._next
        now = looks[at].time
        before = [x for x in looks[:at] if x.time >= now - SPAN] or looks[:at]
        before = max(before, looks[max(0, at - FEWEST) : at], key=len)[-MOST:]
        after = [x for x in looks[at:] if x.time < now + SPAN]
        after = max(after, looks[at : at + FEWEST], key=len)[:MOST]
        stands = all(look.thumbnail is looks[at].thumbnail for look in before + after)
        changed = bool(before) and not stands
        self._times.append(now)
        self._jumps.append(difference(_median(before), _median(after)) if changed else 0.0)
        self._steps.append(difference(looks[at - 1], looks[at]) if changed else 0.0)
        self._next += 1
        while self._next > MOST:
            self._looks.popleft()
            self._next -= 1

    def so_far(self) -> tuple[float, ...]:
        """As :meth:`finish`, of the pictures around which enough was seen; more may follow."""
        return shots_of(*(np.asarray(a) for a in (self._times, self._jumps, self._steps)))

    def forget(self, before: float) -> None:
        """Forget the shots that began before a time; for pictures that go on for hours."""
        count = bisect_left(self._times, before)
        for column in (self._times, self._jumps, self._steps):
            del column[:count]

    def finish(self) -> tuple[float, ...]:
        """When new shots begin: the times of their first pictures, seconds, in order."""
        while self._next < len(self._looks):
            self._measure()
        return self.so_far()


def shots_of(times: Floats, jumps: Floats, steps: Floats) -> tuple[float, ...]:
    """Cuts from differences; where several pictures qualify, the one with the largest step.

    Args:
        times: ``(n,)`` of the pictures, seconds.
        jumps: ``(n,)`` difference of what is before a picture to what is from it on.
        steps: ``(n,)`` difference of a picture to the one before.
    """
    stands_out = [
        i
        for i in np.flatnonzero(jumps >= LEAST)
        if jumps[i] >= RATIO * _usual(jumps, i) or steps[i] >= max(LEAST, SUDDEN * _usual(steps, i))
    ]
    found: list[int] = []
    for i in sorted(stands_out, key=lambda i: -steps[i]):
        if all(abs(times[i] - times[j]) > SPAN and abs(i - j) >= FEWEST for j in found):
            found.append(int(i))
    return tuple(float(times[i]) for i in sorted(found))


def _usual(values: Floats, at: np.integer[Any]) -> float:
    """The median of the differences around a picture, without its nearest neighbours."""
    near, far = FEWEST, 3 * MOST
    around = np.concatenate(
        [values[max(0, at - far) : max(0, at - near)], values[at + near + 1 : at + far]]
    )
    return float(np.median(around)) if len(around) else 0.0


def difference(a: _Look, b: _Look) -> float:
    """How much two pictures differ, 0 to 1.

    The geometric mean of one minus the correlation of their colours in place (halved) and of the
    share of hues that they do not have in common.
    """
    norm = float(np.linalg.norm(a.thumbnail) * np.linalg.norm(b.thumbnail))
    alike = float(np.vdot(a.thumbnail, b.thumbnail)) / max(norm, 1e-6)
    hues = 1.0 - float(np.minimum(a.hues, b.hues).sum())
    return float(np.sqrt(np.clip((1.0 - alike) / 2 * hues, 0.0, 1.0)))


def _median(looks: Sequence[_Look]) -> _Look:
    if len(looks) == 1:
        return looks[0]
    hues = _middle([look.hues for look in looks])
    thumbnail = _middle([look.thumbnail for look in looks])
    return _Look(looks[0].time, thumbnail, hues / max(float(hues.sum()), 1e-6))


def _middle(values: Sequence[Floats]) -> Floats:
    """The median of each number over some arrays; ``numpy.median`` takes three times as long."""
    ordered = np.sort(np.stack(values), axis=0)
    half = len(values) // 2
    middle = ordered[half] if len(values) % 2 else (ordered[half - 1] + ordered[half]) / 2
    return np.asarray(middle)


def look_at(frame: Frame) -> _Look | None:
    """A picture made small, None if it is black."""
    import cv2

    every = slice(None, None, max(1, min(frame.raster.shape) // 128))
    small = cv2.resize(frame.raster.sample(every, every), (96, 64), interpolation=cv2.INTER_AREA)
    thumbnail = cv2.resize(small, THUMBNAIL, interpolation=cv2.INTER_AREA).astype(np.float32) / 255
    if thumbnail.mean() < DARK:
        return None
    hsv = cv2.cvtColor(small, cv2.COLOR_BGR2HSV)
    hues = cv2.calcHist([hsv], [0, 1], None, BINS, [0, 180, 0, 256]).ravel()
    return _Look(frame.time, thumbnail - thumbnail.mean(), hues / hues.sum())
