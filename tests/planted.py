"""What several tests plant: sets that the trainers learn from, a face, looks at faces."""

import numpy as np

from mien.scene import FaceSamples

FERPLUS_NAMES = (
    "neutral", "happiness", "surprise", "sadness", "anger", "disgust", "fear",
    "contempt", "unknown", "NF",
)  # fmt: skip


def write_faces(path, **more):
    """An ``.npz`` of 70 training and 14 test pictures; the class shows as a bright patch."""
    rng = np.random.default_rng(0)
    labels = np.arange(84) % 7
    images = rng.integers(0, 60, (84, 48, 48)).astype(np.uint8)
    for image, label in zip(images, labels, strict=True):
        image[6 * label : 6 * label + 6, 8:40] = 220
    usage = np.array(["Training"] * 70 + ["PublicTest"] * 14)
    images[3] = images[80]  # a training picture that is also in the test
    np.savez(path, images=images, labels=labels, usage=usage, **more)
    return path


def write_voted_faces(path):
    """The faces of :func:`write_faces`; observers name what is seen, the set's label is one off.

    Eight of ten name the label, one the next, one contempt; of the first picture nobody does.
    """
    seen = np.arange(84) % 7
    ours = ("anger", "disgust", "fear", "happiness", "neutral", "sadness", "surprise")
    votes = np.zeros((84, 10), np.uint8)
    for row, label in enumerate(seen):
        votes[row, FERPLUS_NAMES.index(ours[label])] = 8
        votes[row, FERPLUS_NAMES.index(ours[(label + 1) % 7])] += 1
        votes[row, FERPLUS_NAMES.index("contempt")] = 1
    votes[0] = [0, 0, 0, 0, 1, 0, 0, 3, 5, 1]
    return write_faces(path, ferplus_votes=votes, ferplus_names=np.array(FERPLUS_NAMES))


def portrait(side=150):
    """The head of the public-domain portrait that comes with matplotlib."""
    import cv2
    from matplotlib import cbook

    picture = cv2.imread(str(cbook.get_sample_data("grace_hopper.jpg", asfileobj=False)))
    return cv2.resize(picture[60:380, 100:420], (side, side), interpolation=cv2.INTER_AREA)


def gray(seed):
    """Faces that are as like as two people's: the portrait, turned a little differently."""
    import cv2

    face = cv2.cvtColor(portrait(56), cv2.COLOR_BGR2GRAY)
    return np.ascontiguousarray(face[seed : seed + 48, seed : seed + 48])


def samples(times, box, prominence=0.3, turn=5.0, sharp=0.8):
    n = len(times)
    return FaceSamples(
        np.asarray(times, float), np.tile(np.array(box, float), (n, 1)), np.full(n, 0.9),
        np.full(n, sharp), np.full(n, turn), np.full(n, prominence), np.arange(n),
    )  # fmt: skip


def train_options(data, tmp_path, **more):
    """Two epochs on one thread into ``tmp_path / "pack"``, unless said otherwise."""
    from mien.train.commands import TrainOptions

    return TrainOptions([data], tmp_path / "pack", **({"epochs": 2, "threads": 1} | more))


def silent(line):
    """Takes the progress of a training."""
