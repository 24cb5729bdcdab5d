"""How a worker process is prepared."""

from __future__ import annotations


def one_core() -> None:
    """Limit the libraries of this process to one thread each: each core has its worker."""
    from mien.memory import keep_little

    keep_little()
    import cv2
    import numpy  # noqa: F401  threadpoolctl limits the libraries that are loaded
    from threadpoolctl import threadpool_limits

    from mien.packs import Pack
    from mien.threads import limit_cores

    Pack.threads = 1
    limit_cores(1)
    cv2.setNumThreads(1)
    threadpool_limits(limits=1)
