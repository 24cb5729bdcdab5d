"""Emotion while it happens: sound and pictures are pushed, rows come out.

:class:`Session` is the one incremental path, used by ``mien live`` and by the page ``/live``. It
uses the stages of an analysis (detectors, speech detection, recogniser, branches, fusion) on the
last minute of what came in.
"""

from mien.live.rows import Counts, FaceSeen, PictureRow, Row, UtteranceRow, WindowRow
from mien.live.session import Session

__all__ = ["Counts", "FaceSeen", "PictureRow", "Row", "Session", "UtteranceRow", "WindowRow"]
