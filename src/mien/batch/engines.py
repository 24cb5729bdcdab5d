"""What runs the clips of a batch: processes of this machine, or Ray."""

from __future__ import annotations

from collections.abc import Callable, Generator, Iterable
from typing import Any, Protocol, TypeVar

from mien.batch.pool import Outcome, Pool
from mien.batch.worker import one_core
from mien.errors import OptionError

J = TypeVar("J")
ENGINES = ("local", "ray")


class Engine(Protocol[J]):
    """Runs a function for many jobs; see :class:`mien.batch.pool.Pool`."""

    def run(
        self, jobs: Iterable[tuple[J, tuple[Any, ...]]], stop: Callable[[], bool] = ...
    ) -> Generator[Outcome[J], None, None]:
        """The outcome of each job as soon as it is known, in any order."""
        ...


def engine_of(
    name: str,
    function: Callable[..., Any],
    workers: int,
    timeout: float | None,
    address: str | None,
) -> Engine[Any]:
    """An engine by its name.

    Args:
        name: one of ``ENGINES``.
        function: can be pickled.
        workers: at a time; 0 for one a core of this machine, or a processor of the cluster.
        timeout: seconds for one job; None for no limit.
        address: of a cluster of Ray.

    Raises:
        OptionError: if there is no such engine.
    """
    if name == "local":
        return Pool(function, one_core, workers, timeout)
    if name == "ray":
        from mien.batch.ray_pool import RayPool

        return RayPool(function, one_core, workers, timeout, address)
    raise OptionError.choice("--engine", name, ENGINES)
