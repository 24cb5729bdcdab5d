"""Checkpoints by name: a local folder or a model of the Hugging Face hub.

Nothing is downloaded without a request. Downloads are stored in the cache of ``huggingface_hub``
(``HF_HOME``); :mod:`mien.hub.requests` asks the hub, and :mod:`mien.hub.transfer` receives the
files. ``HF_HUB_OFFLINE=1`` forbids both. Only data is used: no code of a checkpoint is run.
"""

from __future__ import annotations

import json
import re
from fnmatch import fnmatch
from pathlib import Path

from mien.errors import HubError
from mien.hub.requests import RemoteFile, library, list_files
from mien.hub.transfer import Place, Told, receive

_HUB_ID = re.compile(r"^[A-Za-z0-9][\w.-]*/[\w.-]+$")

# Weights for other frameworks, which would multiply the download, and anything that may be code.
_UNWANTED = (
    "*.h5",
    "*.msgpack",
    "*.ot",
    "*.onnx",
    "*.onnx_data",
    "*.tflite",
    "*.mlmodel",
    "*.gguf",
    "*.ckpt",
    "*.pkl",
    "*.pickle",
    "*.py",
    "runs/*",
    "onnx/*",
    "openvino/*",
    "coreml/*",
)
_PICKLED = ("*.bin", "*.pt", "*.pth")
_WEIGHTS = frozenset({".safetensors", ".bin", ".pt", ".pth"})


def is_hub_id(name: str) -> bool:
    """Whether a name has the form of a hub id, ``owner/model``, and is not a local folder."""
    return bool(_HUB_ID.match(name)) and not Path(name).exists()


def local_folder(name: str, *, download: bool) -> Path:
    """The folder of a checkpoint.

    Args:
        name: a folder, which is used in place, or a hub id (``facebook/wav2vec2-base``).
        download: download files that are not in the cache; files that an earlier download completed
            are kept. Pickled weights are downloaded only if there are no safetensors.

    Raises:
        HubError: if it is neither stored locally nor can be downloaded.
        MissingExtraError: if a hub id is given and ``huggingface_hub`` is not installed.
    """
    folder = Path(name).expanduser()
    if folder.is_dir():
        return folder
    if not _HUB_ID.match(name):
        raise HubError(
            f"{name!r} is neither a folder nor a hub id; use an existing folder or a name such as "
            "owner/model."
        )
    # Local files are used without network access.
    try:
        return _in_cache(name)
    except HubError:
        if not download:
            raise
    return fetch(name)


def fetch(name: str, told: Told = lambda doing, share: None) -> Path:
    """Download a hub model's newest version into the cache; see :func:`local_folder`.

    Every file is compared with the hub's checksum, those that are in the cache too. A transfer that
    was ended goes on where it stopped.

    Args:
        name: hub id.
        told: told what is received, and which share of all.

    Raises:
        HubError: if it cannot be downloaded or stored, or a file is not what the hub describes.
        MissingExtraError: if ``huggingface_hub`` is not installed.
    """
    hub, _ = library()
    commit, files = list_files(name)
    place = Place(name, commit, Path(hub.constants.HF_HUB_CACHE).expanduser())
    return receive(place, _wanted(files), told)


def _wanted(files: list[RemoteFile]) -> list[RemoteFile]:
    """The files to download: pickled weights only if there are no safetensors."""
    unwanted: tuple[str, ...] = _UNWANTED
    if any(file.path.endswith(".safetensors") for file in files):
        unwanted += _PICKLED
    return [file for file in files if not any(fnmatch(file.path, one) for one in unwanted)]


def _in_cache(name: str) -> Path:
    """The folder of a model in the cache.

    Raises:
        HubError: if it is not there, or not complete.
        MissingExtraError: if ``huggingface_hub`` is not installed.
    """
    hub, errors = library()
    try:
        found = Path(
            hub.snapshot_download(
                name, local_files_only=True, ignore_patterns=[*_UNWANTED, *_PICKLED]
            )
        )
    except (errors.HTTPError, OSError):
        found = None
    if found is None or not _is_complete(found):
        raise HubError(
            f"{name!r} is not on this machine; download it with 'mien models pull {name}', "
            "or give the folder of a checkpoint."
        )
    return found


def _is_complete(folder: Path) -> bool:
    """Whether a version, which another program may have downloaded, has all of its weights.

    A link without a target, as a download that was ended may leave, counts as absent.
    """
    files = (path for path in folder.rglob("*") if path.suffix in _WEIGHTS and path.is_file())
    weights = {path.relative_to(folder).as_posix() for path in files}
    kind = ".safetensors" if any(name.endswith(".safetensors") for name in weights) else ".bin"
    indices = folder.glob(f"*{kind}.index.json")
    return bool(weights) and all(_parts(index) <= weights for index in indices)


def _parts(index: Path) -> set[str]:
    """The files of weights in several parts; one that cannot be had if the index is damaged."""
    try:
        return set(map(str, json.loads(index.read_bytes())["weight_map"].values()))
    except (OSError, ValueError, LookupError, TypeError, AttributeError):
        return {""}
