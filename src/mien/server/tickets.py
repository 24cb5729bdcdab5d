"""Tickets: short permits in an address, for what a browser fetches without a header.

A frame or a player of the page cannot send the key of the user. So the page asks for a ticket of
one job, which opens its report and its recording for a while, and nothing else.
"""

from __future__ import annotations

import hashlib
import hmac
import secrets
import time

SECONDS = 3600
"""For which a ticket holds; one ends earlier when the service is started again."""


class Tickets:
    """Makes and checks tickets, with a secret of this run of the service."""

    def __init__(self) -> None:
        self._secret = secrets.token_bytes(32)

    def make(self, job: str) -> tuple[str, float]:
        """A ticket for a job, and when it ends in seconds since 1970."""
        until = int(time.time()) + SECONDS
        return f"{until}.{self._sign(job, until)}", float(until)

    def opens(self, job: str, ticket: str) -> bool:
        """Whether a ticket is one for this job and still holds."""
        until, _, sign = ticket.partition(".")
        if not (until.isascii() and until.isdecimal() and len(until) < 16 and sign.isascii()):
            return False
        good = hmac.compare_digest(sign, self._sign(job, int(until)))
        return good and int(until) > time.time()

    def _sign(self, job: str, until: int) -> str:
        message = f"{job} {until}".encode()
        return hmac.new(self._secret, message, hashlib.sha256).hexdigest()
