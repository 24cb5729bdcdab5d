"""Open classifiers of the transformers library, of sound or of text, as sources of packs."""

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
from mien.convert.ctc import SymbolScorer, symbol_scores
from mien.convert.spectrogram import BANDS
from mien.errors import DataError, MissingExtraError, OptionError
from mien.mathematics import FloatArray
from mien.media import load_audio
from mien.packs import EMBEDDED
from mien.scene import SAMPLE_RATE, Samples

WINDOW = 30.0
"""Maximum input length of a waveform model in seconds, unless its checkpoint states another."""
WINDOW_KEY = "mien_window"
"""Configuration key of the fixed window length that a checkpoint was trained on."""

MOST_PARAMETERS = 530_000_000
"""In 32 bits; an ONNX file is limited to 2 GiB, which includes the graph and other tables."""

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
    """An opened checkpoint.

    Args:
        kind: branch that can use it, ``voice`` or ``text``.
        labels: its labels, in the order of the logits.
        contract: input contract of the pack.
        graph: module to export, from the pack's named inputs to logits.
        example: inputs of one row, by name.
        axes: dynamic axes by input name.
        files: further files of the pack, text by file name.
        checks: returns the inputs to compare on (samples or texts), from the user's files or, if
            none are given, from examples in mien.
        probs: native probabilities ``(k,)`` of such an input, with the checkpoint's own
            preprocessing.
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


class SoundClassifier(nn.Module):
    """Samples ``(n, time)`` to logits.

    Args:
        model: the classifier.
        name: name of its input.
        bands: module that computes this input from the samples.
    """

    def __init__(self, model: nn.Module, name: str, bands: nn.Module) -> None:
        super().__init__()
        self.model, self.name, self.bands = model, name, bands

    def forward(self, samples: Tensor) -> Any:
        """See the class."""
        return self.model(**{self.name: self.bands(samples)}).logits


class TextClassifier(nn.Module):
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
    """A sound classifier: wav2vec 2.0, HuBERT, WavLM, AST, Whisper's encoder and similar models.

    Args:
        labels: its labels.
        wave: input contract of the graph.
        graph: module from samples to logits.
        extractor: the checkpoint's feature extractor.
        scores: logits ``(1, k)`` for the extractor's output.
    """
    most = round(wave.window * wave.rate)

    def checks(given: Sequence[str]) -> list[Samples]:
        if given:
            return [load_audio(path)[:most] for path in given]
        samples = load_audio(EMBEDDED / "demo" / "speech.flac")
        return [samples[: round(s * SAMPLE_RATE)][:most] for s in (0.7, 1.0, 2.3, 10.0)]

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
    """Samples cut or padded with silence to a length in seconds."""
    size = round(seconds * SAMPLE_RATE)
    return np.pad(samples[:size], (0, max(0, size - len(samples)))).astype(np.float32)


def text_source(labels: tuple[str, ...], longest: int, model: nn.Module, tokenizer: Any) -> Source:
    """A text classifier: DistilRoBERTa, BERT and similar models."""

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
        TextClassifier(model),
        {"ids": example.input_ids, "mask": example.attention_mask},
        {"ids": axes, "mask": axes},
        {"tokenizer.json": tokenizer.backend_tokenizer.to_str()},
        checks,
        probs,
    )


def open_checkpoint(folder: Path, window: float | None = None) -> Source:
    """Open a sound or text classifier in a folder written by ``save_pretrained``.

    Args:
        folder: folder of the checkpoint; no code in it is run.
        window: length of a waveform window in seconds; None for the checkpoint's, else 30.

    Raises:
        DataError: if it is not such a classifier, or mien cannot compute its inputs.
        MissingExtraError: if transformers is not installed.
        OptionError: if the window exceeds the model's input length.
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
        raise DataError(
            f"{folder} is not a checkpoint of the transformers library ({why})."
        ) from None
    _check_head(folder, config)
    if type(config) in auto.MODEL_FOR_AUDIO_CLASSIFICATION_MAPPING:
        return _voice(folder, config, window)
    if type(config) in auto.MODEL_FOR_SEQUENCE_CLASSIFICATION_MAPPING:
        return _text(folder, config)
    raise DataError(
        f"{folder} holds a {config.model_type!r}, which is neither a sound nor a text classifier."
    )


def quiet() -> None:
    """Silence the transformers library; mien reports what matters."""
    from transformers.utils import logging

    logging.set_verbosity_error()
    logging.disable_progress_bar()


def _check_head(folder: Path, config: Any) -> None:
    if getattr(config, "problem_type", None) in ("regression", "multi_label_classification"):
        raise DataError(
            f"{folder} is a {config.problem_type.replace('_', ' ')} model; mien needs a "
            "single-label classifier."
        )
    if config.num_labels < 2:
        raise DataError(f"{folder} has {config.num_labels} label; at least two are needed.")


def _voice(folder: Path, config: Any, window: float | None) -> Source:
    from transformers import AutoFeatureExtractor, AutoModelForAudioClassification

    extractor = _part(AutoFeatureExtractor, folder, "feature extractor")
    _check_extractor(folder, extractor)
    kind = type(extractor).__name__
    bands = BANDS[kind](extractor) if kind in BANDS else nn.Identity()
    wave = _wave(folder, config, extractor, getattr(bands, "seconds", None), window)
    if _is_recogniser(config):
        return _symbols(folder, config, wave, extractor)
    model = _model(AutoModelForAudioClassification, folder)
    graph = SoundClassifier(model, extractor.model_input_names[0], bands)
    return voice_source(
        _labels(config), wave, graph, extractor, lambda **given: model(**given).logits
    )


def _check_extractor(folder: Path, extractor: Any) -> None:
    known = ("Wav2Vec2FeatureExtractor", *BANDS)
    name = type(extractor).__name__
    if name not in known or extractor.sampling_rate != SAMPLE_RATE:
        raise DataError(
            f"{folder} needs {name} at {extractor.sampling_rate} Hz; mien supports "
            f"{', '.join(known)} at {SAMPLE_RATE} Hz."
        )


def _wave(
    folder: Path, config: Any, extractor: Any, longest: float | None, window: float | None
) -> WaveContract:
    """Input contract of the graph; ``longest`` is the maximum length of its bands in seconds."""
    if longest is not None:
        if window is not None and window > longest:
            raise OptionError(
                f"The input of {folder} is limited to {longest:g} s; use a --window of at most "
                f"that, not {window:g} s."
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
    """A model trained with ``--loss ctc``: its symbols are its labels and the blank."""
    from transformers import AutoModelForCTC

    if not wave.fixed or config.vocab_size != config.num_labels + 1:
        raise DataError(
            f"{folder} recognises speech ({config.architectures[0]}) and predicts no emotions; "
            "name a classifier, or the result of mien train voice --recipe paper --loss ctc."
        )
    model = _model(AutoModelForCTC, folder)
    return voice_source(
        _labels(config),
        wave,
        SymbolScorer(model),
        extractor,
        lambda **given: symbol_scores(model(**given).logits),
    )


def _text(folder: Path, config: Any) -> Source:
    from transformers import AutoModelForSequenceClassification, AutoTokenizer

    tokenizer = _part(AutoTokenizer, folder, "tokenizer")
    if not tokenizer.is_fast:
        raise DataError(
            f"The tokenizer of {folder} has no tokenizer.json; save the checkpoint with a fast "
            "tokenizer."
        )
    # RoBERTa counts positions from the padding id on, so two fewer tokens fit.
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
        raise DataError(f"{folder} has no readable {what} ({why}).") from None


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
            f"{folder} cannot be used: {', '.join(missing[:4])} would be randomly initialised, and "
            f"{', '.join(others[:4])} are unknown; the model needs its own code."
        )
    if missing:
        raise DataError(
            f"{folder} holds no trained classifier: {', '.join(missing[:4])} would be randomly "
            "initialised. Fine-tune it first (mien train voice --recipe paper)."
        )
    count = sum(p.numel() for p in model.parameters())
    if count > MOST_PARAMETERS:
        raise DataError(
            f"{folder} has {count / 1e6:.0f} million parameters; one ONNX file holds at most "
            f"{MOST_PARAMETERS / 1e6:.0f} million. Convert a smaller model of this type."
        )
    return model.eval()  # type: ignore[no-any-return]


def licence_of(folder: Path) -> str:
    """The licence stated in the checkpoint's card, or a note that there is none."""
    card = folder / "README.md"
    if card.is_file():
        found = re.search(r"^license:\s*(.+)$", card.read_text("utf-8", "replace"), re.M)
        if found:
            return found[1].strip().strip("\"'")
    return "not stated by the checkpoint; see its source"
