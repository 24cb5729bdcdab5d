"""Whose lips move with the voice: planted mouths, planted sound, and a clip of both."""

import json
import re
from dataclasses import replace

import numpy as np
import pytest

from mien.analysis.wire import from_wire
from mien.analyzer import Analyzer
from mien.media import AudioSpool, CropSpool, load_audio, open_clip
from mien.media.writer import write_clip
from mien.options import FaceOptions, Options, SegmentationOptions, SpeechOptions
from mien.packs import EMBEDDED
from mien.perceive import PerceiveOptions, perceive
from mien.perceive.detectors import make_detector
from mien.perceive.lips import Voice, in_step, movement
from mien.perceive.primary import order, speaking
from mien.report.table import headline
from mien.scene import AUDIO, FACES, SPEECH, FaceTrack, Speech
from mien.timebase import Segment
from tests.planted import gray, portrait, samples

RNG = np.random.default_rng(0)


def talking(mouths, step=0.2):
    """Tracks whose mouths are open by ``mouths`` (each ``(n,)``, 0 to 1), and their crops."""
    crops, tracks, face = CropSpool(), [], gray(4)
    for who, mouth in enumerate(mouths):
        first = len(crops)
        for much in mouth:
            crop = face.astype(float)
            crop[34:42, 18:30] += much * (20 - crop[34:42, 18:30])
            noisy = crop + RNG.normal(0, 2, crop.shape)
            crops.append(np.clip(noisy, 0, 255).astype(np.uint8))
        part = samples(np.arange(len(mouth)) * step, (0, 0, 50, 50))
        tracks.append(FaceTrack(who, replace(part, crops=np.arange(first, first + len(mouth)))))
    return tracks, crops


def sound(level, step=0.2):
    """Noise that is as loud as ``level``, each for ``step`` seconds until its moment."""
    spool = AudioSpool()
    for much in level[1:]:
        spool.append(RNG.normal(0, 0.1 * much + 1e-5, round(step * 16000)).astype(np.float32))
    return spool


def flapping(loud):
    """A mouth that changes between two moments as much as it is loud between them."""
    at = [0.5]
    for much in 0.5 * loud[1:]:
        at.append(at[-1] + (much if at[-1] < 0.5 else -much))
    return np.array(at)


EVER = Speech((Segment(0.0, 1000.0),))


def test_who_moves_the_mouth_while_somebody_speaks_counts_for_more():
    moving = np.resize([0.0, 1.0], 20) * (np.arange(20) < 10)
    tracks, crops = talking([np.zeros(20), moving])
    speech, steady = Speech((Segment(0.0, 2.0),)), sound(np.ones(21))
    heard = speaking(tracks, crops, speech, steady)
    assert [t.identity for t in heard] == [0, 1]
    assert heard[0].samples.prominence == pytest.approx(0.3)
    assert heard[1].samples.prominence[:9] == pytest.approx(0.6, rel=0.05)
    assert heard[1].samples.prominence[-5:] == pytest.approx(0.3)


@pytest.mark.parametrize("speaker", [0, 1])
def test_of_two_mouths_that_move_the_one_in_step_with_the_voice_speaks(speaker):
    loud = RNG.random(60) ** 2
    other = RNG.permutation(loud)
    mouths = [flapping(other), flapping(other)]
    mouths[speaker] = flapping(loud)
    tracks, crops = talking(mouths)
    heard = speaking(tracks, crops, EVER, sound(loud))
    told = heard[speaker].lips
    assert told > 0.5
    assert heard[speaker].samples.prominence == pytest.approx(0.6)
    assert heard[1 - speaker].lips.startswith("not clear (correlation ")
    assert heard[1 - speaker].samples.prominence == pytest.approx(0.3)
    assert order(heard)[0].lips == told
    alone = speaking(tracks[speaker : speaker + 1], crops, EVER, sound(loud))
    assert alone[0].samples.prominence == pytest.approx(0.6)


def test_lips_are_rarely_in_step_by_chance_and_then_nobody_counts_for_more():
    told = []
    for _ in range(60):
        smooth = np.convolve(RNG.random(50), np.ones(4) / 4, "same")
        tracks, crops = talking([flapping(RNG.random(50))])
        (heard,) = speaking(tracks, crops, EVER, sound(smooth))
        told.append(not isinstance(heard.lips, str))
        wanted = 0.6 if told[-1] else 0.3
        assert heard.samples.prominence == pytest.approx(wanted)
    assert np.mean(told) <= 0.1  # one in fifty


@pytest.mark.parametrize(
    ("mouth", "level", "speech", "reason"),
    [
        (np.ones(10), np.ones(10), EVER, "too few samples of the mouth (9, at least 15 needed)"),
        (np.ones(30), np.ones(30), Speech(()), "no speech while the face is in view"),
        (np.ones(30), np.ones(30), EVER, "the voice does not vary (0.1 dB, at least 1.0 needed)"),
    ],
)
def test_what_lips_cannot_tell_has_its_reason(mouth, level, speech, reason):
    tracks, crops = talking([mouth])
    (heard,) = speaking(tracks, crops, speech, sound(level))
    assert heard.lips == reason


def test_a_face_that_shakes_within_its_crop_is_no_mouth_that_moves():
    """Whole pixels with the voice, as landmarks jitter; the mouth of the second moves as well."""
    loud = RNG.random(60) ** 2
    wide = np.pad(gray(4), 2, mode="edge")
    down = np.rint(4 * flapping(loud)).astype(int)
    still, talks = CropSpool(), CropSpool()
    for much, at in zip(flapping(loud), down, strict=True):
        crop = wide[at : at + 48, 2:50].copy()
        still.append(crop)
        crop[34:42, 18:30] = 120 - 100 * much
        talks.append(crop)
    part = replace(samples(np.arange(60) * 0.2, (0, 0, 50, 50)), crops=np.arange(60))
    moved = [movement(FaceTrack(0, part), crops) for crops in (still, talks)]
    voice = Voice(EVER, sound(loud))
    assert in_step(part.times, moved[1], voice) > 0.5
    assert isinstance(in_step(part.times, moved[0], voice), str)
    assert np.nanmax(moved[0]) < 0.01


def test_the_level_of_the_voice_is_that_of_the_speech_alone():
    spool = sound(np.repeat([1.0, 1.0, 0.1], 60))  # 0.1 until 23.8 s, then 20 dB less
    voice = Voice(Speech((Segment(1.0, 14.0), Segment(23.0, 30.0))), spool)
    starts = np.array([2.0, 15.0, 23.5, 25.0, 13.5])
    level = voice.level(starts, starts + np.array([0.2, 5.0, 0.2, 5.0, 1.0]))
    assert level == pytest.approx([-20, -120, -20, -40, -23], abs=0.7)


@pytest.fixture(scope="module")
def duet(tmp_path_factory):
    """A clip of two heads. Both mouths move; the right one, smaller, with what is said."""
    import cv2

    said = load_audio(EMBEDDED / "demo" / "speech.flac")
    pause = np.zeros(12_800, np.float32)
    thirds = [part for part in np.array_split(said, 3) for part in (pause, part)]
    spoken = np.concatenate([*thirds, *thirds, pause])
    rate, path = 10, tmp_path_factory.mktemp("duet") / "duet.mp4"
    loud = np.sqrt([np.mean(part**2) for part in np.split(spoken[: len(spoken) // 1600 * 1600],
                                                          len(spoken) // 1600)])  # fmt: skip
    opening = np.minimum(1.0, loud / np.percentile(loud, 90))
    heads = {40: portrait(170), 270: portrait(150)[:, ::-1]}
    mouths = {left: mouth_of(head) for left, head in heads.items()}

    def pictures():
        for i, much in enumerate(opening):
            canvas = np.full((300, 480, 3), 90, np.uint8)
            for left, head in heads.items():
                here = much if left == 270 else opening[(i * 7 + 3) % len(opening)]
                (across, down), wide = mouths[left]
                axes = (round(0.4 * wide), round(0.1 * wide + 0.4 * wide * here))
                at = (round(left + across), round(60 + down))
                canvas[60 : 60 + len(head), left : left + len(head)] = head
                cv2.ellipse(canvas, at, axes, 0, 0, 360, (30, 20, 60), -1)
            yield canvas

    write_clip(path, pictures(), rate, spoken)
    return path


def mouth_of(head):
    """The middle of a head's mouth and its width, pixels."""
    (face,) = make_detector("auto").detect(np.ascontiguousarray(head))
    corners = face.landmarks[3:]
    return corners.mean(axis=0), float(np.hypot(*(corners[1] - corners[0])))


def test_in_a_clip_of_two_the_one_whose_lips_keep_to_the_voice_is_primary(duet):
    options = Options(
        segmentation=SegmentationOptions("window", 3.0, 3.0), speech=SpeechOptions(asr="none")
    )
    analysis = Analyzer(options).analyze(duet)
    speaker, listener = analysis.faces
    assert (speaker.identity, listener.identity) == (0, 1)
    assert speaker.median_size < listener.median_size
    assert speaker.lips > 0.4
    assert listener.lips is None
    assert listener.lips_reason.startswith("not clear (correlation ")
    again = from_wire(json.loads(analysis.to_json()))
    assert again.faces[0].lips == pytest.approx(speaker.lips, abs=1e-3)
    assert again.faces[1].lips_reason == listener.lips_reason
    assert "2 people in view (--person all shows each), person 0 visibly speaking" in headline(
        analysis
    )


def test_a_person_by_number_is_the_same_one_where_the_recording_was_gone_on_with(duet):
    analyzer = Analyzer(Options(speech=SpeechOptions(asr="none"), faces=FaceOptions(person=1)))
    reached = [0.0]

    def tell(doing, share):
        reached[0] = share if doing == "reading sound and pictures" else reached[0]

    partial = analyzer.analyze(duet, tell, lambda: reached[0] > 0.5)
    assert partial.partial
    joined, straight = analyzer.resume(duet, partial), analyzer.analyze(duet)
    assert joined.provenance.warnings == ()
    assert joined.faces == straight.faces
    assert list(joined.people) == list(straight.people) == [1]
    assert np.array_equal(joined.people[1].probs, straight.people[1].probs)


@pytest.mark.data
def test_the_president_speaks_and_the_man_beside_him_does_not(shared):
    clip = open_clip(shared / "clips" / "obama_speech.mp4")
    scene = perceive(clip, [FACES, SPEECH, AUDIO], PerceiveOptions())
    clip.close()
    president, other = scene.get(FACES).tracks
    assert president.samples.boxes[0, 0] > other.samples.boxes[0, 0]  # he stands on the right
    assert president.lips > 0.5
    assert re.match(r"not clear \(correlation -?0\.", other.lips)
