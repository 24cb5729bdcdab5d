"""mien: emotion in a recording, by its words, its voice and its faces.

    >>> import mien
    >>> analysis = mien.analyze_text("I am so happy to see you!")
    >>> analysis.fused.top(0)
    'joy'

The label names how an observer would name the expression, not what a person feels.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

__version__ = "0.2.0"

if TYPE_CHECKING:
    from mien.analysis.analysis import Analysis
    from mien.analysis.evidence import Evidence
    from mien.analyzer import Analyzer
    from mien.emotions import MIEN7, LabelMap
    from mien.errors import MienError
    from mien.options import (
        FaceOptions,
        FusionOptions,
        MediaOptions,
        Options,
        SegmentationOptions,
        SpeechOptions,
    )
    from mien.shortcuts import analyze, analyze_text
    from mien.timebase import Segment

_HOMES = {
    "Analysis": "mien.analysis.analysis",
    "Analyzer": "mien.analyzer",
    "Evidence": "mien.analysis.evidence",
    "LabelMap": "mien.emotions",
    "MIEN7": "mien.emotions",
    "MienError": "mien.errors",
    "FaceOptions": "mien.options",
    "FusionOptions": "mien.options",
    "MediaOptions": "mien.options",
    "Options": "mien.options",
    "Segment": "mien.timebase",
    "SegmentationOptions": "mien.options",
    "SpeechOptions": "mien.options",
    "analyze": "mien.shortcuts",
    "analyze_text": "mien.shortcuts",
}

__all__ = [
    "MIEN7",
    "Analysis",
    "Analyzer",
    "Evidence",
    "FaceOptions",
    "FusionOptions",
    "LabelMap",
    "MediaOptions",
    "MienError",
    "Options",
    "Segment",
    "SegmentationOptions",
    "SpeechOptions",
    "analyze",
    "analyze_text",
]


def __getattr__(name: str) -> Any:
    """Public names load when they are first used, so that ``import mien`` stays light."""
    if name not in _HOMES:
        raise AttributeError(f"module 'mien' has no attribute {name!r}")
    from importlib import import_module

    return getattr(import_module(_HOMES[name]), name)


def __dir__() -> list[str]:
    return sorted([*globals(), *_HOMES])
