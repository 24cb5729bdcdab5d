"""The one path from a recording to an analysis."""

from __future__ import annotations

import platform
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import closing, contextmanager
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

import mien
from mien.branches import Branch, make_branches
from mien.cut import CutOptions, cut
from mien.fusion.method import POOLED, Method, MethodOptions
from mien.media import open_clip
from mien.perceive import PerceiveOptions, perceive
from mien.perceive.transcript import read_transcript
from mien.results import Analysis, Evidence, Provenance, TrackSummary
from mien.scene import FACES, SPEECH, TRANSCRIPT, ClipFacts, Line, Scene, Transcript
from mien.timebase import Segment

Progress = Callable[[str, float], None]


@dataclass(frozen=True)
class Options:
    """What is asked for.

    Args:
        fusion: ``pooled`` (the pool that ships), ``length`` (the paper's Table 1), ``mean``,
            ``best``, ``product``, or the folder of a pack that ``mien train fusion`` wrote.
        cut: how the clip is cut into segments.
        frame_rate: pictures looked at per second.
        asr: ``auto``, ``pocketsphinx`` or ``none``.
        transcript: file with the words (SRT, WebVTT, ASS or plain text), if there is one.
        branches: by branch name, what its factory is given (``{"face": {"pack": FOLDER}}``).
        weights, max_risk, blends: see :class:`mien.fusion.method.MethodOptions`.

    Raises:
        OptionError: if the fusion is not known or cannot do what is asked of it.
    """

    fusion: str = POOLED
    cut: CutOptions = field(default_factory=CutOptions)
    frame_rate: float = 5.0
    asr: str = "auto"
    transcript: str | Path | None = None
    branches: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)
    weights: Mapping[str, float] | None = None
    max_risk: float | None = None
    blends: str | Path | None = None

    def __post_init__(self) -> None:
        self.method()

    def method(self) -> MethodOptions:
        """The part of the options that concerns fusion."""
        return MethodOptions(self.fusion, self.weights, self.max_risk, self.blends)


class Analyzer:
    """Analyses clips under fixed options; the models load at the first clip and stay.

    Args:
        options: see :class:`Options`.
    """

    def __init__(self, options: Options | None = None) -> None:
        self.options = options or Options()
        self.branches: dict[str, Branch] = make_branches(self.options.branches)
        self.method = Method(self.options.method())
        self.method.check(self.branches)

    def analyze(self, path: str | Path, progress: Progress = lambda doing, share: None) -> Analysis:
        """The analysis of a recording, a picture or a text file.

        Args:
            path: the file. Nothing else is opened but the transcript that the options name and a
                subtitle file of the same name beside it (``asr="auto"``).
            progress: told what is being done and the share of that which is done.

        Raises:
            MediaError: if the file cannot be opened or decoded.
            OptionError, InputError, PackError: if something asked for cannot be had.
        """
        spent: dict[str, float] = {}
        with closing(open_clip(path)) as clip, _timed(spent, "perceive"):
            options = self._perceive_options(clip.facts)
            scene = perceive(clip, self._needs(), options, progress)
        return self._judge(scene, spent, progress)

    def analyze_text(self, text: str) -> Analysis:
        """The analysis of a text; every line of it is judged on its own."""
        instant = Segment(0.0, 0.0)
        lines = tuple(Line(instant, t.strip()) for t in text.splitlines() if t.strip())
        facts = ClipFacts("<text>", "text", 0.0, "text")
        missing = {key.name: "a text has no sound or picture" for key in self._needs()}
        scene = Scene(facts, {TRANSCRIPT: Transcript(lines, "given")}, missing)
        return self._judge(scene, {}, lambda doing, share: None)

    def _needs(self) -> set[Any]:
        return {key for branch in self.branches.values() for key in branch.spec.needs}

    def _perceive_options(self, facts: ClipFacts) -> PerceiveOptions:
        given = self.options.transcript
        transcript = None if given is None else read_transcript(Path(given), facts.duration)
        return PerceiveOptions(self.options.frame_rate, self.options.asr, transcript)

    def _judge(self, scene: Scene, spent: dict[str, float], progress: Progress) -> Analysis:
        segments = cut(scene, self.options.cut)
        evidences: dict[str, Evidence] = {}
        for done, (name, branch) in enumerate(self.branches.items()):
            progress(f"judging the {name}", done / len(self.branches))
            with _timed(spent, name):
                evidences[name] = branch.judge(scene, segments)
        with _timed(spent, "fusion"):
            fused = self.method.fuse(evidences)
            findings = self.method.findings(evidences, fused)
        progress("done", 1.0)
        speech = scene.get(SPEECH)
        return Analysis(
            clip=scene.facts,
            segments=segments,
            fused=fused,
            by_branch=evidences,
            provenance=self._provenance(spent),
            transcript=scene.get(TRANSCRIPT),
            speech=speech.turns if speech is not None else (),
            faces=_summaries(scene),
            findings=findings,
        )

    def _provenance(self, spent: Mapping[str, float]) -> Provenance:
        options = asdict(self.options)
        for name in ("transcript", "blends"):
            options[name] = None if options[name] is None else str(options[name])
        packs = {name: dict(branch.spec.packs) for name, branch in self.branches.items()}
        warnings = self.method.warnings(packs)
        if self.method.pack is not None:
            packs["fused"] = self.method.pack.identity
        return Provenance(
            mien=mien.__version__,
            python=platform.python_version(),
            packs=packs,
            options=options,
            seconds={room: round(seconds, 3) for room, seconds in spent.items()},
            warnings=warnings,
        )


def _summaries(scene: Scene) -> tuple[TrackSummary, ...]:
    faces = scene.get(FACES)
    if faces is None:
        return ()
    return tuple(
        TrackSummary(
            track.identity,
            track.segment,
            len(track.samples),
            float(np.median([min(sample.box[2:]) for sample in track.samples])),
        )
        for track in faces.tracks
    )


@contextmanager
def _timed(spent: dict[str, float], room: str) -> Iterator[None]:
    started = time.perf_counter()
    yield
    spent[room] = spent.get(room, 0.0) + time.perf_counter() - started


def analyze(path: str | Path, options: Options | None = None) -> Analysis:
    """The analysis of one recording, picture or text file; see :meth:`Analyzer.analyze`."""
    return Analyzer(options).analyze(path)


def analyze_text(text: str, options: Options | None = None) -> Analysis:
    """The analysis of one text; see :meth:`Analyzer.analyze_text`."""
    return Analyzer(options).analyze_text(text)
