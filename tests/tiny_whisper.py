"""Whispers of a few kilobytes, built through the real classes, tokenizer included."""

from __future__ import annotations

from pathlib import Path

SPECIAL = (
    "endoftext", "startoftranscript", "translate", "transcribe", "startoflm", "startofprev",
    "nospeech", "notimestamps",
)  # fmt: skip


def tokenizer(multilingual=False):
    """Byte-level tokens, Whisper's special tokens behind them."""
    from tokenizers.pre_tokenizers import ByteLevel
    from transformers import WhisperTokenizer

    symbols = [*sorted(ByteLevel.alphabet()), "\u0120-", "\u0120'"]
    languages = ("en", "de") if multilingual else ()
    names = [f"<|{name}|>" for name in (*SPECIAL[:2], *languages, *SPECIAL[2:])]
    vocab = {token: i for i, token in enumerate([*symbols, *names])}
    made = WhisperTokenizer(vocab=vocab, merges=[("\u0120", "-"), ("\u0120", "'")])
    made.add_special_tokens({"extra_special_tokens": names})
    return made


def build(
    folder: Path, *, width=16, layers=2, seed=0, seconds=30, multilingual=False, longest=448
) -> Path:
    """A Whisper with random weights in the form of Transformers; English alone by default."""
    import torch
    from transformers import (
        GenerationConfig,
        WhisperConfig,
        WhisperFeatureExtractor,
        WhisperForConditionalGeneration,
    )

    torch.manual_seed(seed)
    words = tokenizer(multilingual)
    token = words.convert_tokens_to_ids
    end, start = token("<|endoftext|>"), token("<|startoftranscript|>")
    config = WhisperConfig(
        vocab_size=len(words) + 1501, d_model=width, num_mel_bins=80,
        max_source_positions=50 * seconds, max_target_positions=448,
        encoder_layers=layers, decoder_layers=layers,
        encoder_attention_heads=2, decoder_attention_heads=2,
        encoder_ffn_dim=4 * width, decoder_ffn_dim=4 * width,
        pad_token_id=end, bos_token_id=end, eos_token_id=end, decoder_start_token_id=start,
        suppress_tokens=None, begin_suppress_tokens=None, dropout=0.0, init_std=0.1,
    )  # fmt: skip
    model = WhisperForConditionalGeneration(config)
    model.generation_config = GenerationConfig(
        decoder_start_token_id=start, eos_token_id=end, pad_token_id=end, bos_token_id=end,
        no_timestamps_token_id=token("<|notimestamps|>"), max_length=longest,
        prev_sot_token_id=token("<|startofprev|>"), suppress_tokens=[], begin_suppress_tokens=[end],
        is_multilingual=multilingual, return_timestamps=False,
        alignment_heads=[[layers - 1, 0], [layers - 1, 1]],
    )  # fmt: skip
    if multilingual:
        model.generation_config.lang_to_id = {f"<|{n}|>": token(f"<|{n}|>") for n in ("en", "de")}
        model.generation_config.task_to_id = {
            name: token(f"<|{name}|>") for name in ("transcribe", "translate")
        }
    model.save_pretrained(folder)
    words.save_pretrained(folder)
    WhisperFeatureExtractor(chunk_length=seconds).save_pretrained(folder)
    return folder
