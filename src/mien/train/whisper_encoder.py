"""The first blocks of Whisper's encoder in torch, with the weights of a CTranslate2 folder."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, cast

import numpy as np
import numpy.typing as npt
import torch
import torch.nn.functional as F
from torch import Tensor, nn

from mien.convert.ctranslate import read_weights
from mien.errors import PackError

Weights = Mapping[str, npt.NDArray[Any]]
FRAMES_PER_STATE = 2
"""Spectrogram frames to one state: the second convolution has a stride of 2."""


class EncoderBlock(nn.Module):
    """Self-attention and two dense layers, each preceded by a normalisation (pre-norm)."""

    def __init__(self, width: int, heads: int) -> None:
        super().__init__()
        self.heads = heads
        self.attention_norm = nn.LayerNorm(width)
        self.qkv = nn.Linear(width, 3 * width)
        self.out = nn.Linear(width, width)
        self.dense_norm = nn.LayerNorm(width)
        self.up = nn.Linear(width, 4 * width)
        self.down = nn.Linear(4 * width, width)

    def forward(self, x: Tensor) -> Tensor:
        """States ``(n, t, width)`` to states of the same shape."""
        n, t, width = x.shape
        parts = self.qkv(self.attention_norm(x)).view(n, t, 3, self.heads, width // self.heads)
        query, key, value = parts.permute(2, 0, 3, 1, 4)
        scores = query @ key.transpose(2, 3) * (width // self.heads) ** -0.5
        mixed = (torch.softmax(scores, dim=3) @ value).transpose(1, 2).reshape(n, t, width)
        x = x + self.out(mixed)
        dense = self.down(F.gelu(self.up(self.dense_norm(x))))
        return cast(Tensor, x + dense)


class WhisperEncoder(nn.Module):
    """Spectrograms ``(n, 80, frames)`` to a list of states ``(n, frames // 2, width)``.

    The list holds the output of the convolutions and of each block.

    Args:
        width: size of a state.
        heads: number of attention heads.
        blocks: number of encoder blocks.
        positions: maximum number of states.
    """

    positions: Tensor

    def __init__(self, width: int, heads: int, blocks: int, positions: int = 1500) -> None:
        super().__init__()
        self.conv1 = nn.Conv1d(80, width, 3, padding=1)
        self.conv2 = nn.Conv1d(width, width, 3, stride=2, padding=1)
        self.register_buffer("positions", torch.zeros(positions, width))
        self.blocks = nn.ModuleList(EncoderBlock(width, heads) for _ in range(blocks))

    def forward(self, frames: Tensor) -> list[Tensor]:
        """See the class."""
        x = F.gelu(self.conv2(F.gelu(self.conv1(frames)))).transpose(1, 2)
        states = [x + self.positions[: x.shape[1]]]
        for block in self.blocks:
            states.append(block(states[-1]))
        return states


class PooledStates(nn.Module):
    """Mean and deviation over time of the states after some blocks.

    Spectrograms ``(n, 80, frames)`` to ``(n, 2 * width * len(blocks))``.

    Args:
        encoder: an encoder with at least ``max(blocks)`` blocks.
        blocks: counted from 1; 0 is the output of the convolutions.
    """

    def __init__(self, encoder: WhisperEncoder, blocks: Sequence[int]) -> None:
        super().__init__()
        self.encoder, self.chosen = encoder, tuple(blocks)

    def forward(self, frames: Tensor) -> Tensor:
        """See the class."""
        states = self.encoder(frames)
        pooled = []
        for block in self.chosen:
            mean = states[block].mean(1, keepdim=True)
            spread = (states[block] - mean).square().mean(1)
            pooled += [mean.squeeze(1), torch.sqrt(spread + 1e-6)]
        return torch.cat(pooled, dim=1)


def load_encoder(folder: Path, blocks: int, positions: int | None = None) -> WhisperEncoder:
    """The first blocks of the encoder of a CTranslate2 Whisper, frozen.

    Args:
        folder: with ``model.bin`` in 16 or 32 bits.
        blocks: number of blocks to load.
        positions: maximum number of states, 50 per second; None for all that the encoder has.

    Raises:
        PackError: if the folder does not hold such a Whisper, or it has fewer blocks.
    """
    weights = read_weights(folder / "model.bin")
    depth = sum(
        name.endswith("self_attention/layer_norm/gamma") and name.startswith("encoder/")
        for name in weights
    )
    if depth < blocks or "encoder/conv1/weight_scale" in weights:
        raise PackError(
            f"{folder} must hold a Whisper encoder with at least {blocks} blocks in 16 or 32 bits; "
            f"it has {depth} blocks or is stored in 8 bits."
        )
    width = len(weights["encoder/conv1/bias"])
    heads = int(weights["encoder/num_heads"])
    renamed = dict(_renamed(weights, blocks))
    renamed["positions"] = renamed["positions"][:positions]
    encoder = WhisperEncoder(width, heads, blocks, len(renamed["positions"]))
    encoder.load_state_dict(
        {name: torch.from_numpy(np.array(v, np.float32)) for name, v in renamed.items()}
    )
    return encoder.eval().requires_grad_(False)


def _renamed(weights: Weights, blocks: int) -> list[tuple[str, npt.NDArray[Any]]]:
    """The weights of the first blocks under the names of :class:`WhisperEncoder`."""
    out = [("positions", weights["encoder/position_encodings/encodings"])]
    for name in ("conv1", "conv2"):
        out += [
            (f"{name}.{kind}", weights[f"encoder/{name}/{kind}"]) for kind in ("weight", "bias")
        ]
    dense = {
        "qkv": "self_attention/linear_0",
        "out": "self_attention/linear_1",
        "up": "ffn/linear_0",
        "down": "ffn/linear_1",
    }
    norms = {"attention_norm": "self_attention/layer_norm", "dense_norm": "ffn/layer_norm"}
    for i in range(blocks):
        for ours, theirs in dense.items():
            for kind in ("weight", "bias"):
                out.append(
                    (f"blocks.{i}.{ours}.{kind}", weights[f"encoder/layer_{i}/{theirs}/{kind}"])
                )
        for ours, theirs in norms.items():
            for kind, name in (("weight", "gamma"), ("bias", "beta")):
                out.append(
                    (f"blocks.{i}.{ours}.{kind}", weights[f"encoder/layer_{i}/{theirs}/{name}"])
                )
    return out
