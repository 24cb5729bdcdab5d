"""What a decoder that was taken over may try; loaded by the server of a sandbox in tests alone.

The name of the file chooses. An attempt gives, as the notes of the clip, what became of it.
"""

import ctypes
import errno
import mmap
import os
import platform
import signal
import socket
import stat
import struct
import time

import numpy as np

from mien.media import open_clip as real
from mien.scene import AudioBlock, ClipFacts

LIBC = ctypes.CDLL(None, use_errno=True)
X86 = platform.machine() == "x86_64"
PARENT = os.getppid()
NAME = ""  # of the file, as soon as it is opened
SCRATCH = os.environ.get("PYTHON_HOSTILE_SCRATCH", "/tmp")
SECRETS = sorted(name for name in os.environ if "SECRET" in name)


def call(number, *given):
    if LIBC.syscall(number, *given) < 0:
        raise OSError(ctypes.get_errno(), "call")


def forked():
    if os.fork() == 0:
        LIBC.quick_exit(0)


def unix():
    with socket.socket(socket.AF_UNIX) as s:
        s.connect("/tmp/nothing")


def executable_memory():
    mmap.mmap(-1, 4096, prot=mmap.PROT_READ | mmap.PROT_WRITE | mmap.PROT_EXEC)


def hand_out_descriptor():
    socket.send_fds(socket.socket(fileno=channel()), [b"x"], [0])


ATTEMPTS = {
    "read-other": lambda: open("/etc/hostname").close(),
    "read-itself-by-name": lambda: open(NAME).close(),
    "read-memory": lambda: open("/proc/self/mem", "rb").close(),
    "read-own-descriptor": lambda: open("/proc/self/fd/0", "rb").close(),
    "list": lambda: os.listdir("/"),
    "stat": lambda: os.stat("/etc/hostname"),
    "write": lambda: open(f"{SCRATCH}/left", "w").close(),
    "mkdir": lambda: os.mkdir(f"{SCRATCH}/left"),
    "unlink": lambda: os.unlink(NAME),
    "rename": lambda: os.rename(NAME, f"{NAME}.gone"),
    "chmod": lambda: os.chmod(NAME, 0),
    "symlink": lambda: os.symlink("/etc", f"{SCRATCH}/left"),
    "truncate": lambda: os.truncate(NAME, 0),
    "chdir": lambda: os.chdir("/"),
    "memfd": lambda: os.memfd_create("x"),
    "inet": lambda: socket.socket(socket.AF_INET),
    "inet6-udp": lambda: socket.socket(socket.AF_INET6, socket.SOCK_DGRAM),
    "netlink": lambda: socket.socket(socket.AF_NETLINK, socket.SOCK_RAW),
    "unix": unix,
    "hand-out-descriptor": hand_out_descriptor,
    "fork": forked,
    "exec": lambda: os.execv("/bin/true", ["/bin/true"]),
    "spawn": lambda: os.posix_spawn("/bin/true", ["/bin/true"], {}),
    "signal-parent": lambda: os.kill(PARENT, 0),
    "signal-own-kind": lambda: os.kill(os.getpid(), 0),
    "more-files": lambda: call(160 if X86 else 164, 7, struct.pack("=QQ", 60, 60)),
    "executable-memory": executable_memory,
    "ptrace": lambda: call(101 if X86 else 117, 0, 0, 0, 0),
    "other-process-memory": lambda: call(310 if X86 else 270, PARENT, None, 0, None, 0, 0),
    "new-namespace": lambda: call(272 if X86 else 97, 0x10000000),
    "io-uring": lambda: call(425, 1, None),
    "bpf": lambda: call(321 if X86 else 280, 0, None, 0),
    "landlock-again": lambda: call(444, None, 0, 1),
    "owner-of-signals": lambda: __import__("fcntl").fcntl(0, 8, PARENT),
    "dumpable": lambda: call(157 if X86 else 167, 4, 1, 0, 0, 0),
    "process-by-raw-clone": lambda: call(56 if X86 else 220, signal.SIGCHLD, 0, 0, 0, 0),
    "x32-call": lambda: call(0x40000000 | 39),
}


def channel():
    return next(n for n in range(3, 64) if is_socket(n))


def is_socket(number):
    try:
        return stat.S_ISSOCK(os.fstat(number).st_mode)
    except OSError:
        return False


def is_spool(number):
    try:
        return os.fstat(number).st_size == 0 and not is_socket(number)
    except OSError:
        return False


def say(content):
    os.write(channel(), struct.pack("<I", len(content)) + content)


def spin():
    while True:
        pass


def fill():
    number = next(n for n in range(3, 64) if is_spool(n))
    block = b"\0" * 1_000_000
    while True:
        os.pwrite(number, block, os.fstat(number).st_size)


def swallow():
    held = []
    while True:
        held.append(np.ones(10_000_000))


def killed(number):
    ctypes.CDLL(None).signal(number, None)  # the default; Python sets it in the main thread alone
    signal.raise_signal(number)


def recurse():
    return recurse() + 1


ENDS = {
    "spin": spin,
    "hang": lambda: time.sleep(1000),
    "fill": fill,
    "allocate": lambda: bytearray(100_000_000_000),
    "swallow": swallow,
    "segfault": lambda: ctypes.string_at(0),
    "abort": lambda: killed(signal.SIGABRT),
    "illegal": lambda: killed(signal.SIGILL),
    "bus": lambda: killed(signal.SIGBUS),
    "kill": lambda: killed(signal.SIGKILL),
    "leave": lambda: LIBC.quick_exit(3),
    "leave-well": lambda: LIBC.quick_exit(0),
    "wrong": lambda: 1 / 0,
    "recurse": recurse,
    "garbage": lambda: os.write(channel(), os.urandom(1000)),
    "empty": lambda: say(b""),
    "endless-message": lambda: os.write(channel(), b"\xff\xff\xff\xff" + b"x" * 10_000),
    "half-message": lambda: (os.write(channel(), b"\xff\0\0\0abc"), LIBC.quick_exit(0)),
    "other-type": lambda: say(b"\x93\x01\x02\x03"),
    "unknown-tag": lambda: say(b"\x81\xa4type\xa4evil"),
    "deep": lambda: say(b"\x91" * 100_000),
    "out-of-turn": lambda: say(b"\x82\xa4type\xa8progress\xa5share\xcb\x3f\xe0" + bytes(6)),
    "too-much": lambda: say(b"\x82\xa4type\xa8progress\xa5share\xcb\x40\xe0" + bytes(6)),
    "no-number": lambda: say(b"\x82\xa4type\xa8progress\xa5share\xcb\x7f\xf8" + bytes(6)),
}


class Clip:
    """Facts and, where it says so, an end while it is played."""

    def __init__(self, notes=(), ends=None):
        self.facts = ClipFacts(NAME, "recording", 1.0, "x", has_audio=True, notes=tuple(notes))
        self.ends = ends

    def play(self, rate):
        yield AudioBlock(0.0, np.zeros(1600, np.float32))
        self.ends()
        time.sleep(2)

    def close(self):
        pass


def open_clip(name, options):
    globals()["NAME"] = name
    what = os.path.basename(name).rpartition(".")[0]
    if what == "secrets":
        return Clip(SECRETS)
    if what in ATTEMPTS:
        try:
            ATTEMPTS[what]()
        except OSError as error:
            return Clip([errno.errorcode[error.errno]])
        return Clip(["it could"])
    moment, _, end = what.partition("-")
    if end in ENDS and moment == "opening":
        ENDS[end]()
        time.sleep(2)
    return Clip(ends=ENDS[end]) if end in ENDS else real(name, options)
