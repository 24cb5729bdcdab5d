"""Faces through time: detected, cropped, linked into tracks, named, and put in order."""

from __future__ import annotations

from array import array
from collections.abc import Sequence

import numpy as np

from mien.media import CropSpool
from mien.perceive.crops import crop_face, sharpness, turned
from mien.perceive.detectors import Detection, Detector
from mien.perceive.identity import COLOURS, clothes_of, identify
from mien.perceive.primary import order, speaking, standing
from mien.perceive.tracks import is_face, link
from mien.scene import AudioTrack, Faces, FaceSamples, FaceTrack, Frame, Image, Speech


class FaceFinder:
    """Looks at pictures in time order; keeps crops in a spool and 100 bytes a face in memory.

    Args:
        detector: what finds the faces of a picture.
        crops: where the crops are kept; a new spool by default.
    """

    def __init__(self, detector: Detector, crops: CropSpool | None = None) -> None:
        self._detector = detector
        self._crops = CropSpool() if crops is None else crops
        self._looked = array("d")
        self._times = array("d")
        # A row a detection: its box, score, sharpness, turn, standing.
        self._rows = array("f")
        self._clothes = bytearray()

    def look(self, frame: Frame) -> None:
        """Take the next picture."""
        import cv2

        self._looked.append(frame.time)
        found = self._detector.detect(frame.image)
        if found:
            gray = np.asarray(cv2.cvtColor(frame.image, cv2.COLOR_BGR2GRAY), np.uint8)
            for face in found:
                self._keep(frame, gray, face)

    def _keep(self, frame: Frame, gray: Image, face: Detection) -> None:
        crop = crop_face(gray, face)
        self._crops.append(crop)
        self._times.append(frame.time)
        turn = turned(face.landmarks)
        stands = standing(face.box, turn, frame.image.shape[1], frame.image.shape[0])
        self._rows.extend((*face.box, face.score, sharpness(crop), turn, stands))
        self._clothes += clothes_of(frame.image, face.box).tobytes()

    def finish(
        self,
        shots: Sequence[float] = (),
        speech: Speech | None = None,
        audio: AudioTrack | None = None,
    ) -> Faces:
        """The faces found, the primary person's first.

        Args:
            shots: seconds at which a new shot begins; no track goes across.
            speech: when somebody speaks, to tell who does.
            audio: the sound of it.
        """
        looked = np.array(self._looked)
        every = self._samples()
        by_shot = np.split(looked, np.searchsorted(looked, shots))
        parts = []
        for rows in link(every.times, every.boxes, shots):
            pictures = by_shot[int(np.searchsorted(shots, every.times[rows[0]], "right"))]
            if is_face(rows, every.scores, every.times, pictures):
                parts.append(np.array(rows))
        clothes = np.frombuffer(bytes(self._clothes), np.uint8).reshape(-1, COLOURS)
        names = identify(parts, every, self._crops, clothes)
        tracks = [FaceTrack(n, every[rows]) for n, rows in zip(names, parts, strict=True)]
        if speech is not None and audio is not None:
            tracks = speaking(tracks, self._crops, speech, audio)
        return Faces(order(tracks), looked, self._crops)

    def _samples(self) -> FaceSamples:
        rows = np.array(self._rows).reshape(-1, 8)
        return FaceSamples(
            times=np.array(self._times),
            boxes=rows[:, :4],
            scores=rows[:, 4],
            sharpness=rows[:, 5],
            turns=rows[:, 6],
            prominence=rows[:, 7],
            crops=np.arange(len(rows)),
        )
