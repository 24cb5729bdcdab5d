"""Who is who, who is meant, and the rows of the face branch."""

from dataclasses import replace

import numpy as np
import pytest

from mien.analyzer import Analyzer
from mien.branches import PeopleBranch, make_branches
from mien.branches.face import FaceBranch, FaceModel, sample_quality
from mien.emotions import MIEN7
from mien.errors import OptionError
from mien.media import ArrayRaster, CropSpool, open_clip
from mien.options import FaceOptions, Options, SegmentationOptions, SpeechOptions
from mien.packs import EMBEDDED, Pack
from mien.perceive import PerceiveOptions, perceive
from mien.perceive.identity import COLOURS, clothes_of, identify
from mien.perceive.primary import order, standing
from mien.scene import FACES, SPEECH, FaceSamples, FaceTrack, Scene
from mien.testing import planted_scene
from mien.timebase import Segment
from tests.planted import gray, samples

RNG = np.random.default_rng(0)


# --- identity --------------------------------------------------------------------------------


def dressed(colour):
    """A picture with a face's box at (100, 40) and clothes of one colour below it."""
    picture = np.full((240, 320, 3), 90, np.uint8)
    picture[110:, 60:200] = colour
    return clothes_of(ArrayRaster(picture), (100.0, 40.0, 60.0, 60.0))


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


def test_large_and_central_and_facing_counts():
    middle, edge = (140, 100, 40, 40), (0, 0, 40, 40)
    usual = standing(middle, 0.0, 320, 240)
    assert usual > 1.5 * standing(edge, 0.0, 320, 240)
    assert standing((120, 80, 80, 80), 0.0, 320, 240) == pytest.approx(2 * usual, rel=0.01)
    assert standing(middle, 60.0, 320, 240) == pytest.approx(usual / 2)
    assert standing(middle, np.nan, 320, 240) == usual


def test_people_are_numbered_by_prominence_over_time():
    short = FaceTrack(7, samples(np.arange(0, 1, 0.2), (0, 0, 9, 9), 0.5))
    long = FaceTrack(3, samples(np.arange(0, 5, 0.2), (0, 0, 9, 9), 0.3))
    assert [(t.identity, len(t.samples)) for t in order([short, long])] == [(0, 25), (1, 5)]


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
        ({"box": (0, 0, 15, 19)}, "face too small (15 px, at least 24 needed)"),
        ({"turn": 71.0}, "face turned away (71 degrees, at most 60 allowed)"),
        ({"sharp": 0.07}, "face too blurred (sharpness 0.07, at least 0.20 needed)"),
    ],
)
def test_a_face_that_cannot_be_judged_says_why_with_the_measure(change, reason):
    part = samples(TIMES, **{"box": (0, 0, 90, 90)} | change)
    assert make_branches()["face"].judge(scene_of(part), WHOLE).reasons == (reason,)


@pytest.mark.parametrize("person", ["primary", "all", "2"])
def test_where_nobody_is_seen_each_segment_says_how_often_was_looked(person):
    segments = [Segment(0.0, 2.0), Segment(2.0, 2.2), Segment(2.05, 2.1)]
    found = make_branches({"face": {"person": person}})["face"].judge(scene_of(), segments)
    assert found.reasons == (
        "no face in view (10 pictures examined)",
        "no face in view (1 picture examined)",
        "no picture in this segment",
    )


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
    assert nobody.reasons[0] == "there is no person 5; the last is 1"


def test_the_papers_policy_takes_the_most_emotional_moment_alone():
    scene = planted_scene()
    faces = scene.get(FACES)
    branch = FaceBranch({"policy": "peak"})
    single = FaceModel(Pack(EMBEDDED / "face", "face")).probs(faces.crops.take(list(range(15))))
    best = single[:, MIEN7.labels.index("neutral")].argmin()
    assert branch.judge(scene, WHOLE).probs[0] == pytest.approx(single[best], abs=1e-4)
    mean = FaceBranch({}).judge(scene, WHOLE).probs[0]
    logs = np.log(single).mean(axis=0)  # all looks in the planted scene are equally good
    assert mean == pytest.approx(np.exp(logs) / np.exp(logs).sum(), abs=1e-4)


@pytest.mark.parametrize(
    "options",
    [{"person": "left"}, {"person": "-1"}, {"person": "number of a person"}, {"policy": "median"}],
)
def test_options_of_the_face_that_cannot_be_are_refused(options):
    with pytest.raises(OptionError, match="primary, all|mean, peak"):
        FaceBranch(options)


@pytest.mark.data
@pytest.mark.parametrize("detector", ["auto", "yunet"])
def test_reasons_change_where_the_face_leaves(shared, detector):
    if detector == "yunet":
        (model,) = (shared / "yunet").glob("*.onnx")
        detector = f"yunet:{model}"
    options = Options(
        segmentation=SegmentationOptions("window", 1.0, 1.0),
        speech=SpeechOptions(asr="none"),
        faces=FaceOptions(detector=detector),
    )
    analysis = Analyzer(options).analyze(shared / "clips" / "face_noface.mov")
    reasons = analysis.by_branch["face"].reasons
    # Seen in the pictures: the man until 2.4 s, then the title of a cartoon.
    assert reasons[:3] == ("", "", "")
    assert len(reasons) > 4
    assert all(reason.startswith("no face in view (") for reason in reasons[3:])
    assert analysis.shots == pytest.approx((2.5,), abs=0.2)
