"""Whether something failed for want of memory, or because of what the file asked for."""

from __future__ import annotations

import mmap

_PROBE = 1 << 27


def ran_out(error: Exception) -> bool:
    """Whether an error means that this process can get no more memory, as under a limit.

    FFmpeg says "no memory" of some damaged files too, and "try again" where a thread cannot start
    for want of memory; so it is tried whether there is some.
    """
    if not isinstance(error, MemoryError | BlockingIOError):
        return False
    try:
        mmap.mmap(-1, _PROBE).close()
    except (OSError, MemoryError):
        return True
    return False
