"""Threads of the linear algebra behind numpy."""

from __future__ import annotations

from collections.abc import Callable
from functools import wraps
from typing import ParamSpec, TypeVar

from threadpoolctl import threadpool_limits

P = ParamSpec("P")
R = TypeVar("R")


def one_thread(function: Callable[P, R]) -> Callable[P, R]:
    """Decorator: run a function with one BLAS thread.

    Fitting a pool makes many small matrix products. On a machine whose cores are busy, the threads
    of OpenBLAS wait for one another at each of them: one fit took 46 s with two threads and 5 s
    with one.
    """

    @wraps(function)
    def limited(*args: P.args, **kwargs: P.kwargs) -> R:
        with threadpool_limits(limits=1, user_api="blas"):
            return function(*args, **kwargs)

    return limited
