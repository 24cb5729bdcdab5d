"""Classifiers of the transformers library as sources of packs: what they hear or read, and say."""

from __future__ import annotations

import re
import warnings
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from mien.branches.waveform import WaveContract
from mien.convert.ctc import Spells, symbol_scores
from mien.convert.spectrogram import BANDS
from mien.errors import DataError, MissingExtraError, OptionError
from mien.mathematics import FloatArray
from mien.media import load_audio
from mien.packs import EMBEDDED
from mien.scene import SAMPLE_RATE, Samples

WINDOW = 30.0
"""Seconds that a waveform net is shown at most, unless its checkpoint says otherwise."""
WINDOW_KEY = "mien_window"
"""Name in a checkpoint's configuration of the fixed length of the windows it was trained on."""

MOST_PARAMETERS = 530_000_000
"""In 32 bits; an ONNX file ends at 2 GiB, and graph and tables need room as well."""

_LONGEST_TEXT = 512
_TEXTS = (
    "I am so happy to see you!",
    "How dare you say that to me?",
    "ok",
    "The meeting is on the second floor at three, unless somebody has changed it again.",
    "Ugh, what is this smell? It is disgusting.",
    "I did not expect that at all. " * 8,
)


@dataclass(frozen=True)
class Source:
    """A checkpoint, opened.

    Args:
        kind: which branch it can serve, ``voice`` or ``text``.
        labels: its own, in the order of its logits.
        contract: input contract of the pack.
        graph: what is exported; from the pack's named inputs to logits.
        example: inputs of one row, by name.
        axes: by input name, the axes that vary.
        files: what a pack needs beside the graph, text by file name.
        checks: from the files that a user gives to what to compare on (samples, or texts); if none
            are given, some that mien has.
        probs: native probabilities ``(k,)`` of one of these, by the checkpoint's own preprocessing.
    """

    kind: str
    labels: tuple[str, ...]
    contract: Mapping[str, Any]
    graph: nn.Module
    example: Mapping[str, Tensor]
    axes: Mapping[str, Mapping[int, str]]
    files: Mapping[str, str]
    checks: Callable[[Sequence[str]], list[Any]]
    probs: Callable[[Any], FloatArray]


class Hears(nn.Module):
    """Samples ``(n, time)`` to logits.

    Args:
        model: the classifier.
        name: of its input.
        bands: what makes this input of the samples.
    """

    def __init__(self, model: nn.Module, name: str, bands: nn.Module) -> None:
        super().__init__()
        self.model, self.name, self.bands = model, name, bands

    def forward(self, samples: Tensor) -> Any:
        """See the class."""
        return self.model(**{self.name: self.bands(samples)}).logits


class Reads(nn.Module):
    """Token ids and mask ``(n, length)`` to logits."""

    def __init__(self, model: nn.Module) -> None:
        super().__init__()
        self.model = model

    def forward(self, ids: Tensor, mask: Tensor) -> Any:
        """See the class."""
        return self.model(input_ids=ids, attention_mask=mask).logits


def voice_source(
    labels: tuple[str, ...],
    wave: WaveContract,
    graph: nn.Module,
    extractor: Any,
    scores: Callable[..., Tensor],
) -> Source:
    """A classifier of sound: wav2vec 2.0, HuBERT, WavLM, AST, Whisper's encoder and their kin.

    Args:
        labels: its own.
        wave: what the graph is shown.
        graph: from samples to logits.
        extractor: of the checkpoint.
        scores: logits ``(1, k)`` of what the extractor gives.
    """
    most = round(wave.window * wave.rate)

    def checks(given: Sequence[str]) -> list[Samples]:
        if given:
            return [load_audio(path)[:most] for path in given]
        said = load_audio(EMBEDDED / "demo" / "speech.flac")
        return [said[: round(s * SAMPLE_RATE)][:most] for s in (0.7, 1.0, 2.3, 10.0)]

    def probs(samples: Samples) -> FloatArray:
        shown = fit(samples, wave.window) if wave.fixed else samples
        given = extractor(shown, sampling_rate=wave.rate, return_tensors="pt")
        name = extractor.model_input_names[0]
        with torch.inference_mode():
            logits = scores(**{name: given[name]})
        return np.asarray(torch.softmax(logits.double(), dim=1)[0].numpy())

    rng = torch.Generator().manual_seed(0)
    length = most if wave.fixed else int(1.5 * wave.rate)
    return Source(
        "voice",
        labels,
        wave.as_dict(),
        graph,
        {"samples": torch.randn(1, length, generator=rng)},
        {"samples": {0: "n", 1: "time"}},
        {},
        checks,
        probs,
    )


def fit(samples: Samples, seconds: float) -> Samples:
    """Samples cut or filled with silence to a length in seconds."""
    size = round(seconds * SAMPLE_RATE)
    return np.pad(samples[:size], (0, max(0, size - len(samples)))).astype(np.float32)


def text_source(labels: tuple[str, ...], longest: int, model: nn.Module, tokenizer: Any) -> Source:
    """A classifier of texts: DistilRoBERTa, BERT and their kin."""

    def checks(given: Sequence[str]) -> list[str]:
        lines = [line for path in given for line in Path(path).read_text("utf-8").splitlines()]
        chosen = [line for line in lines if line.strip()] or list(_TEXTS)
        return [text for text in chosen if len(tokenizer(text).input_ids) <= longest]

    def probs(text: str) -> FloatArray:
        with torch.inference_mode():
            logits = model(**tokenizer([text], return_tensors="pt")).logits
        return np.asarray(torch.softmax(logits.double(), dim=1)[0].numpy())

    example = tokenizer([_TEXTS[0]], return_tensors="pt")
    axes = {0: "n", 1: "length"}
    return Source(
        "text",
        labels,
        {"front_end": "tokenizer", "tokenizer": "tokenizer.json", "longest": longest},
        Reads(model),
        {"ids": example.input_ids, "mask": example.attention_mask},
        {"ids": axes, "mask": axes},
        {"tokenizer.json": tokenizer.backend_tokenizer.to_str()},
        checks,
        probs,
    )


def open_checkpoint(folder: Path, window: float | None = None) -> Source:
    """A classifier in a folder that ``save_pretrained`` wrote, of sound or of text.

    Args:
        folder: of the checkpoint; no code in it is run.
        window: seconds of a waveform window; None for what the checkpoint says, else 30.

    Raises:
        DataError: if it is no such classifier, or one that mien cannot give its inputs.
        MissingExtraError: if transformers is not installed.
        OptionError: if it cannot hear as long a window.
    """
    try:
        import transformers
        from transformers.models.auto import modeling_auto as auto
    except ImportError:
        raise MissingExtraError("Converting a checkpoint", "hub") from None
    quiet()
    try:
        config = transformers.AutoConfig.from_pretrained(folder, local_files_only=True)
    except (OSError, ValueError) as error:
        why = str(error).splitlines()[0]
        raise DataError(f"{folder} is no checkpoint of the transformers library ({why}).") from None
    _check_head(folder, config)
    if type(config) in auto.MODEL_FOR_AUDIO_CLASSIFICATION_MAPPING:
        return _voice(folder, config, window)
    if type(config) in auto.MODEL_FOR_SEQUENCE_CLASSIFICATION_MAPPING:
        return _text(folder, config)
    raise DataError(
        f"{folder} holds a {config.model_type!r}, which classifies neither sound nor text."
    )


def quiet() -> None:
    """Keep the transformers library from talking; what matters is said by mien."""
    from transformers.utils import logging

    logging.set_verbosity_error()
    logging.disable_progress_bar()


def _check_head(folder: Path, config: Any) -> None:
    if getattr(config, "problem_type", None) in ("regression", "multi_label_classification"):
        raise DataError(
            f"{folder} is a {config.problem_type.replace('_', ' ')} model; mien needs one that "
            "chooses among labels."
        )
    if config.num_labels < 2:
        raise DataError(f"{folder} has {config.num_labels} label; at least two are needed.")


def _voice(folder: Path, config: Any, window: float | None) -> Source:
    from transformers import AutoFeatureExtractor, AutoModelForAudioClassification

    extractor = _part(AutoFeatureExtractor, folder, "a feature extractor")
    _check_extractor(folder, extractor)
    kind = type(extractor).__name__
    bands = BANDS[kind](extractor) if kind in BANDS else nn.Identity()
    wave = _wave(folder, config, extractor, getattr(bands, "seconds", None), window)
    if _is_recogniser(config):
        return _symbols(folder, config, wave, extractor)
    model = _model(AutoModelForAudioClassification, folder)
    graph = Hears(model, extractor.model_input_names[0], bands)
    return voice_source(
        _labels(config), wave, graph, extractor, lambda **given: model(**given).logits
    )


def _check_extractor(folder: Path, extractor: Any) -> None:
    known = ("Wav2Vec2FeatureExtractor", *BANDS)
    name = type(extractor).__name__
    if name not in known or extractor.sampling_rate != SAMPLE_RATE:
        raise DataError(
            f"{folder} wants {name} at {extractor.sampling_rate} Hz; mien can give what "
            f"{', '.join(known)} give at {SAMPLE_RATE} Hz."
        )


def _wave(
    folder: Path, config: Any, extractor: Any, longest: float | None, window: float | None
) -> WaveContract:
    """What the graph is shown; ``longest`` is what its bands can hold, in seconds."""
    if longest is not None:
        if window is not None and window > longest:
            raise OptionError(
                f"{folder} hears {longest:g} s at once; give a --window of at most that, not "
                f"{window:g} s."
            )
        return WaveContract(normalise=False, window=longest if window is None else window)
    fixed = getattr(config, WINDOW_KEY, None)
    usual = WINDOW if fixed is None else fixed
    return WaveContract(
        normalise=bool(extractor.do_normalize),
        window=float(usual if window is None else window),
        fixed=fixed is not None,
    )


def _is_recogniser(config: Any) -> bool:
    return any(name.endswith("ForCTC") for name in config.architectures or ())


def _symbols(folder: Path, config: Any, wave: WaveContract, extractor: Any) -> Source:
    """A net that ``--loss ctc`` trained: its symbols are its labels, and its blank."""
    from transformers import AutoModelForCTC

    if not wave.fixed or config.vocab_size != config.num_labels + 1:
        raise DataError(
            f"{folder} recognises speech ({config.architectures[0]}) and names no emotion; give a "
            "classifier, or what mien train voice --recipe paper --loss ctc made of it."
        )
    model = _model(AutoModelForCTC, folder)
    return voice_source(
        _labels(config),
        wave,
        Spells(model),
        extractor,
        lambda **given: symbol_scores(model(**given).logits),
    )


def _text(folder: Path, config: Any) -> Source:
    from transformers import AutoModelForSequenceClassification, AutoTokenizer

    tokenizer = _part(AutoTokenizer, folder, "a tokenizer")
    if not tokenizer.is_fast:
        raise DataError(
            f"{folder} has a tokenizer without a tokenizer.json; save it with a fast one."
        )
    # RoBERTa counts positions from the padding id on, so that two fewer tokens fit.
    places = int(getattr(config, "max_position_embeddings", _LONGEST_TEXT)) - 2
    longest = int(min(places, tokenizer.model_max_length, _LONGEST_TEXT))
    model = _model(AutoModelForSequenceClassification, folder)
    return text_source(_labels(config), longest, model, tokenizer)


def _labels(config: Any) -> tuple[str, ...]:
    return tuple(str(config.id2label[i]) for i in range(config.num_labels))


def _part(loader: Any, folder: Path, what: str) -> Any:
    try:
        return loader.from_pretrained(folder, local_files_only=True)
    except (OSError, ValueError) as error:
        why = str(error).splitlines()[0]
        raise DataError(f"{folder} lacks {what} that can be read ({why}).") from None


def _model(loader: Any, folder: Path) -> nn.Module:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        model, info = loader.from_pretrained(
            folder,
            local_files_only=True,
            output_loading_info=True,
            attn_implementation="eager",
            dtype=torch.float32,
        )
    missing, others = sorted(info["missing_keys"]), sorted(info["unexpected_keys"])
    if missing and others:
        raise DataError(
            f"{folder} cannot be used: {', '.join(missing[:4])} would be made up, and nothing is "
            f"known of its {', '.join(others[:4])}; it was made with code of its own."
        )
    if missing:
        raise DataError(
            f"{folder} holds no trained classifier: {', '.join(missing[:4])} would be made up. "
            "Fine-tune it first (mien train voice --recipe paper)."
        )
    count = sum(p.numel() for p in model.parameters())
    if count > MOST_PARAMETERS:
        raise DataError(
            f"{folder} has {count / 1e6:.0f} million parameters; one ONNX file holds at most "
            f"{MOST_PARAMETERS / 1e6:.0f} million. Convert a smaller one of its kind."
        )
    return model.eval()  # type: ignore[no-any-return]


def licence_of(folder: Path) -> str:
    """The licence that the checkpoint's own card names, or that it names none."""
    card = folder / "README.md"
    if card.is_file():
        found = re.search(r"^license:\s*(.+)$", card.read_text("utf-8", "replace"), re.M)
        if found:
            return found[1].strip().strip("\"'")
    return "not stated by the checkpoint; see its source"
