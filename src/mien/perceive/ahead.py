"""Decoding ahead: a play of a clip that goes on in a thread while its moments are looked at."""

from __future__ import annotations

import queue
import threading
from collections.abc import Iterator
from typing import Final

from mien.scene import Moment

HELD: Final = 4
"""Moments that are decoded ahead at most: a picture of a film takes some megabytes."""

_WAIT = 0.1


class Ahead:
    """Moments of a play, decoded in a thread of their own.

    Use as a context: at its end the thread has ended and the play is closed, so that the clip can
    be closed.

    Args:
        moments: the play; it is used in the thread alone.

    Examples:
        >>> from mien.scene import Caption
        >>> from mien.timebase import Segment
        >>> captions = [Caption(Segment(0, 1), "one"), Caption(Segment(1, 2), "two")]
        >>> with Ahead(iter(captions)) as play:
        ...     [moment.text for moment in play]
        ['one', 'two']
    """

    def __init__(self, moments: Iterator[Moment]) -> None:
        self._moments = moments
        self._queue: queue.Queue[Moment | None] = queue.Queue(HELD)
        self._ended = threading.Event()
        self._error: BaseException | None = None
        self._thread = threading.Thread(target=self._decode, name="mien-decode", daemon=True)

    def __enter__(self) -> Ahead:
        try:
            self._thread.start()
        except RuntimeError as error:  # there is no memory for its stack
            raise MemoryError("no thread could be started") from error
        return self

    def __exit__(self, *error: object) -> None:
        self._ended.set()
        self._thread.join()

    def __iter__(self) -> Iterator[Moment]:
        """The moments in order; an error of the play is raised where it occurred."""
        while (moment := self._next()) is not None:
            yield moment
        if self._error is not None:
            raise self._error

    def _next(self) -> Moment | None:
        while True:
            try:
                return self._queue.get(timeout=_WAIT)
            except queue.Empty:
                if not self._thread.is_alive() and self._queue.empty():
                    # It had no memory left to say why it ended.
                    raise self._error or MemoryError("the decoder thread ended") from None

    def _decode(self) -> None:
        try:
            for moment in self._moments:
                if not self._put(moment):
                    break
        except BaseException as error:  # raised again by the reader
            self._error = error
        finally:
            close = getattr(self._moments, "close", None)
            if close is not None:
                close()
            self._put(None)

    def _put(self, moment: Moment | None) -> bool:
        """Hand a moment on; False once nobody waits for it."""
        while not self._ended.is_set():
            try:
                self._queue.put(moment, timeout=_WAIT)
            except queue.Full:
                continue
            return True
        return False
