"""Threads: those of the linear algebra behind numpy, and jobs that run side by side."""

from __future__ import annotations

import os
import threading
from collections.abc import Callable, Iterable
from concurrent.futures import ThreadPoolExecutor
from functools import wraps
from typing import ParamSpec, TypeVar

from threadpoolctl import threadpool_limits

P = ParamSpec("P")
R = TypeVar("R")
T = TypeVar("T")

_most: list[int] = []


def one_thread(function: Callable[P, R]) -> Callable[P, R]:
    """Decorator: run a function with one BLAS thread.

    Fitting a pool and computing spectrograms make many small matrix products. On a machine whose
    cores are busy, the threads of OpenBLAS wait for one another at each of them: one fit took 46 s
    with two threads and 5 s with one.
    """

    @wraps(function)
    def limited(*args: P.args, **kwargs: P.kwargs) -> R:
        with one_blas_thread:
            return function(*args, **kwargs)

    return limited


class OneBlasThread:
    """One BLAS thread while any block of this context runs, in whatever thread.

    After a product the threads of OpenBLAS wait by spinning: the small products of a spectrogram
    took half of the processor time of the voice branch. The setting is that of the whole process;
    the first block to begin notes it, and the last to end restores it.

    Examples:
        >>> context = OneBlasThread()
        >>> with context, context:
        ...     pass
    """

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._blocks = 0
        self._limits: threadpool_limits | None = None

    def __enter__(self) -> None:
        with self._lock:
            self._blocks += 1
            if self._blocks == 1:
                self._limits = threadpool_limits(limits=1, user_api="blas")

    def __exit__(self, *error: object) -> None:
        with self._lock:
            self._blocks -= 1
            if self._blocks == 0 and self._limits is not None:
                self._limits.restore_original_limits()
                self._limits = None


one_blas_thread = OneBlasThread()


def limit_cores(count: int) -> None:
    """Let jobs of this process use so many cores at most."""
    _most[:] = [count]


def cores() -> int:
    """Cores that jobs of this process may use: those it may run on, unless that was limited."""
    return min([len(os.sched_getaffinity(0)), *_most])


def side_by_side(function: Callable[[T], R], items: Iterable[T]) -> list[R]:
    """The results of a function for many items, in their order, one thread a core.

    A net that is small runs faster on several inputs at once, one thread each, than on one input
    with several threads, which wait for one another at every layer.

    Args:
        function: releases the interpreter for most of its time.
        items: its arguments.

    Examples:
        >>> side_by_side(len, ["a", "bb", ""])
        [1, 2, 0]
    """
    todo = list(items)
    if len(todo) < 2 or cores() < 2:
        return [function(item) for item in todo]
    with ThreadPoolExecutor(min(cores(), len(todo)), "mien-job") as crew:
        return list(crew.map(function, todo))
