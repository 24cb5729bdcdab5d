"""Faces through time: detected, cropped, linked into tracks, named, and put in order."""

from __future__ import annotations

from array import array
from bisect import bisect_left
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Protocol

import numpy as np

from mien.media import CropSpool
from mien.perceive.crops import crop_face, sharpness, turned
from mien.perceive.detectors import Detection, Detector, view_for
from mien.perceive.identity import COLOURS, Bytes, clothes_of, identify
from mien.perceive.primary import PROFILE, order, speaking, standing
from mien.perceive.second import second_look
from mien.perceive.skin import skin_colour
from mien.perceive.tracks import is_face, link, longest_gap
from mien.perceive.upright import Seen, UprightCheck, decided
from mien.scene import (
    AudioTrack,
    CropStore,
    Faces,
    FaceSamples,
    FaceTrack,
    Floats,
    Frame,
    Image,
    Raster,
    Speech,
)

COLUMNS = 8
"""Numbers kept of a detection."""
UNKNOWN = 255


class CropKeeper(CropStore, Protocol):
    """Where crops are kept."""

    def append(self, crop: Image) -> int:
        """Keep a crop ``(48, 48) uint8`` and give its index, one more than that of the last."""

    def __len__(self) -> int:
        """Crops that were kept so far."""


@dataclass(frozen=True, eq=False)
class FoundFaces:
    """The faces of every picture, not yet linked.

    Args:
        every: ``n`` detections in time order.
        looked: times of all pictures, seconds.
        fresh: times at which a picture was seen for the first time.
        sure: ``(n,)`` scores after a second look.
        clothes: ``(n, COLOURS)`` of :func:`clothes_of`.
        crops: of the detections.
    """

    every: FaceSamples
    looked: Floats
    fresh: Floats
    sure: Floats
    clothes: Bytes
    crops: CropKeeper


class FaceFinder:
    """Looks at pictures in time order; keeps crops in a spool and 100 bytes a face in memory.

    Args:
        detector: what finds the faces of a picture.
        crops: where the crops are kept; a new spool by default. Indices must increase.
        skin: whether the colour of the skin is measured.
    """

    def __init__(
        self, detector: Detector, crops: CropKeeper | None = None, skin: bool = False
    ) -> None:
        self._detector = detector
        self._measures_skin = skin
        # Blue, green and red of a detection.
        self._skin = array("f")
        self._check = UprightCheck(detector)
        self._crops: CropKeeper = CropSpool() if crops is None else crops
        self._looked = array("d")
        # Whether a picture was seen for the first time.
        self._fresh = bytearray()
        self._times = array("d")
        # A row a detection: its box, score, sharpness, turn, standing.
        self._rows = array("f")
        self._crop_of = array("I")
        # How sure the detector is after a second look, of 250.
        self._sure = bytearray()
        # Quarters by which a face is turned, or UNKNOWN.
        self._rolls = bytearray()
        self._clothes = bytearray()
        self._last: tuple[Raster | None, int] = (None, 0)

    def look(self, frame: Frame) -> None:
        """Take the next picture; one that stands is not looked at anew."""
        picture, before = self._last
        self._looked.append(frame.time)
        self._fresh.append(frame.raster is not picture)
        if frame.raster is picture:
            self._repeat(frame.time, before)
            return
        found = self._check.look(view_for(self._detector, frame.raster), frame.time)
        self._last = frame.raster, len(found)
        for seen in found:
            self._keep(frame, seen)

    def _keep(self, frame: Frame, seen: Seen) -> None:
        picture, face, is_turned = frame.raster, seen.face, seen.roll > 0
        gray, (height, width) = picture.gray, picture.shape
        crop = crop_face(np.rot90(gray, round(seen.roll / 90)) if seen.alone else gray, face)
        self._crop_of.append(self._crops.append(crop))
        self._times.append(frame.time)
        turn = turned(face.landmarks)
        stands = standing(seen.box, turn, width, height)
        self._rows.extend((*seen.box, face.score, sharpness(crop), turn, stands))
        sure = face.score if seen.alone else self._again(picture, face)
        self._sure.append(round(sure * 250))
        self._rolls.append(UNKNOWN if np.isnan(seen.roll) else round(seen.roll / 90))
        # The clothes of who is upside down are not below the face.
        clothes = np.zeros(COLOURS, np.uint8) if is_turned else clothes_of(picture, seen.box)
        self._clothes += clothes.tobytes()
        if self._measures_skin:
            self._skin.extend(skin_colour(picture, seen.box))

    def _again(self, picture: Raster, face: Detection) -> float:
        return second_look(self._detector, view_for(self._detector, picture), face)

    def _repeat(self, time: float, count: int) -> None:
        """The last ``count`` detections, once more at a later time."""
        if count:
            self._times.extend([time] * count)
            self._rows.extend(self._rows[-count * COLUMNS :])
            self._crop_of.extend(self._crop_of[-count:])
            self._rolls += self._rolls[-count:]
            self._sure += self._sure[-count:]
            self._clothes += self._clothes[-count * COLOURS :]
            if self._measures_skin:
                self._skin.extend(self._skin[-count * 3 :])

    def forget(self, before: float) -> None:
        """Forget the pictures before a time; for pictures that go on for hours."""
        pictures = bisect_left(self._looked, before)
        del self._looked[:pictures], self._fresh[:pictures]
        faces = bisect_left(self._times, before)
        del self._times[:faces], self._rows[: faces * COLUMNS], self._crop_of[:faces]
        del self._sure[:faces], self._rolls[:faces], self._clothes[: faces * COLOURS]
        del self._skin[: faces * 3]

    def found(self) -> FoundFaces:
        """The faces of all pictures so far."""
        looked = np.array(self._looked)
        return FoundFaces(
            every=self._samples(),
            looked=looked,
            fresh=looked[np.frombuffer(bytes(self._fresh), bool)],
            sure=np.frombuffer(bytes(self._sure), np.uint8) / 250,
            clothes=np.frombuffer(bytes(self._clothes), np.uint8).reshape(-1, COLOURS),
            crops=self._crops,
        )

    def _samples(self) -> FaceSamples:
        quarters = np.frombuffer(bytes(self._rolls), np.uint8)
        rows = np.array(self._rows).reshape(-1, COLUMNS)
        return FaceSamples(
            times=np.array(self._times),
            boxes=rows[:, :4],
            scores=rows[:, 4],
            sharpness=rows[:, 5],
            turns=rows[:, 6],
            prominence=rows[:, 7],
            crops=np.array(self._crop_of, np.int64),
            rolls=np.where(quarters == UNKNOWN, np.nan, 90.0 * quarters),
            skin=np.array(self._skin, np.float32).reshape(-1, 3),
        )


def followed(
    found: FoundFaces,
    shots: Sequence[float] = (),
    speech: Speech | None = None,
    audio: AudioTrack | None = None,
) -> Faces:
    """Faces linked into tracks, the primary person's first.

    Args:
        found: in each picture.
        shots: seconds at which a new shot begins; no track goes across.
        speech: when somebody speaks, to tell who does.
        audio: the sound of it.
    """
    every, crops = found.every, found.crops
    parts = [np.array(rows) for rows in _true(found, shots)]
    names = identify(parts, every, crops, found.clothes)
    tracks = [FaceTrack(n, with_rolls(every[rows])) for n, rows in zip(names, parts, strict=True)]
    if speech is not None and audio is not None:
        tracks = speaking(tracks, crops, speech, audio)
    return Faces(order(tracks), found.looked, crops)


def _true(found: FoundFaces, shots: Sequence[float]) -> Iterator[list[int]]:
    """The tracks that are faces, as rows; how often a picture stood proves nothing."""
    every, looked = found.every, found.looked
    first = np.zeros(len(every), bool)
    first[np.unique(every.crops, return_index=True)[1]] = True
    sure = np.maximum(every.scores, found.sure)
    gaps = looked[1:][np.diff(looked) > longest_gap(looked)]
    edges = np.union1d(shots, gaps)
    pictures = np.split(found.fresh, np.searchsorted(found.fresh, edges))
    for rows in link(every.times, every.boxes, shots, looked):
        shown = pictures[int(np.searchsorted(edges, every.times[rows[0]], "right"))]
        # A cut may fall behind the picture's first time; then its first look counts here.
        own = [row for row in rows if first[row]] or rows[:1]
        if is_face(own, every.scores, every.times, shown, sure):
            yield rows


def with_rolls(samples: FaceSamples) -> FaceSamples:
    """The samples with how the face is turned in the picture, from the checks around each.

    A face that is not upright cannot be judged, and counts for less.
    """
    rolls = decided(samples.times, samples.rolls)
    factors = np.where(rolls == 0, 1.0, PROFILE).astype(samples.prominence.dtype)
    return replace(samples, rolls=rolls, prominence=samples.prominence * factors)
