"""The data of the page's scripts: plain values, compact enough for a recording of hours.

Probabilities are stored as per mille and qualities as per cent, row by row in flat lists; reasons
of absence are indices into one list.
"""

from __future__ import annotations

from base64 import b64encode
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import numpy as np

from mien.analysis.codec import codec
from mien.analysis.explanation import Explanation, plain_name
from mien.analysis.timeline import Event
from mien.analysis.wire import as_written
from mien.emotions import MIEN7
from mien.report.colours import EMOTIONS, ink
from mien.report.overall import in_view
from mien.report.page.media import PageMedia
from mien.report.spans import own_segments
from mien.temporal.events import person_key

if TYPE_CHECKING:
    from mien.analysis.analysis import Analysis, Whole
    from mien.analysis.evidence import Evidence
    from mien.analysis.signals import SignalTrack
    from mien.analysis.timeline import Baseline
    from mien.words import Line

SHOWN_BLEND = 0.3
LIMITS = (
    "A label states how an observer would name the expression, not what a person feels.",
    "Models make errors. Expect more errors on everyday recordings than on the acted and posed "
    "ones on which the models were tested, and for people unlike those in the training data.",
    "Smoothed rows, events, a person's average, valence, intensity, blends and explanations are "
    "derived from the predictions; they are not predicted by a model.",
    "In the European Union it is forbidden to infer emotions of people at work or in education (AI "
    "Act, Art. 5(1)(f)); other such systems are high-risk (Annex III 1(c)), and people must be "
    "informed when one is used on them (Art. 50(3)).",
    "The embedded packs may be used for research and non-commercial purposes only.",
)


def page_data(analysis: Analysis, media: PageMedia) -> dict[str, Any]:
    """The content of the page as JSON values, the same of an analysis and of its JSON file."""
    analysis = as_written(analysis)
    reasons = _Reasons()
    # A single person is already shown by the face track.
    known = {None} if len(analysis.people) < 2 else {None, *analysis.people}
    own = own_segments(analysis.segments)
    spoken = analysis.transcript
    clip = analysis.clip
    return {
        "name": clip.name,
        "kind": clip.kind,
        "picture": clip.has_video,
        "facts": _facts(analysis),
        "extent": _extent(analysis),
        "partial": analysis.partial,
        "labels": [
            {"name": name, "colour": EMOTIONS[name], "ink": ink(EMOTIONS[name])}
            for name in MIEN7.labels
        ],
        "segments": [[_ms(s.start), _ms(s.end)] for s in analysis.segments],
        "own": [[_ms(s.start), _ms(s.end)] for s in own],
        "tracks": _tracks(analysis, reasons),
        "explanations": [_explanation(f) for f in analysis.explanations],
        "whole": None if analysis.whole is None else _whole(analysis.whole, reasons),
        "reasons": reasons.words,
        "events": [codec(Event).write(one) for one in analysis.events if one.who in known],
        "summaries": [
            {"who": s.who, "judged": s.judged, "dominant": s.dominant,
             "share": [round(v, 4) for v in s.share.values()],
             "ambiguous": [_ms(s.ambiguous.start), _ms(s.ambiguous.end)]}
            for s in analysis.summaries if s.who in known
        ],
        "baselines": [_baseline(one) for one in analysis.baselines],
        "transcript": None if spoken is None else {
            "source": spoken.source,
            "language": spoken.language,
            "lines": [_said(line) for line in spoken.lines],
            "dropped": [[d.reason, d.count, round(d.seconds, 1)] for d in spoken.dropped],
        },
        "speech": [[_ms(s.start), _ms(s.end)] for s in analysis.speech],
        "shots": [_ms(time) for time in analysis.shots],
        "faces": [[f.identity, _ms(f.segment.start), _ms(f.segment.end)] for f in analysis.faces],
        "signals": [_signal(one, reasons) for one in analysis.signals],
        "portraits": [
            [_ms(p.time), p.identity, b64encode(p.png).decode("ascii")]
            for p in analysis.portraits
        ],
        "provenance": _provenance(analysis),
        "warnings": list(analysis.provenance.warnings),
        "limits": list(LIMITS),
        "media": {"type": media.type, "link": media.link, "embedded": bool(media.content)},
    }  # fmt: skip


def _said(line: Line) -> list[object]:
    text = line.text if line.speaker is None else f"{line.speaker}: {line.text}"
    return [_ms(line.segment.start), _ms(line.segment.end), text]


class _Reasons:
    """Reasons of absence without duplicates."""

    def __init__(self) -> None:
        self.words: list[str] = []
        self._index: dict[str, int] = {}

    def index(self, reason: str) -> int:
        if not reason:
            return -1
        if reason not in self._index:
            self._index[reason] = len(self.words)
            self.words.append(reason)
        return self._index[reason]


def _ms(seconds: float) -> float:
    return round(float(seconds), 3)


def _extent(analysis: Analysis) -> list[float]:
    part = analysis.part
    if part is not None and part.duration > 0:
        return [_ms(part.start), _ms(part.end)]
    return [0.0, _ms(max([analysis.clip.duration, *(s.end for s in analysis.segments)]))]


def _facts(analysis: Analysis) -> list[str]:
    clip = analysis.clip
    facts: list[str] = [clip.kind] if clip.kind != "recording" else []
    facts += [fact for fact in (clip.video, clip.audio) if fact]
    if analysis.speech:
        spoken = sum(turn.duration for turn in analysis.speech)
        facts.append(
            f"{spoken / 60:.0f} min of speech" if spoken > 300 else f"{spoken:.1f} s of speech"
        )
    if analysis.faces:
        facts.append(in_view(analysis))
    return facts


def _permille(evidence: Evidence) -> list[int]:
    return np.rint(np.nan_to_num(evidence.probs) * 1000).astype(int).ravel().tolist()


def _evidence(evidence: Evidence, reasons: _Reasons) -> dict[str, Any]:
    return {
        "p": _permille(evidence),
        "q": np.rint(evidence.quality * 100).astype(int).tolist(),
        "r": [reasons.index(reason) for reason in evidence.reasons],
    }


def _tracks(analysis: Analysis, reasons: _Reasons) -> list[dict[str, Any]]:
    """The fused rows first, then each modality, then each person."""
    shown: list[tuple[str, int | None, str, Evidence]] = [("fused", None, "fused", analysis.fused)]
    shown += [(name, None, name, e) for name, e in analysis.by_branch.items()]
    if len(analysis.people) > 1:
        shown += [("face", who, person_key(who), e) for who, e in analysis.people.items()]
    out = []
    for name, who, key, evidence in shown:
        smoothed = analysis.smoothed.get(key)
        track: dict[str, Any] = {
            "id": name,
            "name": plain_name(name) if who is None else key,
            "who": who,
        }
        track |= _evidence(evidence, reasons)
        out.append(track | {"s": None if smoothed is None else _permille(smoothed)})
    return out


def _signal(track: SignalTrack, reasons: _Reasons) -> dict[str, Any]:
    return {
        "name": track.name,
        "unit": track.unit,
        "source": track.source,
        "points": track.kind == "points",
        "t": [_ms(time) for time in track.times],
        "v": [None if value is None else round(value, 3) for value in track.values],
        "q": [round(100 * quality) for quality in track.quality],
        "r": [reasons.index(reason) for reason in track.reasons],
    }


def _explanation(explanation: Explanation | None) -> dict[str, Any] | None:
    if explanation is None:
        return None
    why = explanation.decomposition
    blends = {k: round(v, 2) for k, v in explanation.blends.items() if v >= SHOWN_BLEND}
    return {
        "degree": round(explanation.disagreement.degree, 3),
        "conflict": explanation.disagreement.words,
        "undecided": explanation.abstained,
        "valence": None if explanation.valence is None else round(explanation.valence, 2),
        "intensity": None if explanation.intensity is None else round(explanation.intensity, 2),
        "blends": dict(sorted(blends.items(), key=lambda item: -item[1])),
        "why": None if why is None else {
            "answer": why.answer,
            "second": why.second,
            "prior": round(why.prior, 2),
            "parts": [
                [plain_name(c.name), round(c.log_odds, 2), round(c.weight, 2), c.without,
                 c.decisive]
                for c in why.contributions
            ],
        },
    }  # fmt: skip


def _baseline(baseline: Baseline) -> dict[str, Any]:
    labels = list(baseline.mean)
    return {
        "who": baseline.who,
        "judged": baseline.judged,
        "mean": [round(v, 4) for v in baseline.mean.values()],
        "departures": [
            [_ms(d.segment.start), _ms(d.segment.end), labels.index(d.label),
             round(d.difference, 2)]
            for d in baseline.departures
        ],
    }  # fmt: skip


def _whole(whole: Whole, reasons: _Reasons) -> dict[str, Any]:
    return {
        "segment": [_ms(whole.segment.start), _ms(whole.segment.end)],
        "tracks": [
            {"id": "fused", "name": "fused"} | _evidence(whole.fused, reasons),
            *(
                {"id": name, "name": plain_name(name)} | _evidence(one, reasons)
                for name, one in whole.by_branch.items()
            ),
        ],
        "explanation": _explanation(whole.explanation),
    }


def _provenance(analysis: Analysis) -> dict[str, list[list[str]]]:
    made = analysis.provenance
    packs = [
        [plain_name(branch), ", ".join(f"{name} {sha}" for name, sha in pack.items())]
        for branch, pack in made.packs.items()
    ]
    return {
        "Software": [["mien", made.mien], ["Python", made.python]],
        "Packs": packs,
        "Options": _flat(made.options),
        "Processing time (s)": [[room, f"{spent:.1f}"] for room, spent in made.seconds.items()],
    }


def _flat(value: Mapping[str, Any], before: str = "") -> list[list[str]]:
    """Options as name and value; nested options have dotted names, unset ones are left out."""
    out: list[list[str]] = []
    for name, one in value.items():
        if isinstance(one, Mapping):
            out += _flat(one, f"{before}{name}.")
        elif one is not None:
            out.append([before + name, str(one)])
    return out
