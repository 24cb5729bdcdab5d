"""What a recording is (``Clip``) and what was perceived in it (``Scene``): types alone."""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, fields
from typing import Any, Generic, Literal, Protocol, TypeVar, cast, runtime_checkable

import numpy as np
import numpy.typing as npt

from mien.errors import ContractError
from mien.facts import ClipFacts as ClipFacts  # noqa: PLC0414
from mien.timebase import Segment
from mien.turns import Turn
from mien.words import Transcript

SAMPLE_RATE = 16_000
"""Samples per second of all audio inside mien (mono)."""

Samples = npt.NDArray[np.float32]
Image = npt.NDArray[np.uint8]
Floats = npt.NDArray[np.floating[Any]]


@dataclass(frozen=True, eq=False)
class AudioBlock:
    """Consecutive mono samples at 16 kHz in [-1, 1], ``(n,) float32``, from ``start`` seconds.

    One that starts later than the one before ends leaves a gap: nothing was recorded there.
    """

    start: float
    samples: Samples


class Raster(Protocol):
    """An upright picture, which gives its pixels in the form that is wanted."""

    @property
    def shape(self) -> tuple[int, int]:
        """Height and width in pixels."""
        ...

    @property
    def gray(self) -> Image:
        """Gray, ``(height, width) uint8``."""
        ...

    @property
    def image(self) -> Image:
        """In BGR order, ``(height, width, 3) uint8``."""
        ...

    def sample(self, rows: slice, columns: slice) -> Image:
        """Some of its pixels in BGR order, ``(n, m, 3) uint8``."""
        ...


@dataclass(frozen=True, eq=False)
class Frame:
    """An upright picture, shown at ``time`` seconds.

    A picture that stands for long is given again while it stands, as the same raster.
    """

    time: float
    raster: Raster

    @property
    def image(self) -> Image:
        """The picture in BGR order, ``(height, width, 3) uint8``."""
        return self.raster.image


@dataclass(frozen=True)
class Caption:
    """A line of a subtitle track, markup removed; its rows by line breaks."""

    segment: Segment
    text: str


Moment = AudioBlock | Frame | Caption


class Clip(Protocol):
    """A media source: a recording that is decoded while it is read, once, with bounded memory.

    ``mien.media.open_clip`` gives the built-in ones; anything with these members will do.
    """

    @property
    def facts(self) -> ClipFacts:
        """What the container says."""
        ...

    def play(self, frame_rate: float) -> Iterator[Moment]:
        """Decode from the start to the end, every stream in its own time order.

        Args:
            frame_rate: pictures wanted per second; at most that many are given, 0 for none.

        Raises:
            MediaError: if the file cannot be decoded.
        """
        ...

    def close(self) -> None:
        """Let go of the file; calling it twice is allowed."""
        ...


class AudioTrack(Protocol):
    """The whole sound of a clip, readable by time and by several threads, not held in memory."""

    @property
    def duration(self) -> float:
        """Seconds of sound."""

    def read(self, segment: Segment) -> Samples:
        """Samples of a segment, cut at the ends of the track, ``(n,) float32``."""


@runtime_checkable
class Sounding(Protocol):
    """A sound track with gaps: ``stretches`` tells where there is sound, in time order."""

    def stretches(self) -> tuple[Segment, ...]: ...  # noqa: D102


def sounding(audio: AudioTrack, segment: Segment) -> tuple[Segment, ...]:
    """The parts of a segment in which there is sound; all of it if the track knows no gaps."""
    if not isinstance(audio, Sounding):
        return (segment,)
    found = audio.stretches()
    first = max(0, bisect_right(found, segment.start, key=lambda one: one.start) - 1)
    last = bisect_left(found, segment.end, key=lambda one: one.start)
    parts = (stretch & segment for stretch in found[first:last])
    return tuple(part for part in parts if part is not None)


@dataclass(frozen=True)
class Speech:
    """The turns in which somebody speaks, in time order, not overlapping."""

    turns: tuple[Segment, ...]

    def within(self, segment: Segment) -> tuple[Segment, ...]:
        """The parts of the turns that lie inside a segment."""
        parts = (turn & segment for turn in self.turns)
        return tuple(part for part in parts if part is not None)


@dataclass(frozen=True, eq=False)
class FaceSamples:
    """Looks at a face in time order, one row a picture; columns, since films are long.

    Args:
        times: ``(n,)`` seconds.
        boxes: ``(n, 4)`` left, top, width, height in pixels of the upright picture.
        scores: ``(n,)`` how sure the detector was, 0 to 1.
        sharpness: ``(n,)`` how sharp the crop is, 0 (blurred) to 1.
        turns: ``(n,)`` degrees that the face is turned to the side, 0 to 90; NaN if not known.
        prominence: ``(n,)`` how prominent, at least 0: large, central, speaking if that is told.
        crops: ``(n,)`` index of the crop in the store.
        rolls: ``(n,)`` degrees counterclockwise, by quarters, that would bring it upright.
        skin: ``(n, 3)`` mean colour of the skin, BGR in 0 to 255; NaN unless ``SKIN`` is wanted.

    Raises:
        ContractError: if the columns differ in length.
    """

    times: Floats
    boxes: Floats
    scores: Floats
    sharpness: Floats
    turns: Floats
    prominence: Floats
    crops: npt.NDArray[np.int64]
    rolls: Floats = field(default_factory=lambda: np.zeros(0))
    skin: Floats = field(default_factory=lambda: np.zeros((0, 3)))

    def __post_init__(self) -> None:
        n = len(self.times)
        if not len(self.rolls):
            object.__setattr__(self, "rolls", np.zeros(n))
        if not len(self.skin):
            object.__setattr__(self, "skin", np.full((n, 3), np.nan, np.float32))
        if any(len(column) != n for column in self._columns()) or self.boxes.shape != (n, 4):
            raise ContractError(f"Every column of face samples needs {n} rows, boxes {(n, 4)}.")

    def _columns(self) -> tuple[npt.NDArray[Any], ...]:
        return tuple(getattr(self, one.name) for one in fields(self))

    def __len__(self) -> int:
        return len(self.times)

    def __getitem__(self, rows: slice | npt.NDArray[Any]) -> FaceSamples:
        """The rows of a slice, of a mask or of indices."""
        return FaceSamples(*(column[rows] for column in self._columns()))

    def within(self, segment: Segment) -> FaceSamples:
        """The rows whose times lie in a segment."""
        return self[rows_within(self.times, segment)]

    @property
    def sides(self) -> Floats:
        """The shorter side of each box, ``(n,)`` pixels."""
        return np.minimum(self.boxes[:, 2], self.boxes[:, 3])

    @classmethod
    def join(cls, parts: Sequence[FaceSamples]) -> FaceSamples:
        """The rows of several, at least one, in time order."""
        columns = zip(*(part._columns() for part in parts), strict=True)
        joined = cls(*(np.concatenate(column) for column in columns))
        return joined[np.argsort(joined.times, kind="stable")]


def rows_within(times: Floats, segment: Segment) -> slice:
    """The rows of ordered ``times`` that lie in a segment."""
    start = int(np.searchsorted(times, segment.start, "left"))
    side: Literal["left", "right"] = "left" if segment.duration else "right"
    return slice(start, int(np.searchsorted(times, segment.end, side)))


class CropStore(Protocol):
    """Gray face crops ``(48, 48) uint8`` by index, not held in memory."""

    def take(self, indices: Sequence[int]) -> Image:
        """Crops ``(n, 48, 48)``."""


@dataclass(frozen=True, eq=False)
class FaceTrack:
    """One person while in view, within one shot.

    Args:
        identity: of the person; 0 is the primary one. A person may have several tracks.
        samples: in time order.
        lips: correlation of the mouth with the voice if they are in step, else why none is told.
    """

    identity: int
    samples: FaceSamples
    lips: float | str = "no sound"

    @property
    def segment(self) -> Segment:
        """From the first sample to the last."""
        return Segment(float(self.samples.times[0]), float(self.samples.times[-1]))


@dataclass(frozen=True, eq=False)
class Faces:
    """All face tracks, by identity and then by time.

    Args:
        tracks: the primary person's first.
        times: ``(n,)`` when a picture was looked at, seconds, in order.
        crops: where the crops are.
    """

    tracks: tuple[FaceTrack, ...]
    times: Floats
    crops: CropStore

    @property
    def people(self) -> tuple[int, ...]:
        """The identities, the primary first."""
        return tuple(dict.fromkeys(track.identity for track in self.tracks))

    def of(self, identity: int) -> FaceSamples:
        """All samples of one person in time order.

        Raises:
            ContractError: if there is no such person.
        """
        found = [track.samples for track in self.tracks if track.identity == identity]
        if not found:
            raise ContractError(f"There is no person {identity}; there are {list(self.people)}.")
        return FaceSamples.join(found)


T = TypeVar("T")


@dataclass(frozen=True)
class TrackKey(Generic[T]):
    """A typed name under which a scene holds something perceived."""

    name: str


AUDIO: TrackKey[AudioTrack] = TrackKey("audio")
SPEECH: TrackKey[Speech] = TrackKey("speech")
TRANSCRIPT: TrackKey[Transcript] = TrackKey("transcript")
SPEAKERS: TrackKey[tuple[Turn, ...]] = TrackKey("speakers")
"""Who speaks when, in time order, where the user says so; turns of several may overlap."""
FACES: TrackKey[Faces] = TrackKey("faces")
SKIN: TrackKey[Faces] = TrackKey("skin")
"""The faces, with the mean colour of the skin at each look."""
SHOTS: TrackKey[tuple[float, ...]] = TrackKey("shots")
"""When a new shot begins, seconds, in order; a shot of the start is not among them."""


@dataclass(frozen=True, eq=False)
class Scene:
    """What was perceived in a clip: tracks under typed keys, and why a track is missing.

    Args:
        facts: of the clip.
        tracks: by key; only what was asked for and could be had.
        missing: by key name, in words, why something asked for could not be had.
        part: what of the clip was perceived; None for all of it.
        stopped: whether it was asked to stop before the end of that part.
        warnings: what speaks against relying on what was perceived, in words.
    """

    facts: ClipFacts
    tracks: Mapping[TrackKey[Any], Any]
    missing: Mapping[str, str] = field(default_factory=dict)
    part: Segment | None = None
    stopped: bool = False
    warnings: tuple[str, ...] = ()

    @property
    def extent(self) -> Segment:
        """What was perceived, cut at the end of the clip."""
        whole = Segment(0.0, self.facts.duration)
        return whole if self.part is None else self.part & whole or Segment(0.0, 0.0)

    def get(self, key: TrackKey[T]) -> T | None:
        """The track, or None if it is missing."""
        return cast("T | None", self.tracks.get(key))

    def why_missing(self, key: TrackKey[Any]) -> str:
        """Why a track is not there.

        Raises:
            ContractError: if nobody asked for it, which is a fault of the asker's spec.
        """
        try:
            return self.missing[key.name]
        except KeyError:
            raise ContractError(
                f"Nobody asked for the track {key.name!r}; name it in the branch's spec.needs."
            ) from None
