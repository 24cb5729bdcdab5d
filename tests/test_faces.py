"""Faces through time: detectors, cuts, tracks, identities, the primary person, reasons."""

from dataclasses import replace

import numpy as np
import pytest

from mien.branches import PeopleBranch, make_branches
from mien.branches.face import FaceBranch, sample_quality
from mien.emotions import MIEN7
from mien.errors import InputError, OptionError
from mien.media import CropSpool, open_clip
from mien.perceive import PerceiveOptions, perceive
from mien.perceive.crops import FRAMING, crop_face, sharpness, similarity, turned
from mien.perceive.cuts import CutFinder
from mien.perceive.detect import Detection, HaarDetector, check_detector, make_detector, shrink
from mien.perceive.faces import FaceFinder
from mien.perceive.identity import COLOURS, clothes_of, identify
from mien.perceive.primary import order, speaking, standing
from mien.perceive.tracks import is_face, link, overlap
from mien.scene import CUTS, FACES, SPEECH, FaceSamples, FaceTrack, Frame, Scene, Speech
from mien.testing import planted_scene
from mien.timebase import Segment

RNG = np.random.default_rng(0)


def portrait(side=150):
    """The head of the public-domain portrait that comes with matplotlib."""
    import cv2
    from matplotlib import cbook

    picture = cv2.imread(str(cbook.get_sample_data("grace_hopper.jpg", asfileobj=False)))
    return cv2.resize(picture[60:380, 100:420], (side, side), interpolation=cv2.INTER_AREA)


def portrait_frames(places, size=(360, 480)):
    """Frames with the portrait's head at given places (None: no head)."""
    head = portrait()
    for index, place in enumerate(places):
        canvas = np.full((*size, 3), 90, dtype=np.uint8)
        if place is not None:
            canvas[place[1] : place[1] + 150, place[0] : place[0] + 150] = head
        yield Frame(index * 0.2, canvas)


def look(places):
    finder = FaceFinder(HaarDetector())
    for frame in portrait_frames(places):
        finder.look(frame)
    return finder.finish()


# --- detectors -------------------------------------------------------------------------------


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
    finder = FaceFinder(HaarDetector())
    for i in range(4):
        finder.look(Frame(i * 0.2, RNG.integers(0, 255, (240, 320, 3)).astype(np.uint8)))
        finder.look(Frame(i * 0.2 + 0.1, np.full((240, 320, 3), 30 * i, dtype=np.uint8)))
    assert finder.finish().tracks == ()


def test_pictures_are_shrunk_to_the_bound_and_never_blown_up():
    small, scale = shrink(np.zeros((1080, 1920, 3), np.uint8), 480)
    assert small.shape == (270, 480, 3)
    assert scale == pytest.approx(0.25)
    assert shrink(np.zeros((100, 80, 3), np.uint8), 480)[0].shape == (100, 80, 3)


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


@pytest.mark.parametrize("choice", ["mtcnn", "yunet", ""])
def test_an_unknown_detector_is_refused_with_the_choice(choice):
    with pytest.raises(OptionError, match="auto, haar, yunet:FILE"):
        check_detector(choice)


def test_a_missing_or_wrong_detector_file_is_one_sentence(tmp_path, capfd):
    with pytest.raises(InputError, match="no YuNet model at"):
        PerceiveOptions(detector=f"yunet:{tmp_path / 'none.onnx'}")
    wrong = tmp_path / "wrong.onnx"
    wrong.write_bytes(b"this is no model")
    with pytest.raises(InputError, match="is no YuNet model"):
        make_detector(f"yunet:{wrong}")
    with pytest.raises(InputError, match="is no YuNet model"):
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


# --- cuts ------------------------------------------------------------------------------------


def shot(seed, width=900):
    """A wide picture of coloured patches, the same for the same seed."""
    import cv2

    rng = np.random.default_rng(seed)
    coarse = rng.integers(0, 255, (9, width // 40, 3)).astype(np.uint8)
    return cv2.resize(coarse, (width, 180), interpolation=cv2.INTER_CUBIC)


def cuts(pictures, rate=5.0):
    finder = CutFinder()
    for i, picture in enumerate(pictures):
        noise = RNG.integers(0, 6, picture.shape)
        finder.look(Frame(i / rate, np.clip(picture + noise, 0, 255).astype(np.uint8)))
    return finder.finish()


def still(seed, count):
    return [shot(seed)[:, :320]] * count


def fade(picture, levels):
    return [(picture * level).astype(np.uint8) for level in levels]


@pytest.mark.parametrize("rate", [2.0, 5.0, 12.0])
def test_planted_cuts_are_found_where_they_are(rate):
    n = round(3 * rate)
    found = cuts(still(1, n) + still(2, n) + still(3, n) + still(1, n), rate)
    assert found == pytest.approx((3.0, 6.0, 9.0))


def test_a_pan_is_no_cut_but_a_cut_within_pans_is():
    wide = shot(4, 1600)
    pan = [wide[:, x : x + 320] for x in range(0, 1200, 30)]
    assert cuts(pan) == ()
    slow = [[shot(n, 1600)[:, x : x + 320] for x in range(0, 150, 10)] for n in (4, 5)]
    assert cuts(slow[0] + slow[1]) == pytest.approx((3.0,))


def test_a_flash_and_a_passing_shadow_are_no_cuts():
    white = [np.full((180, 320, 3), 255, np.uint8)]
    assert cuts(still(1, 10) + white + still(1, 10)) == ()
    assert cuts(still(1, 10) + still(2, 1) + still(1, 10)) == ()


def test_a_fade_through_black_is_one_cut_and_back_to_the_same_is_none():
    down, up = np.linspace(1, 0, 6), np.linspace(0, 1, 6)
    away = still(1, 10) + fade(shot(1)[:, :320], down)
    (cut,) = cuts(away + fade(shot(2)[:, :320], up) + still(2, 10))
    assert 2.8 <= cut <= 3.8
    assert cuts(away + fade(shot(1)[:, :320], up) + still(1, 10)) == ()
    assert cuts(fade(shot(1)[:, :320], up) + still(1, 10)) == ()


def test_one_picture_and_none_have_no_cuts():
    assert cuts(still(1, 1)) == ()
    assert CutFinder().finish() == ()


@pytest.mark.data
def test_the_cuts_of_real_clips_are_where_a_viewer_sees_them(shared):
    seen = {"test.avi": (13.4, 24.3), "face_noface.mov": (2.4,), "obama_speech.mp4": (),
            "test.mp4": (), "test_video_audio_5_seconds.mp4": (3.7,)}  # fmt: skip
    for name, times in seen.items():
        clip = open_clip(shared / "clips" / name)
        scene = perceive(clip, [CUTS], PerceiveOptions())
        clip.close()
        assert scene.get(CUTS) == pytest.approx(times, abs=0.22), name


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


def linked(*people, cuts=()):
    times, boxes, whose = paths(*people)
    tracks = link(times, boxes, cuts)
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
    _, tracks, times = linked(lambda i: (50, 50, 60), cuts=(1.0, 2.6))
    assert [(times[rows[0]], times[rows[-1]]) for rows in tracks] == [
        pytest.approx((0, 0.8)), pytest.approx((1.0, 2.4)), pytest.approx((2.6, 3.8)),
    ]  # fmt: skip


def test_a_face_of_another_size_in_the_same_place_is_another():
    assert len(linked(lambda i: (50, 50, 60) if i < 10 else (20, 20, 130))[1]) == 2


@pytest.mark.parametrize(
    ("scores", "every", "real"),
    [
        ((0.9,) * 10, 1, True),
        ((0.9, *(0.55,) * 9), 1, True),
        ((0.65,) * 10, 1, False),
        ((0.75, *(0.3,) * 9), 1, False),
        ((0.9, 0.9), 1, False),
        ((0.9,) * 5, 4, False),
    ],
    ids=["sure", "sure once", "never sure", "mostly not", "two looks", "flickers"],
)
def test_false_alarms_are_dropped_with_hysteresis(scores, every, real):
    looked = np.arange(40) * 0.2
    times = looked[: len(scores) * every : every]
    assert is_face(range(len(scores)), np.array(scores), times, looked) is real


# --- identity --------------------------------------------------------------------------------


def dressed(colour):
    """A picture with a face's box at (100, 40) and clothes of one colour below it."""
    picture = np.full((240, 320, 3), 90, np.uint8)
    picture[110:, 60:200] = colour
    return clothes_of(picture, (100.0, 40.0, 60.0, 60.0))


ORANGE, BLUE, BLACK = dressed((30, 110, 220)), dressed((200, 90, 30)), dressed((15, 15, 15))


def people(*tracks):
    """What ``identify`` says of tracks, each ``(start, end, clothes, picture of the face)``."""
    crops, times, parts, worn = CropSpool(), [], [], []
    for start, end, clothes, face in tracks:
        rows = np.arange(len(times), len(times) + 5)
        parts.append(rows)
        for time in np.linspace(start, end, 5):
            times.append(time)
            worn.append(clothes)
            noise = RNG.integers(-3, 4, face.shape)
            crops.append(np.clip(face.astype(int) + noise, 0, 255).astype(np.uint8))
    n = len(times)
    one = np.ones(n)
    every = FaceSamples(np.array(times), np.ones((n, 4)), one, one, one, one, np.arange(n))
    return identify(parts, every, crops, np.array(worn))


def gray(seed):
    """Faces that are as like as two people's: the portrait, turned a little differently."""
    import cv2

    face = cv2.cvtColor(portrait(56), cv2.COLOR_BGR2GRAY)
    return np.ascontiguousarray(face[seed : seed + 48, seed : seed + 48])


def test_the_same_clothes_across_a_cut_are_the_same_person():
    names = people((0, 1, ORANGE, gray(0)), (2, 3, BLUE, gray(4)), (4, 5, ORANGE, gray(8)))
    assert names[0] == names[2] != names[1]


def test_who_is_in_view_together_is_never_one_person():
    assert len(set(people((0, 1, ORANGE, gray(0)), (0.5, 2, ORANGE, gray(0))))) == 2


def test_two_in_the_same_clothes_are_not_guessed_at():
    names = people((0, 1, ORANGE, gray(0)), (2, 3, ORANGE, gray(4)), (2, 3, ORANGE, gray(8)))
    assert len(set(names)) == 3


def test_black_clothes_tell_nothing():
    assert BLACK.sum() < 0.05 * 255
    assert BLACK.shape == (COLOURS,)
    assert len(set(people((0, 1, BLACK, gray(0)), (2, 3, BLACK, gray(8))))) == 2


@pytest.mark.data
def test_the_three_people_of_a_real_clip_are_three_across_its_cuts(shared):
    (model,) = (shared / "yunet").glob("*.onnx")
    clip = open_clip(shared / "clips" / "test.avi")
    scene = perceive(clip, [FACES], PerceiveOptions(detector=f"yunet:{model}", frame_rate=3.0))
    clip.close()
    tracks = scene.get(FACES).tracks
    spans = {}
    for track in tracks:
        spans.setdefault(track.identity, []).append(track.segment.middle)
    # As seen: one man sits right in the first shot and alone in the last, the other left in the
    # first and alone in the second, the woman stands in the first.
    shots = sorted([int(t > 13.4) + int(t > 24.3) for t in times] for times in spans.values())
    assert shots == [[0], [0, 1], [0, 2]]
    assert all(np.diff(track.samples.times).max() <= 1.01 for track in tracks)


# --- the primary person ----------------------------------------------------------------------


def samples(times, box, prominence=0.3, turn=5.0, sharp=0.8):
    n = len(times)
    return FaceSamples(
        np.asarray(times, float), np.tile(np.array(box, float), (n, 1)), np.full(n, 0.9),
        np.full(n, sharp), np.full(n, turn), np.full(n, prominence), np.arange(n),
    )  # fmt: skip


def test_large_and_central_counts():
    middle, edge = (140, 100, 40, 40), (0, 0, 40, 40)
    assert standing(middle, 320, 240) > 1.5 * standing(edge, 320, 240)
    assert standing((120, 80, 80, 80), 320, 240) == pytest.approx(
        2 * standing(middle, 320, 240), rel=0.01
    )


def test_people_are_numbered_by_prominence_over_time():
    short = FaceTrack(7, samples(np.arange(0, 1, 0.2), (0, 0, 9, 9), 0.5))
    long = FaceTrack(3, samples(np.arange(0, 5, 0.2), (0, 0, 9, 9), 0.3))
    assert [(t.identity, len(t.samples)) for t in order([short, long])] == [(0, 25), (1, 5)]


def test_who_moves_the_mouth_while_somebody_speaks_counts_for_more():
    crops = CropSpool()
    times = np.arange(0, 4, 0.2)
    face = gray(4)
    tracks = []
    for who in range(2):
        first = len(crops)
        for i in range(len(times)):
            crop = face.copy()
            if who == 1 and i % 2 and times[i] < 2:
                crop[34:42, 18:30] = 20
            crops.append(crop)
        part = samples(times, (0, 0, 50, 50))
        tracks.append(FaceTrack(who, replace(part, crops=np.arange(first, first + len(times)))))
    heard = speaking(tracks, crops, Speech((Segment(0.0, 2.0),)))
    assert [t.identity for t in heard] == [0, 1]
    assert heard[0].samples.prominence == pytest.approx(0.3)
    assert heard[1].samples.prominence[:9] == pytest.approx(0.6, rel=0.05)
    assert heard[1].samples.prominence[-5:] == pytest.approx(0.3)
    alone = speaking(tracks[1:], crops, Speech((Segment(0.0, 2.0),)))
    assert alone[0].samples.prominence == pytest.approx(0.3)


@pytest.mark.data
def test_the_president_who_speaks_is_the_primary_person(shared):
    (model,) = (shared / "yunet").glob("*.onnx")
    clip = open_clip(shared / "clips" / "obama_speech.mp4")
    scene = perceive(clip, [FACES, SPEECH], PerceiveOptions(detector=f"yunet:{model}"))
    clip.close()
    faces = scene.get(FACES)
    assert faces.people == (0, 1)
    first, second = faces.of(0), faces.of(1)
    assert np.median(first.boxes[:, 0]) > np.median(second.boxes[:, 0])  # he stands on the right
    assert first.prominence.sum() > 1.5 * second.prominence.sum()


# --- rows of the face branch -----------------------------------------------------------------


def scene_of(*parts):
    """The planted scene with other faces: one track each of the people given."""
    scene = planted_scene()
    faces = scene.get(FACES)
    tracks = tuple(FaceTrack(i, part) for i, part in enumerate(parts))
    return Scene(scene.facts, {FACES: replace(faces, tracks=tracks)})


WHOLE = [Segment(0.0, 6.0)]
TIMES = np.arange(2.0, 5.0, 0.2)


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        ({"box": (0, 0, 15, 19)}, "face too small (15 px, at least 24 wanted)"),
        ({"turn": 71.0}, "face turned away (71 degrees, at most 60 wanted)"),
        ({"sharp": 0.07}, "face too blurred (sharpness 0.07, at least 0.20 wanted)"),
    ],
)
def test_a_face_that_cannot_be_judged_says_why_with_the_measure(change, reason):
    part = samples(TIMES, **{"box": (0, 0, 90, 90)} | change)
    assert make_branches()["face"].judge(scene_of(part), WHOLE).reasons == (reason,)


def test_a_face_whose_turn_is_not_known_is_judged():
    part = samples(TIMES, (0, 0, 90, 90), turn=np.nan)
    assert make_branches()["face"].judge(scene_of(part), WHOLE).reasons == ("",)


def test_bad_looks_count_for_less():
    good = sample_quality(samples([0.0], (0, 0, 120, 120)))[0]
    for change in ({"turn": 50.0}, {"sharp": 0.3}, {"box": (0, 0, 40, 40)}):
        worse = samples([0.0], **{"box": (0, 0, 120, 120)} | change)
        assert sample_quality(worse)[0] < 0.95 * good


def test_one_person_is_asked_for_by_number():
    left = samples(TIMES[:8], (0, 0, 90, 90), 0.3)
    right = replace(samples(TIMES[8:], (200, 0, 90, 90), 0.2), crops=np.arange(8, 15))
    scene = scene_of(left, right)
    halves = [Segment(2.0, 3.5), Segment(3.7, 5.0)]
    everybody = FaceBranch({"person": "all"})
    assert isinstance(everybody, PeopleBranch)
    rows = everybody.judge(scene, halves)
    each = everybody.judge_people(scene, halves)
    assert list(each) == [0, 1]
    assert rows.reasons == ("", "")
    assert each[0].probs[0] == pytest.approx(rows.probs[0])
    assert each[1].probs[1] == pytest.approx(rows.probs[1])
    assert each[0].reasons[1].startswith("no face in view (")
    second = FaceBranch({"person": "1"})
    assert second.judge(scene, halves).probs[1] == pytest.approx(each[1].probs[1])
    assert list(second.judge_people(scene, halves)) == [1]
    assert FaceBranch({}).judge_people(scene, halves) == {}
    nobody = FaceBranch({"person": "5"}).judge(scene, halves)
    assert nobody.reasons[0] == "there is no person 5, only 0, 1"


def test_the_papers_policy_takes_the_most_emotional_moment_alone():
    scene = planted_scene()
    faces = scene.get(FACES)
    branch = FaceBranch({"policy": "peak"})
    single = branch._model.probs(faces.crops.take(list(range(15))))
    best = single[:, MIEN7.labels.index("neutral")].argmin()
    assert branch.judge(scene, WHOLE).probs[0] == pytest.approx(single[best], abs=1e-4)
    mean = FaceBranch({}).judge(scene, WHOLE).probs[0]
    logs = np.log(single).mean(axis=0)  # all looks in the planted scene are equally good
    assert mean == pytest.approx(np.exp(logs) / np.exp(logs).sum(), abs=1e-4)


@pytest.mark.parametrize("options", [{"person": "left"}, {"person": "-1"}, {"policy": "median"}])
def test_options_of_the_face_that_cannot_be_are_refused(options):
    with pytest.raises(OptionError, match="primary, all|mean, peak"):
        FaceBranch(options)


@pytest.mark.data
@pytest.mark.parametrize("detector", ["haar", "yunet"])
def test_reasons_change_where_the_face_leaves(shared, detector):
    from mien.analyzer import Analyzer, Options
    from mien.cut import CutOptions

    if detector == "yunet":
        (model,) = (shared / "yunet").glob("*.onnx")
        detector = f"yunet:{model}"
    options = Options(cut=CutOptions("window", 1.0, 1.0), detector=detector, asr="none")
    analysis = Analyzer(options).analyze(shared / "clips" / "face_noface.mov")
    reasons = analysis.by_branch["face"].reasons
    # Seen in the pictures: the man until 2.4 s, then the title of a cartoon.
    assert reasons[:3] == ("", "", "")
    assert all(reason.startswith("no face in view (") for reason in reasons[3:])
    assert analysis.cuts == pytest.approx((2.5,), abs=0.2)


def test_an_hour_of_a_face_stays_small():
    import tracemalloc

    class Planted:
        def detect(self, image):
            return [Detection((10.0, 10.0, 60.0, 60.0), 0.9)]

    finder = FaceFinder(Planted())
    picture = np.full((90, 120, 3), 90, np.uint8)
    crops = CropSpool(memory=1)
    finder._crops = crops
    for i in range(50):
        finder.look(Frame(i * 0.2, picture))
    tracemalloc.start()
    for i in range(50, 1850):
        finder.look(Frame(i * 0.2, picture))
    grown, _ = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert grown / 1800 * 18_000 < 3e6  # bytes an hour at five pictures a second
