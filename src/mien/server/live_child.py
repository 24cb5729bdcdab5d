"""The process of one live session: it takes sound and pictures, and gives rows as JSON.

Messages to it: ``S`` sound, ``P`` a picture, ``E`` the end; see :data:`HEAD`. Its answers are JSON
objects: ``ready``, the rows, ``counts``, ``ended``, ``failed``. Pictures are decoded in a second
process, which is confined (:mod:`mien.sandbox.pictures`).
"""

from __future__ import annotations

import contextlib
import json
import os
import struct
import sys
import threading
from collections.abc import Mapping
from multiprocessing.connection import Connection
from typing import Any

SOUND, PICTURE, END = b"S", b"P", b"E"
HEAD = struct.Struct("<d")
"""Behind the letter: the time of the first sample, or of the picture, in seconds."""
BETWEEN_COUNTS = 1.0
"""Seconds between two answers that say what was taken."""


def serve(channel: Connection, options: Mapping[str, Any], rate: int, form: str) -> None:
    """Run one session until its end or that of the channel.

    Args:
        channel: to the service.
        options: plain values of :class:`mien.options.Options`.
        rate: samples per second of the sound.
        form: ``int16`` or ``float32``.
    """
    if sys.platform == "linux":
        from mien.sandbox.kernel import die_with

        die_with(os.getppid())
    from mien.memory import keep_little

    keep_little()
    answer = _Answers(channel)
    try:
        _serve(channel, options, rate, form, answer)
    except EOFError:
        pass  # the browser, or the service, is gone
    except Exception as error:
        from mien.errors import MienError

        known = isinstance(error, MienError)
        said = str(error) if known else type(error).__name__
        answer({"kind": "failed", "type": type(error).__name__, "message": said})
    finally:
        channel.close()


def _serve(
    channel: Connection, options: Mapping[str, Any], rate: int, form: str, answer: _Answers
) -> None:
    import numpy as np

    from mien.live import Session
    from mien.options import Options

    session = Session(Options.from_dict(options), lambda row: answer(row.to_dict()))
    session.start()
    try:
        answer({"kind": "ready"})
        ended = threading.Event()
        teller = threading.Thread(target=_tell, args=(session, answer, ended), daemon=True)
        teller.start()
        while (message := channel.recv_bytes())[:1] != END:
            (at,) = HEAD.unpack_from(message, 1)
            content = message[1 + HEAD.size :]
            if message[:1] == SOUND:
                session.push_sound(np.frombuffer(content, form), rate, at)
            else:
                session.push_picture(content, at)
        ended.set()
        session.finish()
        answer({**session.counts.to_dict(), "kind": "ended"})
    except BaseException:
        session.stop()
        raise


def _tell(session: Any, answer: _Answers, ended: threading.Event) -> None:
    while not ended.wait(BETWEEN_COUNTS):
        answer(session.counts.to_dict())


class _Answers:
    """Answers, by any thread."""

    def __init__(self, channel: Connection) -> None:
        self._channel, self._turn = channel, threading.Lock()

    def __call__(self, value: Mapping[str, Any]) -> None:
        """Send one; nothing happens if nobody is there any more."""
        with self._turn, contextlib.suppress(OSError):
            self._channel.send_bytes(json.dumps(value).encode())
