"""Faces through time: detectors, crops and tracks."""

import numpy as np
import pytest

from mien.branches import make_branches
from mien.errors import InputError, OptionError
from mien.media import ArrayRaster, CropSpool
from mien.perceive import PerceiveOptions
from mien.perceive.crops import FRAMING, crop_face, sharpness, similarity, turned
from mien.perceive.detectors import Detection, check_detector, make_detector, shrink
from mien.perceive.faces import FaceFinder, followed
from mien.perceive.tracks import START, is_face, link, overlap
from mien.scene import Frame
from tests.planted import portrait

RNG = np.random.default_rng(0)


def portrait_frames(places, size=(360, 480)):
    """Frames with the portrait's head at given places (None: no head)."""
    head = portrait()
    for index, place in enumerate(places):
        canvas = np.full((*size, 3), 90, dtype=np.uint8)
        if place is not None:
            canvas[place[1] : place[1] + 150, place[0] : place[0] + 150] = head
        yield Frame(index * 0.2, ArrayRaster(canvas))


def look(places):
    finder = FaceFinder(make_detector("auto"))
    for frame in portrait_frames(places):
        finder.look(frame)
    return followed(finder.found())


# --- detectors -------------------------------------------------------------------------------


def test_the_embedded_detector_finds_a_face_and_its_landmarks_and_no_other():
    detector = make_detector("auto")
    for place in ((40, 80), (300, 200)):
        (frame,) = portrait_frames([place])
        (face,) = detector.detect(frame.image)
        assert face.score > 0.9
        assert overlap(face.box, (place[0] + 30, place[1] + 20, 95, 115)) > 0.5
        left_eye, right_eye, nose, left_mouth, right_mouth = face.landmarks - np.array(place)
        assert left_eye[0] < nose[0] < right_eye[0]
        assert left_mouth[0] < right_mouth[0]
        assert left_eye[1] < nose[1] < left_mouth[1]
        assert turned(face.landmarks) < 35


@pytest.mark.parametrize("share", [0.5, 0.7, 0.9])
def test_a_face_that_fills_the_picture_is_one_face(share):
    """Larger than anything the net was trained on, in the picture that it looks at first."""
    scale = share * 600 / 115
    drawn = np.pad(portrait(round(150 * scale)), ((300, 300), (300, 300), (0, 0)), mode="edge")
    corner = np.array((77.5, 77.5)) * scale  # of a picture whose middle is that of the face
    left, top = corner.astype(int)
    picture = drawn[top : top + 600, left : left + 600]
    (face,) = (face for face in make_detector("auto").detect(picture) if face.score >= START)
    wide, high = 95 * scale, 115 * scale
    assert overlap(face.box, (300 - wide / 2, 300 - high / 2, wide, high)) > 0.5


@pytest.mark.parametrize("level", [0, 90, 255])
def test_blank_pictures_and_noise_hold_no_face(level):
    detector = make_detector("auto")
    assert detector.detect(np.full((360, 480, 3), level, np.uint8)) == []
    noise = RNG.integers(0, 256, (360, 480, 3), dtype=np.uint8)
    assert [face for face in detector.detect(noise) if face.score >= START] == []


def test_the_embedded_detector_takes_pictures_of_any_shape():
    (frame,) = portrait_frames([(40, 80)])
    for shape in ((37, 61), (1, 1), (700, 90)):
        make_detector("auto").detect(np.zeros((*shape, 3), np.uint8))
    wide = np.pad(frame.image, ((0, 0), (0, 1500), (0, 0)), mode="edge")
    (face,) = make_detector("auto").detect(wide)
    assert overlap(face.box, (70, 100, 95, 115)) > 0.4


def test_a_moving_face_is_one_track_at_the_right_place():
    faces = look([(40 + 12 * i, 80) for i in range(10)])
    (track,) = faces.tracks
    assert len(track.samples) >= 9
    assert overlap(tuple(track.samples.boxes[0]), (40 + 25, 80 + 20, 105, 105)) > 0.5
    assert faces.crops.take(track.samples.crops[:1].tolist()).shape == (1, 48, 48)


def test_a_face_that_is_away_for_long_is_another_track_of_the_same_person():
    faces = look([(100, 80)] * 4 + [None] * 8 + [(100, 80)] * 4)
    assert len(faces.tracks) == 2
    assert faces.people == (0,)
    assert len(faces.times) == 16
    assert len(faces.of(0)) == sum(len(track.samples) for track in faces.tracks)


def test_blank_and_noisy_pictures_hold_no_faces():
    finder = FaceFinder(make_detector("auto"))
    for i in range(4):
        finder.look(
            Frame(i * 0.2, ArrayRaster(RNG.integers(0, 255, (240, 320, 3)).astype(np.uint8)))
        )
        finder.look(
            Frame(i * 0.2 + 0.1, ArrayRaster(np.full((240, 320, 3), 30 * i, dtype=np.uint8)))
        )
    assert followed(finder.found()).tracks == ()


def test_pictures_are_shrunk_to_the_bound_and_never_blown_up():
    small, scale = shrink(np.zeros((1080, 1920, 3), np.uint8), 480)
    assert small.shape == (270, 480, 3)
    assert scale == pytest.approx(0.25)
    assert shrink(np.zeros((100, 80, 3), np.uint8), 480)[0].shape == (100, 80, 3)


@pytest.mark.parametrize("longest", [200, 333, 576, 700])
def test_shrunk_pictures_are_those_that_averaging_gives(longest):
    import cv2

    drawn = cv2.GaussianBlur(RNG.normal(size=(720, 1280)).astype(np.float32), (0, 0), 8)
    picture = cv2.normalize(drawn, None, 0, 255, cv2.NORM_MINMAX).astype(np.uint8)
    small = shrink(picture, longest)[0].astype(float)
    wanted = cv2.resize(picture, small.shape[::-1], interpolation=cv2.INTER_AREA)
    assert np.abs(small - wanted).mean() < 0.7
    # Half a pixel aside would be seen.
    assert np.abs(small[:, 1:] / 2 + small[:, :-1] / 2 - wanted[:, 1:]).mean() > 1.5
    # What is finer than the small picture can show becomes gray, and no other pattern.
    fine = np.indices((720, 1280)).sum(axis=0) % 2 * 255
    assert abs(shrink(fine.astype(np.uint8), 576)[0].astype(float) - 127.5).max() < 2


@pytest.mark.data
def test_yunet_of_the_user_finds_the_eyes(shared):
    (model,) = (shared / "yunet").glob("*.onnx")
    detector = make_detector(f"yunet:{model}")
    canvas = np.full((1200, 1600, 3), 90, np.uint8)
    canvas[300:900, 700:1300] = portrait(600)
    (face,) = detector.detect(canvas)
    assert face.score > 0.85
    left, top, wide, high = face.box
    assert overlap((left, top, wide, high), (800, 340, 340, 460)) > 0.6
    eyes, mouth = face.landmarks[:2], face.landmarks[3:]
    assert eyes[0, 0] < face.landmarks[2, 0] < eyes[1, 0]
    assert eyes[:, 1].max() < face.landmarks[2, 1] < mouth[:, 1].min()
    assert turned(face.landmarks) < 30


@pytest.mark.parametrize("choice", ["mtcnn", "haar", "yunet", ""])
def test_an_unknown_detector_is_refused_with_the_choice(choice):
    with pytest.raises(OptionError, match="auto, embedded, yunet:FILE"):
        check_detector(choice)


def test_a_missing_or_wrong_detector_file_is_one_sentence(tmp_path, capfd):
    with pytest.raises(InputError, match="no YuNet model at"):
        PerceiveOptions(detector=f"yunet:{tmp_path / 'none.onnx'}")
    wrong = tmp_path / "wrong.onnx"
    wrong.write_bytes(b"this is no model")
    with pytest.raises(InputError, match="is not a YuNet model"):
        make_detector(f"yunet:{wrong}")
    with pytest.raises(InputError, match="is not a YuNet model"):
        make_detector(f"yunet:{make_branches()['face'].pack.folder / 'model.onnx'}")
    assert capfd.readouterr().err == ""


# --- crops -----------------------------------------------------------------------------------


def test_a_tilted_face_is_cropped_upright_in_the_framing_of_the_training_set():
    import cv2

    upright = RNG.integers(0, 255, (12, 12)).astype(np.uint8)
    upright = cv2.resize(upright, (48, 48), interpolation=cv2.INTER_CUBIC)
    angle, scale = np.radians(25), 5.0
    turn = scale * np.array([[np.cos(angle), -np.sin(angle)], [np.sin(angle), np.cos(angle)]])
    affine = np.column_stack([turn, [250.0, 60.0]])
    picture = cv2.warpAffine(upright, affine, (500, 420))
    points = (FRAMING @ turn.T + affine[:, 2]).astype(np.float32)
    crop = crop_face(picture, Detection((0, 0, 1, 1), 1.0, points))
    inner = (slice(4, 44), slice(4, 44))
    alike = np.corrcoef(crop[inner].ravel(), upright[inner].ravel())[0, 1]
    assert alike > 0.99


def test_similarity_recovers_a_planted_transform():
    affine = np.array([[0.3, -0.4, 7.0], [0.4, 0.3, -2.0]])
    onto = FRAMING @ affine[:, :2].T + affine[:, 2]
    assert similarity(FRAMING, onto) == pytest.approx(affine)


def test_without_landmarks_the_box_is_the_crop():
    picture = np.zeros((200, 300), np.uint8)
    picture[60:108, 120:168] = portrait(48)[..., 0]
    crop = crop_face(picture, Detection((120, 60, 48, 48), 1.0))
    assert (crop == picture[60:108, 120:168]).all()
    beyond = crop_face(np.full((50, 50), 77, np.uint8), Detection((-20, -20, 60, 60), 1.0))
    assert (beyond == 77).all()


@pytest.mark.parametrize("degrees", [0, 20, 45, 70])
def test_the_turn_of_a_head_is_read_off_its_landmarks(degrees):
    head = np.array([[-0.5, 0, 0], [0.5, 0, 0], [0, 0.6, 0.45], [-0.4, 1, 0.1], [0.4, 1, 0.1]])
    yaw = np.radians(degrees)
    seen = np.column_stack([head[:, 0] * np.cos(yaw) + head[:, 2] * np.sin(yaw), head[:, 1]])
    tilt = np.radians(15)
    roll = np.array([[np.cos(tilt), -np.sin(tilt)], [np.sin(tilt), np.cos(tilt)]])
    points = (40 * seen @ roll.T + 100).astype(np.float32)
    assert turned(points) == pytest.approx(degrees, abs=0.1)
    assert np.isnan(turned(None))


def test_blur_is_seen():
    import cv2

    sharp = cv2.cvtColor(portrait(48), cv2.COLOR_BGR2GRAY)
    assert sharpness(cv2.GaussianBlur(sharp, (0, 0), 3)) < 0.5 * sharpness(sharp)


# --- tracks ----------------------------------------------------------------------------------


def paths(*people, step=0.2):
    """Times, boxes and whose they are, from functions ``time index -> (x, y, side) or None``."""
    times, boxes, whose = [], [], []
    for i in range(20):
        for who, person in enumerate(people):
            place = person(i)
            if place is not None:
                times.append(i * step)
                boxes.append((place[0], place[1], place[2], place[2]))
                whose.append(who)
    return np.array(times), np.array(boxes, float), np.array(whose)


def linked(*people, shots=()):
    times, boxes, whose = paths(*people)
    tracks = link(times, boxes, shots)
    assert sorted(row for rows in tracks for row in rows) == list(range(len(times)))
    return [set(whose[rows].tolist()) for rows in tracks], tracks, times


def test_two_who_pass_each_other_keep_their_tracks():
    owners, _, _ = linked(lambda i: (20 + 15 * i, 50, 60), lambda i: (320 - 15 * i, 90, 60))
    assert sorted(owners, key=min) == [{0}, {1}]


def test_a_gap_is_bridged_in_the_direction_of_movement():
    owners, tracks, _ = linked(lambda i: None if 8 <= i < 12 else (20 + 20 * i, 50, 60))
    assert owners == [{0}]
    assert len(tracks[0]) == 16


def test_a_gap_of_more_than_a_second_ends_a_track():
    assert len(linked(lambda i: None if 8 <= i < 14 else (50, 50, 60))[1]) == 2


def test_no_track_goes_across_a_cut():
    _, tracks, times = linked(lambda i: (50, 50, 60), shots=(1.0, 2.6))
    assert [(times[rows[0]], times[rows[-1]]) for rows in tracks] == [
        pytest.approx((0, 0.8)), pytest.approx((1.0, 2.4)), pytest.approx((2.6, 3.8)),
    ]  # fmt: skip


def test_a_face_of_another_size_in_the_same_place_is_another():
    assert len(linked(lambda i: (50, 50, 60) if i < 10 else (20, 20, 130))[1]) == 2


@pytest.mark.parametrize(
    ("scores", "every", "real"),
    [
        ((0.9,) * 10, 1, True),
        ((0.9, *(0.65,) * 9), 1, True),
        ((0.49, 0.45, 0.88, 0.48, 0.71, 0.51, 0.67, 0.79, 0.52), 1, False),
        ((0.65,) * 10, 1, False),
        ((0.8,) * 10, 1, False),
        ((0.9, *(0.3,) * 9), 1, False),
        ((0.9, 0.9), 1, False),
        ((0.9,) * 5, 4, False),
    ],
    ids=["sure", "sure once", "jar", "never sure", "nearly", "mostly not", "two looks", "flickers"],
)
def test_false_alarms_are_dropped_with_hysteresis(scores, every, real):
    looked = np.arange(40) * 0.2
    times = looked[: len(scores) * every : every]
    assert is_face(range(len(scores)), np.array(scores), times, looked) is real


# --- memory ---


def test_an_hour_of_a_face_stays_small():
    import tracemalloc

    class Planted:
        def detect(self, image):
            return [Detection((10.0, 10.0, 60.0, 60.0), 0.9)]

    finder = FaceFinder(Planted(), CropSpool(memory=1))
    picture = ArrayRaster(np.full((90, 120, 3), 90, np.uint8))
    for i in range(50):
        finder.look(Frame(i * 0.2, picture))
    tracemalloc.start()
    for i in range(50, 1850):
        finder.look(Frame(i * 0.2, picture))
    grown, _ = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert grown / 1800 * 18_000 < 3e6  # bytes an hour at five pictures a second
