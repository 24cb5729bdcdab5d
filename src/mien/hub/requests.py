"""Questions to the hub, with a time limit, and a sentence for each way of getting no answer.

The connection is that of ``huggingface_hub``: its address (``HF_ENDPOINT``), its token, its
proxies, and ``HF_HUB_OFFLINE``.
"""

from __future__ import annotations

import contextlib
import os
import re
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import PurePosixPath
from typing import Any, TypeVar

from mien.errors import HubError, MissingExtraError

T = TypeVar("T")
_PATIENCE = "HF_HUB_ETAG_TIMEOUT"
"""The variable of ``huggingface_hub`` for the seconds in which the hub has to answer."""
_ANSWER = 2.0
"""Seconds where it is not set."""
_MOST_PAGES = 100
_DIGEST = re.compile(r"(?:[0-9a-f]{40}|[0-9a-f]{64})\Z")


@dataclass(frozen=True)
class RemoteFile:
    """A file of a model, as the hub lists it.

    Args:
        path: in the model.
        size: bytes.
        digest: SHA-256 of the content, or the SHA-1 of git for what is not stored as a large file.
    """

    path: str
    size: int
    digest: str

    @property
    def algorithm(self) -> str:
        """Of the digest: ``sha256`` or ``git``."""
        return "sha256" if len(self.digest) == 64 else "git"


def list_files(name: str) -> tuple[str, list[RemoteFile]]:
    """The newest commit of a model and its files.

    The time limit is for all questions together, and holds for a name server that does not answer.

    Args:
        name: hub id.

    Raises:
        HubError: if the hub cannot be reached or has no such model; it takes at most
            ``HF_HUB_ETAG_TIMEOUT`` seconds, 2 unless that is set.
        MissingExtraError: if ``huggingface_hub`` is not installed.
    """
    hub, _ = library()
    base = f"{hub.constants.ENDPOINT}/api/models/{name}"
    end = time.monotonic() + patience()

    def ask() -> tuple[str, list[RemoteFile]]:
        commit = str(_answer(base, end)[0]["sha"])
        if not _DIGEST.match(commit):
            raise ValueError(commit)
        files: list[RemoteFile] = []
        url: str | None = f"{base}/tree/{commit}?recursive=true"
        for _ in range(_MOST_PAGES):
            if url is None:
                break
            page, url = _answer(url, end)
            files += [_remote(entry) for entry in page if entry["type"] == "file"]
        return commit, files

    with explained(name):
        return _within(patience(), ask)


def _remote(entry: dict[str, Any]) -> RemoteFile:
    """A file of the list; its path and digest become names of files on this machine.

    Raises:
        ValueError: if they are none that a hub gives.
    """
    large = entry.get("lfs") or {}
    path, digest = str(entry["path"]), str(large.get("oid", entry["oid"])).removeprefix("sha256:")
    parts = PurePosixPath(path).parts
    if not parts or parts[0] == "/" or ".." in parts or "\0" in path or not _DIGEST.match(digest):
        raise ValueError(path)
    return RemoteFile(path, int(large.get("size", entry["size"])), digest)


def _answer(url: str, end: float) -> tuple[Any, str | None]:
    """What the hub says, and the address of the next page."""
    from huggingface_hub.utils import get_session

    left = max(end - time.monotonic(), 0.1)
    response = get_session().get(url, headers=headers(), timeout=left)
    refuse(response)
    found = response.links.get("next", {}).get("url")
    return response.json(), found


def headers() -> dict[str, str]:
    """The user's token, if there is one. The library's own headers describe this machine, too."""
    from huggingface_hub import constants, get_token

    token = None
    with contextlib.suppress(OSError):  # a cache that cannot be read is another error
        token = None if constants.HF_HUB_DISABLE_IMPLICIT_TOKEN else get_token()
    return {"User-Agent": "mien"} | ({"Authorization": f"Bearer {token}"} if token else {})


def refuse(response: Any) -> None:
    """Raise for an answer that is not what was asked for.

    Raises:
        StatusError: for a status of 400 and above, or a page in place of data.
    """
    kind = response.headers.get("Content-Type", "")
    page = kind.startswith("text/html") and not response.url.path.endswith((".html", ".htm"))
    if response.status_code >= 400 or page:
        raise StatusError(response.status_code, page)


class StatusError(Exception):
    """An answer of the hub, or of what stands between, that is no data.

    Args:
        status: of HTTP.
        page: whether it is a web page.
    """

    def __init__(self, status: int, page: bool) -> None:
        super().__init__(f"HTTP status {status}")
        self.status, self.page = status, page


def _within(seconds: float, ask: Callable[[], T]) -> T:
    """What a function returns, unless it takes too long: a look-up has no time limit of its own."""
    found: list[T] = []
    faults: list[BaseException] = []

    def run() -> None:
        try:
            found.append(ask())
        except BaseException as error:
            faults.append(error)

    thread = threading.Thread(target=run, daemon=True)
    thread.start()
    thread.join(seconds)
    if faults:
        raise faults[0]
    if not found:
        raise TimeoutError
    return found[0]


def patience() -> float:
    """Seconds in which the hub has to answer."""
    try:
        given = float(os.environ.get(_PATIENCE, ""))
    except ValueError:
        return _ANSWER
    return given if 0 < given < 3600 else _ANSWER


@contextmanager
def explained(name: str) -> Iterator[None]:
    """Turn the errors of a connection to the hub into a :class:`HubError` with the remedy."""
    hub, errors = library()
    try:
        yield
    except StatusError as error:
        raise HubError(_refused(name, error, hub.constants.ENDPOINT)) from None
    except errors.OfflineModeIsEnabled:
        raise HubError(unreachable(name, "HF_HUB_OFFLINE=1 forbids it, unset it")) from None
    except (errors.HTTPError, OSError, ValueError, LookupError, TypeError) as error:
        raise HubError(unreachable(name, _why(error, hub.constants.ENDPOINT))) from None


def unreachable(name: str, why: str) -> str:
    """The sentence for a hub that cannot be reached."""
    return (
        f"{name!r} is not on this machine and the hub cannot be reached ({why}); try again "
        "with a network connection (what was received is kept), or copy the checkpoint to this "
        "machine and give its folder."
    )


def _why(error: Exception, endpoint: str) -> str:
    kind, text = type(error).__name__, " ".join(str(error).split())[:200]
    if isinstance(error, TimeoutError) or "Timeout" in kind:
        return (
            f"{endpoint} did not answer in time, or the name server or a proxy did not; set "
            f"{_PATIENCE}=30 for a slow connection"
        )
    if kind == "ProxyError":
        return f"the proxy refused: {text}; check HTTPS_PROXY"
    if isinstance(error, (ValueError, LookupError, TypeError)):
        return f"{endpoint} answers, but not as a hub does; check HF_ENDPOINT"
    return f"{endpoint}: {text or kind}"


def _refused(name: str, error: StatusError, endpoint: str) -> str:
    status = error.status
    if error.page and status not in (401, 404):
        why = (
            f"a web page came in place of data, with status {status}; log in to the network if it "
            f"asks for that, or check HF_ENDPOINT, which is {endpoint}"
        )
        return unreachable(name, why)
    if status in (401, 403, 404):
        return (
            f"The hub has no model {name!r}, or you have no access to it (status {status}); check "
            "its name, and log in with 'hf auth login' if it is private."
        )
    if status == 429:
        return unreachable(name, "it has had too many requests (429); wait some minutes")
    if status == 407:
        return unreachable(name, "the proxy wants a password (407); give it in HTTPS_PROXY")
    who = "it has a fault of its own" if status >= 500 else "it refuses the request"
    return unreachable(name, f"{who} ({status})")


def library() -> tuple[Any, Any]:
    """``huggingface_hub`` and its errors.

    Raises:
        MissingExtraError: if it is not installed.
    """
    try:
        import huggingface_hub
        from huggingface_hub import constants, errors
    except ImportError:
        raise MissingExtraError("A checkpoint of the hub", "hub") from None
    huggingface_hub.constants = constants
    return huggingface_hub, errors
