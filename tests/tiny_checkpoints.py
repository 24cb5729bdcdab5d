"""Tiny checkpoints with random weights, saved as real ones are."""

import json

import torch

EMOTIONS = ("anger", "disgust", "fear", "joy", "neutral", "sadness", "surprise")


def wav2vec2_config(**more):
    from transformers import Wav2Vec2Config

    return Wav2Vec2Config(
        hidden_size=32, num_hidden_layers=2, num_attention_heads=2, intermediate_size=48,
        conv_dim=(16, 16, 16), conv_kernel=(10, 8, 4), conv_stride=(8, 8, 5),
        num_conv_pos_embeddings=16, num_conv_pos_embedding_groups=4, vocab_size=8,
        classifier_proj_size=16, mask_time_length=2, initializer_range=0.4, **more,
    )  # fmt: skip


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
