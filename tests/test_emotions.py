import numpy as np
import pytest

from mien.emotions import MIEN7, EmotionSpace, LabelMap, canonical_label, shared_targets
from mien.errors import LabelError


def test_our_order_is_fixed():
    assert MIEN7.labels == (
        "anger", "disgust", "fear", "joy", "neutral", "sadness", "surprise",
    )  # fmt: skip


@pytest.mark.parametrize(
    ("name", "label"),
    [("ps", "surprise"), ("Happiness", "joy"), ("ANG", "anger"), ("calm", "neutral"),
     ("contempt", "disgust"), (" sad ", "sadness"), ("fearful", "fear")],
)  # fmt: skip
def test_names_of_other_sets_are_understood(name, label):
    assert canonical_label(name) == label


def test_unknown_names_are_refused_with_the_known_ones():
    with pytest.raises(LabelError, match="'bored'.*anger, disgust"):
        canonical_label("bored")
    with pytest.raises(LabelError, match="'joyful' is not a label"):
        MIEN7.index("joyful")


def test_a_map_loses_no_probability():
    native = EmotionSpace("ravdess", ("neutral", "calm", "happy", "sad"))
    probs = np.array([[0.1, 0.2, 0.3, 0.4]])
    mapped = LabelMap.by_name(native).apply(probs)
    assert mapped.sum() == pytest.approx(1.0)
    assert mapped[0, MIEN7.index("neutral")] == pytest.approx(0.3)


def test_a_map_with_a_leaking_row_is_refused():
    two = EmotionSpace("two", ("a", "b"))
    with pytest.raises(LabelError, match="sum to 1"):
        LabelMap(two, two, np.array([[1.0, 0.0], [0.5, 0.4]]))
    with pytest.raises(LabelError, match="matrix"):
        LabelMap(two, MIEN7, np.eye(2))


def test_several_labels_share_a_row():
    targets = shared_targets([("anger", "joy"), ("fear",)])
    assert targets[0, 0] == targets[0, 3] == 0.5
    assert targets.sum(axis=1).tolist() == [1.0, 1.0]
