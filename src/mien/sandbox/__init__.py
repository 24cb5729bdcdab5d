"""A sandbox for strangers' media: what opens and decodes a file is a process without rights.

A server process, started once for each process of ours, forks a process for each file. That one
gives up its rights before it sees the file (:mod:`mien.sandbox.confine`), opens it through the
descriptor that it was given, and watches it (:mod:`mien.perceive.watch`). What it says is read as
what anybody may have written (:mod:`mien.sandbox.wire`, :mod:`mien.sandbox.answer`).
``docs/security.md`` says what is confined and what is not.
"""

from __future__ import annotations

import os

from mien.media import open_clip
from mien.options import MediaOptions
from mien.perceive.source import ClipSource, Source, too_large
from mien.sandbox.client import ConfinedSource
from mien.sandbox.pictures import ConfinedDecoder
from mien.sandbox.process import Server, check_platform, shared_server

__all__ = ["ConfinedDecoder", "Server", "check_platform", "open_confined", "open_source", "prepare"]


def prepare() -> None:
    """Start the server of this process in the background, so that it is ready when it is needed.

    Raises:
        OptionError: on another system than Linux.
    """
    shared_server()


def open_confined(
    path: str | os.PathLike[str],
    options: MediaOptions,
    detector: str = "auto",
    server: Server | None = None,
) -> Source:
    """Open a file in a process of its own that is confined.

    Args:
        path: of the file.
        options: which sound is heard, and the limits.
        detector: what finds faces.
        server: that forks the process; None for that of this process.

    Raises:
        MediaError: if the file is missing, empty, no regular file, or none that can be read.
        SandboxError: if opening it crashed, hung, or exceeded a limit.
        OptionError: as :func:`mien.media.open_clip`, and on another system than Linux.
    """
    return ConfinedSource(path, options, detector, server or shared_server())


def open_source(
    path: str | os.PathLike[str], options: MediaOptions, detector: str = "auto"
) -> Source:
    """Open a file as the options say: in this process, or in the sandbox.

    Raises:
        MediaError, OptionError: as :func:`open_confined`.
    """
    if options.sandbox:
        return open_confined(path, options, detector)
    try:
        return ClipSource(open_clip(path, options))
    except MemoryError as error:
        raise too_large(os.fspath(path)) from error
