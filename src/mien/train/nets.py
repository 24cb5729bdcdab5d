"""The small nets that we train: a squeeze-excitation ResNet with two kinds of pooling."""

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
    """Two 3x3 convolutions with a short cut (He et al. 2016) and squeeze-excitation."""

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
        inputs: channels that come in.
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

    Each head answers under a labelling convention of its own, seven columns one after the other.

    Args:
        widths, depths: channels and blocks of each stage.
        dropout: before the heads.
        heads: how many.
        enlarged: by which factor the picture is enlarged first, so that the maps of all stages are
            as much larger.
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
    """The mean of what several nets say, as log-probabilities ``(n, heads * 7)``.

    Args:
        nets: that answer.
        mirrored: they are asked about each picture ``(n, c, h, w)`` and about its mirror image.
    """

    def __init__(self, nets: Sequence[nn.Module], *, mirrored: bool = False) -> None:
        super().__init__()
        self.nets = nn.ModuleList(nets)
        self.mirrored = mirrored

    def forward(self, x: Tensor) -> Tensor:
        """Of what each of the nets takes."""
        if self.mirrored:
            x = torch.cat([x, x.flip(3)])
        said = [[torch.log_softmax(part, 1) for part in net(x).split(7, 1)] for net in self.nets]
        mean = torch.stack([torch.cat(parts, 1) for parts in said]).mean(0)
        return mean.reshape(2, -1, mean.shape[1]).mean(0) if self.mirrored else mean


class AttentivePooling(nn.Module):
    """Attention-weighted mean and standard deviation over time (Okabe et al. 2018)."""

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.score = nn.Sequential(
            nn.Conv1d(channels, channels // 4, 1), nn.Tanh(), nn.Conv1d(channels // 4, channels, 1)
        )

    def forward(self, x: Tensor) -> Tensor:
        weights = torch.softmax(self.score(x), dim=2)
        mean = (weights * x).sum(2)
        spread = (weights * x * x).sum(2) - mean * mean
        return torch.cat([mean, torch.sqrt(spread.clamp(min=1e-5))], dim=1)


class VoiceNet(nn.Module):
    """Log-mel frames ``(n, frames, bands)`` to logits ``(n, 7)``.

    It sees them twice: as they are, and without the mean of each band, which is the recording's
    channel and the speaker's long-term spectrum.
    """

    def __init__(self, bands: int, widths: Sequence[int], depths: Sequence[int]) -> None:
        super().__init__()
        # Bands shrink by 8, frames by 8: one step of the pooling is 80 ms.
        self.trunk = Trunk(widths, depths, ((2, 2), (2, 2), (2, 2), (1, 1)), 2)
        features = widths[-1] * (bands // 2 ** (len(widths) - 1))
        self.squeeze = nn.Conv1d(features, 192, 1)
        self.pooling = AttentivePooling(192)
        self.head = nn.Sequential(nn.BatchNorm1d(384), nn.Dropout(0.3), nn.Linear(384, 7))

    def forward(self, x: Tensor) -> Tensor:
        bands = x.transpose(1, 2).unsqueeze(1)
        both = torch.cat([bands, bands - bands.mean(3, keepdim=True)], dim=1)
        maps = self.trunk(both)  # (n, c, bands', frames')
        return cast(Tensor, self.head(self.pooling(F.relu(self.squeeze(maps.flatten(1, 2))))))
