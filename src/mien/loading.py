"""Loading and verifying models in the background, while something else is done."""

from __future__ import annotations

import contextlib
import threading
from collections.abc import Callable, Iterable, Iterator
from typing import Protocol, runtime_checkable

LONG, LONGER = 45.0, 300.0
"""Seconds of a recording from which on a large model, and any model, is freed once it was used: to
load it again then takes a small part of the time of an analysis."""


@runtime_checkable
class Loadable(Protocol):
    """Something whose model can be loaded before it is used."""

    def load(self) -> None:
        """Load what is loaded at the first use otherwise."""
        ...


@runtime_checkable
class Unloadable(Protocol):
    """Something whose model can be freed until it is used again."""

    def unload(self) -> None:
        """Free the model."""
        ...


@runtime_checkable
class Verifiable(Protocol):
    """Something with a file that is worth verifying before it is used."""

    def verify(self) -> None:
        """Raise an error if the file is not the one that is described."""
        ...


@contextlib.contextmanager
def loading(things: Iterable[object]) -> Iterator[None]:
    """Load models in a thread while the block runs; its end waits for them.

    What cannot be loaded raises its error where it is used first, as without this.

    Args:
        things: those that are not ``Loadable`` are left out.
    """
    wanted = [thing for thing in things if isinstance(thing, Loadable)]

    def load() -> None:
        for thing in wanted:
            with contextlib.suppress(Exception):
                thing.load()

    with _beside(load if wanted else None, "mien-load"):
        yield


@contextlib.contextmanager
def verifying(things: Iterable[Verifiable]) -> Iterator[Callable[[], bool]]:
    """Verify files in a thread while the block runs; its end waits for it and raises its error.

    Yields:
        a function that raises the error once it is known; it returns False until then.
    """
    wanted, errors = list(things), list[Exception]()

    def verify() -> None:
        try:
            for thing in wanted:
                thing.verify()
        except Exception as error:  # raised by the thread that asks
            errors.append(error)

    def check() -> bool:
        if errors:
            raise errors[0]
        return False

    with _beside(verify if wanted else None, "mien-verify"):
        yield check
    check()


@contextlib.contextmanager
def _beside(work: Callable[[], None] | None, name: str) -> Iterator[None]:
    """Work that is done in a thread while the block runs; what it raises is lost."""
    thread = threading.Thread(target=work, name=name, daemon=True)
    if work is not None:
        with contextlib.suppress(RuntimeError):  # no memory for another thread
            thread.start()
    try:
        yield
    finally:
        if thread.ident is not None:
            thread.join()
