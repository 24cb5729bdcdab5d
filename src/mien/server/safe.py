"""Messages made fit for a client."""

from __future__ import annotations

import re

MOST = 600
_PATH = re.compile(r"(?<![\w/.:])/(?:[^\s/'\"();,]+/)*[^\s/'\"();,]*(?=[\s'\"();,:.]|$)")


def safe(message: str) -> str:
    """A message without absolute paths, at most ``MOST`` characters.

    Examples:
        >>> safe("'/var/lib/x/a.wav' is damaged; give .mp4 and/or 1/2"), safe("see https://a.b/c")
        ("'...' is damaged; give .mp4 and/or 1/2", 'see https://a.b/c')
    """
    plain = _PATH.sub("...", message)
    return plain if len(plain) <= MOST else plain[: MOST - 3] + "..."
