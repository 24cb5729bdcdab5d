"""Which system calls a confined process may make, as a program for seccomp.

Everything that is not listed fails with EPERM: opening files, sockets, new processes, programs,
signals to others. Threads are allowed, since decoders use them.
"""

from __future__ import annotations

import errno
import os
import platform

Instruction = tuple[int, int, int, int]

_LOAD, _RETURN = 0x20, 0x06
_EQUAL, _AT_LEAST, _ANY_BIT = 0x15, 0x35, 0x45
_ALLOW, _KILL, _FAIL = 0x7FFF0000, 0x80000000, 0x00050000
_NUMBER, _ARCHITECTURE, _ARGUMENTS = 0, 4, 16
_X32 = 0x40000000

_CLONE_THREAD, _PROT_EXEC, _AT_EMPTY_PATH, _PR_SET_NAME = 0x10000, 4, 0x1000, 15
_FCNTL = (0, 1, 2, 3, 1030)
"""F_DUPFD, F_GETFD, F_SETFD, F_GETFL, F_DUPFD_CLOEXEC; not F_SETOWN, which can send signals."""

ALLOWED = (
    # memory
    "brk", "madvise", "mremap", "munmap",
    # descriptors that are open
    "close", "dup", "fstat", "ftruncate", "lseek", "poll", "ppoll", "pread64", "preadv", "pselect6",
    "pwrite64", "read", "readv", "recvfrom", "select", "sendto", "shutdown", "write", "writev",
    # threads and signals of the process itself
    "exit", "exit_group", "futex", "get_robust_list", "getpid", "gettid", "membarrier",
    "restart_syscall", "rseq", "rt_sigaction", "rt_sigprocmask", "rt_sigreturn", "sigaltstack",
    "sched_getaffinity", "sched_getparam", "sched_getscheduler", "sched_yield", "set_robust_list",
    "set_tid_address",
    # time and facts of the machine
    "clock_getres", "clock_gettime", "clock_nanosleep", "getcpu", "getrandom", "getrusage",
    "gettimeofday", "nanosleep", "sysinfo", "time", "times", "uname",
)  # fmt: skip
"""Allowed with any arguments."""
SOMETIMES = ("clone", "fcntl", "mmap", "mprotect", "newfstatat", "prctl", "prlimit64", "tgkill")
"""Allowed with some arguments; see :func:`_conditions`."""
_ANSWERED = {"clone3": errno.ENOSYS, "ioctl": errno.ENOTTY}
"""What callers have an answer to: glibc then makes its threads by ``clone``."""

# Linux, arch/x86/entry/syscalls/syscall_64.tbl and include/uapi/asm-generic/unistd.h.
_X86_64 = {
    "read": 0, "write": 1, "close": 3, "fstat": 5, "poll": 7, "lseek": 8, "mmap": 9, "mprotect": 10,
    "munmap": 11, "brk": 12, "rt_sigaction": 13, "rt_sigprocmask": 14, "rt_sigreturn": 15,
    "ioctl": 16, "pread64": 17, "pwrite64": 18, "readv": 19, "writev": 20, "select": 23,
    "sched_yield": 24, "mremap": 25, "madvise": 28, "dup": 32, "nanosleep": 35, "getpid": 39,
    "sendto": 44, "recvfrom": 45, "shutdown": 48, "clone": 56, "exit": 60, "uname": 63, "fcntl": 72,
    "ftruncate": 77, "gettimeofday": 96, "getrusage": 98, "sysinfo": 99, "times": 100,
    "sigaltstack": 131, "sched_getparam": 143, "sched_getscheduler": 145, "prctl": 157,
    "gettid": 186, "time": 201, "futex": 202, "sched_getaffinity": 204, "set_tid_address": 218,
    "restart_syscall": 219, "clock_gettime": 228, "clock_getres": 229, "clock_nanosleep": 230,
    "exit_group": 231, "tgkill": 234, "newfstatat": 262, "pselect6": 270, "ppoll": 271,
    "set_robust_list": 273, "get_robust_list": 274, "preadv": 295, "prlimit64": 302, "getcpu": 309,
    "getrandom": 318, "membarrier": 324, "rseq": 334, "clone3": 435,
}  # fmt: skip
_AARCH64 = {
    "dup": 23, "fcntl": 25, "ioctl": 29, "ftruncate": 46, "close": 57, "lseek": 62, "read": 63,
    "write": 64, "readv": 65, "writev": 66, "pread64": 67, "pwrite64": 68, "preadv": 69,
    "pselect6": 72, "ppoll": 73, "newfstatat": 79, "fstat": 80, "exit": 93, "exit_group": 94,
    "set_tid_address": 96, "futex": 98, "set_robust_list": 99, "get_robust_list": 100,
    "nanosleep": 101, "clock_gettime": 113, "clock_getres": 114, "clock_nanosleep": 115,
    "sched_getscheduler": 120, "sched_getparam": 121, "sched_getaffinity": 123, "sched_yield": 124,
    "restart_syscall": 128, "tgkill": 131, "sigaltstack": 132, "rt_sigaction": 134,
    "rt_sigprocmask": 135, "rt_sigreturn": 139, "times": 153, "uname": 160, "getrusage": 165,
    "prctl": 167, "getcpu": 168, "gettimeofday": 169, "getpid": 172, "gettid": 178, "sysinfo": 179,
    "sendto": 206, "recvfrom": 207, "shutdown": 210, "brk": 214, "munmap": 215, "mremap": 216,
    "clone": 220, "mmap": 222, "mprotect": 226, "madvise": 233, "prlimit64": 261, "getrandom": 278,
    "membarrier": 283, "rseq": 293, "clone3": 435,
}  # fmt: skip
NUMBERS = {"x86_64": (0xC000003E, _X86_64), "aarch64": (0xC00000B7, _AARCH64)}
"""By machine: how the kernel names it, and its numbers of the calls."""


def program(machine: str | None = None) -> list[Instruction] | None:
    """The filter for the process that calls this; None for a machine that is not known."""
    known = NUMBERS.get(machine or platform.machine())
    if known is None:
        return None
    architecture, numbers = known
    out: list[Instruction] = [
        (_LOAD, 0, 0, _ARCHITECTURE),
        (_EQUAL, 1, 0, architecture),
        (_RETURN, 0, 0, _KILL),
        (_LOAD, 0, 0, _NUMBER),
        (_AT_LEAST, 0, 1, _X32),
        (_RETURN, 0, 0, _FAIL | errno.EPERM),
    ]
    for name in ALLOWED:
        if name in numbers:
            out += [(_EQUAL, 0, 1, numbers[name]), (_RETURN, 0, 0, _ALLOW)]
    for name, code in _ANSWERED.items():
        out += [(_EQUAL, 0, 1, numbers[name]), (_RETURN, 0, 0, _FAIL | code)]
    for name, block in _conditions().items():
        out += [(_EQUAL, 0, len(block), numbers[name]), *block]
    return [*out, (_RETURN, 0, 0, _FAIL | errno.EPERM)]


def _conditions() -> dict[str, list[Instruction]]:
    """By call, what is allowed of it; each block returns."""
    allow, deny = (_RETURN, 0, 0, _ALLOW), (_RETURN, 0, 0, _FAIL | errno.EPERM)

    def words(argument: int) -> Instruction:
        return (_LOAD, 0, 0, _ARGUMENTS + 8 * argument)

    def with_bit(argument: int, bit: int) -> list[Instruction]:
        return [words(argument), (_ANY_BIT, 0, 1, bit), allow, deny]

    def without_bit(argument: int, bit: int) -> list[Instruction]:
        return [words(argument), (_ANY_BIT, 0, 1, bit), deny, allow]

    def among(argument: int, values: tuple[int, ...]) -> list[Instruction]:
        tests = [step for v in values for step in ((_EQUAL, 0, 1, v), allow)]
        return [words(argument), *tests, deny]

    high = (_LOAD, 0, 0, _ARGUMENTS + 8 * 2 + 4)
    null = [words(2), (_EQUAL, 1, 0, 0), deny, high, (_EQUAL, 1, 0, 0), deny, allow]
    return {
        "clone": with_bit(0, _CLONE_THREAD),
        "fcntl": among(1, _FCNTL),
        "mmap": without_bit(2, _PROT_EXEC),
        "mprotect": without_bit(2, _PROT_EXEC),
        "newfstatat": with_bit(3, _AT_EMPTY_PATH),
        "prctl": among(0, (_PR_SET_NAME,)),
        "prlimit64": null,
        "tgkill": among(0, (os.getpid(),)),
    }
