"""How the face detector is taught: targets, loss, composed pictures, the teacher, the whole way."""

import hashlib

import cv2
import numpy as np
import pytest

torch = pytest.importorskip("torch", reason="the extra 'train' is not installed")

from matplotlib import cbook
from torch import nn

from mien.datasets.people import FIELDS, Pictures, Teacher, load_pictures
from mien.errors import DataError
from mien.perceive.anchors import STRIDES, centres, decode, overlaps, suppress
from mien.train.detector import compose as collage
from mien.train.detector import net as detector
from mien.train.detector.compose import Canvas, Composer
from mien.train.detector.net import DetectorNet, DetectorRecipe, DetectorTask, judge, targets
from mien.train.detector.run import last_layers

SIDE = 256
# Five points by the box: right eye, left eye, nose, corners of the mouth, of the person.
MARKS = np.array([[0.3, 0.35], [0.7, 0.35], [0.5, 0.55], [0.35, 0.75], [0.65, 0.75]])


def face(left, top, wide, high, score=0.95):
    points = MARKS * [wide, high] + [left, top]
    return np.array([left, top, wide, high, *points.ravel(), score], np.float32)


def rows_that_say(faces):
    """What a perfect net would give for a picture with these faces, ``(cells, 15)``."""
    asked, whose = targets(faces, SIDE)
    points, strides = centres(SIDE, SIDE)
    rows = np.zeros((len(points), FIELDS), np.float32)
    rows[:, 0] = np.where(asked == 1, 9.0, -9.0)
    on = asked == 1
    low, high = whose[on, :2], whose[on, :2] + whose[on, 2:4]
    sides = np.concatenate([points[on] - low, high - points[on]], axis=1)
    rows[on, 1:5] = np.log(sides / strides[on, None])
    marks = whose[on, 4:].reshape(-1, 5, 2) - points[on, None]
    rows[on, 5:] = (marks / strides[on, None, None]).reshape(-1, 10)
    return rows


class Says(nn.Module):
    """A net that says the same of every picture."""

    def __init__(self, rows):
        super().__init__()
        self.rows = torch.from_numpy(rows)

    def forward(self, x):
        return self.rows.expand(len(x), *self.rows.shape)


FACES = np.stack([face(20, 30, 30, 38), face(120, 20, 70, 90), face(30, 120, 110, 125)])


def test_what_the_cells_are_asked_decodes_to_the_faces():
    found = suppress(decode(rows_that_say(FACES), SIDE, SIDE, 0.5))
    assert len(found) == 3
    found = found[np.argsort(found[:, 2])]
    assert found[:, :14] == pytest.approx(FACES[:, :14], abs=1e-2)
    assert (found[:, 14] > 0.99).all()


def test_small_faces_are_asked_of_the_fine_cells_and_doubtful_ones_of_none():
    strides = centres(SIDE, SIDE)[1]
    for size, wanted in ((20, {8}), (80, {16, 32}), (32, {8, 16}), (200, {32})):
        asked, _ = targets(face(28, 28, size, size)[None], SIDE)
        assert set(strides[asked == 1].tolist()) == wanted
        assert wanted <= set(STRIDES)
    doubtful, _ = targets(face(60, 60, 80, 80, score=0.5)[None], SIDE)
    assert not (doubtful == 1).any()
    points = centres(SIDE, SIDE)[0]
    inside = (np.abs(points - 100) < 38).all(axis=1)
    assert (doubtful[inside] == -1).all()
    assert not targets(face(60, 60, 80, 80, score=0.1)[None], SIDE)[0].any()


def test_the_loss_is_least_where_the_boxes_fit():
    task = DetectorTask.__new__(DetectorTask)
    task.recipe = DetectorRecipe()
    asked, whose = (torch.from_numpy(a[None]) for a in targets(FACES, SIDE))
    batch = (torch.zeros(1, SIDE, SIDE, dtype=torch.uint8), asked, whose)
    right = rows_that_say(FACES)
    wide, silent, loud, marks = (right.copy() for _ in range(4))
    wide[:, 1:5] += 0.2
    silent[:, 0] = -9.0
    loud[:, 0] = 9.0
    marks[:, 5:] += 0.5
    least = float(task.loss(Says(right), batch))
    assert least < 0.01
    for worse in (wide, silent, loud, marks):
        assert float(task.loss(Says(worse), batch)) > least + 0.05


def test_doubtful_faces_are_neither_learnt_nor_held_against_the_net():
    task = DetectorTask.__new__(DetectorTask)
    task.recipe = DetectorRecipe()
    doubtful = FACES.copy()
    doubtful[1, 14] = 0.5
    asked, whose = (torch.from_numpy(a[None]) for a in targets(doubtful, SIDE))
    batch = (torch.zeros(1, SIDE, SIDE, dtype=torch.uint8), asked, whose)
    for said in (FACES, np.delete(FACES, 1, axis=0)):
        assert float(task.loss(Says(rows_that_say(said)), batch)) < 0.01


def test_recall_and_precision_count_what_they_say():
    picture = np.zeros((SIDE, SIDE), np.uint8)
    pictures = [(picture, FACES)] * 2
    every = judge(Says(rows_that_say(FACES)), pictures)
    assert every["recall"] == every["precision"] == 1.0
    assert every["iou"] == pytest.approx(1.0, abs=1e-3)
    two = judge(Says(rows_that_say(FACES[:2])), pictures)
    assert (two["recall"], two["precision"]) == (pytest.approx(2 / 3), 1.0)
    more = judge(Says(rows_that_say(FACES)), [(picture, FACES[:2])])
    assert (more["recall"], more["precision"]) == (1.0, pytest.approx(2 / 3))
    none = judge(Says(rows_that_say(FACES[:0])), pictures)
    assert (none["recall"], none["precision"]) == (0.0, 0.0)


def test_the_net_gives_a_row_a_cell_and_learns_one_picture():
    torch.manual_seed(0)
    net = DetectorNet((4, 8, 8, 8, 8))
    assert net(torch.zeros(1, 64, 96, dtype=torch.uint8)).shape == (
        1,
        len(centres(64, 96)[0]),
        FIELDS,
    )
    task = DetectorTask.__new__(DetectorTask)
    task.recipe = DetectorRecipe(side=64)
    asked, whose = (torch.from_numpy(a[None]) for a in targets(face(16, 12, 30, 38)[None], 64))
    image = np.full((1, 64, 64), 40, np.uint8)
    image[0, 12:50, 16:46] = 200
    batch = (torch.from_numpy(image), asked, whose)
    optimizer = torch.optim.Adam(net.parameters(), lr=0.02)
    losses = []
    for _ in range(30):
        optimizer.zero_grad()
        loss = task.loss(net, batch)
        loss.backward()
        optimizer.step()
        losses.append(loss.item())
    assert losses[-1] < 0.3 * losses[0]


def planted(side=160):
    """A picture with one bright face on dark ground, its five points as dark spots."""
    image = np.full((side, side), 30, np.uint8)
    one = face(40, 30, 80, 100)
    image[30:130, 40:120] = 210
    for x, y in one[4:14].reshape(5, 2).astype(int):
        image[y - 6 : y + 7, x - 6 : x + 7] = 90
    return image, one[None]


def people(count=4):
    image, faces = planted()
    names = tuple(f"{i:040x}" for i in range(count))
    return Pictures((image,) * count, (faces,) * count, names, ("planted",) * count)


def test_faces_move_with_the_picture_they_are_in():
    composer = Composer(people(), None, SIDE)
    checked = 0
    for seed in range(40):
        rng = np.random.default_rng(seed)
        canvas = Canvas(np.full((SIDE, SIDE), 30, np.uint8))
        composer.place(canvas, 0, rng)
        for box in np.concatenate(canvas.faces) if canvas.faces else ():
            if box[14] < collage.SURE or box[2] < 60:
                continue  # partly outside, or too small for its spots
            checked += 1
            marks = box[4:14].reshape(5, 2)
            inside = [(x, y) for x, y in marks if 0 <= x < SIDE - 1 and 0 <= y < SIDE - 1]
            for x, y in inside:
                assert 60 < canvas.image[round(float(y)), round(float(x))] < 130
            left, top, wide, high = box[:4]
            middle = canvas.image[
                max(0, int(top + 0.42 * high)) : int(top + 0.46 * high),
                max(0, int(left + 0.4 * wide)) : int(left + 0.6 * wide),
            ]
            if middle.size:
                assert np.median(middle) > 180
            # The person's right eye is on the left of the picture, mirrored or not.
            assert marks[0, 0] < marks[1, 0]
            assert marks[3, 0] < marks[4, 0]
    assert checked > 10


def test_drawn_pictures_are_whole_and_the_same_for_the_same_seed():
    composer = Composer(people(), people(), SIDE)
    drawn = [composer.draw(np.random.default_rng(seed)) for seed in range(30)]
    for image, faces in drawn:
        assert image.shape == (SIDE, SIDE)
        assert image.dtype == np.uint8
        assert faces.shape[1:] == (FIELDS,)
        sure = faces[faces[:, 14] >= collage.SURE]
        assert (sure[:, :2] + sure[:, 2:4] > 0).all()
        assert (sure[:, :2] < SIDE).all()
        assert (sure[:, 2:4].max(axis=1, initial=collage.SMALLEST) >= collage.SMALLEST).all()
    assert sum(len(faces) for _, faces in drawn) > 15
    again = composer.draw(np.random.default_rng(7))
    assert np.array_equal(again[0], drawn[7][0])
    assert np.array_equal(again[1], drawn[7][1])


def test_pictures_are_divided_by_their_own_hash():
    named = people(2)
    pictures = Pictures(
        named.images * 2, named.faces * 2, ("00000001ab", "ffffffff01") * 2, ("a", "b") * 2
    )
    train, valid = detector.divide(pictures, 0.03)
    assert set(valid.prints) == {"00000001ab"}
    assert set(train.prints) == {"ffffffff01"}
    assert len(train) == len(valid) == 2
    nobody = pictures.without_faces({"b"})
    assert [len(f) for f in nobody.faces] == [1, 0, 1, 0]


def portrait(rng):
    """matplotlib's sample portrait, 160 px high, with a little noise."""
    source = cv2.imread(str(cbook.get_sample_data("grace_hopper.jpg", asfileobj=False)))
    small = cv2.resize(source, (137, 160), interpolation=cv2.INTER_AREA).astype(np.float64)
    return np.clip(small + rng.normal(0, 3, small.shape), 0, 255).astype(np.uint8)


def test_a_missing_teacher_and_an_empty_folder_are_refused(tmp_path):
    with pytest.raises(DataError, match="The teacher .* does not exist"):
        Teacher(tmp_path / "none.onnx")


@pytest.mark.data
def test_the_teacher_names_the_portrait_once_and_for_all(shared, tmp_path):
    (model,) = (shared / "yunet").glob("*.onnx")
    teacher, folder = Teacher(model), tmp_path / "some"
    folder.mkdir()
    with pytest.raises(DataError, match="holds no picture"):
        load_pictures(folder, teacher, tmp_path / "none.npz", lambda line: None)
    cv2.imwrite(str(folder / "grace.png"), portrait(np.random.default_rng(0)))
    (folder / "broken.jpg").write_bytes(b"this is no picture")
    said = []
    pictures = load_pictures(folder, teacher, tmp_path / "some.npz", said.append)
    assert said[-1] == "some: 1 pictures, 1 left out"
    (faces,) = pictures.faces
    best = faces[faces[:, 14].argmax()]
    assert best[14] > 0.8
    assert overlaps(np.array([47, 18, 42, 56], np.float32), best[None])[0] > 0.5
    (folder / "grace.png").unlink()
    kept = load_pictures(folder, teacher, tmp_path / "some.npz")
    assert np.array_equal(kept.images[0], pictures.images[0])
    assert np.array_equal(kept.faces[0], faces)


@pytest.mark.data
@pytest.mark.slow
def test_pictures_and_a_teacher_become_a_pack(shared, tmp_path, monkeypatch):
    from mien.packs import Pack
    from mien.perceive.anchors import CONTRACT
    from mien.train.commands import TrainOptions
    from mien.train.detector.run import PeopleOptions, train_detector

    (model,) = (shared / "yunet").glob("*.onnx")
    folder, rng, sides = tmp_path / "portraits", np.random.default_rng(0), {True: 0, False: 0}
    folder.mkdir()
    while sides[True] < 1 or sides[False] < 4:
        coded = cv2.imencode(".png", portrait(rng))[1].tobytes()
        held = int(hashlib.sha1(coded).hexdigest()[:8], 16) % 10_000 < 300
        if sides[held] < 4:
            (folder / f"{sum(sides.values())}.png").write_bytes(coded)
            sides[held] += 1
    options = TrainOptions([folder], tmp_path / "pack", epochs=1, threads=1, limit=32)
    asked = PeopleOptions(model, licences={"portraits": "public domain"})
    manifest = train_detector(options, asked, lambda line: None)
    pack = Pack(tmp_path / "pack", "detector")
    score = manifest.input["score"]
    assert manifest.input == CONTRACT | {"score": score}
    assert score.keys() == {"slope", "intercept"}
    assert np.isfinite([*score.values()]).all()
    assert manifest.training["data"][0] == {
        "name": "portraits", "rows": sum(sides.values()), "licence": "public domain"
    }  # fmt: skip
    assert [row["set"].split(", ")[1] for row in manifest.metrics] == ["32 bits", "8 bits"]
    rows = pack.run({"picture": np.zeros((1, 192, 256), np.uint8)})
    assert rows.shape == (1, len(centres(192, 256)[0]), FIELDS)
    assert not len(decode(rows[0], 192, 256, 0.5))


def test_convolutions_go_into_8_bits_but_not_that_of_the_gray_picture(tmp_path):
    import onnx
    import torch

    from mien.convert.onnx_graph import Graph, export_graph, quantise_convolutions

    torch.manual_seed(0)
    net = torch.nn.Sequential(
        torch.nn.Conv2d(1, 8, 3), torch.nn.ReLU(), torch.nn.Conv2d(8, 8, 3, groups=8),
        torch.nn.ReLU(), torch.nn.Conv2d(8, 4, 3), torch.nn.ReLU(), torch.nn.Flatten(),
    )  # fmt: skip
    pictures = torch.rand(4, 1, 12, 12)
    path = tmp_path / "net.onnx"
    wanted = export_graph(net, {"pictures": pictures}, {"pictures": {0: "n"}}, path)(pictures)
    quantise_convolutions(path, [{"pictures": pictures.numpy()}])
    graph = onnx.load(path).graph
    weights = {w.name: w.data_type for w in graph.initializer if len(w.dims) == 4}
    assert sorted(weights.values()) == [onnx.TensorProto.FLOAT, *[onnx.TensorProto.INT8] * 2]
    assert [node.op_type for node in graph.node].count("Relu") == 1  # between 32 and 8 bits
    gap = (Graph(path)(pictures) - wanted).abs().max() / wanted.abs().max()
    assert 0 < gap < 0.05


def test_the_rewritten_graph_says_the_same_of_bytes(tmp_path):
    from mien.convert.onnx_graph import Graph, export_graph, quantise_convolutions
    from mien.train.detector.rewrite import rewrite_detector

    torch.manual_seed(0)
    net = DetectorNet((12, 24, 32, 48, 64)).eval()
    for head in net.heads:  # they begin at nothing
        torch.nn.init.normal_(head[1].weight, std=0.3)
    rng = np.random.default_rng(0)
    # Smooth pictures, as cameras make them.
    drawn = [cv2.GaussianBlur(rng.integers(0, 256, (96, 160), np.uint8), (0, 0), 3) for _ in "123"]
    pictures = np.stack([cv2.normalize(one, None, 0, 255, cv2.NORM_MINMAX) for one in drawn])
    path = tmp_path / "net.onnx"
    wanted = export_graph(net, detector.EXAMPLE, detector.AXES, path)(torch.from_numpy(pictures))
    assert (wanted - net(torch.from_numpy(pictures))).abs().max() < 1e-3
    quantise_convolutions(path, [{"picture": one[None]} for one in pictures], last_layers(path))
    eight = Graph(path)(torch.from_numpy(pictures))
    rewrite_detector(path)
    found = Graph(path)(torch.from_numpy(pictures))
    assert found.shape == wanted.shape
    spread = wanted.std(dim=(0, 1))
    lost, added = ((some - wanted).abs().mean(dim=(0, 1)) for some in (eight, found))
    assert (added < 0.1 * spread).all()
    # The rounding of the first weights costs little beside that of everything else.
    assert added.mean() < 1.3 * lost.mean()
    # Any size in 32s, any number of pictures; one at a time is the same.
    other = torch.from_numpy(rng.integers(0, 256, (2, 32, 64), np.uint8))
    assert Graph(path)(other).shape == (2, len(centres(32, 64)[0]), FIELDS)
    assert torch.equal(Graph(path)(other)[1:], Graph(path)(other[1:]))


def test_a_layer_on_grouped_columns_is_the_layer():
    from mien.train.detector.rewrite import columns_as_channels

    rng = np.random.default_rng(0)
    weights = rng.normal(size=(5, 1, 3, 3)).astype(np.float32)
    picture = torch.from_numpy(rng.normal(size=(1, 1, 12, 24)).astype(np.float32))
    wanted = nn.functional.conv2d(picture, torch.from_numpy(weights), stride=2, padding=1)
    for columns in (2, 4, 8):
        grouped = picture.reshape(1, 12, 24 // columns, columns).permute(0, 3, 1, 2)
        kernel = torch.from_numpy(columns_as_channels(weights, columns))
        padded = nn.functional.pad(grouped, (1, 0, 1, 0))
        found = nn.functional.conv2d(padded, kernel, stride=(2, 1))
        rows = found.permute(0, 2, 3, 1).reshape(1, 6, 12, 5).permute(0, 3, 1, 2)
        assert torch.allclose(rows, wanted, atol=1e-5)


def test_a_graph_of_another_kind_is_not_rewritten(tmp_path):
    from mien.convert.onnx_graph import export_graph
    from mien.errors import PackError
    from mien.train.detector.rewrite import rewrite_detector

    path, pictures = tmp_path / "other.onnx", torch.rand(1, 1, 12, 12)
    export_graph(nn.Conv2d(1, 3, 3), {"pictures": pictures}, {"pictures": {0: "n"}}, path)
    with pytest.raises(PackError, match="not the graph of a face detector in 8 bits"):
        rewrite_detector(path)
