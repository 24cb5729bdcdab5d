"""What one service may use: where its state lies, where it listens, and its limits."""

from __future__ import annotations

import ipaddress
import math
import os
from dataclasses import dataclass, field, fields
from pathlib import Path

from mien.errors import OptionError

LOCAL_NAMES = ("localhost",)
"""Host names that mean this machine."""


@dataclass(frozen=True)
class Settings:
    """Settings of one service.

    Args:
        folder: of the state: the database and one folder a job.
        host: address to listen at.
        port: to listen at; 0 for any free one.
        allow_hosts: names under which browsers may reach the service, beside addresses and
            ``localhost``.
        workers: analyses at a time.
        max_upload: bytes of an upload at most.
        max_duration: seconds of a recording at most.
        max_queue: jobs that wait at most.
        max_jobs: jobs that one key may have on the service, finished ones too.
        min_free: bytes of the disk that uploads leave free.
        job_seconds: wall time of one job at most.
        job_memory: bytes that the process of one job may allocate.
        upload_idle: seconds without a byte after which an upload is given up.
        live_sessions: live sessions at a time.

    Raises:
        OptionError: if a limit is not a number above 0.
    """

    folder: Path
    host: str = "127.0.0.1"
    port: int = 8765
    allow_hosts: tuple[str, ...] = ()
    workers: int = field(default_factory=lambda: min(2, len(os.sched_getaffinity(0))))
    max_upload: int = 2 * 10**9
    max_duration: float = 48 * 3600.0
    max_queue: int = 100
    max_jobs: int = 1000
    min_free: int = 10**9
    job_seconds: float = 4 * 3600.0
    job_memory: int = 8 * 10**9
    upload_idle: float = 30.0
    live_sessions: int = 2

    def __post_init__(self) -> None:
        for one in fields(self):
            value = getattr(self, one.name)
            if one.name in ("folder", "host", "allow_hosts"):
                continue
            least = 0 if one.name in ("port", "min_free") else 1e-9
            if not (isinstance(value, int | float) and math.isfinite(value) and value >= least):
                raise OptionError(f"{one.name} cannot be {value!r}; give a number above 0.")

    @property
    def loopback(self) -> bool:
        """Whether only this machine can reach the service."""
        return is_loopback(self.host)


def is_loopback(host: str) -> bool:
    """Whether an address or name means this machine.

    Examples:
        >>> is_loopback("127.0.0.1"), is_loopback("::1"), is_loopback("0.0.0.0")
        (True, True, False)
    """
    if host.lower() in LOCAL_NAMES:
        return True
    try:
        return ipaddress.ip_address(host.strip("[]")).is_loopback
    except ValueError:
        return False
