"""Whisper's ear in the voice branch: its spectrogram, its weights and its encoder."""

import numpy as np
import pytest

pytest.importorskip("transformers", reason="the extra 'hub' is not installed")

import torch

from mien.branches import whispermel
from mien.convert.ctranslate import read_weights
from mien.errors import PackError
from mien.media import load_audio
from mien.packs import EMBEDDED
from mien.train.whisper_encoder import load_encoder

from .tiny_whisper import build


@pytest.fixture(scope="module")
def speech():
    return load_audio(EMBEDDED / "demo" / "speech.flac")[: 3 * 16_000]


@pytest.fixture(scope="module")
def tiny(tmp_path_factory):
    """A Whisper with random weights as Transformers has it, and the folder of CTranslate2."""
    from ctranslate2.converters import TransformersConverter
    from transformers import WhisperForConditionalGeneration

    root = tmp_path_factory.mktemp("whisper")
    checkpoint = build(root / "checkpoint")
    TransformersConverter(str(checkpoint)).convert(str(root / "ct2"))
    return WhisperForConditionalGeneration.from_pretrained(checkpoint).eval(), root / "ct2"


def test_the_spectrogram_is_whispers(speech):
    from faster_whisper.feature_extractor import FeatureExtractor

    theirs = FeatureExtractor()(speech, padding=0)
    ours = whispermel.log_mel(speech)
    frames = min(theirs.shape[1], ours.shape[1])
    assert ours.shape == (80, len(speech) // 160)
    np.testing.assert_allclose(ours[:, :frames], theirs[:, :frames], atol=2e-5)


@pytest.mark.parametrize("samples", [1, 160, 4000, 48_001])
def test_every_length_gives_an_even_number_of_frames(samples):
    rng = np.random.default_rng(0)
    frames = whispermel.chunk_frames(rng.normal(0, 0.1, samples).astype(np.float32))
    assert frames.shape[0] == 80
    assert frames.shape[1] % 2 == 0
    assert 0 <= frames.shape[1] * 160 - samples - 8000 < 320
    assert np.isfinite(frames).all()


def test_the_level_of_a_recording_does_not_change_what_the_net_is_shown(speech):
    front_end = whispermel.WhisperMel(whispermel.CONTRACT.as_dict())
    loud, soft = (
        next(front_end.batches(gain * speech))[0]["frames"] for gain in (1.0, np.float32(0.1))
    )
    np.testing.assert_allclose(loud, soft, atol=1e-3)


def test_long_speech_is_divided_evenly(speech):
    front_end = whispermel.WhisperMel(whispermel.CONTRACT.as_dict())
    rng = np.random.default_rng(1)
    noise = rng.normal(0, 0.1, 20 * 16_000).astype(np.float32)
    seconds = [w for _, weights in front_end.batches(noise) for w in weights]
    assert len(seconds) == 3
    assert sum(seconds) == pytest.approx(20.0, abs=0.01)


def test_a_pack_of_another_front_end_is_refused():
    contract = whispermel.CONTRACT.as_dict() | {"level": -30.0}
    with pytest.raises(PackError, match="level"):
        whispermel.WhisperMel(contract)


def test_weights_are_those_that_were_converted(tiny):
    model, folder = tiny
    weights = read_weights(folder / "model.bin")
    conv = model.model.encoder.conv1.weight.detach().numpy()
    np.testing.assert_array_equal(weights["encoder/conv1/weight"], conv)
    tokens = model.model.decoder.embed_tokens.weight.detach().numpy()
    np.testing.assert_array_equal(weights["decoder/embeddings/weight"], tokens)


def test_blocks_give_what_transformers_gives(tiny, speech):
    model, folder = tiny
    frames = np.zeros((1, 80, 3000), np.float32)
    shown = whispermel.chunk_frames(speech)
    frames[0, :, : shown.shape[1]] = shown
    with torch.inference_mode():
        theirs = model.model.encoder(torch.from_numpy(frames), output_hidden_states=True)
        ours = load_encoder(folder, 2)(torch.from_numpy(frames))
        normed = model.model.encoder.layer_norm(ours[2])
    for mine, other in zip(ours[:2], theirs.hidden_states[:2], strict=True):
        torch.testing.assert_close(mine, other, atol=1e-4, rtol=1e-4)
    torch.testing.assert_close(normed, theirs.last_hidden_state, atol=1e-4, rtol=1e-4)


def test_more_blocks_than_there_are_is_refused(tiny):
    with pytest.raises(PackError, match="it has 2 blocks"):
        load_encoder(tiny[1], 3)


@pytest.mark.parametrize("content", [b"", b"\x06\0\0\0\x08\0Whis", b"\xff" * 64])
def test_what_is_no_model_is_refused(content, tmp_path):
    (tmp_path / "model.bin").write_bytes(content)
    with pytest.raises(PackError, match=r"model\.bin"):
        read_weights(tmp_path / "model.bin")
