"""A pack is what its hashes say, and a malformed one ends in PackError."""

import hashlib
import json
import os
import shutil

import numpy as np
import pytest

from mien.branches.text import TextModel
from mien.errors import InputError, OutputError, PackError
from mien.files import read_regular, read_text, replacing
from mien.manifest import Manifest
from mien.pack_folders import embedded_packs
from mien.packs import EMBEDDED, Pack

BAD_VALUES = [
    None, True, 7, -1, 10**400, 1e400, "", "x", "\udc80", [], [[]], [None], ["a", "a"], [1e999], {},
    {"a": 1}, {"model.onnx": 3}, {"../model.onnx": "0" * 64}, {"/etc/passwd": "0" * 64},
    {"": "0" * 64},
]  # fmt: skip


@pytest.fixture
def copy(tmp_path):
    def make(kind):
        folder = tmp_path / kind
        shutil.copytree(EMBEDDED / kind, folder)
        return folder

    return make


def rewritten(folder, **changes):
    value = json.loads((folder / "pack.json").read_text())
    value |= changes
    (folder / "pack.json").write_text(json.dumps(value))


def test_every_pack_that_ships_is_valid():
    packs = embedded_packs()
    assert len(packs) == 5
    for folder in packs:
        Pack(folder, Manifest.read(folder / "pack.json").kind).verify()


def test_any_bad_value_of_any_key_is_a_pack_error(copy):
    folder = copy("face")
    whole = json.loads((folder / "pack.json").read_text())
    refused = 0
    for key in whole:
        for bad in BAD_VALUES:
            (folder / "pack.json").write_text(json.dumps(whole | {key: bad}))
            try:
                Pack(folder, "face").verify()
            except PackError:
                refused += 1
    # Free text and free mappings take several of the values; most are refused.
    assert refused > len(whole) * len(BAD_VALUES) * 0.6


@pytest.mark.parametrize(
    "text",
    [
        b"", b"[]", b"null", b"{", b'"pack"', b"\xff\xfe", b"{" * 200_000, b"[" * 200_000,
        b'{"format": 1}',
        b'{"format": NaN}', b'{"format": 1e999}', b'{"format": ' + b"9" * 5000 + b"}",
        b'{"format": "\\ud800"}',
        b'{"format": 1, "name": "\\ud800"}',
    ],
)  # fmt: skip
def test_what_is_not_a_manifest_is_a_pack_error(copy, text):
    folder = copy("face")
    (folder / "pack.json").write_bytes(text)
    with pytest.raises(PackError):
        Pack(folder, "face")


@pytest.mark.parametrize("name", ["../secret", "/etc/passwd", "a/../../b", "a\\b", ""])
def test_names_that_leave_the_pack_are_refused(copy, name):
    folder = copy("face")
    files = json.loads((folder / "pack.json").read_text())["files"]
    rewritten(folder, files=files | {name: "0" * 64})
    with pytest.raises(PackError, match="inside the pack"):
        Pack(folder, "face")


def test_a_listed_link_is_refused_though_its_content_is_right(copy, tmp_path):
    folder = copy("face")
    (folder / "model.onnx").rename(tmp_path / "elsewhere.onnx")
    (folder / "model.onnx").symlink_to(tmp_path / "elsewhere.onnx")
    with pytest.raises(PackError, match="link"):
        Pack(folder, "face").verify()


def test_a_tokenizer_that_is_not_listed_is_not_read(copy):
    folder = copy("text")
    files = json.loads((folder / "pack.json").read_text())["files"]
    del files["tokenizer.json"]
    rewritten(folder, files=files)
    with pytest.raises(PackError, match="does not list"):
        TextModel(Pack(folder, "text"))


def test_a_changed_tokenizer_is_refused(copy):
    folder = copy("text")
    path = folder / "tokenizer.json"
    path.write_bytes(path.read_bytes() + b" ")
    with pytest.raises(PackError, match="not the file"):
        TextModel(Pack(folder, "text"))


def test_weights_outside_the_hashed_file_are_not_read(copy):
    onnx = pytest.importorskip("onnx", reason="the extra 'train' is not installed")
    folder = copy("face")
    model = onnx.load(folder / "model.onnx")
    onnx.save_model(
        model, folder / "model.onnx", save_as_external_data=True, location="weights.bin",
        size_threshold=0,
    )  # fmt: skip
    assert (folder / "weights.bin").stat().st_size > 1_000_000
    digest = hashlib.sha256((folder / "model.onnx").read_bytes()).hexdigest()
    for files in ({"model.onnx": digest}, {"model.onnx": digest, "weights.bin": "0" * 64}):
        rewritten(folder, files=files)
        with pytest.raises(PackError, match="further files"):
            Pack(folder, "face").probs({"pictures": np.zeros((1, 1, 48, 48), np.float32)})


def test_a_model_with_too_few_columns_is_a_pack_error(copy):
    folder = copy("face")
    rewritten(
        folder, conventions={}, labels=[f"l{i}" for i in range(20)], prior=[0.05] * 20, bias=[]
    )
    with pytest.raises(PackError, match="20 columns"):
        Pack(folder, "face").logits({"pictures": np.zeros((1, 1, 48, 48), np.float32)})


@pytest.mark.parametrize("name", ["pack.json", "model.onnx"])
def test_a_fifo_is_refused_and_not_waited_for(copy, name):
    folder = copy("face")
    (folder / name).unlink()
    os.mkfifo(folder / name)
    with pytest.raises(PackError, match="not a regular file"):
        Pack(folder, "face").verify()


# --- files -----------------------------------------------------------------------------------


@pytest.mark.parametrize("path", ["/dev/zero", "/", "/nowhere/at/all", "a\0b"])
def test_what_is_not_a_regular_file_is_an_input_error(path):
    with pytest.raises(InputError):
        read_regular(path)


def test_size_and_encoding_are_checked(tmp_path):
    path = tmp_path / "text"
    path.write_bytes(b"\xef\xbb\xbfabc")
    assert read_text(path) == "abc"
    with pytest.raises(InputError, match="at most 3"):
        read_regular(path, 3)
    path.write_bytes(b"ab\xff")
    with pytest.raises(InputError, match="byte 2"):
        read_text(path)


def test_an_earlier_file_stays_whole_when_writing_fails(tmp_path):
    path = tmp_path / "out.json"
    path.write_text("earlier")
    path.chmod(0o640)

    def stopped(error):
        with replacing(path) as fresh:
            fresh.write_text("half of")
            raise error

    with pytest.raises(RuntimeError):
        stopped(RuntimeError())
    with pytest.raises(OutputError, match=r"out\.json could not be written"):
        stopped(OSError(28, "No space left on device"))
    assert path.read_text() == "earlier"
    with replacing(path) as fresh:
        assert fresh.suffix == ".json"
        fresh.write_text("later")
    assert path.read_text() == "later"
    assert path.stat().st_mode & 0o777 == 0o640
    assert [p.name for p in tmp_path.iterdir()] == ["out.json"]


def test_a_link_stays_a_link_and_a_new_file_has_the_usual_permissions(tmp_path):
    (tmp_path / "link").symlink_to(tmp_path / "target")
    with replacing(tmp_path / "link") as fresh:
        fresh.write_text("x")
    assert (tmp_path / "link").is_symlink()
    assert (tmp_path / "target").read_text() == "x"
    umask = os.umask(0)
    os.umask(umask)
    assert (tmp_path / "target").stat().st_mode & 0o777 == 0o666 & ~umask


def test_a_folder_that_is_not_there_is_an_output_error(tmp_path):
    with pytest.raises(OutputError, match="No such file"), replacing(tmp_path / "no" / "a.json"):
        pass
