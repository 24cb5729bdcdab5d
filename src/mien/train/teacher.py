"""An earlier run that teaches a new face net, and answers beside it."""

from __future__ import annotations

from copy import deepcopy
from pathlib import Path

import numpy as np
import numpy.typing as npt
from torch import nn

from mien.errors import DataError
from mien.metrics import FloatArray
from mien.packs import file_sha256
from mien.train import face
from mien.train.graphs import Graph
from mien.train.loop import load_average


class Teacher:
    """An earlier run of the same recipe, whose model teaches a new net and answers beside it.

    Args:
        run: its folder (``OUT.run``).

    Raises:
        DataError: if there is no finished run.
    """

    def __init__(self, run: Path) -> None:
        self.run = run
        for path in (self.graph, self.weights):
            if not path.is_file():
                raise DataError(f"There is no {path} to learn from; check --teacher.")

    @property
    def graph(self) -> Path:
        """All that its run gave, as it answers."""
        return self.run / "model.onnx"

    @property
    def weights(self) -> Path:
        """The net that its run trained."""
        return self.run / "checkpoint.pt"

    @property
    def digests(self) -> dict[str, str]:
        """SHA-256 of its files by name, for the card."""
        return {path.name: file_sha256(path) for path in (self.graph, self.weights)}

    def sees(self, pictures: npt.NDArray[np.uint8]) -> FloatArray:
        """Its posteriors ``(n, 7)`` of gray pictures."""
        return face.predict(Graph(self.graph), pictures)

    def net(self, like: nn.Module) -> nn.Module:
        """Its averaged net, of the same layers as the given one.

        Raises:
            DataError: if it has other layers.
        """
        copy = deepcopy(like).eval()
        load_average(copy, self.run, "--teacher")
        return copy
