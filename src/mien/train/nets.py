"""The trained nets: a squeeze-excitation ResNet for faces, a head on pooled states for voices."""

from __future__ import annotations

from collections.abc import Sequence
from typing import cast

import torch
import torch.nn.functional as F
from torch import Tensor, nn


class SqueezeExcite(nn.Module):
    """Channel weights from the channel means (Hu et al. 2018)."""

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.down = nn.Linear(channels, channels // 8)
        self.up = nn.Linear(channels // 8, channels)

    def forward(self, x: Tensor) -> Tensor:
        weights = torch.sigmoid(self.up(F.relu(self.down(x.mean((2, 3))))))
        return x * weights[:, :, None, None]


class Block(nn.Module):
    """Two 3x3 convolutions with a shortcut (He et al. 2016) and squeeze-excitation."""

    def __init__(self, inputs: int, outputs: int, stride: tuple[int, int]) -> None:
        super().__init__()
        self.body = nn.Sequential(
            nn.Conv2d(inputs, outputs, 3, stride, 1, bias=False),
            nn.BatchNorm2d(outputs),
            nn.ReLU(inplace=True),
            nn.Conv2d(outputs, outputs, 3, 1, 1, bias=False),
            nn.BatchNorm2d(outputs),
            SqueezeExcite(outputs),
        )
        self.shortcut = (
            nn.Identity()
            if inputs == outputs and stride == (1, 1)
            else nn.Sequential(
                nn.Conv2d(inputs, outputs, 1, stride, bias=False), nn.BatchNorm2d(outputs)
            )
        )

    def forward(self, x: Tensor) -> Tensor:
        return F.relu(self.body(x) + self.shortcut(x))


class Trunk(nn.Sequential):
    """A stem and stages of blocks.

    Args:
        widths, depths: channels and blocks of each stage.
        strides: vertical and horizontal stride on entering each stage; the first is the stem's.
        inputs: number of input channels.
    """

    def __init__(
        self,
        widths: Sequence[int],
        depths: Sequence[int],
        strides: Sequence[tuple[int, int]],
        inputs: int = 1,
    ) -> None:
        layers: list[nn.Module] = [
            nn.Conv2d(inputs, widths[0], 3, strides[0], 1, bias=False),
            nn.BatchNorm2d(widths[0]),
            nn.ReLU(inplace=True),
        ]
        inputs = widths[0]
        for stage, (width, depth) in enumerate(zip(widths, depths, strict=True)):
            for block in range(depth):
                entering = block == 0 and stage > 0
                layers.append(Block(inputs, width, strides[stage] if entering else (1, 1)))
                inputs = width
        super().__init__(*layers)


class FaceNet(nn.Module):
    """Gray picture ``(n, 1, h, w)`` to logits ``(n, heads * 7)``; every stage halves the sides.

    Each head predicts under its own labelling convention; their seven columns are concatenated.

    Args:
        widths, depths: channels and blocks of each stage.
        dropout: before the heads.
        heads: number of heads.
        enlarged: factor by which the picture, and so the feature maps of all stages, is enlarged.
    """

    def __init__(
        self,
        widths: Sequence[int],
        depths: Sequence[int],
        dropout: float,
        heads: int = 1,
        enlarged: float = 1.0,
    ) -> None:
        super().__init__()
        self.enlarged = enlarged
        self.trunk = Trunk(widths, depths, ((2, 2),) * len(widths))
        self.dropout = nn.Dropout(dropout)
        self.head = nn.Linear(widths[-1], heads * 7)

    def forward(self, x: Tensor) -> Tensor:
        if self.enlarged != 1:
            size = [round(int(side) * self.enlarged) for side in x.shape[2:]]
            x = F.interpolate(x, size, mode="bilinear", align_corners=False)
        return cast(Tensor, self.head(self.dropout(self.trunk(x).mean((2, 3)))))


class Ensemble(nn.Module):
    """Mean of the log-probabilities of several nets, ``(n, heads * 7)``.

    Args:
        nets: members of the ensemble.
        mirrored: also average over each picture ``(n, c, h, w)`` and its mirror image.
    """

    def __init__(self, nets: Sequence[nn.Module], *, mirrored: bool = False) -> None:
        super().__init__()
        self.nets = nn.ModuleList(nets)
        self.mirrored = mirrored

    def forward(self, x: Tensor) -> Tensor:
        """Takes the input of a single net."""
        if self.mirrored:
            x = torch.cat([x, x.flip(3)])
        outputs = [[torch.log_softmax(part, 1) for part in net(x).split(7, 1)] for net in self.nets]
        mean = torch.stack([torch.cat(parts, 1) for parts in outputs]).mean(0)
        return mean.reshape(2, -1, mean.shape[1]).mean(0) if self.mirrored else mean


class PooledHead(nn.Module):
    """Means and deviations of states over time ``(n, inputs)`` to logits ``(n, 7)``.

    Args:
        inputs: number of input features.
        hidden: width of the hidden layer.
        dropout: before the first and before the second layer.
        nuisance: number of directions that are projected out.
    """

    mean: Tensor
    deviation: Tensor
    nuisance: Tensor

    def __init__(
        self, inputs: int, hidden: int, dropout: tuple[float, float], nuisance: int
    ) -> None:
        super().__init__()
        self.register_buffer("mean", torch.zeros(inputs))
        self.register_buffer("deviation", torch.ones(inputs))
        self.register_buffer("nuisance", torch.zeros(inputs, nuisance))
        self.layers = nn.Sequential(
            nn.Dropout(dropout[0]),
            nn.Linear(inputs, hidden),
            nn.GELU(),
            nn.Dropout(dropout[1]),
            nn.Linear(hidden, 7),
        )

    def forward(self, x: Tensor) -> Tensor:
        x = (x - self.mean) / self.deviation
        return cast(Tensor, self.layers(x - (x @ self.nuisance) @ self.nuisance.T))
