"""Model packs: a folder with ``pack.json``, ``model.onnx`` and what else the model needs.

A pack is data, never code: ONNX for the graph, JSON for the rest. Every file is read once and
checked against the SHA-256 in ``pack.json``; no other file of the folder is used. The packs that
ship with mien lie in ``mien/embedded``; nothing here touches the network.
"""

from __future__ import annotations

import hashlib
import os
import sys
import warnings
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager
from functools import cached_property
from pathlib import Path
from typing import Any, TypeVar

import numpy as np
import numpy.typing as npt

from mien.emotions import MIEN7, EmotionSpace, LabelMap
from mien.errors import InputError, PackError
from mien.files import blocks_of
from mien.manifest import Convention, Manifest
from mien.mathematics import softmax
from mien.memory import release
from mien.threads import side_by_side

F = TypeVar("F")
T = TypeVar("T")
R = TypeVar("R")

MODEL, POOL = "model.onnx", "pool.json"
SMALL = 32_000_000
"""Bytes of a model."""
EMBEDDED = Path(__file__).parent / "embedded"
_NO_MEMORY = "bad_alloc"
"""What ONNX Runtime says when there is not enough memory."""
_NO_TELEMETRY = "ORT_DISABLE_TELEMETRY"
_EXTERNAL_DATA = "session.model_external_initializers_file_folder_path"


def file_sha256(path: Path) -> str:
    """SHA-256 of a file as hexadecimal digits."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


class Pack:
    """A pack. Its files are read, and verified, when they are first used.

    Args:
        folder: where it lies.
        kind: which branch wants it.

    Raises:
        PackError: if it is not there, of another kind, or its manifest is not valid.
    """

    threads = 0
    """Cores that one run may use, to be set before the first; 0 for all of them. One thread a run
    and several runs at once (:meth:`each`) are faster for a small net."""

    def __init__(self, folder: Path, kind: str) -> None:
        self.folder = folder
        self.manifest = Manifest.read(folder / "pack.json")
        if self.manifest.kind != kind:
            raise PackError(f"{folder} is a pack for {self.manifest.kind!r}, not for {kind!r}.")
        self._model = POOL if kind == "fusion" else MODEL
        if self._model not in self.manifest.files:
            raise PackError(f"{folder / 'pack.json'} lists no {self._model}; train the pack again.")

    def read(self, name: str) -> bytes:
        """A file of the pack, as ``pack.json`` describes it.

        What is returned is what was hashed: the file is read once. Links are refused, since a pack
        contains its files.

        Raises:
            PackError: if ``pack.json`` does not list the file, or it is missing, a link or another
                file than listed.
        """
        return b"".join(self._blocks(name))

    def _blocks(self, name: str) -> Iterator[bytes]:
        """The file in blocks; the error about its content comes behind the last."""
        expected = self.manifest.files.get(name)
        if expected is None:
            raise PackError(
                f"{self.folder} needs the file {name!r}, which pack.json does not list; fetch or "
                "train the pack again."
            )
        path = self.folder / name
        inside = path.parent.resolve().is_relative_to(self.folder.resolve())
        if path.is_symlink() or not inside:
            raise PackError(f"{path} is a link; a pack contains its files. Copy the file there.")
        digest = hashlib.sha256()
        try:
            for block in blocks_of(path):
                digest.update(block)
                yield block
        except InputError as error:
            raise PackError(str(error)) from None
        if digest.hexdigest() != expected:
            raise PackError(
                f"{path} is not the file that pack.json describes (SHA-256 {expected[:12]}...); "
                "install mien or fetch the pack again."
            )

    def verify(self, *, model: bool = True) -> None:
        """Check every file of the pack.

        Args:
            model: also that of the model, which is hashed once more when it is loaded.

        Raises:
            PackError: as :meth:`read`.
        """
        for name in self.manifest.files:
            if model or name != self._model:
                for _ in self._blocks(name):
                    pass

    @property
    def identity(self) -> dict[str, str]:
        """SHA-256 of what judges (``model.onnx``, ``pool.json``) by the pack's name."""
        return {self.manifest.name: self.manifest.files[self._model]}

    @property
    def space(self) -> EmotionSpace:
        """The labels that the model speaks."""
        return EmotionSpace(self.manifest.name, self.manifest.labels)

    @cached_property
    def label_map(self) -> LabelMap:
        """From the model's labels to our seven."""
        return LabelMap.by_name(self.space, MIEN7, self.manifest.mapping)

    @cached_property
    def _session(self) -> Any:
        onnxruntime = load_onnxruntime()
        options = onnxruntime.SessionOptions()
        options.log_severity_level = 3
        options.intra_op_num_threads = self.threads
        # Arenas of several sessions would each keep the memory of their largest input.
        options.enable_cpu_mem_arena = False
        # Threads that spin while they wait cost the rest of the process its cores.
        options.add_session_config_entry("session.intra_op.allow_spinning", "0")
        # Weights in further files would be read without being hashed: they are looked for where
        # there is nothing.
        options.add_session_config_entry(_EXTERNAL_DATA, str(self.folder / "pack.json"))
        with self._hashed_model() as model:
            try:
                return onnxruntime.InferenceSession(
                    model, options, providers=["CPUExecutionProvider"]
                )
            except Exception as error:
                # ONNX Runtime raises its own exceptions, which have no common base but this.
                reason = str(error).splitlines()[0][:200] if str(error) else type(error).__name__
                raise PackError(
                    f"ONNX Runtime cannot load {self.folder / MODEL} ({reason}); weights in "
                    "further files are not read."
                ) from None
            finally:
                release()

    @contextmanager
    def _hashed_model(self) -> Iterator[str | bytes]:
        """The model as it was hashed, for ONNX Runtime to load.

        Given as bytes it is in memory three times while it is loaded, and once more for as long as
        the session lives. Where the system has files in memory, it is one.
        """
        if not hasattr(os, "memfd_create"):
            yield self.read(MODEL)
            return
        with os.fdopen(os.memfd_create("mien-model"), "wb") as file:
            file.writelines(self._blocks(MODEL))
            file.flush()
            yield f"/proc/self/fd/{file.fileno()}"

    @property
    def model_size(self) -> int:
        """Bytes of the model's file; 0 if it is not there."""
        path = self.folder / self._model
        return path.stat().st_size if path.is_file() else 0

    @property
    def is_small(self) -> bool:
        """Whether the model is so small that threads within a run wait for one another."""
        return self.model_size < SMALL

    def each(self, function: Callable[[T], R], items: Iterable[T]) -> list[R]:
        """The results of a function that runs the model, for many items in their order.

        They are computed side by side if a run has one thread.
        """
        todo = list(items)
        if self.threads != 1 or len(todo) < 2:
            return [function(item) for item in todo]
        self.load()  # before the threads start
        return side_by_side(function, todo)

    def load(self) -> None:
        """Load the model, which happens at the first run otherwise.

        Raises:
            PackError: if it cannot be loaded.
        """
        _ = self._session

    def unload(self) -> None:
        """Free the model; the next run loads it again."""
        self.__dict__.pop("_session", None)
        release()

    def run(self, inputs: Mapping[str, npt.NDArray[Any]]) -> npt.NDArray[np.float32]:
        """The model's output for named inputs of n rows, ``(n, ...)``.

        Raises:
            MemoryError: if there is not enough memory.
        """
        wanted = {node.name for node in self._session.get_inputs()}
        given = {name: array for name, array in inputs.items() if name in wanted}
        try:
            return np.asarray(self._session.run(None, given)[0], dtype=np.float32)
        except Exception as error:
            if _NO_MEMORY in str(error):
                raise MemoryError(f"the model of {self.folder} ran out of memory") from error
            raise

    def convention(self, name: str | None = None) -> Convention:
        """The answer under a convention; without a name the one that the pack gives by default.

        A pack with one answer gives that one, whatever is asked for.

        Raises:
            PackError: if the pack has several and none of this name.
        """
        manifest = self.manifest
        names = list(manifest.conventions)
        if not names or name in (None, names[0]):
            columns = (0, len(manifest.labels))
            return Convention(columns, manifest.temperature, manifest.prior, manifest.bias)
        if name not in manifest.conventions:
            raise PackError(
                f"{self.folder} has no convention {name!r}; it has: {', '.join(names)}."
            )
        return manifest.conventions[name]

    def logits(
        self, inputs: Mapping[str, npt.NDArray[Any]], convention: str | None = None
    ) -> npt.NDArray[np.float64]:
        """The model's output ``(n, len(labels))`` for named inputs of n rows.

        Args:
            inputs: arrays by name.
            convention: see :meth:`convention`.
        """
        first, end = self.convention(convention).columns
        output = self.run(inputs)
        if output.ndim != 2 or output.shape[1] < end:
            raise PackError(
                f"The model of {self.folder} gives an output of shape {output.shape}; expected "
                f"{end} columns at least."
            )
        return output[:, first:end].astype(np.float64)

    def probs(
        self, inputs: Mapping[str, npt.NDArray[Any]], convention: str | None = None
    ) -> npt.NDArray[np.float64]:
        """Calibrated probabilities over our seven labels, ``(n, 7)``.

        Args:
            inputs: arrays by name.
            convention: see :meth:`convention`.
        """
        answer = self.convention(convention)
        logits = self.logits(inputs, convention) / answer.temperature
        if answer.bias:
            logits += np.asarray(answer.bias)
        return self.label_map.apply(softmax(logits))

    def front_end(self, known: Mapping[str, Callable[[Pack], F]], default: str) -> F:
        """What makes the model's inputs, as its contract's ``front_end`` names it.

        Args:
            known: by name, what makes it from the pack.
            default: for a contract that names none.

        Raises:
            PackError: if the name is not known or the contract not kept.
        """
        name = self.manifest.input.get("front_end", default)
        if not isinstance(name, str) or name not in known:
            raise PackError(
                f"{self.folder} wants the front end {name!r}; this version of mien knows: "
                f"{', '.join(known)}."
            )
        try:
            return known[name](self)
        except PackError as error:
            raise PackError(f"{self.folder}: {error}") from None

    def check_input(self, contract: Mapping[str, Any]) -> None:
        """Refuse a pack that was trained on other inputs than the branch makes.

        Raises:
            PackError: naming what differs.
        """
        try:
            check_contract(contract, self.manifest.input)
        except PackError as error:
            raise PackError(f"{self.folder}: {error}") from None


def load_onnxruntime() -> Any:
    """ONNX Runtime with its telemetry switched off, for this process and its children.

    ONNX Runtime 1.32 looks up ``mobile.events.data.microsoft.com`` and writes a device id to the
    user's cache folder unless ``ORT_DISABLE_TELEMETRY`` is set before the library is loaded.
    Whatever uses it in mien, also inside another package, calls this first; processes started
    afterwards inherit the setting. A value that the user has set stays. See ``docs/privacy.md``.
    """
    if "onnxruntime" in sys.modules and not os.environ.get(_NO_TELEMETRY):
        warnings.warn(
            "ONNX Runtime was loaded before mien could switch its telemetry off; set "
            f"{_NO_TELEMETRY}=1 in the environment before Python starts.",
            stacklevel=2,
        )
    if not os.environ.get(_NO_TELEMETRY):
        os.environ[_NO_TELEMETRY] = "1"
    import onnxruntime

    return onnxruntime


def check_contract(ours: Mapping[str, Any], theirs: Mapping[str, Any]) -> None:
    """Refuse an input contract that differs from what is made here.

    Raises:
        PackError: naming what differs.
    """
    differs = {k: (v, theirs.get(k)) for k, v in ours.items() if theirs.get(k) != v}
    if differs:
        listed = "; ".join(
            f"{k}: {want!r} here, {got!r} there" for k, (want, got) in differs.items()
        )
        raise PackError(f"the pack wants other inputs than this branch makes ({listed}).")
