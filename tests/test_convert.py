"""Checkpoints of the transformers library as packs, from ``save_pretrained`` to a judgement."""

import json
import os
import subprocess
import sys

import numpy as np
import pytest

pytest.importorskip("transformers", reason="the extra 'hub' is not installed")

import mien
from mien.branches.text import TextModel
from mien.branches.voice import VoiceModel
from mien.convert.checkpoint import open_checkpoint
from mien.convert.pack import ConvertOptions, convert, pack_of
from mien.errors import DataError, LabelError, PackError
from mien.media import load_audio
from mien.pack_folders import cached_pack
from mien.packs import EMBEDDED, Pack
from tests.tiny_checkpoints import EMOTIONS, tiny_base, tiny_text, tiny_voice

pytestmark = pytest.mark.hub


@pytest.fixture(scope="module")
def made(tmp_path_factory):
    """Tiny checkpoints and the packs made of them."""
    folder = tmp_path_factory.mktemp("made")
    tiny_voice(folder / "voice", ("ang", "dis", "fea", "hap", "neu", "sad", "mystery"))
    tiny_text(folder / "text")
    said = []
    convert(
        ConvertOptions(str(folder / "voice"), folder / "voice.pack", {"mystery": "surprise"}),
        said.append,
    )
    convert(ConvertOptions(str(folder / "text"), folder / "text.pack"), said.append)
    return folder, said


def test_what_the_pack_says_is_what_the_original_says(made):
    folder, said = made
    assert "mystery -> surprise" in said[0]
    assert "maximum difference of a probability" in said[1]
    source = open_checkpoint(folder / "voice")
    model = VoiceModel(Pack(folder / "voice.pack", "voice"))
    sound = load_audio(EMBEDDED / "demo" / "speech.flac")
    answers = []
    for part in (sound[:9000], sound[20_000:50_000], 0.01 * sound):
        answers.append(model.probs(part))
        assert answers[-1] == pytest.approx(source.probs(part), abs=1e-3)
    # The weights are random, but the answers are not one constant.
    assert np.ptp(np.stack(answers), axis=0).max() > 0.02


def test_a_text_pack_reads_as_the_original(made):
    folder, _ = made
    source = open_checkpoint(folder / "text")
    model = TextModel(Pack(folder / "text.pack", "text"))
    texts = ["I am so happy!", "how dare you", "zebra"]
    rows = model.probs(texts, [False, True, False])
    for text, row in zip(texts, rows, strict=True):
        assert row == pytest.approx(source.probs(text), abs=1e-3)
    assert np.ptp(rows, axis=0).max() > 0.01


def test_long_sound_and_long_text_are_judged_whole(made):
    folder, _ = made
    source = open_checkpoint(folder / "voice")
    sound = load_audio(EMBEDDED / "demo" / "speech.flac")
    long = np.concatenate([np.tile(sound, 7), 0.3 * np.sin(np.arange(16_000 * 8) / 3)])
    long = long.astype(np.float32)
    rows, weights = VoiceModel(Pack(folder / "voice.pack", "voice")).rows(long)
    assert len(rows) == 2
    assert weights == pytest.approx([30.0, 30.0])
    assert rows[0] == pytest.approx(source.probs(long[: 30 * 16_000]), abs=1e-3)
    assert rows[1] == pytest.approx(source.probs(long[-30 * 16_000 :]), abs=1e-3)
    model = TextModel(Pack(folder / "text.pack", "text"))
    start, end = "I am so happy. " * 20, "how dare you. " * 20
    whole, part = model.probs([start + end, start], [False, False])
    assert whole != pytest.approx(part, abs=1e-4)


def test_the_branches_use_converted_packs(made, demo_clip, tmp_path):
    folder, _ = made
    words = tmp_path / "words.txt"
    words.write_text("how dare you")
    packs = {name: {"pack": str(folder / f"{name}.pack")} for name in ("voice", "text")}
    options = mien.Options(
        speech=mien.SpeechOptions(words=words),
        faces=mien.FaceOptions(frame_rate=0.5),
        branches=packs,
    )
    analysis = mien.analyze(demo_clip, options)
    for name in ("voice", "text"):
        assert analysis.by_branch[name].present.all()
        assert set(analysis.provenance.packs[name]) == {name}


def test_8_bits_agree_within_their_bound_and_are_refused_beyond_it(made, tmp_path):
    folder, _ = made
    options = ConvertOptions(str(folder / "text"), tmp_path / "small", int8=True)
    manifest = convert(options, lambda line: None)
    assert manifest.training["int8"]
    assert 0 < manifest.metrics[0]["largest_gap"] < 0.1
    strict = ConvertOptions(str(folder / "text"), tmp_path / "none", int8=True, bound=1e-9)
    with pytest.raises(PackError, match="does not agree.*nothing was written"):
        convert(strict, lambda line: None)
    assert not (tmp_path / "none").exists()


def test_unknown_labels_are_named_with_the_remedy(made, tmp_path):
    folder, _ = made
    with pytest.raises(LabelError, match="'mystery'.*--map LABEL=EMOTION"):
        convert(ConvertOptions(str(folder / "voice"), tmp_path / "p"), lambda line: None)
    wrong = {"nonsense": "joy"}
    with pytest.raises(LabelError, match="no label 'nonsense'"):
        convert(ConvertOptions(str(folder / "voice"), tmp_path / "p", wrong), lambda line: None)


def test_a_base_without_a_head_is_no_classifier(tmp_path):
    with pytest.raises(DataError, match="no trained classifier: classifier"):
        open_checkpoint(tiny_base(tmp_path / "base"))


def test_what_is_no_checkpoint_is_said(tmp_path):
    with pytest.raises(DataError, match="not a checkpoint"):
        open_checkpoint(tmp_path)
    tiny_voice(tmp_path / "v")
    path = tmp_path / "v" / "config.json"
    several = json.loads(path.read_text()) | {"problem_type": "multi_label_classification"}
    path.write_text(json.dumps(several))
    with pytest.raises(DataError, match="multi label"):
        open_checkpoint(tmp_path / "v")


def test_a_hub_id_becomes_a_cached_pack_once(made, tmp_path, monkeypatch):
    folder, _ = made
    monkeypatch.setenv("MIEN_CACHE", str(tmp_path))
    asked = []

    def local_folder(name, *, download):
        asked.append((name, download))
        return folder / "text"

    monkeypatch.setattr("mien.convert.pack.local_folder", local_folder)
    for _ in range(2):
        assert pack_of("owner/reader", lambda line: None) == cached_pack("owner/reader")
    assert asked == [("owner/reader", True)]
    options = mien.Options(branches={"text": {"pack": "owner/reader"}})
    analysis = mien.analyze_text("how dare you", options)
    assert set(analysis.provenance.packs["text"]) == {"reader"}


def test_an_unreachable_hub_is_one_sentence(tmp_path):
    path = tmp_path / "a.txt"
    path.write_text("hello")
    run = subprocess.run(
        [sys.executable, "-m", "mien", "analyze", str(path), "--text", "owner/model"],
        capture_output=True, text=True, timeout=120, check=False,
        env={"PATH": "/usr/bin:/bin", "HOME": str(tmp_path), "HF_HUB_OFFLINE": "1",
             "PYTHONPATH": os.environ.get("PYTHONPATH", "")},
    )  # fmt: skip
    assert run.returncode == 2
    assert run.stderr.startswith("mien: 'owner/model' is not on this machine and the hub cannot")
    assert len(run.stderr.splitlines()) == 1


def test_labels_are_ours_in_our_order():
    assert mien.MIEN7.labels == EMOTIONS
