"""An analysis with planted answers, for the tests of the report."""

from dataclasses import replace

import cv2
import numpy as np

from mien.analysis.analysis import Analysis, Provenance, Whole
from mien.analysis.evidence import Evidence
from mien.analysis.judged import TrackSummary
from mien.analysis.timeline import Portrait
from mien.emotions import MIEN7
from mien.fusion.method import Method
from mien.options import FusionOptions
from mien.scene import ClipFacts
from mien.temporal.events import follow
from mien.timebase import Clock, Segment
from mien.words import Line, Transcript

SILENCE = "silence (peak -90 dB of full scale or less)"


def says(label, prob=0.8, quality=0.9):
    probs = np.full(7, (1 - prob) / 6)
    probs[MIEN7.index(label)] = prob
    return probs, quality


def planted(seconds=6.0, step=0.5, name="clip.mp4", lines=("first line", "second line"), faces=12):
    """Words: joy, then sadness from the middle on; face: joy; voice: fear, silent from 3/4 on."""
    part = Segment(0.0, seconds)
    segments = tuple(Clock(0.0, step, 2 * step).windows(part))
    at = [s.middle / seconds for s in segments]
    words = [says("joy" if t < 0.5 else "sadness", 0.9) for t in at]
    voice = [says("fear") if t < 0.75 else SILENCE for t in at]
    by_branch = {
        "text": Evidence.of_rows("text", segments, words),
        "voice": Evidence.of_rows("voice", segments, voice),
        "face": Evidence.of_rows("face", segments, [says("joy", 0.6, 0.7)] * len(segments)),
    }
    tracks = (TrackSummary(0, part, 30, 90.0),)
    method = Method(FusionOptions())
    fused = method.fuse(by_branch)
    shots = (seconds / 3,)
    # The page does not care that those of a long recording repeat.
    few = range(min(len(segments), 24))
    found = method.explanations({k: e.select(few) for k, e in by_branch.items()}, fused.select(few))
    course = follow(fused, by_branch, {}, shots, tracks)
    ends = np.linspace(0.2, seconds, 2 * len(lines)).reshape(-1, 2)
    spans = [Segment(*pair) for pair in ends.tolist()]
    png = cv2.imencode(".png", np.arange(2304, dtype=np.uint8).reshape(48, 48))[1].tobytes()
    whole = {k: e.select([0]) for k, e in by_branch.items()}
    whole = {k: replace(e, segments=(part,)) for k, e in whole.items()}
    answer = method.fuse(whole)
    packs, options = {"text": {"a": "f" * 64}}, {"fusion": "pooled"}
    return Analysis(
        clip=ClipFacts(f"somewhere/{name}", "recording", seconds, "mov", True, True, "aac", "h264"),
        segments=segments,
        fused=fused,
        by_branch=by_branch,
        provenance=Provenance("0", "3", packs, options, {"perceive": 1.0}),
        transcript=Transcript(tuple(Line(*one) for one in zip(spans, lines, strict=True)), "given"),
        speech=(Segment(0.2, 0.7 * seconds),),
        faces=tracks,
        shots=shots,
        whole=Whole(answer, whole, method.explanations(whole, answer)[0]),
        smoothed=course.smoothed,
        events=course.events,
        summaries=course.summaries,
        baselines=course.baselines,
        portraits=tuple(Portrait(float(t), 0, png) for t in np.linspace(0, seconds, faces)),
        part=part,
        explanations=tuple(found[i % len(found)] for i in range(len(segments))),
    )


def one_row(kind, text="a line"):
    """An analysis of a picture or a text: one row without time."""
    segments = (Segment(0.0, 0.0),)
    by_branch = {"text": Evidence.of_rows("text", segments, [says("joy")])}
    return Analysis(
        clip=ClipFacts("note.txt", kind, 0.0, "text"),
        segments=segments,
        fused=Evidence.of_rows("fused", segments, [says("joy")]),
        by_branch=by_branch,
        provenance=Provenance("0", "3", {}, {}, {}),
        transcript=Transcript((Line(segments[0], text),), "given"),
    )


def runs_an_added_script(page):
    """Whether a browser runs a script that is added to a page."""
    page.evaluate("""() => {
      const node = document.createElement('script');
      node.textContent = 'window.hacked = 1';
      document.body.append(node);
    }""")
    return page.evaluate("window.hacked") is not None
