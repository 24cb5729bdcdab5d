import json
import os
import shutil

import numpy as np
import pytest

from mien.errors import OptionError, PackError
from mien.manifest import KINDS, Manifest
from mien.pack_folders import embedded_packs, find_pack, put_pack
from mien.packs import EMBEDDED, Pack, load_onnxruntime


@pytest.fixture
def copied(tmp_path):
    """A copy of the embedded face pack that a test may damage."""
    folder = tmp_path / "face"
    shutil.copytree(EMBEDDED / "face", folder)
    return folder


@pytest.mark.parametrize("kind", KINDS)
def test_every_embedded_pack_is_whole_and_says_where_it_is_from(kind):
    pack = find_pack(kind)
    assert pack.manifest.kind == kind
    if kind != "detector":  # which knows no emotion
        assert pack.label_map.target.name == "mien7"
        assert sum(pack.manifest.prior) == pytest.approx(1.0, abs=1e-3)
    assert "non-commercial" in pack.manifest.licence
    assert pack.manifest.training["command"].startswith(f"mien train {kind}")
    assert pack.manifest.training["data"]
    assert all(d["licence"] for d in pack.manifest.training["data"])
    card = (pack.folder / "README.md").read_text()
    assert "not what a person feels" in card
    assert "EU AI Act" in card


def test_shipped_packs_stay_within_their_room():
    size = sum(p.stat().st_size for f in embedded_packs() for p in f.iterdir())
    assert size <= 60e6


def test_a_changed_file_is_refused(copied):
    model = copied / "model.onnx"
    model.write_bytes(model.read_bytes()[:-1] + b"x")
    with pytest.raises(PackError, match=r"model\.onnx is not the file"):
        Pack(copied, "face").verify()


def test_a_pack_of_another_kind_is_refused(copied):
    with pytest.raises(PackError, match="for 'face', not for 'voice'"):
        Pack(copied, "voice")


def test_a_folder_without_a_pack_is_refused(tmp_path):
    with pytest.raises(PackError, match=r"no pack\.json"):
        Pack(tmp_path, "face")


@pytest.mark.parametrize("change", [{"format": 99}, {"surplus": 1}])
def test_a_manifest_of_another_form_is_refused(copied, change):
    path = copied / "pack.json"
    path.write_text(json.dumps(json.loads(path.read_text()) | change))
    with pytest.raises(PackError, match=r"pack\.json"):
        Manifest.read(path)


def test_a_pack_made_for_other_inputs_is_refused(copied):
    with pytest.raises(PackError, match="side: 64 here, 48 there"):
        Pack(copied, "face").check_input({"side": 64})


def test_temperature_bias_and_labels_are_applied(copied):
    pack = Pack(copied, "face")
    pictures = np.random.default_rng(0).normal(size=(3, 1, 48, 48)).astype(np.float32)
    logits = pack.logits({"pictures": pictures})
    scaled = np.exp(logits / pack.manifest.temperature + np.array(pack.manifest.bias))
    expected = pack.label_map.apply(scaled / scaled.sum(axis=1, keepdims=True))
    assert pack.probs({"pictures": pictures}) == pytest.approx(expected)


def test_a_pack_replaces_a_pack_and_nothing_else(tmp_path):
    """A folder given by mistake, one's own documents say, was once deleted for the new pack."""

    def fresh():
        folder = tmp_path / "fresh"
        folder.mkdir()
        (folder / "pack.json").write_text("new")
        return folder

    mine = tmp_path / "documents"
    mine.mkdir()
    (mine / "letter.txt").write_text("dear")
    for place in (mine, mine / "letter.txt"):
        with pytest.raises(OptionError, match="no pack and would be lost"):
            put_pack(fresh(), place)
        shutil.rmtree(tmp_path / "fresh")
    assert (mine / "letter.txt").read_text() == "dear"
    empty, there = tmp_path / "empty", tmp_path / "a" / "b"
    empty.mkdir()
    for place in (empty, there, there):
        put_pack(fresh(), place)
        assert (place / "pack.json").read_text() == "new"


@pytest.mark.parametrize("options", [("FusionOptions", "x.csv"), ("ComposeOptions", ["x.csv"])])
def test_a_fit_looks_at_its_place_before_it_begins(options, tmp_path):
    from mien.train.fusion import run as fusion

    (tmp_path / "letter.txt").write_text("dear")
    name, data = options
    with pytest.raises(OptionError, match="would be lost"):
        getattr(fusion, name)(data, tmp_path)


# --- the network: tests/test_privacy.py ------------------------------------------------------


def test_too_late_to_switch_the_telemetry_off_is_said(monkeypatch):
    import onnxruntime  # noqa: F401

    monkeypatch.delenv("ORT_DISABLE_TELEMETRY", raising=False)
    with pytest.warns(UserWarning, match="ORT_DISABLE_TELEMETRY=1"):
        load_onnxruntime()
    assert os.environ["ORT_DISABLE_TELEMETRY"] == "1"


@pytest.mark.parametrize("name", [[], {}, None, 0, "other"])
def test_a_front_end_that_is_not_known_is_refused_as_a_pack(tmp_path, name):
    manifest = json.loads((EMBEDDED / "voice" / "pack.json").read_text())
    manifest["input"]["front_end"] = name
    (tmp_path / "pack.json").write_text(json.dumps(manifest))
    with pytest.raises(PackError, match="wants the front end"):
        Pack(tmp_path, "voice").front_end({"whisper": lambda pack: pack}, "whisper")
