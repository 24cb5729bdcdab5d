"""What a confined process may use for one file."""

from __future__ import annotations

import math
from dataclasses import dataclass
from pathlib import Path

from mien.errors import OptionError
from mien.options import MediaOptions

OPEN_FILES = 64
"""Descriptors that a confined process may have open."""
SPOOL_START, SPOOL_RATE = 64_000_000, 256
"""Bytes of a temporary file for any recording, and for each byte of it: the sound of a recording
takes 32 kB a second, so this is enough down to 1 kbit/s."""
_GRACE = 2
"""Seconds of processor time until a process that goes on is killed."""
ANSWER_START, ANSWER_RATE, ANSWER_MOST = 16_000_000, 64, 1_000_000_000
"""Bytes of the answer for any recording, for each byte of it, and at most."""
UNCLAIMED, LEAST_RATE = 2000.0, 125.0
"""Bytes a second that are assumed of a recording whose header claims no length, and that one has
at least: a claim that would mean less is not believed when time is given."""


@dataclass(frozen=True)
class Limits:
    """What a confined process may use for one file.

    Args:
        memory: bytes of address space beyond those that the process begins with.
        processor: seconds of processor time.
        opening: seconds of wall time until the file is opened.
        minute: seconds of wall time for each minute of the recording, on top.
        longest: seconds of a recording that count at most.
        spool: bytes of each of the two temporary files.
        answer: bytes of the answer.
        files: descriptors that are open at a time.

    Raises:
        OptionError: if one of them is not a positive finite number.
    """

    memory: int
    processor: int
    opening: float
    minute: float
    longest: float
    spool: int
    answer: int = ANSWER_MOST
    files: int = OPEN_FILES

    def __post_init__(self) -> None:
        for name, value in vars(self).items():
            if not (math.isfinite(value) and value > 0):
                raise OptionError(f"The limit {name!r} is {value!r}; give a number above 0.")

    @classmethod
    def of(cls, options: MediaOptions, size: int) -> Limits:
        """The limits for a file of ``size`` bytes."""
        megabytes = size / 1e6
        spool = min(options.sandbox_disk * 1e9, SPOOL_START + SPOOL_RATE * size)
        return cls(
            memory=round(options.sandbox_memory * 1e9),
            processor=math.ceil(options.sandbox_cpu * (1 + megabytes)),
            opening=options.sandbox_wall,
            minute=options.sandbox_wall,
            longest=3600 * options.max_hours,
            spool=round(spool),
            answer=min(ANSWER_MOST, ANSWER_START + ANSWER_RATE * size),
        )

    def wall(self, duration: float, size: int) -> float:
        """Seconds of wall time for watching a file.

        Args:
            duration: seconds that its header claims, 0 if it claims none.
            size: bytes of the file.
        """
        believed = min(duration or size / UNCLAIMED, size / LEAST_RATE, self.longest)
        return self.opening + self.minute * believed / 60

    def impose(self) -> None:
        """Set the limits of this process; a limit that is lower already stays."""
        import resource

        pages = int(Path("/proc/self/statm").read_text(encoding="ascii").split()[0])
        begun = pages * resource.getpagesize()
        for kind, value in (
            (resource.RLIMIT_AS, begun + self.memory),
            (resource.RLIMIT_CPU, self.processor),
            (resource.RLIMIT_FSIZE, self.spool),
            (resource.RLIMIT_NOFILE, self.files),
            (resource.RLIMIT_CORE, 0),
        ):
            hard = resource.getrlimit(kind)[1]
            # Past the first bound of processor time comes SIGXCPU, which tells what happened.
            last = value + _GRACE * (kind == resource.RLIMIT_CPU)
            last = last if hard == resource.RLIM_INFINITY else min(last, hard)
            resource.setrlimit(kind, (min(value, last), last))
