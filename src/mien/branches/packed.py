"""Base class of the built-in branches: a pack that is opened, checked and loaded at first use."""

from __future__ import annotations

from collections.abc import Mapping
from functools import cached_property
from pathlib import Path
from typing import Any, ClassVar

from mien.branches.contract import BranchSpec
from mien.errors import OptionError
from mien.pack_folders import find_pack
from mien.packs import Pack
from mien.scene import TrackKey


class PackBranch:
    """A branch whose model is a pack; cheap to construct and picklable.

    Args:
        options: ``pack``, the folder of a pack; by default the embedded pack of the branch's kind.

    Raises:
        OptionError: if the branch has no option of a name.
    """

    name: ClassVar[str]
    needs: ClassVar[tuple[TrackKey[Any], ...]]
    takes: ClassVar[tuple[str, ...]] = ("pack",)
    """Names of its options."""

    def __init__(self, options: Mapping[str, Any]) -> None:
        for option in options:
            if option not in self.takes:
                raise OptionError.choice(f"option of the branch {self.name}", option, self.takes)
        self._where: str | Path | None = options.get("pack")

    @cached_property
    def pack(self) -> Pack:
        """The pack; its files are verified when it is opened, a large model when it is loaded."""
        pack = find_pack(self.name, self._where)
        pack.verify(model=pack.is_small)
        if pack.is_small:
            pack.threads = 1
        return pack

    @cached_property
    def _model(self) -> object:
        """What judges, made from the pack; each branch has its own."""
        raise NotImplementedError

    def load(self) -> None:
        """Load the model, which happens at the first use otherwise.

        Raises:
            PackError: if the pack cannot be used.
        """
        _ = self._model
        self.pack.load()

    @property
    def large_model(self) -> int:
        """Bytes of a model that takes long to load; 0 for a small one."""
        return 0 if self.pack.is_small else self.pack.model_size

    def verify(self) -> None:
        """Check every file of the pack, the model too.

        Raises:
            PackError: if one is not the file that the pack describes.
        """
        self.pack.verify()

    def unload(self) -> None:
        """Free the model until it is used again."""
        self.pack.unload()

    @property
    def spec(self) -> BranchSpec:
        """See :class:`BranchSpec`."""
        manifest = self.pack.manifest
        return BranchSpec(
            name=self.name,
            needs=self.needs,
            label_map=self.pack.label_map,
            packs={manifest.name: manifest.files["model.onnx"]},
        )

    def __getstate__(self) -> dict[str, Any]:
        """The path of the pack, without the loaded model."""
        return {"_where": self._where}
