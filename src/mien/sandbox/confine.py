"""How a process gives up its rights before it touches a stranger's file."""

from __future__ import annotations

import os
from collections.abc import Iterable

from mien.sandbox import calls, kernel
from mien.sandbox.limits import Limits

LANDLOCK, SECCOMP = "Landlock", "seccomp"
LAYERS = {
    LANDLOCK: "open no file and no TCP connection",
    SECCOMP: "make no other system calls than decoding needs",
}
"""The layers that a kernel may lack, and what each makes a process unable to do or bound to."""


def keep_only(descriptors: Iterable[int]) -> None:
    """Close every other descriptor; the standard streams lead to where standard input does."""
    os.dup2(0, 1)
    os.dup2(0, 2)
    low = 3
    for descriptor in sorted(descriptors):
        os.closerange(low, descriptor)
        low = descriptor + 1
    os.closerange(low, os.sysconf("SC_OPEN_MAX"))


def confine(limits: Limits) -> list[str]:
    """Give up, for good, every right that decoding does not need.

    Returns:
        the layers that this kernel lacks.

    Raises:
        OSError: if a limit or a layer that the kernel has could not be set.
    """
    limits.impose()
    kernel.no_new_privileges()
    kernel.drop_capabilities()
    missing = [] if kernel.deny_files() else [LANDLOCK]
    program = calls.program()
    if program is None or not kernel.filter_calls(program):
        missing.append(SECCOMP)
    return missing
