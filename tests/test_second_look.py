"""A face with a hand on its forehead: looked at once more, alone."""

from __future__ import annotations

import numpy as np
import pytest

from mien.media import ArrayRaster
from mien.perceive.detectors import Detection, make_detector
from mien.perceive.faces import FaceFinder, followed
from mien.perceive.second import SIDE, second_look
from mien.perceive.tracks import is_face
from mien.scene import Frame

from .planted import portrait

FACE = Detection((100.0, 60.0, 80.0, 100.0), 0.6)


class Again:
    """Says what it was told to of a picture of the second look's size."""

    def __init__(self, score, apart=0.0):
        self.score, self.apart, self.asked = score, apart, 0

    def detect(self, image):
        self.asked += 1
        if image.shape[:2] != (SIDE, SIDE):
            return [FACE]
        side = SIDE / 2.2
        left = (SIDE - 0.8 * side) / 2 + self.apart
        return [Detection((left, (SIDE - side) / 2, 0.8 * side, side), self.score)]


def picture():
    return np.full((240, 320, 3), 90, np.uint8)


@pytest.mark.parametrize(
    ("face", "detector", "score", "asked"),
    [
        (FACE, Again(0.95), 0.95, 1),
        (FACE, Again(0.3), 0.6, 1),  # no less sure than before
        (FACE, Again(0.95, apart=90.0), 0.6, 1),  # another one
        (Detection(FACE.box, 0.9), Again(0.99), 0.9, 0),  # sure enough
        (Detection(FACE.box, 0.2), Again(0.99), 0.2, 0),
        (Detection((0.0, 0.0, 20.0, 24.0), 0.6), Again(0.99), 0.6, 0),
    ],
)
def test_a_doubtful_face_is_looked_at_again(face, detector, score, asked):
    assert second_look(detector, picture(), face) == score
    assert detector.asked == asked


def test_what_is_looked_at_is_the_face_and_what_is_around_it():
    seen = []

    class Kept:
        def detect(self, image):
            seen.append(image)
            return []

    image = picture()
    image[60:160, 100:180] = (10, 200, 30)
    second_look(Kept(), image, FACE)
    (near,) = seen
    inside = (near == (10, 200, 30)).all(axis=2)
    rows, columns = np.flatnonzero(inside.any(axis=1)), np.flatnonzero(inside.any(axis=0))
    assert (rows[0] + rows[-1]) / 2 == pytest.approx(SIDE / 2, abs=1.5)
    assert (columns[0] + columns[-1]) / 2 == pytest.approx(SIDE / 2, abs=1.5)
    assert np.ptp(rows) == pytest.approx(SIDE / 2.2, abs=4)


@pytest.mark.parametrize(("score", "found"), [(0.95, 1), (0.7, 0)])
def test_it_decides_over_a_still_picture(score, found):
    finder = FaceFinder(Again(score))
    finder.look(Frame(0.0, ArrayRaster(picture())))
    tracks = followed(finder.found()).tracks
    assert len(tracks) == found
    if found:  # what was measured of the picture itself stays
        assert tracks[0].samples.scores.tolist() == pytest.approx([0.6])


def test_in_a_film_doubtful_pictures_prove_nothing_together():
    times = np.arange(10) * 0.2
    scores, sure = np.full(10, 0.5), np.full(10, 0.95)
    assert not is_face(range(10), scores, times, times, sure)
    assert is_face(range(10), np.full(10, 0.7), times, times, sure)
    assert not is_face(range(10), np.full(10, 0.7), times, times)
    assert is_face([0], scores, times, times[:1], sure)


@pytest.mark.parametrize("depth", [0.0, 0.15, 0.28, 0.36])
def test_a_hand_over_the_forehead_of_a_real_face(depth):
    """The portrait that comes with matplotlib: cap, forehead, at .36 down to the brows."""
    face = portrait(180)
    skin = np.median(face[100:130, 60:120].reshape(-1, 3), axis=0)
    rows, columns = np.mgrid[:180, :180]
    hand = (rows + 0.2 * columns < (depth + 0.1) * 180) & (rows + 0.2 * columns > 18)
    shade = 1 - 0.3 * np.abs(np.cos(np.pi * (rows + 0.2 * columns) / 12)) ** 8
    if depth:
        face = np.where(hand[..., None], (skin * shade[..., None]).astype(np.uint8), face)
    image = np.full((300, 400, 3), 110, np.uint8)
    image[60:240, 110:290] = face
    finder = FaceFinder(make_detector("auto"))
    finder.look(Frame(0.0, ArrayRaster(image)))
    (track,) = followed(finder.found()).tracks
    assert track.samples.rolls.tolist() == [0.0]
