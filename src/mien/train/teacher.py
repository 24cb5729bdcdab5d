"""The teacher of a new face net: an earlier run or a pack."""

from __future__ import annotations

from copy import deepcopy
from pathlib import Path

import numpy as np
import numpy.typing as npt
from torch import nn

from mien.convert.onnx_graph import Graph
from mien.datasets.faces import FER2013
from mien.errors import DataError
from mien.manifest import Manifest
from mien.mathematics import FloatArray
from mien.packs import file_sha256
from mien.train import face
from mien.train.loop import load_average


class Teacher:
    """An earlier run of the same recipe, or a face pack; its posteriors are mixed into the targets.

    Args:
        where: folder of a run (``OUT.run``) or of a pack.

    Raises:
        DataError: if the folder holds neither a finished run nor a pack.
    """

    def __init__(self, where: Path) -> None:
        self.where = where
        self.is_pack = (where / "pack.json").is_file()
        names = ("model.onnx",) if self.is_pack else ("model.onnx", "checkpoint.pt")
        for name in names:
            if not (where / name).is_file():
                raise DataError(f"{where / name} does not exist; check --teacher.")
        self.digests = {name: file_sha256(where / name) for name in names}
        """SHA-256 of the teacher's files by name, for the card."""

    @property
    def conventions(self) -> tuple[str, ...]:
        """Conventions of the predictions; the labels of the set if there is only one head."""
        folder = self.where if self.is_pack else self.where.with_suffix("")
        if not (folder / "pack.json").is_file():
            raise DataError(f"The run {self.where} has no pack {folder}; check --teacher.")
        return tuple(Manifest.read(folder / "pack.json").conventions) or (FER2013,)

    def predict(self, pictures: npt.NDArray[np.uint8]) -> dict[str, FloatArray]:
        """Posteriors ``(n, 7)`` of gray pictures, by convention."""
        return face.predict(Graph(self.where / "model.onnx"), pictures, self.conventions)


def net_of_run(like: nn.Module, run: Path, option: str) -> nn.Module:
    """The averaged net of an earlier run with the same layers as ``like``.

    Args:
        like: a net with the same layers; it is not changed.
        run: folder (``OUT.run``).
        option: command-line option to name in errors.

    Raises:
        DataError: if there is none or its layers differ.
    """
    copy = deepcopy(like).eval()
    load_average(copy, run, option)
    return copy
