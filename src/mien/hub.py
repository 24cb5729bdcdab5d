"""Checkpoints by name: a local folder or a model of the Hugging Face hub.

Nothing is downloaded without a request. Downloads are stored in the cache of ``huggingface_hub``
(``HF_HOME``), which keeps complete files, resumes after a dropped connection, and stays offline
with ``HF_HUB_OFFLINE=1``. Only data is used: no code of a checkpoint is run.
"""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

from mien.errors import HubError, MissingExtraError

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
        return _snapshot(name, download=False)
    except HubError:
        if not download:
            raise
    return fetch(name)


def fetch(name: str) -> Path:
    """Download a hub model's newest version into the cache; see :func:`local_folder`.

    Raises:
        HubError: if it cannot be downloaded, or its files do not match the hub's checksums.
        MissingExtraError: if ``huggingface_hub`` is not installed.
    """
    folder = _snapshot(name, download=True)
    _verify(name, folder)
    return folder


def _snapshot(name: str, *, download: bool) -> Path:
    folder = _ask(name, download, (*_UNWANTED, *_PICKLED))
    if not any(folder.rglob("*.safetensors")):
        folder = _ask(name, download, _UNWANTED)
    return folder


def _ask(name: str, download: bool, ignored: tuple[str, ...]) -> Path:
    hub, errors = _library()
    try:
        found = hub.snapshot_download(
            name, local_files_only=not download, ignore_patterns=list(ignored)
        )
    except errors.RepositoryNotFoundError:
        raise HubError(
            f"The hub has no model {name!r}, or you have no access to it; check its name, and log "
            "in with 'hf auth login' if it is private."
        ) from None
    except errors.LocalEntryNotFoundError:
        raise HubError(_unreachable(name) if download else _absent(name)) from None
    except (errors.HTTPError, OSError) as error:
        raise HubError(f"{_unreachable(name)} ({error})") from None
    return Path(found)


def _unreachable(name: str) -> str:
    return (
        f"{name!r} is not on this machine and the hub cannot be reached; try again with a network "
        "connection (complete files are kept), or copy the checkpoint to this machine and give its "
        "folder."
    )


def _absent(name: str) -> str:
    return (
        f"{name!r} is not on this machine; download it with 'mien models pull {name}', or give the "
        "folder of a checkpoint."
    )


def _verify(name: str, folder: Path) -> None:
    """Compare every file with the hub's checksums.

    Raises:
        HubError: if files differ; the message names them.
    """
    hub, errors = _library()
    try:
        result = hub.HfApi().verify_repo_checksums(name, revision=folder.name)
    except (errors.HTTPError, OSError) as error:
        raise HubError(f"{name!r} could not be checked against the hub ({error}).") from None
    wrong = sorted(str(found["path"]) for found in result.mismatches)
    if wrong:
        raise HubError(
            f"{', '.join(wrong)} of {name!r} do not match the hub's checksums; delete {folder} and "
            "download the model again."
        )


def _library() -> tuple[Any, Any]:
    try:
        import huggingface_hub
        from huggingface_hub import errors
    except ImportError:
        raise MissingExtraError("A checkpoint of the hub", "hub") from None
    return huggingface_hub, errors
