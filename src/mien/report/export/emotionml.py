"""EmotionML 1.0 (W3C Recommendation, 22 May 2014): one emotion per segment and modality.

The W3C's vocabulary *big6* has no neutral and uses happiness for joy. The document therefore
defines its own vocabulary, ``big6-neutral``, with the same names and neutral.
"""

from __future__ import annotations

import os
from pathlib import Path
from urllib.parse import quote
from xml.etree import ElementTree as Xml

from mien.analysis.analysis import Analysis
from mien.analysis.evidence import Evidence
from mien.emotions import MIEN7
from mien.outputs import BLANK_SEAL
from mien.report.export.legal import legal, legal_name
from mien.report.rows import SMOOTHED, tiers

NAMESPACE = "http://www.w3.org/2009/10/emotionml"
VOCABULARY = "big6-neutral"
_NAMES = {"joy": "happiness"}
# The Recommendation's channels of expression ("expressed-through").
_CHANNELS = {"text": "text", "voice": "voice", "face": "face"}


def write_emotionml(analysis: Analysis, path: Path) -> None:
    """Every row with a prediction as an ``<emotion>``; the standard cannot express absent rows.

    A category's ``value`` is its probability, ``confidence`` the quality of the row. Times are
    given as a fragment of the recording, in seconds (W3C Media Fragments 1.0).
    """
    Xml.register_namespace("", NAMESPACE)
    root = Xml.Element(_tag("emotionml"), {"version": "1.0", "category-set": f"#{VOCABULARY}"})
    info = Xml.SubElement(root, _tag("info"))
    info.text = (
        f"mien {analysis.provenance.mien}: how an observer would name the expression, not what a "
        f"person feels. The value of a category is its probability. ({BLANK_SEAL})"
    )
    vocabulary = Xml.SubElement(root, _tag("vocabulary"), {"type": "category", "id": VOCABULARY})
    for label in MIEN7.labels:
        Xml.SubElement(vocabulary, _tag("item"), {"name": _NAMES.get(label, label)})
    for name, who, evidence in tiers(analysis):
        if name != SMOOTHED:
            _add_rows(root, analysis, evidence, name, who)
    Xml.indent(root)
    Xml.ElementTree(root).write(path, encoding="utf-8", xml_declaration=True)


def _tag(name: str) -> str:
    return f"{{{NAMESPACE}}}{name}"


def _add_rows(
    root: Xml.Element, analysis: Analysis, evidence: Evidence, name: str, who: int | None
) -> None:
    media = quote(os.fsencode(Path(analysis.clip.path).name))
    for i, segment in enumerate(analysis.segments):
        if evidence.reasons[i]:
            continue
        identity = legal_name(f"{name}-{i}" if who is None else f"{name}-person{who}-{i}")
        channels = _channels(analysis, name, i)
        through = {"expressed-through": legal(channels)} if channels else {}
        emotion = Xml.SubElement(root, _tag("emotion"), {"id": identity} | through)
        for label, prob in zip(MIEN7.labels, evidence.probs[i], strict=True):
            Xml.SubElement(
                emotion,
                _tag("category"),
                {
                    "name": _NAMES.get(label, label),
                    "value": f"{prob:.4f}",
                    "confidence": f"{evidence.quality[i]:.4f}",
                },
            )
        part = f"#t={segment.start:.3f},{segment.end:.3f}" if segment.duration > 0 else ""
        Xml.SubElement(emotion, _tag("reference"), {"uri": f"{media}{part}", "role": "expressedBy"})


def _channels(analysis: Analysis, name: str, row: int) -> str:
    """The channels of a row; for the fused row those that were present."""
    if name in analysis.by_branch:
        return _CHANNELS.get(name, name)
    there = [n for n, e in analysis.by_branch.items() if e.present[row]]
    return " ".join(_CHANNELS.get(n, n) for n in there)
