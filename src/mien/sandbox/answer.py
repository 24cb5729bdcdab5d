"""What was watched as a message, and back: read as what anybody may have written."""

from __future__ import annotations

import os
from array import array
from dataclasses import fields
from typing import IO, Any

import numpy as np
import numpy.typing as npt

from mien.facts import ClipFacts, shown
from mien.media import AudioSpool, CropSpool
from mien.perceive.faces import COLUMNS, FoundFaces
from mien.perceive.identity import COLOURS
from mien.perceive.watch import Watched
from mien.sandbox import wire
from mien.scene import SAMPLE_RATE, Caption, FaceSamples
from mien.timebase import Segment

_BACK = 2.0
"""Seconds by which the time of a picture may lie before that of the picture before it."""
_LATEST = 1e9
"""Seconds; later than the end of any recording."""
_FAR = 1e6
"""Pixels from the corner of a picture, at most."""
_BLOCK = ("boxes", "scores", "sharpness", "turns", "prominence")
"""Columns of :class:`FaceSamples` that are views of one block of 32-bit numbers, as they are where
they are made: how an array lies in memory can decide the last digit of what is computed from it."""
_WIDTHS = (4, 1, 1, 1, 1)

Array = npt.NDArray[Any]


def facts_message(facts: ClipFacts) -> wire.Facts:
    """The facts, but for the path."""
    given = {f.name: getattr(facts, f.name) for f in fields(ClipFacts) if f.name != "path"}
    gaps = [(gap.start, gap.end) for gap in facts.gaps]
    lists = {name: list(given[name]) for name in ("audio_tracks", "notes")}
    return wire.Facts(**given | lists | {"gaps": gaps})


def facts_of(message: wire.Facts, path: str) -> ClipFacts:
    """The facts of the file at a path.

    Raises:
        ValueError: if they cannot be those of a file.
    """
    words = ("container", "audio", "video", "recorded")
    given = {f: getattr(message, f) for f in message.__struct_fields__}
    given |= {name: shown(given[name]) for name in words}
    given |= {name: tuple(map(shown, given[name])) for name in ("audio_tracks", "notes")}
    given["gaps"] = tuple(_segment(*gap) for gap in message.gaps)
    return ClipFacts(path=path, **given)


def watched_message(watched: Watched) -> wire.Done:
    """What was watched; what is in the spools stays there."""
    sound, faces = watched.sound, watched.faces
    return wire.Done(
        facts=facts_message(watched.facts),
        extent=(watched.extent.start, watched.extent.end),
        is_part=watched.is_part,
        stopped=watched.stopped,
        captions=[wire.Line(c.segment.start, c.segment.end, c.text) for c in watched.captions],
        sound=None if sound is None else _sound_message(sound),
        shots=None if watched.shots is None else list(watched.shots),
        faces=None if faces is None else _faces_message(faces),
    )


def _sound_message(sound: AudioSpool) -> wire.Sound:
    start, count, places, rows = sound.index
    return wire.Sound(start, count, memoryview(places.tobytes()), memoryview(rows.tobytes()))


def _faces_message(found: FoundFaces) -> wire.Faces:
    samples = {
        name: _bytes(getattr(found.every, name))
        for name in ("times", "crops", "rolls", "skin", *_BLOCK)
    }
    return wire.Faces(
        crops=len(found.crops),
        looked=_bytes(found.looked),
        fresh=_bytes(found.fresh),
        sure=_bytes(found.sure),
        clothes=_bytes(found.clothes),
        samples=samples,
    )


def _bytes(values: Array) -> memoryview:
    return memoryview(np.ascontiguousarray(values).tobytes())


def watched_of(message: wire.Done, path: str, sound: IO[bytes], crops: IO[bytes]) -> Watched:
    """What was watched, once the process that wrote it has ended.

    Args:
        message: of it.
        path: of the file.
        sound: the file of the sound spool.
        crops: the file of the crop spool.

    Raises:
        ValueError: if it does not fit together, or not with the spools.
    """
    return Watched(
        facts=facts_of(message.facts, path),
        extent=_segment(*message.extent),
        is_part=message.is_part,
        stopped=message.stopped,
        captions=tuple(Caption(_segment(c.start, c.end), c.text) for c in message.captions),
        sound=None if message.sound is None else _sound_of(message.sound, sound),
        shots=None if message.shots is None else _shots(message.shots),
        faces=None if message.faces is None else _faces_of(message.faces, crops),
    )


def _check(holds: Any, what: str) -> None:
    if not holds:
        raise ValueError(what)


def _segment(start: float, end: float) -> Segment:
    _check(0 <= start <= end < np.inf, "a segment that ends before it begins")
    return Segment(start, end)


def _array(held: memoryview, kind: str, *shape: int) -> Array:
    """Read-only numbers; -1 stands for as many as there are."""
    values = np.frombuffer(held, np.dtype(kind)).reshape(shape or (-1,))
    values.flags.writeable = False
    return values


def _size(file: IO[bytes]) -> int:
    return os.fstat(file.fileno()).st_size


def _shots(times: list[float]) -> tuple[float, ...]:
    _check(np.isfinite(times).all() and (np.diff(times) >= 0).all(), "shots out of order")
    return tuple(times)


def _sound_of(message: wire.Sound, file: IO[bytes]) -> AudioSpool:
    places, rows = (_array(held, "<i8") for held in (message.places, message.rows))
    _check(2 * message.count <= _size(file), "more samples than there are")
    _check(len(places) == len(rows), "the index of the sound")
    _check(len(rows) or not message.count, "sound without a place")
    if len(rows):
        lengths = np.diff(rows, append=message.count)
        _check(rows[0] == 0 and (lengths >= 0).all(), "the rows of the sound")
        _check(places.min() >= 0 and places.max() <= _LATEST * SAMPLE_RATE, "places of the sound")
        _check((np.diff(places) >= lengths[:-1]).all(), "sound that overlaps")
    index = [array("q", one.tobytes()) for one in (places, rows)]
    return AudioSpool.restored(file, message.start, message.count, *index)


def _faces_of(message: wire.Faces, file: IO[bytes]) -> FoundFaces:
    _check(message.crops * CropSpool.size <= _size(file), "more crops than there are")
    looked, fresh, sure = (
        _array(held, "<f8") for held in (message.looked, message.fresh, message.sure)
    )
    every = _samples_of(message.samples, message.crops)
    _check(len(sure) == len(every), "a score for each face")
    _check(len(fresh) <= len(looked), "pictures seen first")
    for times in (looked, fresh, every.times):
        _check_times(times)
    _check(((sure >= 0) & (sure <= 1.1)).all(), "scores of a second look")
    clothes = _array(message.clothes, "u1", len(every), COLOURS)
    return FoundFaces(
        every, looked, fresh, sure, clothes, CropSpool(file=file, count=message.crops)
    )


def _check_times(times: Array) -> None:
    _check(((times >= 0) & (times <= _LATEST)).all(), "times")
    _check((np.diff(times) >= -_BACK).all(), "times out of order")


def _samples_of(given: dict[str, memoryview], crops: int) -> FaceSamples:
    names = {f.name for f in fields(FaceSamples)}
    _check(given.keys() == names, "the columns of the faces")
    times = _array(given["times"], "<f8")
    n, at = len(times), 0
    block = np.empty((n, COLUMNS), "<f4")
    for name, width in zip(_BLOCK, _WIDTHS, strict=True):
        block[:, at : at + width] = _array(given[name], "<f4", n, width)
        at += width
    known = np.delete(block, 6, axis=1)  # how far a face is turned may not be known
    _check((np.abs(known) <= _FAR).all() and (block[:, 2:4] >= 0).all(), "boxes of the faces")
    _check(not np.isinf(block).any(), "numbers of the faces")
    _check(((block[:, 4] >= 0) & (block[:, 4] <= 1.1)).all(), "scores of the faces")
    indices, rolls = _array(given["crops"], "<i8", n), _array(given["rolls"], "<f8", n)
    skin = _array(given["skin"], "<f4", n, 3)
    _check((np.isnan(skin) | ((skin >= 0) & (skin <= 255))).all(), "colours of the faces")
    _check(((indices >= 0) & (indices < crops)).all(), "crops of the faces")
    _check((np.isnan(rolls) | np.isin(rolls, (0, 90, 180, 270))).all(), "turns of the faces")
    return FaceSamples(
        times=times,
        boxes=block[:, :4],
        scores=block[:, 4],
        sharpness=block[:, 5],
        turns=block[:, 6],
        prominence=block[:, 7],
        crops=indices,
        rolls=rolls,
        skin=skin,
    )
