"""The pictures of a session: faces found, linked and judged picture by picture."""

from __future__ import annotations

import threading
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence

import numpy as np
import numpy.typing as npt

from mien.analysis.evidence import Evidence
from mien.branches import Branch, PeopleBranch
from mien.live.rings import CropRing
from mien.live.rows import FaceSeen
from mien.perceive.detectors import Detector
from mien.perceive.faces import FaceFinder, FoundFaces, followed, with_rolls
from mien.perceive.shots import ShotFinder
from mien.perceive.tracks import OpenTracks, is_face
from mien.scene import (
    FACES,
    SHOTS,
    AudioTrack,
    ClipFacts,
    Faces,
    FaceSamples,
    FaceTrack,
    Floats,
    Frame,
    Raster,
    Scene,
    Speech,
)
from mien.timebase import Segment

CROPS_A_SECOND = 40
"""Faces that are kept of a second at most: four people at ten pictures a second."""
_CROWD = 24
"""Tracks at a time that are followed from picture to picture at most."""


class Sight:
    """Looks at pictures in time order; one thread looks, another asks for :meth:`followed`.

    Args:
        detector: finds the faces.
        branches: those that judge people are asked about each picture.
        kept: seconds of pictures that are kept.
        window: seconds over which the primary person is told.
    """

    def __init__(
        self, detector: Detector, branches: Mapping[str, Branch], kept: float, window: float
    ) -> None:
        self._kept, self._window = kept, window
        self._crops = CropRing(round(kept * CROPS_A_SECOND))
        self._finder = FaceFinder(detector, self._crops)
        self._shots = ShotFinder()
        self._tracks = OpenTracks()
        self._last_shot = -1.0
        self._person_of: dict[int, int] = {}
        self._people = 0
        self._turn = threading.Lock()
        self._judges = [
            branch
            for branch in branches.values()
            if isinstance(branch, PeopleBranch) and set(branch.spec.needs) <= {FACES, SHOTS}
        ]

    def look(self, picture: Raster, time: float) -> tuple[FaceSeen, ...]:
        """The faces of the next picture, the primary person's first.

        Args:
            picture: upright.
            time: seconds, later than that of the picture before.
        """
        frame = Frame(time, picture)
        with self._turn:
            begun = len(self._crops)
            self._shots.look(frame)
            self._finder.look(frame)
            self._forget(time - self._kept)
            found = self._finder.found()
            new = range(begun, len(self._crops))
            self._follow(new, time, found)
            tracks = {track[-1]: track for track in self._tracks.going if track[-1] >= begun}
            last = {key: self._samples(found, tracks[key]) for key in new}
            certain = {key: self._is_certain(found, tracks[key]) for key in new}
            people = self._named(tracks, certain)
            primary = self._primary(found, time)
        evidences = self._judge(list(last.values()), time)
        faces = [
            FaceSeen(
                (*map(float, last[key].boxes[0]),),  # type: ignore[arg-type]
                people[key],
                people[key] is not None and people[key] == primary,
                certain[key],
                evidence,
            )
            for key, evidence in zip(new, evidences, strict=True)
        ]
        return tuple(sorted(faces, key=lambda face: (not face.primary, face.box)))

    def followed(self, speech: Speech | None, audio: AudioTrack) -> tuple[Faces, Sequence[float]]:
        """The tracks of all that is kept, and the shots, as an analysis would have them.

        The people of pictures to come are numbered after them.
        """
        with self._turn:
            found, shots = self._finder.found(), self._shots.so_far()
        faces = followed(found, shots, speech, None if speech is None else audio)
        with self._turn:
            self._name(faces)
        return faces, shots

    def _forget(self, before: float) -> None:
        self._finder.forget(before)
        self._shots.forget(before)
        first = self._crops.first
        if self._person_of and next(iter(self._person_of)) < first - CROPS_A_SECOND:
            self._person_of = {k: who for k, who in self._person_of.items() if k >= first}
        for track in self._tracks.going:
            over = sum(1 for key in track[:-1] if key < first)
            del track[:over]

    def _follow(self, new: Iterable[int], time: float, found: FoundFaces) -> None:
        shots = self._shots.so_far()
        if shots and shots[-1] > self._last_shot:
            self._last_shot = shots[-1]
            self._tracks.end()
        keys = list(new)
        if keys:
            boxes = found.every.boxes[len(found.every) - len(keys) :]
            self._tracks.take(keys, time, boxes, found.looked)

    def _rows(self, found: FoundFaces, track: Sequence[int]) -> npt.NDArray[np.int64]:
        """Rows of the faces of a track that are still kept."""
        if not len(found.every.crops):
            return np.zeros(0, np.int64)
        kept = [key for key in track if key >= found.every.crops[0]]
        return np.searchsorted(found.every.crops, kept).astype(np.int64)

    def _samples(self, found: FoundFaces, track: Sequence[int]) -> FaceSamples:
        """The last look at the face of a track."""
        return with_rolls(found.every[self._rows(found, track)])[-1:]

    def _is_certain(self, found: FoundFaces, track: Sequence[int]) -> bool:
        rows = self._rows(found, track).tolist()
        every = found.every
        looked = found.fresh[np.searchsorted(found.fresh, self._last_shot) :]
        sure = np.maximum(every.scores, found.sure)
        return is_face(rows, every.scores, every.times, looked, sure)

    def _named(
        self, tracks: Mapping[int, Sequence[int]], certain: Mapping[int, bool]
    ) -> dict[int, int | None]:
        """The person of each new face: that of the look before in its track, or a new one."""
        people: dict[int, int | None] = {}
        for key, track in tracks.items():
            who = self._person_of.get(track[-2]) if len(track) > 1 else None
            if who is None and certain[key]:
                who, self._people = self._people, self._people + 1
            if who is not None:
                self._person_of[key] = who
            people[key] = who
        return people

    def _name(self, faces: Faces) -> None:
        """Number the people of some tracks as the live rows do, most prominent first."""
        taken: set[int] = set()
        for identity in faces.people:
            crops = faces.of(identity).crops.tolist()
            votes = Counter(self._person_of[key] for key in crops if key in self._person_of)
            who = next((name for name, _ in votes.most_common() if name not in taken), None)
            if who is None:
                who, self._people = self._people, self._people + 1
            taken.add(who)
            self._person_of |= dict.fromkeys(crops, who)

    def _primary(self, found: FoundFaces, time: float) -> int | None:
        """The person who was most prominent during the last window."""
        total: dict[int, float] = {}
        recent = found.every.within(Segment(max(0.0, time - self._window), time + 1e-6))
        for key, much in zip(recent.crops.tolist(), recent.prominence.tolist(), strict=True):
            if (who := self._person_of.get(key)) is not None:
                total[who] = total.get(who, 0.0) + much
        return max(total, key=lambda who: total[who], default=None)

    def _judge(self, faces: Sequence[FaceSamples], time: float) -> list[Evidence]:
        """What is said of each face of a picture."""
        instant = (Segment(time, time),)
        if not faces or not self._judges:
            why = "no branch judges faces"
            return [Evidence.absent("face", instant, why) for _ in faces]
        facts = ClipFacts("<live>", "recording", time, "live", False, True)
        looked: Floats = np.array([time])
        tracks = tuple(FaceTrack(i, samples) for i, samples in enumerate(faces[:_CROWD]))
        scene = Scene(facts, {FACES: Faces(tracks, looked, self._crops), SHOTS: ()})
        said = self._judges[0].judge_people(scene, instant)
        absent = Evidence.absent("face", instant, "too many faces at once")
        return [said.get(i, absent) for i in range(len(faces))]
