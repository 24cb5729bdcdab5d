"""Tiny checkpoints with random weights, saved as real ones are."""

import json

import torch

EMOTIONS = ("anger", "disgust", "fear", "joy", "neutral", "sadness", "surprise")


WAVEFORMS = {
    "hidden_size": 32, "num_hidden_layers": 2, "num_attention_heads": 2, "intermediate_size": 48,
    "conv_dim": (16, 16, 16), "conv_kernel": (10, 8, 4), "conv_stride": (8, 8, 5),
    "num_conv_pos_embeddings": 16, "num_conv_pos_embedding_groups": 4, "vocab_size": 8,
    "classifier_proj_size": 16, "mask_time_length": 2, "initializer_range": 0.4,
}  # fmt: skip
PATCHES = {
    "hidden_size": 32, "num_hidden_layers": 2, "num_attention_heads": 2, "intermediate_size": 48,
    "max_length": 256, "num_mel_bins": 64, "initializer_range": 0.4,
}  # fmt: skip
ENCODER = {
    "d_model": 32, "encoder_layers": 2, "decoder_layers": 1, "encoder_attention_heads": 2,
    "decoder_attention_heads": 2, "encoder_ffn_dim": 48, "decoder_ffn_dim": 48, "vocab_size": 100,
    "pad_token_id": 0, "bos_token_id": 1, "eos_token_id": 2, "decoder_start_token_id": 1,
    "classifier_proj_size": 16, "init_std": 0.3,
}  # fmt: skip
KIN = {
    "hubert": ("Hubert", "HubertForSequenceClassification", WAVEFORMS),
    "wavlm": ("WavLM", "WavLMForSequenceClassification", WAVEFORMS),
    "sew-d": ("SEWD", "SEWDForSequenceClassification", WAVEFORMS | {"squeeze_factor": 2}),
    "ast": ("AST", "ASTForAudioClassification", PATCHES),
    "whisper": ("Whisper", "WhisperForAudioClassification", ENCODER),
}
"""By kind: family, class and sizes."""


def tiny_kin(folder, kind, labels=EMOTIONS):
    """A classifier of sound of one of the kinds of ``KIN``, its extractor beside it."""
    import transformers

    family, net, sizes = KIN[kind]
    torch.manual_seed(0)
    names = dict(enumerate(labels))
    config = getattr(transformers, f"{family}Config")(
        **sizes, id2label=names, label2id={v: k for k, v in names.items()}
    )
    getattr(transformers, net)(config).save_pretrained(folder)
    if kind == "ast":
        transformers.ASTFeatureExtractor(num_mel_bins=64, max_length=256).save_pretrained(folder)
    elif kind == "whisper":
        transformers.WhisperFeatureExtractor().save_pretrained(folder)
    else:
        save_extractor(folder)
    return folder


def tiny_recogniser(folder):
    """A wav2vec 2.0 that spells words, as ``facebook/wav2vec2-base-960h`` is one."""
    from transformers import Wav2Vec2Config, Wav2Vec2ForCTC

    Wav2Vec2ForCTC(Wav2Vec2Config(**WAVEFORMS | {"vocab_size": 32})).save_pretrained(folder)
    save_extractor(folder)
    return folder


def wav2vec2_config(**more):
    from transformers import Wav2Vec2Config

    return Wav2Vec2Config(**WAVEFORMS, **more)


def save_extractor(folder):
    from transformers import Wav2Vec2FeatureExtractor

    Wav2Vec2FeatureExtractor(return_attention_mask=False).save_pretrained(folder)


def tiny_base(folder):
    """A wav2vec 2.0 without a head, as ``facebook/wav2vec2-base`` is one."""
    from transformers import Wav2Vec2Model

    torch.manual_seed(0)
    Wav2Vec2Model(wav2vec2_config()).save_pretrained(folder)
    save_extractor(folder)
    return folder


def tiny_voice(folder, labels=EMOTIONS):
    """A wav2vec 2.0 with a classifier whose answers are not all alike."""
    from transformers import Wav2Vec2ForSequenceClassification

    torch.manual_seed(0)
    names = dict(enumerate(labels))
    model = Wav2Vec2ForSequenceClassification(
        wav2vec2_config(id2label=names, label2id={v: k for k, v in names.items()})
    )
    with torch.no_grad():
        model.classifier.weight.mul_(4.0)
    model.save_pretrained(folder)
    save_extractor(folder)
    return folder


def tiny_text(folder, labels=EMOTIONS):
    """A RoBERTa with its byte-level tokenizer."""
    from tokenizers import ByteLevelBPETokenizer
    from transformers import RobertaConfig, RobertaForSequenceClassification, RobertaTokenizerFast

    specials = ["<s>", "<pad>", "</s>", "<unk>", "<mask>"]
    trained = ByteLevelBPETokenizer()
    lines = ["I am so happy to see you, this is wonderful", "how dare you, I am furious"] * 4
    trained.train_from_iterator(lines, vocab_size=400, special_tokens=specials)
    folder.mkdir(parents=True, exist_ok=True)
    vocabulary = json.loads(trained.to_str())["model"]
    tokenizer = RobertaTokenizerFast(
        vocab=vocabulary["vocab"], merges=[tuple(m) for m in vocabulary["merges"]],
        model_max_length=62,
    )  # fmt: skip
    tokenizer.save_pretrained(folder)
    torch.manual_seed(0)
    names = dict(enumerate(labels))
    config = RobertaConfig(
        vocab_size=len(tokenizer), hidden_size=32, num_hidden_layers=2, num_attention_heads=2,
        intermediate_size=48, max_position_embeddings=64, id2label=names,
        label2id={v: k for k, v in names.items()}, pad_token_id=1, initializer_range=0.4,
    )  # fmt: skip
    model = RobertaForSequenceClassification(config)
    with torch.no_grad():
        model.classifier.out_proj.weight.mul_(2.0)
    model.save_pretrained(folder)
    return folder
