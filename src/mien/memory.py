"""Freed memory back to the system: what glibc keeps adds up from step to step.

Both functions do nothing where the C library is another.
"""

from __future__ import annotations

import ctypes
from collections.abc import Callable
from functools import lru_cache

_ARENA_MAX, _MMAP_THRESHOLD, _TRIM_THRESHOLD = -8, -3, -1
_ARENAS, _KEPT = 2, 16_000_000


def release() -> None:
    """Give back what was freed: at the end of a step, in some milliseconds."""
    trim = _function("malloc_trim")
    if trim is not None:
        trim(ctypes.c_size_t(0))


def keep_little() -> None:
    """Let this process keep little of what it frees, to be called before its first thread.

    It is a setting of the whole process, for programs and not for libraries: mien's command line
    and its worker processes use it.
    """
    set_option = _function("mallopt")
    if set_option is not None:
        set_option(_ARENA_MAX, _ARENAS)
        set_option(_MMAP_THRESHOLD, _KEPT)
        set_option(_TRIM_THRESHOLD, _KEPT)


@lru_cache
def _function(name: str) -> Callable[..., int] | None:
    """A function of glibc; None if it is not there."""
    try:
        library = ctypes.CDLL("libc.so.6")
        return getattr(library, name, None)
    except OSError:
        return None
