"""Tracks: the same face from picture to picture, within a shot."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np

from mien.perceive.detectors import Box
from mien.scene import Floats

LARGEST_GAP = 1.0
"""Seconds that a face may be out of view and still be the same track."""
LEAST_LOOKS, LONGEST_GAP = 2, 3.0
"""Where pictures are rarer: a track ends when as many pictures were looked at without finding it,
or it was out of view for so many seconds and as long as two pictures take."""
START, GO_ON = 0.85, 0.6
"""A track needs one score of START; half of them need GO_ON. On real clips the median of a jar was
.52, that of the faintest face .68."""
FEW = 3
"""Pictures of a shot below which each counts for itself."""
SHOWN = 0.35
"""Share of the pictures from its first to its last in which a true face is found at least."""
SIZES = 0.6
"""A face's side changes by no more than this factor from sample to sample."""


@dataclass(eq=False)
class _Open:
    """A track that may still grow: its rows, where its face was last, and how it moves."""

    rows: list[int] = field(default_factory=list)
    time: float = 0.0
    box: Floats = field(default_factory=lambda: np.zeros(4))
    speed: Floats = field(default_factory=lambda: np.zeros(2))

    def expected(self, time: float) -> Box:
        """The box at a later time, moved on by at most its own size."""
        left, top, wide, high = self.box.tolist()
        across, down = (self.speed * (time - self.time)).tolist()
        across, down = float(np.clip(across, -wide, wide)), float(np.clip(down, -high, high))
        return (left + across, top + down, wide, high)

    def add(self, row: int, time: float, box: Floats) -> None:
        """Take the next sample. The speed is a running mean; detectors jitter."""
        if self.rows:
            moved = middle(box) - middle(self.box)
            self.speed = (self.speed + moved / (time - self.time)) / 2
        self.rows.append(row)
        self.time, self.box = time, box


def link(
    times: Floats, boxes: Floats, shots: Sequence[float], looked: Floats | None = None
) -> list[list[int]]:
    """Detections as tracks, each a list of rows in time order.

    Args:
        times: ``(n,)`` seconds, in order; the detections of one picture have the same time.
        boxes: ``(n, 4)`` left, top, width, height.
        shots: seconds at which a new shot begins; no track goes across.
        looked: times of all pictures, in order, so that tracks follow the sampling in use; without
            them a track ends after ``LARGEST_GAP``.

    Returns:
        Every row in exactly one track. Within a picture the likest pairs are joined first.
    """
    shot_of = np.searchsorted(np.asarray(shots), times, "right")
    tracks = OpenTracks()
    done: list[list[int]] = []
    shot = 0
    starts = np.flatnonzero(np.diff(times, prepend=-np.inf))
    for rows in np.split(np.arange(len(times)), starts[1:]) if len(times) else ():
        time = float(times[rows[0]])
        if shot_of[rows[0]] != shot:
            done += tracks.end()
        shot = int(shot_of[rows[0]])
        done += tracks.take(rows.tolist(), time, boxes[rows], looked)
    return done + tracks.end()


class OpenTracks:
    """Links the faces of one picture after the other to tracks that may still grow."""

    def __init__(self) -> None:
        self._going: list[_Open] = []

    @property
    def going(self) -> list[list[int]]:
        """The tracks that may still grow, each the keys of its faces in time order."""
        return [track.rows for track in self._going]

    def take(
        self, keys: Sequence[int], time: float, boxes: Floats, looked: Floats | None = None
    ) -> list[list[int]]:
        """Take the next picture in which there are faces.

        Args:
            keys: of its faces.
            time: of the picture, seconds.
            boxes: ``(n, 4)`` of its faces.
            looked: times of all pictures, in order, see :func:`link`.

        Returns:
            the tracks that ended before it.
        """
        over = [track for track in self._going if gone(track.time, time, looked)]
        self._going = [track for track in self._going if track not in over]
        _extend(self._going, dict(zip(keys, boxes, strict=True)), time)
        return [track.rows for track in over]

    def end(self) -> list[list[int]]:
        """End all tracks, as a new shot does, and give them."""
        over, self._going = self._going, []
        return [track.rows for track in over]


def gone(last: float, now: float, looked: Floats | None) -> bool:
    """Whether a face that was last seen at one time is no longer followed at another.

    Args:
        last: when it was seen, seconds.
        now: seconds.
        looked: times of all pictures, in order.
    """
    if now - last <= LARGEST_GAP + 1e-6:
        return False
    if looked is None:
        return True
    between = np.searchsorted(looked, now, "left") - np.searchsorted(looked, last, "right")
    return bool(between >= LEAST_LOOKS) or now - last > longest_gap(looked)


def longest_gap(looked: Floats) -> float:
    """Seconds between two pictures from which on something is missing between them."""
    usual = float(np.median(np.diff(looked))) if len(looked) > 1 else 0.0
    return max(LONGEST_GAP, 2.5 * usual)


def _extend(going: list[_Open], faces: dict[int, Floats], time: float) -> None:
    """Give a picture's faces, boxes by key, to the tracks that they fit best, or to new ones."""
    expected = [track.expected(time) for track in going]
    left = dict(faces)
    pairs = [
        (likeness(expected[number], tuple(box.tolist())), number, key)
        for number in range(len(going))
        for key, box in faces.items()
    ]
    for fit, number, key in sorted(pairs, reverse=True):
        if fit > 0 and key in left and going[number].time < time:
            going[number].add(key, time, left.pop(key))
    for key, box in left.items():
        going.append(_Open())
        going[-1].add(key, time, box)


def likeness(a: Box, b: Box) -> float:
    """How well two boxes may be one face: overlap plus nearness, 0 (not at all) to 2.

    Nearness falls to 0 when the middles are one side apart; boxes whose sides differ by more than
    ``SIZES`` are not the same face.
    """
    sides = sorted((min(a[2:]), min(b[2:])))
    if sides[0] < SIZES * sides[1]:
        return 0.0
    apart = float(np.hypot(*(middle(np.array(a)) - middle(np.array(b)))))
    return overlap(a, b) + max(0.0, 1.0 - apart / sides[1])


def middle(box: Floats) -> Floats:
    """The middle of a box."""
    return np.asarray(box[:2] + box[2:] / 2)


def overlap(a: Box, b: Box) -> float:
    """Intersection over union of two boxes (left, top, width, height), 0 to 1."""
    wide = min(a[0] + a[2], b[0] + b[2]) - max(a[0], b[0])
    high = min(a[1] + a[3], b[1] + b[3]) - max(a[1], b[1])
    if wide <= 0 or high <= 0:
        return 0.0
    shared = wide * high
    return shared / (a[2] * a[3] + b[2] * b[3] - shared)


def is_face(
    rows: Sequence[int],
    scores: Floats,
    times: Floats,
    looked: Floats,
    sure: Floats | None = None,
) -> bool:
    """Whether a track is a face and no false alarm.

    Its best score must be convincing, its others less so; it must be found in three pictures of a
    shot of eight or more (two of three or more), and not come and go.

    Args:
        rows: of the track.
        scores: ``(n,)`` of all detections.
        times: ``(n,)`` of all detections.
        looked: times of all pictures of its shot.
        sure: ``(n,)`` scores after a second look, which count where there are one or two pictures,
            and for the best; None for the same.
    """
    mine = scores[list(rows)]
    again = mine if sure is None else sure[list(rows)]
    usual = np.median(again if len(looked) < FEW else mine)
    if again.max() < START or usual < GO_ON:
        return False
    fewest = 1 + (len(looked) >= FEW) + (len(looked) >= 8)
    span = (looked >= times[rows[0]]) & (looked <= times[rows[-1]])
    return len(rows) >= fewest and len(rows) >= SHOWN * int(span.sum())
