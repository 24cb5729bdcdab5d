"""Faces through time: detected, cropped, linked into tracks, named, and put in order."""

from __future__ import annotations

from array import array
from collections.abc import Iterator, Sequence

import numpy as np

from mien.media import CropSpool
from mien.perceive.crops import crop_face, sharpness, turned
from mien.perceive.detect import Detection, Detector
from mien.perceive.identity import COLOURS, clothes_of, identify
from mien.perceive.primary import order, speaking, standing
from mien.perceive.tracks import is_face, link
from mien.scene import (
    AudioTrack,
    Faces,
    FaceSamples,
    FaceTrack,
    Floats,
    Frame,
    Image,
    Speech,
)

COLUMNS = 8
"""Numbers kept of a detection."""


class FaceFinder:
    """Looks at pictures in time order; keeps crops in a spool and 100 bytes a face in memory.

    Args:
        detector: what finds the faces of a picture.
    """

    def __init__(self, detector: Detector) -> None:
        self._detector = detector
        self._crops = CropSpool()
        self._looked = array("d")
        # Whether a picture was seen for the first time, of each picture and of each detection.
        self._fresh, self._first = bytearray(), bytearray()
        self._times = array("d")
        # A row a detection: its box, score, sharpness, turn, standing.
        self._rows = array("f")
        self._crop_of = array("q")
        self._clothes = bytearray()
        self._last: tuple[Image | None, int] = (None, 0)

    def look(self, frame: Frame) -> None:
        """Take the next picture; one that stands is not looked at anew."""
        import cv2

        image, before = self._last
        self._looked.append(frame.time)
        self._fresh.append(frame.image is not image)
        if frame.image is image:
            self._repeat(frame.time, before)
            return
        found = self._detector.detect(frame.image)
        self._last = frame.image, len(found)
        if found:
            gray = np.asarray(cv2.cvtColor(frame.image, cv2.COLOR_BGR2GRAY), np.uint8)
            for face in found:
                self._keep(frame, gray, face)

    def _keep(self, frame: Frame, gray: Image, face: Detection) -> None:
        crop = crop_face(gray, face)
        self._crop_of.append(self._crops.append(crop))
        self._times.append(frame.time)
        self._first.append(True)
        turn = turned(face.landmarks)
        stands = standing(face.box, turn, frame.image.shape[1], frame.image.shape[0])
        self._rows.extend((*face.box, face.score, sharpness(crop), turn, stands))
        self._clothes += clothes_of(frame.image, face.box).tobytes()

    def _repeat(self, time: float, count: int) -> None:
        """The last ``count`` detections, once more at a later time."""
        if count:
            self._times.extend([time] * count)
            self._first += bytes(count)
            self._rows.extend(self._rows[-count * COLUMNS :])
            self._crop_of.extend(self._crop_of[-count:])
            self._clothes += self._clothes[-count * COLOURS :]

    def finish(
        self,
        cuts: Sequence[float] = (),
        speech: Speech | None = None,
        audio: AudioTrack | None = None,
    ) -> Faces:
        """The faces found, the primary person's first.

        Args:
            cuts: seconds at which a new shot begins; no track goes across.
            speech: when somebody speaks, to tell who does.
            audio: the sound of it.
        """
        looked = np.array(self._looked)
        every = self._samples()
        parts = [np.array(rows) for rows in self._true(every, looked, cuts)]
        clothes = np.frombuffer(bytes(self._clothes), np.uint8).reshape(-1, COLOURS)
        names = identify(parts, every, self._crops, clothes)
        tracks = [FaceTrack(n, every[rows]) for n, rows in zip(names, parts, strict=True)]
        if speech is not None and audio is not None:
            tracks = speaking(tracks, self._crops, speech, audio)
        return Faces(order(tracks), looked, self._crops)

    def _true(
        self, every: FaceSamples, looked: Floats, cuts: Sequence[float]
    ) -> Iterator[list[int]]:
        """The tracks that are faces, as rows; how often a picture stood proves nothing."""
        fresh = looked[np.frombuffer(bytes(self._fresh), bool)]
        first = np.frombuffer(bytes(self._first), bool)
        shots = np.split(fresh, np.searchsorted(fresh, cuts))
        for rows in link(every.times, every.boxes, cuts, looked):
            shot = shots[int(np.searchsorted(cuts, every.times[rows[0]], "right"))]
            # A cut may fall behind the picture's first time; then its first look counts here.
            own = [row for row in rows if first[row]] or rows[:1]
            if is_face(own, every.scores, every.times, shot):
                yield rows

    def _samples(self) -> FaceSamples:
        rows = np.array(self._rows).reshape(-1, COLUMNS)
        return FaceSamples(
            times=np.array(self._times),
            boxes=rows[:, :4],
            scores=rows[:, 4],
            sharpness=rows[:, 5],
            turns=rows[:, 6],
            prominence=rows[:, 7],
            crops=np.array(self._crop_of, np.int64),
        )
