"""Faces upside down and on their side: absent with that reason; upright ones are not lost."""

from __future__ import annotations

from contextlib import closing

import numpy as np
import pytest

from mien.branches.face import FaceBranch, usable
from mien.media import ArrayRaster, open_clip
from mien.perceive import PerceiveOptions, perceive
from mien.perceive.detectors import Detection
from mien.perceive.faces import FaceFinder, followed
from mien.perceive.upright import Seen, UprightCheck, decided, settled, turned_back
from mien.scene import FACES, Frame

from .media.make import write
from .planted import portrait, samples


def turned(quarters, shift=0):
    picture = np.full((320, 320, 3), 90, np.uint8)
    picture[80:230, 85 + shift : 235 + shift] = portrait()
    return np.ascontiguousarray(np.rot90(picture, quarters))


def judged(path, frame_rate=5.0):
    with closing(open_clip(path)) as clip:
        scene = perceive(clip, {FACES}, PerceiveOptions(frame_rate=frame_rate, asr="none"))
    return scene, FaceBranch({}).judge(scene, (scene.extent,))


WORDS = {0: "", 1: "face on its side", 2: "face upside down", 3: "face on its side"}


@pytest.mark.parametrize("quarters", WORDS)
def test_a_turned_face_is_absent_with_that_reason(tmp_path, quarters):
    import cv2

    path = tmp_path / "a.png"
    cv2.imwrite(str(path), turned(quarters))
    _, evidence = judged(path)
    assert evidence.reasons[0].startswith(WORDS[quarters])
    assert bool(evidence.reasons[0]) == (quarters > 0)
    film = write(
        tmp_path / "a.mkv",
        times=[i / 10 for i in range(60)],
        vcodec="libx264",
        picture=lambda t: turned(quarters, round(t)),
    )
    scene, evidence = judged(film)
    assert evidence.reasons[0].startswith(WORDS[quarters])
    (track,) = scene.get(FACES).tracks
    assert len(track.samples) >= 28
    assert set(track.samples.rolls) == {(360 - 90 * quarters) % 360}


def test_a_camera_that_is_turned_on_the_way(tmp_path):
    film = write(
        tmp_path / "a.mkv",
        times=[i / 10 for i in range(240)],
        vcodec="libx264",
        picture=lambda t: turned(2 if 8 <= t < 16 else 0),
    )
    with closing(open_clip(film)) as clip:
        scene = perceive(clip, {FACES}, PerceiveOptions(asr="none"))
    from mien.timebase import Segment

    rows = tuple(Segment(8.0 * i + 1, 8.0 * i + 7) for i in range(3))
    reasons = FaceBranch({}).judge(scene, rows).reasons
    assert [bool(r) for r in reasons] == [False, True, False]
    assert reasons[1].startswith("face upside down")


class Pictures:
    """Finds what was planted, by how the picture is turned: a mark tells the corner."""

    def __init__(self, scores):
        self.scores = scores

    def detect(self, image):
        corners = [image[0, 0, 0], image[0, -1, 0], image[-1, -1, 0], image[-1, 0, 0]]
        # The mark is top left in the picture as it is; turned counterclockwise it goes down.
        quarters = {0: 0, 3: 1, 2: 2, 1: 3}[int(np.argmax(corners))]
        score = self.scores[quarters]
        return [Detection((30.0, 30.0, 40.0, 40.0), score)] if score else []


def planted(scores, looks=20, step=0.2):
    finder = FaceFinder(Pictures(scores))
    for i in range(looks):
        picture = np.full((100, 100, 3), 90, np.uint8)
        picture[0, 0] = 255
        finder.look(Frame(i * step, ArrayRaster(picture)))
    return followed(finder.found())


@pytest.mark.parametrize(
    ("scores", "roll"),
    [
        ((0.99, 0.3, 0.8, 0.3), 0),
        ((0.9, 0.0, 0.93, 0.0), 0),  # not by enough
        ((0.8, 0.0, 0.99, 0.0), 180),
        ((0.6, 0.0, 0.9, 0.0), 180),
        ((0.0, 0.97, 0.0, 0.5), 90),
        ((0.3, 0.0, 0.6, 0.98), 270),
    ],
)
def test_the_surest_way_round_decides(scores, roll):
    (track,) = planted(scores).tracks
    assert set(track.samples.rolls) == {roll}
    assert track.samples.boxes[0].tolist() == pytest.approx([30, 30, 40, 40])


def test_nothing_is_found_by_a_weak_look_at_a_turned_picture():
    assert planted((0.0, 0.93, 0.5, 0.7)).tracks == ()


def test_upright_faces_are_checked_now_and_then_alone():
    detector = Pictures((0.99, 0.0, 0.0, 0.0))
    asked = []
    detect = detector.detect
    detector.detect = lambda image: asked.append(0) or detect(image)
    check = UprightCheck(detector)
    picture = np.full((100, 100, 3), 90, np.uint8)
    picture[0, 0] = 255
    for i in range(50):
        check.look(picture, i * 0.2)
    assert len(asked) == 50 + 3 * 5


def test_single_checks_do_not_outvote_the_others():
    times = np.arange(0.0, 20.0, 0.5)
    rolls = np.full(len(times), np.nan)
    rolls[::4] = 0.0
    rolls[8] = 180.0
    assert not decided(times, rolls).any()
    rolls[:] = np.nan
    rolls[[0, 1, 2, 3]] = (180.0, 180.0, 0.0, 180.0)
    assert (decided(times, rolls) == 180.0).all()
    assert not decided(times, np.full(len(times), np.nan)).any()


def test_boxes_come_back_from_the_turned_picture():
    picture = np.zeros((50, 100), np.uint8)
    picture[10:15, 20:28] = 1
    for quarters in range(4):
        there = np.rot90(picture, quarters)
        rows, columns = np.nonzero(there)
        box = (columns.min(), rows.min(), np.ptp(columns) + 1, np.ptp(rows) + 1)
        assert turned_back(box, quarters, 100, 50) == (20, 10, 8, 5)


def test_two_people_of_whom_one_lies():
    stands = Seen(Detection((10.0, 10.0, 20.0, 20.0), 0.99), (10.0, 10.0, 20.0, 20.0), np.nan)
    lies = Seen(Detection((60.0, 5.0, 40.0, 40.0), 0.96), (50.0, 40.0, 40.0, 40.0), 90.0, True)
    small = Seen(Detection((9.0, 5.0, 20.0, 20.0), 0.99), (90.0, 90.0, 20.0, 20.0), 90.0, True)
    found = settled([stands], [lies, small])
    assert [(seen.box[0], seen.roll, seen.alone) for seen in found] == [
        (10, 0, False),
        (50, 90, True),
    ]


def test_of_a_person_who_is_upright_in_part_that_part_is_judged():
    from dataclasses import replace

    looks = samples([0.0, 0.2, 0.4, 0.6], (0, 0, 100, 100))
    half = replace(looks, rolls=np.array([0.0, 180.0, 180.0, 0.0]))
    good = usable(half, 4)
    assert good.times.tolist() == [0.0, 0.6]
    assert usable(replace(looks, rolls=np.full(4, 180.0)), 4).startswith("face upside down")
    assert usable(replace(looks, rolls=np.full(4, 90.0)), 4).startswith("face on its side")
    assert looks.rolls.tolist() == [0.0] * 4
    assert half[1:].rolls.tolist() == [180.0, 180.0, 0.0]
