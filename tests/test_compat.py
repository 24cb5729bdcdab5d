"""The shapes of other libraries, compared with their own sources and with the packages."""

import json
import math
import subprocess
import sys
import zlib
from dataclasses import replace

import numpy as np
import pytest

import mien
from mien.compat import audformat as bridge
from mien.compat import deepface, pyfeat, whisper
from mien.compat import pyannote as annotations
from mien.datasets import load_voices
from mien.emotions import MIEN7
from mien.errors import DataError, InputError, LabelError, MissingExtraError, OptionError
from mien.media import load_audio
from mien.perceive.formats import read_cues
from mien.report.export import export
from mien.timebase import Segment
from mien.turns import Turn

audformat = pytest.importorskip("audformat")
core = pytest.importorskip("pyannote.core")

# deepface 0.0.103: EMOTION_LABELS in models/demography/DemographyUtils.py, the dict that analyze()
# in modules/demography.py fills for the action "emotion", facial_area in modules/detection.py.
DEEPFACE_LABELS = ["angry", "disgust", "fear", "happy", "sad", "surprise", "neutral"]
DEEPFACE_KEYS = {"emotion": dict, "dominant_emotion": str, "region": dict, "face_confidence": float}
DEEPFACE_REGION = {"x", "y", "w", "h", "left_eye", "right_eye"}
# py-feat 2.1.5: FEAT_FACEBOX_COLUMNS, FEAT_EMOTION_COLUMNS in utils/__init__.py, and the columns
# that detect() adds.
FEAT_FACEBOX = ["FaceRectX", "FaceRectY", "FaceRectWidth", "FaceRectHeight", "FaceScore"]
FEAT_EMOTIONS = ["anger", "disgust", "fear", "happiness", "sadness", "surprise", "neutral"]
# openai-whisper 20250625: transcribe.new_segment(), and timing.add_word_timestamps().
WHISPER_SEGMENT = {
    "id", "seek", "start", "end", "text", "tokens", "temperature", "avg_logprob",
    "compression_ratio", "no_speech_prob", "words",
}  # fmt: skip
WHISPER_WORD = {"word", "start", "end", "probability"}


@pytest.fixture(scope="module")
def portrait(demo_clip, tmp_path_factory):
    """A picture of the demo clip."""
    import av
    import cv2

    path = tmp_path_factory.mktemp("portrait") / "face.png"
    with av.open(str(demo_clip)) as clip:
        frame = next(clip.decode(video=0))
        cv2.imwrite(str(path), frame.to_ndarray(format="bgr24"))
    return path


@pytest.fixture(scope="module")
def analysed(demo_clip):
    return mien.analyze(demo_clip, mien.Options(segmentation=mien.SegmentationOptions("utterance")))


# --- deepface --------------------------------------------------------------------------------


def check_face(face, width=480, height=360):
    assert {key: type(value) for key, value in face.items()} == DEEPFACE_KEYS
    assert list(face["emotion"]) == DEEPFACE_LABELS
    assert sum(face["emotion"].values()) == pytest.approx(100)
    assert face["dominant_emotion"] == max(face["emotion"], key=face["emotion"].get)
    assert set(face["region"]) == DEEPFACE_REGION
    x, y, w, h = (face["region"][key] for key in "xywh")
    assert all(isinstance(value, int) for value in (x, y, w, h))
    assert 0 <= x < x + w <= width
    assert 0 <= y < y + h <= height
    assert 0 <= face["face_confidence"] <= 1
    json.dumps(face)


def test_a_picture_gives_what_deepface_gives_and_says_what_mien_says(portrait):
    (face,) = deepface.analyze(portrait)
    check_face(face)
    own = mien.analyze(portrait).by_branch["face"].probs[0]
    names = {"joy": "happy", "anger": "angry", "sadness": "sad"}
    shares = [face["emotion"][names.get(label, label)] for label in MIEN7.labels]
    assert np.array(shares) / 100 == pytest.approx(own, abs=1e-6)


def test_an_array_a_path_as_text_and_a_list_give_the_same(portrait):
    import cv2

    once = deepface.analyze(str(portrait), actions=["emotion"])
    assert deepface.analyze(cv2.imread(str(portrait))) == once
    assert deepface.analyze([portrait, cv2.imread(str(portrait))], "emotion") == [once, once]


def test_a_film_gives_a_list_for_each_look(demo_clip):
    found = deepface.film(demo_clip)
    assert deepface.analyze(demo_clip) == [faces for _, faces in found]
    times = [time for time, _ in found]
    assert times == sorted(times)
    assert len(times) > 20
    for _, faces in found:
        assert len(faces) == 1
        check_face(faces[0])


def test_a_picture_without_a_face_is_an_error_or_an_empty_list():
    blank = np.full((120, 160, 3), 128, np.uint8)
    with pytest.raises(InputError, match="no face in view.*enforce_detection=False"):
        deepface.analyze(blank)
    assert deepface.analyze(blank, enforce_detection=False) == []
    with pytest.raises(InputError, match="uint8"):
        deepface.analyze(np.zeros((4, 4, 3)))
    with pytest.raises(OptionError, match="'age'"):
        deepface.analyze(blank, actions=("emotion", "age"))
    with pytest.raises(OptionError):
        deepface.analyze(blank, actions=())


# --- py-feat ---------------------------------------------------------------------------------


def test_a_film_is_a_table_with_the_columns_of_py_feat(demo_clip):
    table = pyfeat.detect(demo_clip)
    assert list(table.columns) == [
        *FEAT_FACEBOX, *FEAT_EMOTIONS, "input", "frame", "approx_time", "Identity",
    ]  # fmt: skip
    assert set(table["input"]) == {str(demo_clip)}
    assert table["frame"].is_monotonic_increasing
    assert table["frame"].iloc[-1] == pytest.approx(12 * 5.4, abs=6)  # 12 pictures a second
    assert set(table["approx_time"]) == {f"00:0{second}" for second in range(6)}
    assert set(table["Identity"]) == {"Person_0"}
    assert table[FEAT_EMOTIONS].sum(axis=1).to_numpy() == pytest.approx(1, abs=1e-6)
    faces = [faces for _, (faces,) in deepface.film(demo_clip)]
    assert table["happiness"].to_numpy() * 100 == pytest.approx(
        [f["emotion"]["happy"] for f in faces]
    )


def test_a_picture_without_a_face_is_a_row_without_numbers(tmp_path):
    import cv2

    path = tmp_path / "blank.png"
    cv2.imwrite(str(path), np.full((120, 160, 3), 128, np.uint8))
    (row,) = pyfeat.detect(path).to_dict("records")
    assert all(math.isnan(row[name]) for name in (*FEAT_FACEBOX, *FEAT_EMOTIONS))
    assert (row["frame"], row["approx_time"], row["Identity"]) == (0, None, None)


def test_a_face_too_small_to_judge_has_a_box_and_no_emotion(portrait, tmp_path):
    import cv2

    picture = cv2.imread(str(portrait))
    small = cv2.resize(picture, (70, 52), interpolation=cv2.INTER_AREA)
    path = tmp_path / "small.png"
    cv2.imwrite(str(path), cv2.copyMakeBorder(small, 90, 90, 120, 120, cv2.BORDER_REPLICATE))
    row = pyfeat.detect(path).iloc[0]
    if math.isnan(row["FaceScore"]):
        pytest.fail("the detector does not find the small face; choose another size")
    assert row["FaceRectWidth"] < 30
    assert row[FEAT_EMOTIONS].isna().all()
    assert deepface.analyze(path, enforce_detection=False) == []


# --- Whisper ---------------------------------------------------------------------------------


def test_the_transcript_is_written_as_whisper_writes_it(analysed):
    value = whisper.whisper_json(analysed)
    assert set(value) == {"text", "segments", "language"}
    assert value["text"] == "".join(segment["text"] for segment in value["segments"])
    for number, (segment, line) in enumerate(
        zip(value["segments"], analysed.transcript.lines, strict=True)
    ):
        assert set(segment) == WHISPER_SEGMENT | {"emotion"}
        assert (segment["id"], segment["text"]) == (number, f" {line.text}")
        raw = segment["text"].encode()
        assert segment["compression_ratio"] == len(raw) / len(zlib.compress(raw))
        assert all(set(word) == WHISPER_WORD for word in segment["words"])
        row = analysed.fused.probs[number]
        assert segment["emotion"]["label"] == MIEN7.labels[row.argmax()]
        assert list(segment["emotion"]["probabilities"].values()) == pytest.approx(row, abs=1e-4)
    json.loads(json.dumps(value))


def test_what_is_written_is_read_back_as_words(analysed, tmp_path):
    path = tmp_path / "talk.whisper.json"
    export(analysed, path)
    found = read_cues(path)
    assert found.kind == "Whisper JSON"
    assert [cue.text.strip() for cue in found.cues] == [x.text for x in analysed.transcript.lines]
    assert all(cue.words for cue in found.cues)


OPENAI = {
    "text": " Hello there. Good bye.",
    "segments": [
        {"id": 0, "seek": 0, "start": 0.0, "end": 2.5, "text": " Hello there.",
         "tokens": [50363, 18435], "temperature": 0.2, "avg_logprob": -0.34567890123,
         "compression_ratio": 0.7, "no_speech_prob": 1e-12,
         "words": [{"word": " Hello", "start": 0.0, "end": 0.5, "probability": 0.123456789}]},
        {"id": 1, "seek": 250, "start": 2.5, "end": 9.0, "text": " Good bye.", "tokens": []},
    ],
    "language": "en",
}  # fmt: skip
WHISPERX = {
    "segments": [{"start": 0.031, "end": 5.0, "text": " Caf\u00e9?", "speaker": "SPEAKER_01",
                  "words": [{"word": "Caf\u00e9?", "start": 0.031, "score": 0.9}]}],
    "word_segments": [{"word": "Caf\u00e9?", "start": 0.031, "end": 0.4, "score": 0.9}],
    "language": "fr", "own": {"deep": [1, None, True]},
}  # fmt: skip
FASTER = [{"id": 1, "seek": 0, "start": 0.0, "end": 3.0, "text": "Hi", "tokens": [], "words": None}]


@pytest.mark.parametrize("given", [OPENAI, WHISPERX, FASTER], ids=["openai", "whisperx", "faster"])
def test_a_whisper_json_gets_one_key_a_segment_and_is_else_unchanged(given, analysed, tmp_path):
    source, target = tmp_path / "given.json", tmp_path / "talk.whisper.json"
    source.write_text(json.dumps(given))
    export(analysed, target, words=source)
    found = json.loads(target.read_text())
    segments = found if isinstance(found, list) else found["segments"]
    assert len(segments) == len(given if isinstance(given, list) else given["segments"])
    emotions = [segment.pop("emotion") for segment in segments]
    assert found == given
    assert emotions[0]["label"] in MIEN7.labels
    assert set(emotions[0]["modalities"]) <= {"text", "voice", "face"}
    again = whisper.with_emotions(whisper.with_emotions(given, analysed), analysed)
    assert again == whisper.with_emotions(given, analysed)


def test_the_emotion_of_a_segment_is_the_mean_of_the_rows_by_overlap(demo_clip):
    windows = mien.SegmentationOptions("window", 2, 1)
    speech = mien.SpeechOptions(asr="none")
    analysed = mien.analyze(demo_clip, mien.Options(segmentation=windows, speech=speech))
    (first, second) = analysed.segments[:2]
    span = Segment((first.start + first.end) / 2, second.end)
    given = [{"start": span.start, "end": span.end}]
    (segment,) = whisper.with_emotions(given, analysed, key="mood")
    weights = np.array([span.overlap(one) for one in analysed.segments])
    wanted = weights @ analysed.fused.probs / weights.sum()
    assert list(segment["mood"]["probabilities"].values()) == pytest.approx(wanted, abs=1e-4)
    (late,) = whisper.with_emotions([{"start": 900, "end": 901}], analysed)
    assert late["emotion"] is None


@pytest.mark.parametrize(
    ("value", "said"),
    [
        ({"text": "x"}, "no list 'segments'"),
        (3, "no list 'segments'"),
        ({"segments": {}}, "no list 'segments'"),
        ({"segments": [{"text": "x"}]}, "Segment 0"),
        ({"segments": [{"start": 0, "end": 1}, {"start": 2, "end": 1}]}, "Segment 1"),
        ({"segments": [{"start": None, "end": 1}]}, "Segment 0"),
        ({"segments": [3]}, "Segment 0"),
        ({"segments": [{"start": 0, "end": 1, "emotion": "HAP"}]}, "'emotion' already"),
    ],
)
def test_what_is_no_whisper_json_is_refused(value, said, analysed):
    with pytest.raises(InputError, match=said):
        whisper.with_emotions(value, analysed)


def test_no_words_no_whisper_json(analysed, tmp_path):
    with pytest.raises(InputError, match="no words"):
        whisper.whisper_json(replace(analysed, transcript=None))
    (tmp_path / "x.json").write_text("{")
    with pytest.raises(InputError, match="is no JSON"):
        export(analysed, tmp_path / "y.whisper.json", words=tmp_path / "x.json")


# --- pyannote --------------------------------------------------------------------------------


def test_turns_go_to_an_annotation_and_back(analysed, tmp_path):
    given = (
        Turn(Segment(0, 2), "Ann Lee"),
        Turn(Segment(1, 3), "Bob"),
        Turn(Segment(4, 5), "Ann Lee"),
    )
    found = annotations.speakers(replace(analysed, speakers=given))
    assert found.uri == "demo"
    assert found.label_duration("Ann Lee") == 3
    assert found.get_overlap().duration() == 1
    assert annotations.turns(found) == given
    path = annotations.save(found, tmp_path / "who.rttm")
    assert "Ann_Lee" in path.read_text()
    with pytest.raises(InputError, match="no segment"):
        annotations.turns(core.Annotation())


def test_labels_that_are_numbers_and_times_before_zero_are_turns():
    annotation = core.Annotation()
    annotation[core.Segment(-1, 1)] = 0
    annotation[core.Segment(0.5, 2)] = 0
    annotation[core.Segment(-2, -1)] = 1
    assert annotations.turns(annotation) == (Turn(Segment(0, 2), "0"),)


def test_emotions_are_an_annotation_of_labels(analysed):
    found = annotations.emotions(analysed, "voice")
    voice = analysed.by_branch["voice"]
    assert set(found.labels()) == {
        voice.top(i) for i in range(len(voice.segments)) if voice.present[i]
    }
    assert annotations.emotions(analysed).uri == "demo"
    with pytest.raises(OptionError, match="fused, text, voice, face"):
        annotations.emotions(analysed, "smell")


# --- audformat -------------------------------------------------------------------------------


def test_analyses_are_a_database_that_audformat_loads(analysed, demo_clip, tmp_path):
    other = replace(
        analysed, clip=replace(analysed.clip, path=str(demo_clip.parent / "b" / "x.mp4"))
    )
    (tmp_path / "a.json").write_text(analysed.to_json())
    made = bridge.database(
        [tmp_path / "a.json", other], "talks", demo_clip.parent, usage="research",
        license="CC-BY-4.0", languages=["eng"], author="me",
    )  # fmt: skip
    made.save(str(tmp_path / "db"))
    found = audformat.Database.load(str(tmp_path / "db"))
    assert (found.name, found.usage, found.license, found.author) == (
        "talks",
        "research",
        "CC-BY-4.0",
        "me",
    )
    assert found.is_portable
    assert list(found.files) == ["b/x.mp4", "demo.mp4"]
    assert set(found.tables) == {"files", "fused", "smoothed", "text", "voice", "face"}
    for name in ("fused", "voice"):
        evidence = analysed.fused if name == "fused" else analysed.by_branch[name]
        table = found[name].get()
        assert len(table) == 2 * len(analysed.segments)
        own = table.loc["demo.mp4"]
        assert list(own.index.get_level_values("start").total_seconds()) == pytest.approx(
            [segment.start for segment in analysed.segments], abs=1e-3
        )
        probs = own[[f"probability.{label}" for label in MIEN7.labels]].to_numpy()
        assert probs == pytest.approx(evidence.probs, abs=1e-6, nan_ok=True)
        assert list(own["emotion"]) == [evidence.top(i) for i in range(len(evidence.segments))]
    assert found.schemes["emotion"].labels == list(MIEN7.labels)
    whole = found["files"].get().loc["demo.mp4"]
    assert whole["emotion"] == analysed.whole.fused.top(0)
    assert found.raters["mien"].type == "machine"


def test_absent_rows_pictures_and_rows_of_the_same_times_have_a_place(portrait, analysed, tmp_path):
    picture = mien.analyze(portrait)
    twice = replace(
        analysed, segments=analysed.segments[:1] * 2, by_branch={}, lines=None, explanations=(),
        smoothed={}, people={}, fused=analysed.fused.select([0, 0]),
    )  # fmt: skip
    made = bridge.database([picture, twice], root="/")
    made.save(str(tmp_path / "db"))
    found = audformat.Database.load(str(tmp_path / "db"))
    assert found["fused"].meta["left_out"] == 1
    assert set(found.media) == {"video", "picture"}
    voice = found["voice"].get()
    assert voice["emotion"].isna().all()
    assert voice["reason"].iloc[0] == picture.by_branch["voice"].reasons[0]


def test_what_is_no_set_of_analyses_is_refused(analysed, tmp_path):
    with pytest.raises(InputError, match="at least one"):
        bridge.database([])
    with pytest.raises(InputError, match="Two analyses are of"):
        bridge.database([analysed, analysed])
    with pytest.raises(InputError, match="another root"):
        bridge.database([analysed], root=tmp_path)
    with pytest.raises(InputError, match="cannot be read"):
        bridge.database([tmp_path / "none.json"])


@pytest.fixture
def emodb(tmp_path):
    """A database as published ones are laid out: a column of labels, speakers elsewhere, splits."""
    import audiofile

    names = ["wav/a.wav", "wav/b.wav", "wav/c.wav", "wav/d.wav"]
    (tmp_path / "wav").mkdir()
    for i, name in enumerate(names):
        audiofile.write(str(tmp_path / name), np.full((1, 8000), i / 10, np.float32), 16_000)
    made = audformat.Database("emodb")
    made.schemes["emotion"] = audformat.Scheme(
        labels={"anger": {}, "happiness": {}, "neutral": {}, "calm": {}}
    )
    made.schemes["speaker"] = audformat.Scheme("int")
    made.splits["train"], made.splits["test"] = audformat.Split("train"), audformat.Split("test")
    for split, files, labels in (
        ("train", names[:3], ["anger", "happiness", None]),
        ("test", names[3:], ["calm"]),
    ):
        table = made[f"emotion.{split}"] = audformat.Table(
            audformat.filewise_index(files), split_id=split
        )
        table["emotion"] = audformat.Column(scheme_id="emotion")
        table["emotion"].set(labels)
    made["speakers"] = audformat.Table(audformat.filewise_index(names))
    made["speakers"]["speaker"] = audformat.Column(scheme_id="speaker")
    made["speakers"]["speaker"].set([3, 8, 3, 8])
    made.save(str(tmp_path))
    return made


def test_a_database_is_a_labelled_set(emodb, tmp_path):
    found = load_voices(tmp_path)
    names = [item.rsplit("/", 1)[-1] for item in found.items]
    labels = [MIEN7.labels[i] for i in found.labels]
    rows = zip(names, labels, found.groups.tolist(), found.splits.tolist(), strict=True)
    assert sorted(rows) == [
        ("a.wav", "anger", "emodb/3", "train"), ("b.wav", "joy", "emodb/8", "train"),
        ("d.wav", "neutral", "emodb/8", "test"),
    ]  # fmt: skip
    assert len(load_audio(found.items[1])) == 8000
    assert len(bridge.load_audformat(emodb, tables="emotion.test")) == 1
    assert "/media/wav/a.wav" in bridge.load_audformat(emodb, root="/media").items


def test_a_row_over_a_whole_file_is_that_file_and_a_part_of_one_is_refused(emodb, tmp_path):
    index = audformat.segmented_index(["wav/a.wav", "wav/b.wav"], [0, 0], [None, 0.49])
    emodb["parts"] = audformat.Table(index)
    emodb["parts"]["emotion"] = audformat.Column(scheme_id="emotion")
    emodb["parts"]["emotion"].set(["anger", "neutral"])
    assert len(bridge.load_audformat(emodb, tables="parts")) == 2
    emodb["late"] = audformat.Table(audformat.segmented_index(["wav/a.wav"], [0.25], [0.5]))
    emodb["late"]["emotion"] = audformat.Column(scheme_id="emotion")
    emodb["late"]["emotion"].set(["anger"])
    with pytest.raises(DataError, match=r"part of wav/a\.wav from 0\.250 s"):
        bridge.load_audformat(emodb, tables=["late"])
    with pytest.raises(DataError, match="more than one label"):
        bridge.load_audformat(emodb, tables=["parts", "emotion.train"])


def test_what_a_database_lacks_is_said(emodb, tmp_path):
    with pytest.raises(
        DataError, match=r"no table 'none' with a column 'emotion'; those .*emotion\.train"
    ):
        bridge.load_audformat(emodb, tables="none")
    with pytest.raises(
        DataError, match="No table of emodb has a column 'mood'; columns: emotion, speaker"
    ):
        bridge.load_audformat(emodb, column="mood")
    emodb["bare"] = audformat.Table(audformat.filewise_index(["wav/a.wav"]))
    emodb["bare"]["emotion"] = audformat.Column(scheme_id="emotion")
    with pytest.raises(DataError, match="No row of bare in emodb has a label"):
        bridge.load_audformat(emodb, tables="bare")
    with pytest.raises(DataError, match=r"holds no db\.yaml"):
        bridge.load_audformat(tmp_path / "wav")
    (tmp_path / "wav" / "db.yaml").write_text("a: [")
    with pytest.raises(DataError, match="cannot be loaded by audformat"):
        bridge.load_audformat(tmp_path / "wav")
    emodb.schemes["feeling"] = audformat.Scheme(labels=["boredom", "anger"])
    emodb["emotion.train"]["feeling"] = audformat.Column(scheme_id="feeling")
    emodb["emotion.train"]["feeling"].set(["boredom", "anger", None])
    with pytest.raises(LabelError, match=r"emodb, table emotion\.train, wav/a\.wav: .*'boredom'"):
        bridge.load_audformat(emodb, column="feeling")


# --- imported late ---------------------------------------------------------------------------


def test_no_bridge_imports_the_other_library_before_it_is_needed():
    code = (
        "import sys\n"
        "from mien.compat import audformat, deepface, pyannote, pyfeat, whisper\n"
        "print(sorted({'audformat', 'pyannote', 'pandas', 'torch'} & set(sys.modules)))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"


def test_a_missing_library_is_named_with_its_extra(analysed, monkeypatch, tmp_path, portrait):
    for name in ("audformat", "pyannote.core", "pandas"):
        monkeypatch.setitem(sys.modules, name, None)
    with pytest.raises(MissingExtraError, match=r"pip install 'mien\[compat\]'"):
        bridge.database([analysed])
    with pytest.raises(MissingExtraError, match=r"pip install 'mien\[compat\]'"):
        bridge.load_audformat(tmp_path)
    with pytest.raises(MissingExtraError, match=r"pip install 'mien\[compat\]'"):
        annotations.emotions(analysed)
    with pytest.raises(MissingExtraError, match=r"pip install 'mien\[frame\]'"):
        pyfeat.detect(portrait)
