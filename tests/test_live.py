"""Live sessions: the numbers of an analysis, back-pressure, and what is refused."""

import json
import threading
import time

import cv2
import numpy as np
import pytest

from mien.analyzer import Analyzer
from mien.demo import portrait_pictures
from mien.errors import MediaError, MienError, OptionError
from mien.live import Session
from mien.live.play import check_speed, open_live, play
from mien.media import open_clip
from mien.options import FaceOptions, Options, SegmentationOptions, SpeechOptions
from mien.packs import EMBEDDED
from mien.perceive.detectors import EmbeddedDetector
from mien.timebase import Segment
from tests.console import mien as command

NEAR = 0.02


@pytest.fixture(scope="module")
def portrait():
    """Pictures of a face, as JPEG."""
    return [cv2.imencode(".jpg", image)[1].tobytes() for image in portrait_pictures(4)]


@pytest.fixture(scope="module")
def told(demo_clip):
    """The rows of the demo clip, and the analysis of it."""
    by = SegmentationOptions("window", 1.5, 0.5)
    clip = open_clip(demo_clip)
    with Session(Options(segmentation=by), patient=True) as session:
        play(clip, session, 0)
        session.finish(clip.facts.duration)
    clip.close()
    return list(session.rows()), Analyzer(Options(segmentation=by)).analyze(demo_clip), session


def plain(text):
    return "".join(c for c in text.lower() if c.isalpha() or c == " ").split()


def final(rows):
    return [row for row in rows if row.kind == "window" and row.final]


def apart(rows, analysis):
    """The largest difference of a probability; every row must be judged, or not, as there."""
    worst = 0.0
    for i, row in enumerate(rows):
        whole = {**analysis.by_branch, "fused": analysis.fused}
        for name, evidence in {**row.by_branch, "fused": row.fused}.items():
            assert evidence.present[0] == whole[name].present[i], (row.segment, name)
            if evidence.present[0]:
                worst = max(worst, np.abs(evidence.probs[0] - whole[name].probs[i]).max())
    return worst


def test_the_final_windows_are_those_of_an_analysis(told):
    rows, analysis, _ = told
    windows = final(rows)
    assert tuple(row.segment for row in windows) == analysis.segments
    assert apart(windows, analysis) <= NEAR
    assert all(evidence.present[0] for row in windows[1:4] for evidence in row.by_branch.values())


def test_words_come_by_utterance_and_are_judged(told):
    rows, analysis, _ = told
    said = [row for row in rows if row.kind == "utterance"]
    assert plain(" ".join(row.text for row in said)) == plain(analysis.transcript.text)
    for row in said:
        assert row.over
        assert row.fused.present[0]
        assert row.by_branch["text"].segments == (row.segment,)
    as_json = said[0].to_dict()
    assert as_json["kind"] == "utterance"
    assert as_json["branches"]["text"]["probs"][3] == round(
        said[0].by_branch["text"].probs[0, 3], 6
    )
    assert [word for word, _, _ in as_json["words"]] == said[0].text.split()


def test_every_picture_has_a_row_with_its_face_and_person(told):
    rows, analysis, session = told
    seen = [row for row in rows if row.kind == "picture"]
    assert [row.time for row in seen] == sorted({row.time for row in seen})
    assert session.counts.pictures == len(seen)
    assert len(seen) == pytest.approx(5 * analysis.clip.duration, abs=1.5)
    assert session.counts.dropped == session.counts.waiting == 0
    for row in seen[2:]:
        (face,) = [face for face in row.faces if face.certain]
        assert (face.person, face.primary, face.certain) == (0, True, True)
        assert face.evidence.present[0]
        track = analysis.faces[0]
        assert min(face.box[2:]) == pytest.approx(track.median_size, rel=0.2)


def test_a_window_is_told_when_it_ends_and_again_when_its_words_are_known(told):
    rows, _, _ = told
    order = [(row.segment, row.final) for row in rows if row.kind == "window"]
    for segment, is_final in order:
        assert (segment, True) in order
        if not is_final:
            assert order.index((segment, False)) < order.index((segment, True))
    assert len(set(order)) == len(order)


@pytest.mark.slow
@pytest.mark.data
@pytest.mark.parametrize(
    "name", ["obama_speech.mp4", "test.avi", "face_noface.mov", "churchill.wav", "test.mp4"]
)
def test_real_clips_have_the_same_numbers(shared, name):
    clip = open_clip(shared / "clips" / name)
    with Session(patient=True) as session:
        play(clip, session, 0)
        session.finish(clip.facts.duration)
    clip.close()
    by = SegmentationOptions("window")
    analysis = Analyzer(Options(segmentation=by)).analyze(shared / "clips" / name)
    rows = final(session.rows())
    assert tuple(row.segment for row in rows) == analysis.segments
    assert apart(rows, analysis) <= NEAR


# --- back-pressure ---------------------------------------------------------------------------


def test_pictures_are_left_out_and_counted_and_sound_never_is(sentence, portrait, monkeypatch):
    looked = EmbeddedDetector.detect

    def slow(self, image):
        time.sleep(0.05)
        return looked(self, image)

    monkeypatch.setattr(EmbeddedDetector, "detect", slow)
    with Session(Options(speech=SpeechOptions(asr="none"))) as session:
        for number in range(40):
            session.push_picture(portrait[number % 4], number * 0.1)
            session.push_sound(sentence[number * 1600 : (number + 1) * 1600])
    rows, counts = list(session.rows()), session.counts
    assert counts.dropped > 0
    assert counts.pictures + counts.dropped == 40
    assert counts.pictures == sum(row.kind == "picture" for row in rows)
    assert counts.sound == 4.0
    assert final(rows)[-1].segment.end == 4.0
    assert final(rows)[0].by_branch["voice"].present[0]


def test_recognition_does_not_hold_up_faces(sentence, portrait, tiny, monkeypatch):
    begun, free = threading.Event(), threading.Event()

    def stuck(engine, samples, language):
        begun.set()
        free.wait(90)
        return []

    session = Session()
    with session:
        monkeypatch.setattr(type(tiny), "hear", stuck)
        session.push_sound(np.concatenate([sentence, np.zeros(16_000, np.float32)]))
        assert begun.wait(60)
        for number in range(3):
            session.push_picture(portrait[number], 0.2 * number)
            time.sleep(0.2)
        kinds = [row.kind for row in session.ready_rows()]
        free.set()
    assert kinds.count("picture") == 3
    assert "utterance" not in kinds


def test_pictures_alone_and_out_of_turn(portrait):
    by = SegmentationOptions("window", 1, 1)
    with Session(Options(segmentation=by), patient=True) as session:
        for at in (0.0, 0.2, 0.1, 0.4, 0.6, 0.8, 1.2):
            session.push_picture(portrait[0], at)
        session.push_picture(b"\xff\xd8\xff no picture", 1.4)
        session.push_picture(b"GIF89a", 1.6)
    rows = list(session.rows())
    assert session.counts.dropped == 1
    assert session.counts.unreadable == 2
    windows = final(rows)
    assert [row.segment for row in windows] == [Segment(0, 1), Segment(1, 1.2)]
    assert windows[0].by_branch["voice"].reasons == ("no sound",)
    assert windows[0].by_branch["face"].present[0]


def test_missing_sound_is_silence(sentence):
    with Session(Options(speech=SpeechOptions(asr="none")), patient=True) as session:
        session.push_sound(sentence[:16_000], at=0.0)
        session.push_sound(sentence[16_000:32_000], at=4.0)
    rows = final(session.rows())
    assert session.counts.sound == 5.0
    assert rows[0].segment == Segment(0, 5)
    assert (
        "too little" in rows[0].by_branch["voice"].reasons[0]
        or rows[0].by_branch["voice"].present[0]
    )


# --- what is refused --------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("options", "said"),
    [
        (Options(start=1.0), "push that part"),
        (Options(end=3.0), "push that part"),
        (Options(speech=SpeechOptions(words=EMBEDDED / "demo" / "speech.flac")), "transcript"),
        (Options(faces=FaceOptions(person="1")), "primary or all"),
        (Options(segmentation=SegmentationOptions("window", 500, 100)), "at most 120 s"),
    ],
)
def test_options_that_need_the_whole_recording_are_refused(options, said):
    with pytest.raises(OptionError, match=said):
        Session(options)


def test_what_cannot_be_pushed_is_refused():
    session = Session(Options(speech=SpeechOptions(asr="none")))
    with pytest.raises(MienError, match="is new"):
        session.push_sound(np.zeros(10, np.float32))
    with session:
        for samples, rate in [
            (np.zeros(10), 16_000),
            (np.zeros((10, 3), np.float32), 16_000),
            (np.zeros(10, np.float32), 100),
            (np.zeros((2, 2, 2), np.int16), 16_000),
        ]:
            with pytest.raises(OptionError):
                session.push_sound(samples, rate)
        with pytest.raises(OptionError, match="BGR"):
            session.push_picture(np.zeros((10, 10), np.uint8), 0.0)
    with pytest.raises(MienError, match="is ended"):
        session.push_picture(b"", 0.0)
    with pytest.raises(MienError, match="once"):
        session.start()


def test_what_fails_in_a_thread_is_raised_where_is_pushed(portrait, monkeypatch):
    def broken(self, image):
        raise ZeroDivisionError("planted")

    session = Session(Options(speech=SpeechOptions(asr="none")))
    session.start()
    monkeypatch.setattr(EmbeddedDetector, "detect", broken)
    session.push_picture(portrait[0], 0.0)
    with pytest.raises(ZeroDivisionError, match="planted"):
        list(session.rows())
    with pytest.raises(ZeroDivisionError, match="planted"):
        session.push_sound(np.zeros(160, np.float32))
    with pytest.raises(ZeroDivisionError, match="planted"):
        session.finish()


def test_the_command_line_tells_every_row_as_json(demo_clip):
    done = command(
        "live", demo_clip, "--speed", 0, "--json", "--asr", "none", "--window", 2, "--step", 2
    )
    assert done.returncode == 0
    rows = [json.loads(line) for line in done.stdout.splitlines()]
    assert rows[-1]["kind"] == "counts"
    assert rows[-1]["dropped"] == 0
    last = [row for row in rows if row["kind"] == "window" and row["final"]]
    assert [row["start"] for row in last] == [0.0, 2.0, 4.0]
    assert last[0]["branches"]["text"]["reason"] == "speech recognition is switched off"
    assert last[0]["branches"]["voice"]["probs"] is not None
    assert command("live", "none.mp4").returncode == 2


def test_what_cannot_be_played_is_refused(tmp_path):
    with pytest.raises(MienError, match="no file and no device 'none.mp4'"):
        open_live("none.mp4")
    with pytest.raises(MediaError, match=r"camera /dev/video77 cannot be opened.*lists those"):
        open_live("/dev/video77")
    text = tmp_path / "a.txt"
    text.write_text("Hello there.")
    with pytest.raises(MienError, match="only a recording"):
        open_live(str(text))
    for speed in (-1, 1000, float("nan")):
        with pytest.raises(OptionError, match="speed"):
            check_speed(speed)
