"""Label Studio: the timeline as predictions for annotators to correct."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from mien.analysis.analysis import Analysis
from mien.report.rows import tier_name, tiers
from mien.report.spans import spans

DATA_KEY = "audio"


def write_labelstudio(analysis: Analysis, path: Path) -> None:
    """One task with a prediction per modality; each span of one label is a region.

    The matching labelling interface is in ``docs/exports.md``. ``data`` names the recording;
    replace it by the address at which your Label Studio serves the file.
    """
    task = {
        "data": {DATA_KEY: analysis.clip.name},
        "predictions": [
            {
                "model_version": f"mien {analysis.provenance.mien} {tier_name(name, who)}",
                "score": round(sum(s.prob for s in found) / len(found), 4),
                "result": [
                    _region(tier_name(name, who), i, span.segment.start, span.segment.end,
                            span.label, span.prob)
                    for i, span in enumerate(found)
                ],
            }
            for name, who, evidence in tiers(analysis)
            if (found := spans(evidence))
        ],
    }  # fmt: skip
    path.write_text(json.dumps([task], indent=1, ensure_ascii=False) + "\n", encoding="utf-8")


def _region(
    tier: str, number: int, start: float, end: float, label: str, prob: float
) -> dict[str, Any]:
    return {
        "id": f"{''.join(c if c.isalnum() else '-' for c in tier)}-{number}",
        "from_name": "emotion",
        "to_name": DATA_KEY,
        "type": "labels",
        "score": round(prob, 4),
        "value": {"start": round(start, 3), "end": round(end, 3), "labels": [label]},
    }
