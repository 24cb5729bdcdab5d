"""The one path from a recording to an analysis."""

from __future__ import annotations

import platform
from collections.abc import Callable, Mapping
from contextlib import closing
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any, overload

import numpy as np

import mien
from mien.analysis.analysis import Analysis, Provenance, Whole
from mien.analysis.evidence import Evidence
from mien.analysis.judged import Judged
from mien.analysis.merge import check_same, leading_rows, whole_rows
from mien.branches import Branch, LinesBranch, PeopleBranch, make_branches
from mien.branches.batches import judge_each, judge_in_turn, known_rows
from mien.errors import OptionError
from mien.fusion.method import POOLED, Method, MethodOptions
from mien.media import open_clip
from mien.perceive import PerceiveOptions, perceive
from mien.perceive.detectors import check_detector
from mien.perceive.people import portraits, track_summaries
from mien.perceive.transcript import read_transcript, transcript_of_text
from mien.scene import SHOTS, SPEECH, TRANSCRIPT, ClipFacts, Scene
from mien.segmentation import SegmentationOptions, cut
from mien.stopwatch import Stopwatch
from mien.temporal.events import follow
from mien.timebase import Segment

Progress = Callable[[str, float], None]
END_OF_TIME = 1e9
"""Seconds; later than the end of any recording."""


def _silent(doing: str, share: float) -> None:
    pass


def _never() -> bool:
    return False


@dataclass(frozen=True)
class _Run:
    """One analysis under way: who is told of it, who says when to stop, and the time spent."""

    progress: Progress = _silent
    stop: Callable[[], bool] = _never
    clock: Stopwatch = field(default_factory=Stopwatch)


@dataclass(frozen=True)
class Options:
    """What is asked for.

    Args:
        fusion: ``pooled`` (the pool that ships), ``length`` (the paper's Table 1), ``mean``,
            ``best``, ``product``, or the folder of a pack that ``mien train fusion`` wrote.
        cut: how the clip is cut into segments.
        frame_rate: pictures looked at per second.
        asr: ``auto``, ``whisper``, ``whisper:MODEL`` or ``none``.
        transcript: file with the words (SRT, WebVTT, ASS or plain text), if there is one.
        branches: by branch name, what its factory is given (``{"face": {"pack": FOLDER}}``).
        detector: what finds faces: ``auto``, ``embedded`` or ``yunet:FILE``.
        start, end: seconds of the part to analyse; ``end`` None is the end of the clip.
        portraits: faces to keep for the strip of a report, at most; 0 keeps no picture.
        weights, max_risk, blends: see :class:`mien.fusion.method.MethodOptions`.

    Raises:
        OptionError: if an option has a value it cannot have, or start and end leave no time.
        InputError: if the detector's file is not there.
    """

    fusion: str = POOLED
    cut: SegmentationOptions = field(default_factory=SegmentationOptions)
    frame_rate: float = 5.0
    asr: str = "auto"
    transcript: str | Path | None = None
    branches: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)
    detector: str = "auto"
    start: float = 0.0
    end: float | None = None
    portraits: int = 0
    weights: Mapping[str, float] | None = None
    max_risk: float | None = None
    blends: str | Path | None = None

    def __post_init__(self) -> None:
        self.method()
        check_detector(self.detector)
        if not 0 <= self.start < (np.inf if self.end is None else self.end):
            raise OptionError(
                f"The part from {self.start} s to {self.end} s is empty; give 0 <= start < end."
            )

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

    def analyze(
        self, path: str | Path, progress: Progress = _silent, stop: Callable[[], bool] = _never
    ) -> Analysis:
        """The analysis of a recording, a picture or a text file.

        Args:
            path: the file. Nothing else is opened but the transcript that the options name and a
                subtitle file of the same name beside it (``asr="auto"``).
            progress: told what is being done and the share of that which is done.
            stop: asked now and then; once it says True, what was perceived so far is judged and
                the analysis is marked as partial.

        Raises:
            MediaError: if the file cannot be opened or decoded.
            OptionError, InputError, PackError: if something asked for cannot be had.
        """
        run = _Run(progress, stop)
        scene = self._perceive(path, run)
        part, segments = self._rows(scene)
        return self._finish(scene, self._judge(scene, segments, part, run), run)

    def resume(
        self,
        path: str | Path,
        earlier: Analysis,
        progress: Progress = _silent,
        stop: Callable[[], bool] = _never,
    ) -> Analysis:
        """Go on with an analysis that was stopped; one that is whole is given back as it is.

        The answer is that of an analysis in one go. The level of the
        sound, the turns, the words, and who is who among the people in view can be told from all of
        a recording alone, so it is perceived from its start; rows that were judged from sound
        and speech turns are kept where these are still the same, and everything else is judged.

        Args:
            path: the same file.
            earlier: the partial analysis; given back if this one is stopped before it gets as far.
            progress: as for :meth:`analyze`.
            stop: as for :meth:`analyze`.

        Raises:
            OptionError: if it is of other options or of another file.
            MediaError, InputError, PackError: as for :meth:`analyze`.
        """
        if not earlier.partial:
            return earlier
        check_same(earlier, Path(path).name, self._plain_options())
        run = _Run(progress, stop, Stopwatch(earlier.provenance.seconds))
        scene = self._perceive(path, run)
        part, segments = self._rows(scene)
        if scene.stopped and len(segments) < len(earlier.segments):
            return earlier
        count = leading_rows(earlier.segments, segments)
        seam = segments[count].start if count < len(segments) else part.end
        first = self._judge(scene, segments[:count], Segment(part.start, seam), run, earlier)
        second = self._judge(scene, segments[count:], Segment(seam, part.end), run)
        return self._finish(scene, Judged.join(first, second), run)

    @overload
    def analyze_text(self, text: str) -> Analysis: ...
    @overload
    def analyze_text(self, text: list[str] | tuple[str, ...]) -> list[Analysis]: ...
    def analyze_text(self, text: str | list[str] | tuple[str, ...]) -> Analysis | list[Analysis]:
        """The analysis of a text, or of each of many; every line is judged on its own.

        Args:
            text: one text, or a list of them: judged together, which is faster; what is said of
                each does not depend on the others.

        Raises:
            PackError: if a pack cannot be used.
        """
        texts = [text] if isinstance(text, str) else list(text)
        scenes = [self._text_scene(one) for one in texts]
        clock = Stopwatch()
        jobs = [(scene, cut(scene, self.options.cut)) for scene in scenes]
        by_branch: dict[str, list[Evidence]] = {}
        for name, branch in self.branches.items():
            with clock.time(name):
                by_branch[name] = judge_each(branch, jobs)
        found = []
        for i, (scene, segments) in enumerate(jobs):
            evidences = {name: every[i] for name, every in by_branch.items()}
            judged = Judged(
                clip=scene.facts,
                part=scene.extent,
                segments=segments,
                by_branch=evidences,
                transcript=scene.get(TRANSCRIPT),
                lines=self._lines(scene),
            )
            each = Stopwatch(clock.seconds(1 / len(texts)))
            found.append(self._assemble(judged, evidences, each))
        return found[0] if isinstance(text, str) else found

    def _text_scene(self, text: str) -> Scene:
        facts = ClipFacts("<text>", "text", 0.0, "text")
        missing = {key.name: "a text has no sound or picture" for key in self._needs()}
        return Scene(facts, {TRANSCRIPT: transcript_of_text(text)}, missing)

    def _needs(self) -> set[Any]:
        return {key for branch in self.branches.values() for key in branch.spec.needs}

    def _part(self) -> Segment | None:
        """The part of a clip that is wanted; None for all of it."""
        start, end = self.options.start, self.options.end
        if start == 0 and end is None:
            return None
        return Segment(start, END_OF_TIME if end is None else end)

    def _perceive(self, path: str | Path, run: _Run) -> Scene:
        with closing(open_clip(path)) as clip, run.clock.time("perceive"):
            given = self.options.transcript
            transcript = (
                None if given is None else read_transcript(Path(given), clip.facts.duration)
            )
            options = PerceiveOptions(
                frame_rate=self.options.frame_rate,
                asr=self.options.asr,
                transcript=transcript,
                detector=self.options.detector,
                part=self._part(),
                stop=run.stop,
            )
            return perceive(clip, self._needs(), options, run.progress)

    def _rows(self, scene: Scene) -> tuple[Segment, tuple[Segment, ...]]:
        """What is analysed of a scene, and the rows; those that are whole if it was stopped."""
        part, segments = scene.extent, cut(scene, self.options.cut)
        wanted = self._part()
        end = scene.facts.duration if wanted is None else min(wanted.end, scene.facts.duration)
        if not scene.stopped or part.end >= end:
            return part, segments
        rows = whole_rows(segments, self.options.cut.by, part.end)
        return Segment(part.start, rows[-1].end if rows else part.end), rows

    def _judge(
        self,
        scene: Scene,
        segments: tuple[Segment, ...],
        part: Segment,
        run: _Run,
        earlier: Analysis | None = None,
    ) -> Judged:
        """What was perceived, and what every branch says of some segments.

        Args:
            scene: of the recording.
            segments: the rows.
            part: what they are of.
            run: who is told.
            earlier: an analysis that begins with these rows; what of it holds is kept.
        """
        evidences: dict[str, Evidence] = {}
        people: dict[int, Evidence] = {}
        for name, branch in self.branches.items():
            with run.clock.time(name):
                known = None if earlier is None else known_rows(branch, scene, segments, earlier)
                evidences[name] = judge_in_turn(branch, scene, segments, run.progress, known)
                if isinstance(branch, PeopleBranch):
                    people |= branch.judge_people(scene, segments)
        speech = scene.get(SPEECH)
        return Judged(
            clip=scene.facts,
            part=part,
            partial=scene.stopped,
            segments=segments,
            by_branch=evidences,
            people=people,
            transcript=scene.get(TRANSCRIPT),
            lines=self._lines(scene),
            speech=speech.turns if speech is not None else (),
            shots=scene.get(SHOTS) or (),
            faces=track_summaries(scene),
            portraits=portraits(scene, self.options.portraits),
        )

    def _finish(self, scene: Scene, judged: Judged, run: _Run) -> Analysis:
        """The analysis of what was judged; of a recording that was stopped, cut to its rows."""
        whole = self._at_once(scene, judged, run)
        run.progress("done", 1.0)
        if scene.stopped:
            # What was perceived beyond the last whole row belongs to no answer.
            span = judged.part or scene.extent
            judged = judged.cut_to(span, range(len(judged.segments)))
        return self._assemble(judged, whole, run.clock)

    def _at_once(self, scene: Scene, judged: Judged, run: _Run) -> Mapping[str, Evidence]:
        """What every branch says of all that was analysed, as one row."""
        part = judged.part or scene.extent
        if judged.segments == (part,):
            return judged.by_branch
        whole = {}
        for name, branch in self.branches.items():
            with run.clock.time(name):
                whole[name] = branch.judge(scene, (part,))
        return whole

    def _lines(self, scene: Scene) -> Evidence | None:
        judges = (b for b in self.branches.values() if isinstance(b, LinesBranch))
        return next((branch.judge_lines(scene) for branch in judges), None)

    def _assemble(
        self, judged: Judged, at_once: Mapping[str, Evidence], clock: Stopwatch
    ) -> Analysis:
        """Fusion, the course over time, and all of it together."""
        with clock.time("fusion"):
            fused = self.method.fuse(judged.by_branch)
            explanations = self.method.explanations(judged.by_branch, fused)
            if judged.segments == (judged.part,):
                whole = Whole(fused, at_once, explanations[0])
            else:
                answer = self.method.fuse(at_once)
                whole = Whole(answer, at_once, self.method.explanations(at_once, answer)[0])
            course = follow(fused, judged.by_branch, judged.people, judged.shots, judged.faces)
        return Analysis.of(
            judged,
            course,
            fused=fused,
            explanations=explanations,
            whole=whole,
            provenance=self._provenance(clock),
        )

    def _plain_options(self) -> dict[str, Any]:
        options = asdict(self.options)
        for name in ("transcript", "blends"):
            options[name] = None if options[name] is None else str(options[name])
        return options

    def _provenance(self, clock: Stopwatch) -> Provenance:
        packs = {name: dict(branch.spec.packs) for name, branch in self.branches.items()}
        warnings = self.method.warnings(packs)
        if self.method.pack is not None:
            packs["fused"] = self.method.pack.identity
        return Provenance(
            mien=mien.__version__,
            python=platform.python_version(),
            packs=packs,
            options=self._plain_options(),
            seconds=clock.seconds(),
            warnings=warnings,
        )


def analyze(path: str | Path, options: Options | None = None) -> Analysis:
    """The analysis of one recording, picture or text file; see :meth:`Analyzer.analyze`."""
    return Analyzer(options).analyze(path)


@overload
def analyze_text(text: str, options: Options | None = None) -> Analysis: ...
@overload
def analyze_text(
    text: list[str] | tuple[str, ...], options: Options | None = None
) -> list[Analysis]: ...
def analyze_text(
    text: str | list[str] | tuple[str, ...], options: Options | None = None
) -> Analysis | list[Analysis]:
    """The analysis of one text, or a list of those of many; see :meth:`Analyzer.analyze_text`."""
    return Analyzer(options).analyze_text(text)
