"""Every kind of sound classifier of the transformers library becomes a pack that agrees."""

import numpy as np
import pytest

pytest.importorskip("transformers", reason="the extra 'hub' is not installed")

from safetensors.torch import load_file, save_file
from typer.testing import CliRunner

from mien.branches.voice import VoiceModel
from mien.cli import app
from mien.convert import checkpoint
from mien.convert.checkpoint import open_checkpoint
from mien.convert.pack import ConvertOptions, convert
from mien.errors import DataError, OptionError, PackError
from mien.media import load_audio
from mien.packs import EMBEDDED, Pack
from tests.tiny_checkpoints import tiny_kin, tiny_voice

pytestmark = pytest.mark.hub


def said_of(folder, out, parts, **more):
    """What the pack and what the checkpoint's own preprocessing and net say of some sounds."""
    convert(ConvertOptions(str(folder), out, **more), lambda line: None)
    model, source = VoiceModel(Pack(out, "voice")), open_checkpoint(folder)
    return np.stack([model.probs(p) for p in parts]), np.stack([source.probs(p) for p in parts])


@pytest.fixture(scope="module")
def parts():
    """Three pieces of speech, the last one quiet, with digital silence at its end."""
    sound = load_audio(EMBEDDED / "demo" / "speech.flac")
    quiet = np.concatenate([0.01 * sound[8000:24_000], np.zeros(8000, np.float32)])
    return sound[:9000], sound[20_000:52_000], quiet.astype(np.float32)


@pytest.mark.parametrize("kind", ["hubert", "wavlm", "sew-d"])
def test_every_kind_says_what_its_original_says(kind, parts, tmp_path):
    folder = tiny_kin(tmp_path / kind, kind)
    ours, theirs = said_of(folder, tmp_path / "pack", parts)
    assert ours == pytest.approx(theirs, abs=1e-3)
    # The weights are random, but the answers are not one constant.
    assert np.ptp(ours, axis=0).max() > 0.01


@pytest.mark.parametrize(("kind", "longest"), [("ast", 2.56), ("whisper", 30.0)])
def test_a_spectrogram_is_part_of_the_pack(kind, longest, parts, tmp_path):
    folder = tiny_kin(tmp_path / kind, kind)
    ours, theirs = said_of(folder, tmp_path / "pack", parts)
    assert ours == pytest.approx(theirs, abs=1e-3)
    assert np.ptp(ours, axis=0).max() > 0.01
    # What is longer than the net can be shown is judged in windows.
    size = round(longest * 16_000)
    long = np.resize(load_audio(EMBEDDED / "demo" / "speech.flac"), size + 16_000)
    rows, _ = VoiceModel(Pack(tmp_path / "pack", "voice")).rows(long)
    source = open_checkpoint(folder)
    assert len(rows) == 2
    assert rows[0] == pytest.approx(source.probs(long[:size]), abs=1e-3)
    assert rows[1] == pytest.approx(source.probs(long[-size:]), abs=1e-3)
    with pytest.raises(OptionError, match=f"is limited to {longest:g} s"):
        open_checkpoint(folder, window=longest + 1)


def test_8_bits_leave_the_spectrogram_alone(parts, tmp_path):
    folder = tiny_kin(tmp_path / "ast", "ast")
    ours, theirs = said_of(folder, tmp_path / "pack", parts, int8=True)
    assert ours == pytest.approx(theirs, abs=0.1)


def test_weights_of_earlier_versions_are_read(parts, tmp_path):
    """Checkpoints from before 2023 name the two parts of a normed weight otherwise."""
    folder = tiny_voice(tmp_path / "old")
    today = open_checkpoint(folder).probs(parts[0])
    weights = load_file(folder / "model.safetensors")
    name = "wav2vec2.encoder.pos_conv_embed.conv"
    for ours, theirs in (("original0", "weight_g"), ("original1", "weight_v")):
        weights[f"{name}.{theirs}"] = weights.pop(f"{name}.parametrizations.weight.{ours}")
    save_file(weights, folder / "model.safetensors", metadata={"format": "pt"})
    assert open_checkpoint(folder).probs(parts[0]) == pytest.approx(today, abs=1e-6)


def test_a_head_of_code_of_its_own_is_not_made_up(tmp_path):
    """As that of ehcalabres/wav2vec2-lg-xlsr-en-speech-emotion-recognition."""
    folder = tiny_voice(tmp_path / "strange")
    weights = load_file(folder / "model.safetensors")
    for part in ("weight", "bias"):
        weights[f"classifier.output.{part}"] = weights.pop(f"classifier.{part}")
    save_file(weights, folder / "model.safetensors", metadata={"format": "pt"})
    with pytest.raises(
        DataError, match="classifier.bias.*would be randomly initialised.*classifier.output"
    ):
        open_checkpoint(folder)


def test_what_no_onnx_file_can_hold_is_said_before_the_export(tmp_path, monkeypatch):
    folder = tiny_kin(tmp_path / "hubert", "hubert")
    monkeypatch.setattr(checkpoint, "MOST_PARAMETERS", 10_000)
    with pytest.raises(DataError, match="million parameters; one ONNX file holds at most"):
        open_checkpoint(folder)


def test_no_window_and_no_bound_are_not_the_usual_ones(tmp_path):
    folder = tiny_kin(tmp_path / "hubert", "hubert")
    with pytest.raises(PackError, match="windows of at least"):
        open_checkpoint(folder, window=0.0)
    with pytest.raises(PackError, match="does not agree.*at most 0 accepted"):
        convert(ConvertOptions(str(folder), tmp_path / "pack", bound=0.0), lambda line: None)
    assert not (tmp_path / "pack").exists()


def test_a_checkpoint_is_not_replaced_by_its_pack(tmp_path):
    folder = tiny_kin(tmp_path / "hubert", "hubert")
    with pytest.raises(OptionError, match="no pack and would be lost"):
        convert(ConvertOptions(str(folder), folder), lambda line: None)
    assert (folder / "model.safetensors").exists()


def test_a_classifying_whisper_is_no_transcriber(tmp_path):
    folder = tiny_kin(tmp_path / "whisper", "whisper")
    out = tmp_path / "pack"
    run = CliRunner().invoke(app, ["models", "convert", str(folder), "--to", str(out)])
    assert run.exit_code == 0, run.output
    assert "anger -> anger" in run.output
    assert "--asr" not in run.output
    assert Pack(out, "voice").manifest.input["window"] == 30.0
