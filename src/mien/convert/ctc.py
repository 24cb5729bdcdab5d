"""The loss of the paper's text: CTC with a target of one symbol, the emotion."""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor, nn


def symbol_scores(logits: Tensor, labels: Tensor | None = None) -> Tensor:
    """CTC log-likelihood ``(n, k)`` of the target that consists of one symbol, for k symbols.

    Args:
        logits: ``(n, frames, k + 1)``, the blank last.
        labels: not used; passed by the Trainer.
    """
    logs = torch.log_softmax(logits.float(), dim=-1).transpose(0, 1)
    frames, n, symbols = logs.shape
    blank = symbols - 1
    lengths = torch.full((n,), frames)
    ones = torch.ones(n, dtype=torch.long)
    scores = [
        -F.ctc_loss(logs, torch.full((n, 1), k), lengths, ones, blank=blank, reduction="none")
        for k in range(blank)
    ]
    return torch.stack(scores, dim=1)


class SymbolScorer(nn.Module):
    """Samples ``(n, time)`` to the scores of :func:`symbol_scores`, in operators that ONNX has.

    A path yields symbol k once if it is k in frames s to e - 1 and blank in all others. With B and
    K the running sums of the logarithms of blank and of k, and D = K - B, its logarithm is ``B[end]
    + D[e] - D[s]``; the score is the log-sum-exp over all s < e.
    """

    def __init__(self, model: nn.Module) -> None:
        super().__init__()
        self.model = model

    def forward(self, samples: Tensor) -> Tensor:
        """See the class."""
        logs = torch.log_softmax(self.model(input_values=samples).logits, dim=-1)
        sums = F.pad(torch.cumsum(logs, dim=1), (0, 0, 1, 0))
        ahead = (sums[..., :-1] - sums[..., -1:]).transpose(1, 2)
        gains = ahead[:, :, None, :] - ahead[:, :, :, None]
        places = torch.cumsum(torch.ones_like(sums[0, :, 0]), dim=0)
        later = places[None, :] > places[:, None]
        paths = torch.where(later, gains, torch.full_like(gains, -1e9))
        return torch.logsumexp(paths.flatten(2), dim=2) + sums[:, -1, -1:]
