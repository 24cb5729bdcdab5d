"""Where what a clip holds comes from: watched in this process, or in one that is confined."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Protocol, runtime_checkable

from mien.errors import MediaError
from mien.facts import shown
from mien.perceive.watch import Progress, Watched, WatchOptions, watch
from mien.scene import Clip, ClipFacts, TrackKey


@runtime_checkable
class Source(Protocol):
    """An opened file that can be watched once."""

    @property
    def facts(self) -> ClipFacts:
        """What the container says."""

    @property
    def warnings(self) -> tuple[str, ...]:
        """What the user should know of the way in which it is watched, each a sentence."""

    def watch(
        self,
        wanted: set[TrackKey[Any]],
        options: WatchOptions,
        progress: Progress,
        stop: Callable[[], bool],
    ) -> Watched:
        """See :func:`mien.perceive.watch.watch`."""

    def close(self) -> None:
        """Let go of the file; calling it twice is allowed."""


def too_large(name: str) -> MediaError:
    """The error for a file whose decoding takes more memory than there is."""
    return MediaError(
        f"{shown(name)} needs more memory than there is to be decoded; scale it down, or free some."
    )


class ClipSource:
    """A clip that is watched in this process.

    Args:
        clip: opened and not yet played.
    """

    warnings: tuple[str, ...] = ()

    def __init__(self, clip: Clip) -> None:
        self._clip = clip
        if clip.facts.has_video:
            # While it is imported it edits sys.path and takes modules out of sys.modules, so no
            # thread that imports may run beside it.
            import cv2  # noqa: F401

    @property
    def facts(self) -> ClipFacts:
        """Those of the clip."""
        return self._clip.facts

    def watch(
        self,
        wanted: set[TrackKey[Any]],
        options: WatchOptions,
        progress: Progress,
        stop: Callable[[], bool],
    ) -> Watched:
        """See :func:`mien.perceive.watch.watch`."""
        try:
            return watch(self._clip, wanted, options, progress, stop)
        except MemoryError as error:
            raise too_large(self.facts.path) from error

    def close(self) -> None:
        """Close the clip."""
        self._clip.close()
