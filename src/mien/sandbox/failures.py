"""What went wrong in a confined process, as a sentence with the remedy."""

from __future__ import annotations

import signal

from mien import errors
from mien.errors import MienError, SandboxError
from mien.facts import shown
from mien.sandbox.limits import Limits

OUT_OF_MEMORY, INTERNAL, SYSTEM = "MemoryError", "internal", "OSError"
"""Kinds of failure that are no error of mien."""
NO_SPACE, FILE_SIZE = "ENOSPC", "EFBIG"
"""Kinds of OSError that have a sentence of their own."""
_AGAIN = "it is damaged or made to do harm: export it again from its source"


def reported(name: str, kind: str, text: str, limits: Limits) -> MienError:
    """The error that a confined process reports; its words are shown, and nothing else done.

    Args:
        name: of the file, as it may be printed.
        kind: of the failure: the name of an error of mien, or one of those above.
        text: its words.
        limits: of the process.
    """
    if kind == OUT_OF_MEMORY:
        return SandboxError(f"{name} {_memory(limits)}.")
    if kind == FILE_SIZE:
        return SandboxError(f"{name} {_spool(limits)}.")
    if kind == NO_SPACE:
        return SandboxError(
            f"{name} cannot be analysed: the folder for temporary files is full; make room there "
            "or choose another by TMPDIR."
        )
    found = getattr(errors, kind, None)
    if isinstance(found, type) and issubclass(found, MienError):
        plain = MienError if found is errors.MissingExtraError else found
        return plain(shown(text))
    return SandboxError(f"{name} could not be decoded in the sandbox ({shown(text)}).")


def _memory(limits: Limits) -> str:
    return (
        f"needs more than {limits.memory / 1e9:g} GB of memory to be decoded; scale it down, or "
        "raise the limit (--sandbox-memory, media.sandbox_memory)"
    )


def _spool(limits: Limits) -> str:
    return (
        f"needs a temporary file of more than {limits.spool / 1e9:.3g} GB, which is more than a "
        "recording of its size should; raise the limit (--sandbox-disk, media.sandbox_disk) if it "
        "is that, and export the recording again if not"
    )


def ended(name: str, code: int | None, limits: Limits) -> SandboxError:
    """The error for a process that ended without an answer.

    Args:
        name: of the file, as it may be printed.
        code: of the process, negative for a signal; None if it is not known.
        limits: of the process.
    """
    if code == -signal.SIGXCPU:
        return SandboxError(
            f"{name} needs more than {limits.processor} s of processor time to be decoded; raise "
            "the limit (--sandbox-cpu, media.sandbox_cpu), or analyse a smaller copy."
        )
    if code is None:
        return SandboxError(f"{name}: the sandbox ended while the file was decoded; try again.")
    if code >= 0:
        return SandboxError(f"{name}: its decoder ended without an answer; {_AGAIN}.")
    known = {one.value: one.name for one in signal.Signals}
    said = known.get(-code, f"signal {-code}")
    if code == -signal.SIGKILL:
        return SandboxError(
            f"{name}: its decoder was ended by {said}; the memory of the machine may have run out. "
            "Analyse fewer files at a time, or a smaller copy."
        )
    more = ""
    if code == -signal.SIGABRT:
        gigabytes = f"{limits.memory / 1e9:g} GB"
        more = f"memory may have run out ({gigabytes}, --sandbox-memory), or "
    return SandboxError(f"{name}: its decoder crashed ({said}); {more}{_AGAIN}.")


def late(name: str, seconds: float) -> SandboxError:
    """The error for a process that was not done in time."""
    return SandboxError(
        f"{name} could not be decoded within {seconds:.0f} s; raise the limit (--sandbox-wall, "
        "media.sandbox_wall) if the machine is slow, and export the file again if not."
    )


def unreadable(name: str, why: object) -> SandboxError:
    """The error for an answer that is none."""
    return SandboxError(
        f"{name}: its decoder gave an answer that cannot be used ({shown(why)}); {_AGAIN}."
    )
