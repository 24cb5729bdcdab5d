"""The system calls by which a process confines itself, through ctypes; Linux alone."""

from __future__ import annotations

import ctypes
import os
import signal
import struct
from functools import cache
from typing import Any

_PR_SET_PDEATHSIG, _PR_SET_SECCOMP, _PR_SET_NO_NEW_PRIVS = 1, 22, 38
_SECCOMP_MODE_FILTER = 2
_CAPABILITY_VERSION = 0x20080522
_LANDLOCK_CREATE, _LANDLOCK_RESTRICT = 444, 446
_LANDLOCK_VERSION = 1
_INSTRUCTION = struct.Struct("=HBBI")


class _Program(ctypes.Structure):
    _fields_ = (("length", ctypes.c_ushort), ("filter", ctypes.c_void_p))


@cache
def _libc() -> Any:
    return ctypes.CDLL(None, use_errno=True)


def _prctl(option: int, *given: Any) -> None:
    words = [one if isinstance(one, ctypes._Pointer) else ctypes.c_ulong(one) for one in given]
    words += [ctypes.c_ulong(0)] * (4 - len(words))
    if _libc().prctl(option, *words):
        raise OSError(ctypes.get_errno(), f"prctl {option}")


def _call(number: int, *given: Any) -> int:
    found = int(_libc().syscall(ctypes.c_long(number), *given))
    if found < 0:
        raise OSError(ctypes.get_errno(), f"system call {number}")
    return found


def die_with(parent: int) -> None:
    """Be killed as soon as the parent process ends, also if it has ended already."""
    _prctl(_PR_SET_PDEATHSIG, signal.SIGKILL)
    if os.getppid() != parent:
        os._exit(1)


def no_new_privileges() -> None:
    """Give up, for good, the way to more rights by executing another program."""
    _prctl(_PR_SET_NO_NEW_PRIVS, 1)


def drop_capabilities() -> None:
    """Give up what the superuser may do beyond others; no other user has any of it."""
    header = struct.pack("=Ii", _CAPABILITY_VERSION, 0)
    nothing = bytes(24)  # effective, permitted and inheritable, twice 32 bits each
    if _libc().capset(header, nothing):
        raise OSError(ctypes.get_errno(), "capset")


def landlock_version() -> int:
    """The version of Landlock's interface (ABI) in this kernel; 0 if it has none."""
    try:
        return _call(_LANDLOCK_CREATE, None, ctypes.c_size_t(0), ctypes.c_uint(_LANDLOCK_VERSION))
    except OSError:
        return 0


def deny_files() -> bool:
    """Open, make, change or execute no file from here on; whether Landlock could be used.

    The ruleset handles every right that the kernel knows and allows none. Descriptors that are
    open stay as they are. Rights by version: 13 of the file system in 1, one more in 2, 3 and 5;
    TCP in 4; signals and abstract sockets to processes outside in 6 (landlock(7)).
    """
    version = landlock_version()
    if version < 1:
        return False
    files = (1 << (13 + (version >= 2) + (version >= 3) + (version >= 5))) - 1
    fields = [files] + [3] * (version >= 4) + [3] * (version >= 6)
    attributes = struct.pack(f"={len(fields)}Q", *fields)
    size = ctypes.c_size_t(len(attributes))
    rules = _call(_LANDLOCK_CREATE, attributes, size, ctypes.c_uint(0))
    try:
        _call(_LANDLOCK_RESTRICT, ctypes.c_int(rules), ctypes.c_uint(0))
    finally:
        os.close(rules)
    return True


def filter_calls(program: list[tuple[int, int, int, int]]) -> bool:
    """Let a program in classic BPF decide on every system call; whether the kernel can.

    Args:
        program: instructions, each code, jump if true, jump if false, operand.
    """
    code = b"".join(_INSTRUCTION.pack(*one) for one in program)
    held = ctypes.create_string_buffer(code, len(code))
    whole = _Program(len(program), ctypes.cast(held, ctypes.c_void_p))
    try:
        _prctl(_PR_SET_SECCOMP, _SECCOMP_MODE_FILTER, ctypes.pointer(whole))
    except OSError:
        return False
    return True
