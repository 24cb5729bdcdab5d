"""Train a small wav2vec 2.0 for the paper's recipe if the hub's base model is not available.

    python scripts/small_wav2vec2.py --data RAVDESS --out BASE
    mien train voice --recipe paper --base BASE --data TESS --out OUT

The net has the layout of facebook/wav2vec2-base at a fraction of its size (0.6 M weights instead of
94 M), and is not pre-trained on thousands of hours of speech: it is trained on the seven labels of
a set of recordings, in augmented excerpts of one second. TESS is not used before the paper's
recipe. An interrupted run resumes from ``BASE.run``.
"""

from __future__ import annotations

import argparse
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor, nn
from transformers import (
    Wav2Vec2Config,
    Wav2Vec2FeatureExtractor,
    Wav2Vec2ForSequenceClassification,
)

from mien.datasets import LabelledSet, load_voices
from mien.metrics import classification_figures
from mien.scene import SAMPLE_RATE, Samples
from mien.train.loop import Schedule, Trainer
from mien.train.voice import read_all
from mien.train.voice_augment import spoil

CONFIG = Wav2Vec2Config(
    hidden_size=128,
    num_hidden_layers=3,
    num_attention_heads=4,
    intermediate_size=256,
    conv_dim=(48, 64, 64, 96, 96, 96, 96),
    num_conv_pos_embedding_groups=8,
    num_conv_pos_embeddings=32,
    classifier_proj_size=128,
    num_labels=7,
    mask_time_prob=0.1,
    mask_time_length=5,
    layerdrop=0.0,
    vocab_size=32,
)
BATCH = 32


class Second(nn.Module):
    """Sounds of one second ``(n, 16000)`` to logits ``(n, 7)``."""

    def __init__(self) -> None:
        super().__init__()
        self.net = Wav2Vec2ForSequenceClassification(CONFIG)

    def forward(self, sounds: Tensor) -> Tensor:
        """Like transformers' class, but returns the logits only."""
        return self.net(input_values=sounds).logits


def second_of(sound: Samples, start: int) -> Samples:
    """One second from a sample on, padded, with mean 0 and variance 1."""
    piece = sound[start : start + SAMPLE_RATE]
    piece = np.pad(piece, (0, SAMPLE_RATE - len(piece)))
    return np.asarray((piece - piece.mean()) / (piece.std() + 1e-7), np.float32)


class SecondsTask:
    """Random augmented seconds of recordings; the validation uses the first second of each."""

    def __init__(self, train: LabelledSet, valid: LabelledSet, draws: int) -> None:
        self.model = Second()
        self.valid = valid
        self.labels = torch.from_numpy(train.labels)
        self.sounds = read_all(train, print)
        self.valid_sounds = read_all(valid, print)
        self.steps_per_epoch = draws // BATCH

    def batches(self, epoch: int, rng: np.random.Generator) -> Iterator[tuple[Tensor, Tensor]]:
        """Each recording about equally often."""
        order = rng.permutation(len(self.sounds) * 8)[: self.steps_per_epoch * BATCH]
        for rows in np.split(order % len(self.sounds), self.steps_per_epoch):
            yield (
                torch.from_numpy(np.stack([self._draw(row, rng) for row in rows])),
                self.labels[rows],
            )

    def _draw(self, row: int, rng: np.random.Generator) -> Samples:
        sound = spoil(self.sounds[row], rng)
        return second_of(sound, int(rng.integers(0, max(1, len(sound) - SAMPLE_RATE // 2))))

    def loss(self, model: nn.Module, batch: tuple[Tensor, Tensor]) -> Tensor:
        """Cross-entropy with smoothed labels."""
        return F.cross_entropy(model(batch[0]), batch[1], label_smoothing=0.1)

    @torch.inference_mode()
    def validate(self, model: nn.Module) -> dict[str, float]:
        """Metrics on the first second of each recording."""
        model.eval()
        given = torch.from_numpy(np.stack([second_of(s, 0) for s in self.valid_sounds]))
        probs = torch.cat([torch.softmax(model(part), dim=1) for part in given.split(64)])
        return classification_figures(self.valid.labels, probs.double().numpy())


def main() -> None:
    """Train and save in the layout of transformers."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n", 1)[0])
    parser.add_argument("--data", type=Path, required=True)
    parser.add_argument("--out", type=Path, required=True)
    parser.add_argument("--epochs", type=int, default=16)
    parser.add_argument("--draws", type=int, default=3200, help="seconds drawn per epoch")
    parser.add_argument("--valid", default="ravdess/19,ravdess/20", help="held-out speakers")
    parser.add_argument("--threads", type=int, default=2)
    args = parser.parse_args()
    torch.set_num_threads(args.threads)
    torch.manual_seed(0)
    voices = load_voices(args.data)
    aside = np.isin(voices.groups, args.valid.split(","))
    task = SecondsTask(voices.select(~aside), voices.select(aside), args.draws)
    schedule = Schedule(args.epochs, lr=1e-3, weight_decay=1e-2)
    model = Trainer(task, schedule, args.out.with_name(args.out.name + ".run")).run()
    assert isinstance(model, Second)
    print(f"{sum(p.numel() for p in model.parameters()):,} weights")
    model.net.wav2vec2.save_pretrained(args.out)  # without its head, as facebook/wav2vec2-base
    Wav2Vec2FeatureExtractor(do_normalize=True).save_pretrained(args.out)


if __name__ == "__main__":
    main()
