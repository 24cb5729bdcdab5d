"""Few pictures: slide shows, slow cameras, variable frame rates, a low ``--fps``."""

from __future__ import annotations

from contextlib import closing

import numpy as np
import pytest

from mien.media import ArrayRaster, open_clip
from mien.perceive import PerceiveOptions, perceive
from mien.perceive.detectors import Detection
from mien.perceive.faces import FaceFinder, followed
from mien.perceive.lips import movement
from mien.perceive.shots import ShotFinder
from mien.perceive.tracks import link
from mien.scene import FACES, SHOTS, FaceTrack, Frame

from .media.make import write
from .planted import portrait


def scene_with(face, shift=0):
    picture = np.full((240, 320, 3), 90, np.uint8)
    picture[40:190, 80 + shift : 230 + shift] = face
    return picture


def faces_of(path, frame_rate):
    with closing(open_clip(path)) as clip:
        scene = perceive(clip, {FACES}, PerceiveOptions(frame_rate=frame_rate, asr="none"))
    return scene.get(FACES), scene.get(SHOTS)


@pytest.mark.parametrize(
    ("times", "frame_rate"),
    [
        ([i * 0.04 for i in range(500)], 1.0),
        ([i * 0.04 for i in range(500)], 0.3),
        ([i * 1.001 for i in range(20)], 5.0),
        ([i * 2.0 for i in range(10)], 5.0),
        ([i * 2.0 for i in range(10)], 1.0),
        ([i * 10.0 for i in range(3)], 5.0),
        ([0, 0.04, 0.08, 0.12, 5.0, 5.04, 17.0, 17.04, 18.3, 18.34, 19.6], 5.0),
        ([0.0, 13.0, 26.0], 0.2),
        ([0.0, 19.9], 2.0),
    ],
)
def test_a_face_in_every_picture_is_in_view_all_the_time(tmp_path, times, frame_rate):
    face = portrait()
    path = write(
        tmp_path / "a.mkv",
        times=times,
        vcodec="libx264",
        picture=lambda t: scene_with(face, int(t) % 3),
    )
    faces, cuts = faces_of(path, frame_rate)
    assert cuts == ()
    assert len(faces.tracks) == 1
    (track,) = faces.tracks
    assert len(track.samples) == len(faces.times)
    assert track.segment.start == pytest.approx(0.0, abs=0.01)
    assert track.segment.end == pytest.approx(faces.times[-1])
    assert max(np.diff(faces.times), default=0) <= max(1.6, 1.5 / frame_rate)


def test_slides_are_shots_of_their_own(tmp_path):
    face = portrait()
    slides = [scene_with(face, -60), np.full((240, 320, 3), (40, 160, 60), np.uint8)]
    slides[1][::7] = (200, 30, 60)
    path = write(
        tmp_path / "a.mkv",
        times=[0.0, 6.0, 12.0],
        vcodec="libx264",
        picture=lambda t: slides[round(t / 6) % 2],
    )
    faces, cuts = faces_of(path, 5.0)
    assert cuts == pytest.approx((6.0, 12.0), abs=0.01)
    # The last picture lasts as long as the file says.
    assert [track.segment.start for track in faces.tracks] == pytest.approx([0.0, 12.0], abs=0.01)


def test_tracks_follow_the_sampling():
    def rows(times, looked):
        boxes = np.tile([10.0, 10.0, 50.0, 50.0], (len(times), 1))
        return [len(t) for t in link(np.array(times), boxes, (), np.array(looked))]

    second = np.arange(0.0, 30.0)
    assert rows(second, second) == [30]
    assert rows([0.0, 2.0, 4.0], second) == [3]  # one picture without it
    assert rows([0.0, 3.0], second) == [1, 1]  # two pictures without it
    dense = np.arange(0.0, 30.0, 0.2)
    assert rows([0.0, 1.0], dense) == [2]
    assert rows([0.0, 1.2], dense) == [1, 1]
    slow = np.arange(0.0, 300.0, 20.0)
    assert rows(slow, slow) == [15]
    assert rows([0.0, 50.0], [0.0, 0.2, 0.4, 50.0, 50.2]) == [1, 1]  # a gap in the recording


def test_pictures_between_gaps_are_shots_of_their_own(tmp_path):
    face = portrait()
    path = write(
        tmp_path / "a.mkv",
        times=[i * 1000.0 for i in range(10)],
        vcodec="libx264",
        picture=lambda t: scene_with(face, round(t / 1000) % 3),
    )
    faces, _ = faces_of(path, 1.0)
    assert [round(track.segment.start) for track in faces.tracks] == [1000 * i for i in range(10)]


class Fixed:
    """Says of each new picture what it was told to; nothing of one that is turned."""

    def __init__(self, scores):
        self.scores, self.asked = scores, 0

    def detect(self, image):
        if image.shape != (240, 320, 3) or image[0, 0, 0] == 0:
            return []
        self.asked += 1
        score = self.scores[self.asked - 1]
        return [Detection((80.0, 40.0, 150.0, 150.0), score)] if score else []


def marked(number):
    """A picture whose first row alone is gray, so that it is known upside down."""
    picture = scene_with(portrait(), number)
    picture[-1] = 0
    return picture


def test_a_false_alarm_is_not_proved_by_standing():
    finder = FaceFinder(Fixed([0.9] + [0.0] * 9))
    for number in range(10):
        picture = ArrayRaster(marked(number))
        for look in range(10):
            finder.look(Frame(number * 5 + look * 0.5, picture))
    assert followed(finder.found()).tracks == ()


def test_a_picture_that_stands_is_looked_at_once():
    detector, cuts = Fixed([0.9] * 3), ShotFinder()
    finder = FaceFinder(detector)
    for number in range(3):
        picture = ArrayRaster(marked(0))
        for look in range(20):
            frame = Frame(number * 10 + look * 0.5, picture)
            finder.look(frame)
            cuts.look(frame)
    faces = followed(finder.found(), cuts.finish())
    (track,) = faces.tracks
    assert (detector.asked, len(track.samples)) == (3, 60)
    assert np.unique(track.samples.crops).tolist() == [0, 1, 2]
    # A mouth that stands still in a picture that stands is no movement.
    assert np.isnan(movement(FaceTrack(0, track.samples), faces.crops)[:20]).all()
