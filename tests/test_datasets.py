import subprocess
import sys

import numpy as np
import pytest

from mien.datasets import concatenate, load_faces, load_texts, load_voices
from mien.datasets.faces import majority, vote_shares
from mien.datasets.facevotes import default_convention, judged_rows
from mien.datasets.table import build
from mien.emotions import MIEN7, one_hot
from mien.errors import DataError, LabelError, OptionError


def names(rows):
    return [MIEN7.labels[i] for i in rows.labels]


def picture(path, value):
    import cv2

    path.parent.mkdir(parents=True, exist_ok=True)
    cv2.imwrite(str(path), np.full((60, 50), value, dtype=np.uint8))


def test_fer_csv(tmp_path):
    path = tmp_path / "fer2013.csv"
    pixels = " ".join(["7"] * 2304)
    path.write_text(
        f"emotion,pixels,Usage\n3,{pixels},Training\n6,{pixels},PublicTest\n4,{pixels},PrivateTest\n"
    )
    faces = load_faces(path)
    assert names(faces) == ["joy", "neutral", "sadness"]
    assert faces.items.shape == (3, 48, 48)
    assert len(faces.split("publictest")) == 1


def test_fer_csv_with_missing_pixels_names_the_row(tmp_path):
    path = tmp_path / "fer2013.csv"
    path.write_text("emotion,pixels,Usage\n3,1 2 3,Training\n")
    with pytest.raises(DataError, match="row 2: 3 pixels"):
        load_faces(path)


@pytest.mark.parametrize(
    ("emotion", "first", "said"),
    [("9", "7", "row 3: unknown class '9'"), ("joy", "7", "row 3: unknown class 'joy'"),
     ("3", "300", "row 3: pixels must be 0 to 255"), ("3", "x", "row 3: pixels must be 0 to 255")],
)  # fmt: skip
def test_fer_csv_with_a_bad_value_names_the_row(tmp_path, emotion, first, said):
    path, rest = tmp_path / "fer2013.csv", " 7" * 2303
    path.write_text(f"emotion,pixels,Usage\n3,7{rest},Training\n{emotion},{first}{rest},Training\n")
    with pytest.raises(DataError, match=said):
        load_faces(path)


@pytest.mark.parametrize(
    ("images", "labels", "said"),
    [(np.zeros((9, 64, 64), np.uint8), [0] * 9, "expected uint8"),
     (np.full((1, 48, 48), 0.5), [0], "images are float64"),
     (np.zeros((2, 48, 48), np.uint8), [0, -1], "label 1: unknown class '-1'"),
     (np.zeros((2, 48, 48), np.uint8), [0, 7], "expected 0 to 6")],
)  # fmt: skip
def test_npz_with_bad_values_is_refused(tmp_path, images, labels, said):
    np.savez(tmp_path / "faces.npz", images=images, labels=labels)
    with pytest.raises(DataError, match=said):
        load_faces(tmp_path / "faces.npz")


def test_a_file_that_is_no_npz_is_refused(tmp_path):
    (tmp_path / "faces.npz").write_text("no archive")
    with pytest.raises(DataError, match=r"faces\.npz is not a readable \.npz"):
        load_faces(tmp_path / "faces.npz")


@pytest.mark.parametrize("with_usage", [True, False])
def test_npz(tmp_path, with_usage):
    path = tmp_path / "faces.npz"
    votes = np.zeros((2, 10), dtype=np.uint8)
    votes[0, 1], votes[0, 8] = 8, 2
    arrays = {
        "images": np.zeros((2, 48, 48), dtype=np.uint8),
        "labels": np.array([3, 6]),
        "label_names": np.array(MIEN7.labels),
        "ferplus_votes": votes,
        "ferplus_names": np.array(
            ["neutral", "happiness", "surprise", "sadness", "anger", "disgust", "fear",
             "contempt", "unknown", "NF"]
        ),
    }  # fmt: skip
    if with_usage:
        arrays["usage"] = np.array(["Training", "PublicTest"])
    np.savez(path, **arrays)
    faces = load_faces(path)
    assert names(faces) == ["joy", "surprise"]
    assert faces.extra["ferplus"][0].tolist() == [0, 0, 0, 1, 0, 0, 0]
    assert faces.extra["ferplus"][1].sum() == 0
    assert faces.splits.tolist() == (["Training", "PublicTest"] if with_usage else ["", ""])


def test_votes_for_what_is_none_of_the_seven_are_left_out():
    names = ["neutral", "happiness", "contempt", "unknown", "NF"]
    votes = np.array([[3, 4, 3, 0, 0], [2, 2, 3, 2, 1], [0, 0, 0, 0, 0], [0, 5, 0, 5, 0]])
    columns = vote_shares(votes, names)
    joy, neutral = MIEN7.index("joy"), MIEN7.index("neutral")
    assert columns["ferplus_kept"].tolist() == [0.7, 0.4, 0.0, 0.5]
    assert columns["ferplus"][0, [joy, neutral]] == pytest.approx([4 / 7, 3 / 7])
    assert columns["ferplus"].sum(axis=1).tolist() == [1.0, 0.0, 0.0, 1.0]
    assert columns["ferplus"][0, MIEN7.index("disgust")] == 0, "contempt is not disgust"


def test_a_majority_is_of_all_observers():
    votes = np.array([[3, 6, 1], [2, 5, 3], [0, 5, 5], [0, 10, 0], [0, 0, 0]])
    extra = vote_shares(votes, ["neutral", "happiness", "contempt"])
    rows = build(np.zeros((5, 48, 48), np.uint8), one_hot(["fear"] * 5), "faces", extra=extra)
    assert majority(rows).tolist() == [True, False, False, True, False]
    asked = judged_rows(rows, "observers")
    assert asked.labels[asked.which].tolist() == [MIEN7.index("joy")] * 2
    assert judged_rows(rows, "fer2013").which.all()
    assert default_convention(rows) == "observers"
    plain = build(np.zeros((1, 48, 48), np.uint8), one_hot(["fear"]), "faces")
    assert default_convention(plain) == "fer2013"
    with pytest.raises(DataError, match="no votes of observers.*--convention fer2013"):
        judged_rows(plain, "observers")
    with pytest.raises(OptionError, match="'others'.*observers, fer2013"):
        judged_rows(plain, "others")


@pytest.mark.data
def test_the_rows_with_a_majority_in_the_published_set(shared, tmp_path):
    path = tmp_path / "fer2013.npz"
    subprocess.run([sys.executable, shared / "fer2013" / "unpack.py", path], check=True)
    test = load_faces(path).split("PublicTest")
    asked = judged_rows(test, "observers")
    assert int(asked.which.sum()) == 2854
    counts = np.bincount(asked.labels[asked.which], minlength=7)
    assert dict(zip(MIEN7.labels, counts.tolist(), strict=True)) == {
        "anger": 234, "disgust": 13, "fear": 40, "joy": 847, "neutral": 1063, "sadness": 279,
        "surprise": 378,
    }  # fmt: skip
    assert int((asked.shares.sum(axis=1) == 0).sum()) == 31


def test_face_folders_and_csv(tmp_path):
    picture(tmp_path / "test" / "angry" / "a.png", 10)
    picture(tmp_path / "train" / "happy" / "b.png", 20)
    faces = load_faces(tmp_path)
    assert sorted(names(faces)) == ["anger", "joy"]
    assert names(faces.split("test")) == ["anger"]
    (tmp_path / "list.csv").write_text("path,label\ntest/angry/a.png,fear\n")
    assert names(load_faces(tmp_path / "list.csv")) == ["fear"]


def test_voices_by_their_file_names(tmp_path):
    for name in (
        "OAF_angry/OAF_back_angry.wav", "YAF_ps/YAF_dog_ps.wav", "OAF_Fear/OA_bite_fear.wav",
        "Actor_07/03-01-02-01-01-01-07.wav", "Actor_07/01-01-05-01-01-01-07.mp4",
        "AudioWAV/1001_DFA_HAP_XX.wav", "readme/notes.wav",
    ):  # fmt: skip
        path = tmp_path / name
        path.parent.mkdir(exist_ok=True)
        path.write_bytes(b"")
    voices = load_voices(tmp_path)
    found = dict(zip(voices.groups.tolist(), names(voices), strict=True))
    assert len(voices) == 6
    assert found["tess/YAF"] == "surprise"
    assert set(voices.groups.tolist()) == {"tess/OAF", "tess/YAF", "ravdess/07", "crema-d/1001"}
    ravdess = voices.select(voices.corpora == "ravdess")
    assert sorted(names(ravdess)) == ["anger", "neutral"]


def test_voices_without_a_telling_name_are_refused(tmp_path):
    (tmp_path / "a.wav").write_bytes(b"")
    with pytest.raises(DataError, match="path and label"):
        load_voices(tmp_path)


def test_goemotions_shares_several_labels(tmp_path):
    path = tmp_path / "dev.tsv"
    path.write_text("I love and hate it\t0,3\tid1\nPlain\t4\tid2\n")
    texts = load_texts(path)
    assert texts.targets[0].tolist() == [0.5, 0, 0, 0.5, 0, 0, 0]
    assert texts.single.tolist() == [False, True]
    assert set(texts.splits) == {"dev"}


def test_goemotions_with_a_foreign_id_names_the_line(tmp_path):
    path = tmp_path / "dev.tsv"
    path.write_text("fine\t4\tid1\nbad\t27\tid2\n")
    with pytest.raises(DataError, match="line 2"):
        load_texts(path)


def test_meld_is_mended_and_grouped_by_dialogue(tmp_path):
    path = tmp_path / "train_sent_emo.csv"
    path.write_text(
        "Sr No.,Utterance,Speaker,Emotion,Sentiment,Dialogue_ID,Utterance_ID\n"
        '1,"It\u0092s  me",Joey,joy,positive,4,0\n',
        encoding="utf-8",
    )
    texts = load_texts(path)
    assert texts.items == ["It\u2019s me"]
    assert texts.groups.tolist() == ["train/4"]


def test_isear_leaves_out_what_we_have_no_label_for(tmp_path):
    path = tmp_path / "isear.csv"
    path.write_text("ID|Field1|SIT\n1|joy|I won.\n2|shame|I lied.\n3|fear|[ No response.]\n")
    texts = load_texts(path)
    assert texts.items == ["I won."]


def test_any_csv_with_text_and_label(tmp_path):
    path = tmp_path / "mine.csv"
    path.write_text("text,label\nhello,happy\n")
    assert names(load_texts(path)) == ["joy"]
    path.write_text("text,emotion\nhello,happy\n")
    with pytest.raises(DataError, match="no column 'label'.*text, emotion"):
        load_texts(path)
    path.write_text("text,label\nhello,bored\n")
    with pytest.raises(LabelError, match="'bored'"):
        load_texts(path)


def test_an_unknown_split_names_the_known(tmp_path):
    path = tmp_path / "dev.tsv"
    path.write_text("fine\t4\tid1\n")
    with pytest.raises(DataError, match="'test'.*dev"):
        load_texts(path).split("test")


@pytest.mark.data
def test_the_real_sets_have_their_published_sizes(shared):
    tess, ravdess = load_voices(shared / "tess"), load_voices(shared / "ravdess")
    assert len(tess) == 2800
    assert len(ravdess) == 1200
    both = concatenate([tess, ravdess])
    assert len(set(both.groups.tolist())) == 22
    texts = load_texts(shared / "text")
    assert len(texts.select(texts.corpora == "goemotions").split("train")) == 43_410
    assert len(texts.select(texts.corpora == "meld").split("dev")) == 1_109
