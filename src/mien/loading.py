"""Loading models in the background, while something else is done that does not need them yet."""

from __future__ import annotations

import contextlib
import threading
from collections.abc import Iterable, Iterator
from typing import Protocol, runtime_checkable

LONG = 45.0
"""Seconds of a recording from which on a large model is freed once it was used."""


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

    thread = threading.Thread(target=load, name="mien-load", daemon=True)
    with contextlib.suppress(RuntimeError):  # no memory for another thread
        thread.start()
    try:
        yield
    finally:
        if thread.ident is not None:
            thread.join()
