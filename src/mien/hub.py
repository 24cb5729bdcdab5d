"""Checkpoints by name: a folder on this machine, or a model of the Hugging Face hub.

Nothing is fetched unless it is asked for. What was fetched lies in the cache of
``huggingface_hub`` (``HF_HOME``), which keeps the files that are complete, goes on after a dropped
connection, and is kept offline by ``HF_HUB_OFFLINE=1``. Only data is ever taken: no code of a
checkpoint is run.
"""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

from mien.errors import HubError, MissingExtraError

_HUB_ID = re.compile(r"^[A-Za-z0-9][\w.-]*/[\w.-]+$")

# Weights for other frameworks, which would multiply what is fetched, and whatever could be code.
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
    """Whether a name could be one of the hub's, ``owner/model``, and is no folder here."""
    return bool(_HUB_ID.match(name)) and not Path(name).exists()


def local_folder(name: str, *, download: bool) -> Path:
    """The folder of a checkpoint.

    Args:
        name: a folder, which serves in place, or a hub id (``facebook/wav2vec2-base``).
        download: fetch what is not in the cache; files that an earlier download completed are kept.
            Pickled weights are fetched only where there are no safetensors.

    Raises:
        HubError: if it is neither here nor can be fetched.
        MissingExtraError: if a hub id is given and ``huggingface_hub`` is not installed.
    """
    folder = Path(name).expanduser()
    if folder.is_dir():
        return folder
    if not _HUB_ID.match(name):
        raise HubError(
            f"{name!r} is neither a folder nor a hub id; give an existing folder or a name such as "
            "owner/model."
        )
    # What is here serves without a word to the network.
    try:
        return _snapshot(name, download=False)
    except HubError:
        if not download:
            raise
    return fetch(name)


def fetch(name: str) -> Path:
    """Bring a hub model's newest version into the cache; see :func:`local_folder`.

    Raises:
        HubError: if it cannot be fetched or what came is not what the hub describes.
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
            f"The hub has no model {name!r}, or does not show it to you; check its name, and log "
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
        "(what is complete is kept), or copy the checkpoint here and give its folder."
    )


def _absent(name: str) -> str:
    return (
        f"{name!r} is not on this machine; fetch it with 'mien models pull {name}', or give the "
        "folder of a checkpoint."
    )


def _verify(name: str, folder: Path) -> None:
    """Compare every file with the hub's checksums.

    Raises:
        HubError: naming the files that differ.
    """
    hub, errors = _library()
    try:
        result = hub.HfApi().verify_repo_checksums(name, revision=folder.name)
    except (errors.HTTPError, OSError) as error:
        raise HubError(f"{name!r} could not be checked against the hub ({error}).") from None
    wrong = sorted(str(found["path"]) for found in result.mismatches)
    if wrong:
        raise HubError(
            f"{', '.join(wrong)} of {name!r} are not what the hub describes; delete {folder} and "
            "fetch it again."
        )


def _library() -> tuple[Any, Any]:
    try:
        import huggingface_hub
        from huggingface_hub import errors
    except ImportError:
        raise MissingExtraError("A checkpoint of the hub", "hub") from None
    return huggingface_hub, errors
