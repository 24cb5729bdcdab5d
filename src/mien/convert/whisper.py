"""Convert a Transformers Whisper to CTranslate2 for the transcript engine."""

from __future__ import annotations

import json
from pathlib import Path

from mien.errors import MissingExtraError, OptionError, PackError


def is_whisper(folder: Path) -> bool:
    """Whether a folder holds a Transformers Whisper for speech recognition.

    Classifiers with its encoder have the same type, but no trained decoder.
    """
    try:
        config = json.loads((folder / "config.json").read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return False
    made = config.get("architectures") or ()
    return (
        bool(config.get("model_type") == "whisper") and "WhisperForAudioClassification" not in made
    )


def convert_whisper(checkpoint: Path, out: Path) -> Path:
    """Write a checkpoint in 8 bits for ``--asr whisper:OUT``, tokenizer included.

    Args:
        checkpoint: folder written by ``save_pretrained`` or downloaded from a hub.
        out: folder to write; must not exist or be empty.

    Raises:
        MissingExtraError: if Transformers is not installed.
        OptionError: if ``out`` holds something.
        PackError: if the checkpoint is not a Whisper or incomplete.
    """
    if not is_whisper(checkpoint):
        raise PackError(f"{checkpoint} is not a Transformers Whisper; name the folder of one.")
    if out.exists() and (not out.is_dir() or any(out.iterdir())):
        raise OptionError(f"{out} is not empty; name a new folder for the converted Whisper.")
    try:
        from ctranslate2.converters import TransformersConverter
        from transformers import AutoFeatureExtractor, AutoTokenizer
    except ImportError:
        raise MissingExtraError("Converting a Whisper", "hub") from None
    try:
        tokenizer = AutoTokenizer.from_pretrained(checkpoint, local_files_only=True)
        features = AutoFeatureExtractor.from_pretrained(checkpoint, local_files_only=True)
        TransformersConverter(str(checkpoint)).convert(str(out), quantization="int8", force=True)
    except (OSError, ValueError, RuntimeError) as error:
        raise PackError(f"{checkpoint} cannot be converted: {error}") from None
    tokenizer.backend_tokenizer.save(str(out / "tokenizer.json"))
    features.to_json_file(out / "preprocessor_config.json")
    return out
