"""What a worker of the service does in tests of its page; imported by worker processes."""

from __future__ import annotations

import json
import time
from pathlib import Path
from typing import Any


def analysed(upload: str, options: dict, out: str) -> dict:
    """What a worker does: the planted analysis; a text that is JSON says more.

    ``lines`` are the words, ``seconds`` the length, ``wait`` seconds of work, ``fail`` a message.
    A recording named ``upload.mov`` counts as too large to be embedded in its report.
    """
    from mien.batch.pool import tell
    from mien.report.page import media
    from mien.server.child import write_results
    from pages import planted

    path = Path(upload)
    media.AUTO_LIMIT = 10 if path.name == "upload.mov" else 48 * 2**20
    head = path.read_bytes()[:10_000]
    said: dict[str, Any] = json.loads(head) if head.startswith(b"{") else {}
    for step in range(int(said.get("wait", 0) * 10)):
        tell(("recognising speech", step / said["wait"] / 10))
        time.sleep(0.1)
    if "fail" in said:
        return {"error": ("MediaError", said["fail"])}
    lines = tuple(said.get("lines", ("first line", "second line")))
    seconds = float(said.get("seconds", 6.0))
    step = 0.5 if seconds <= 60 else 2.5
    analysis = planted(seconds, step, name=path.name, lines=lines, faces=4)
    write_results(analysis, str(path), Path(out))
    return {"duration": seconds}
