"""The log: one JSON object a line on the error stream, without names, words or paths."""

from __future__ import annotations

import json
import logging
import sys
from datetime import UTC, datetime
from typing import Any

from mien.server.gate import frames

_OWN = (
    "method",
    "route",
    "status",
    "ms",
    "job",
    "state",
    "stage",
    "bytes",
    "error",
    "count",
    "url",
)
"""What a record may say beside its event."""


class JsonFormatter(logging.Formatter):
    """A record as one line of JSON; of an exception, type and place without its message."""

    def format(self, record: logging.LogRecord) -> str:
        """The line."""
        line: dict[str, Any] = {
            "time": datetime.fromtimestamp(record.created, UTC).isoformat(timespec="milliseconds"),
            "level": record.levelname.lower(),
            "logger": record.name,
            "event": record.getMessage(),
        }
        line |= {name: value for name in _OWN if (value := getattr(record, name, None)) is not None}
        if record.exc_info and record.exc_info[1] is not None:
            line["event"] = line["event"].split("\n")[0]
            line["error"] = frames(record.exc_info[1])
        return json.dumps(line, ensure_ascii=False)


def configure() -> None:
    """Send the log of the service and of uvicorn to the error stream as JSON."""
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(JsonFormatter())
    for name in ("mien.server", "uvicorn", "uvicorn.error"):
        logger = logging.getLogger(name)
        logger.handlers = [handler] if name != "uvicorn.error" else []
        logger.propagate = name == "uvicorn.error"
        # uvicorn says where it listens in its own words; we say it as a field.
        logger.setLevel(logging.INFO if name == "mien.server" else logging.WARNING)
