"""The one path from a recording to an analysis."""

from __future__ import annotations

import platform
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import closing, contextmanager
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path
from typing import Any, overload

import numpy as np

import mien
from mien.branches import Branch, LinesBranch, PeopleBranch, make_branches
from mien.branches.ask import judge_each, judge_in_turn
from mien.cut import CutOptions, cut
from mien.errors import OptionError
from mien.evidence import Evidence
from mien.facts import as_utf8
from mien.fusion.events import follow
from mien.fusion.method import POOLED, Method, MethodOptions
from mien.media import MediaOptions, open_clip
from mien.parts import Judged, check_same, join, whole_rows
from mien.perceive import STOPPED, PerceiveOptions, perceive
from mien.perceive.detect import check_detector
from mien.perceive.seen import portraits, track_summaries
from mien.perceive.transcript import read_transcript, transcript_of_text
from mien.results import Analysis, Provenance, Whole
from mien.scene import CUTS, SPEECH, TRANSCRIPT, ClipFacts, Scene
from mien.timebase import Segment

Progress = Callable[[str, float], None]
END_OF_TIME = 1e9
"""Seconds; later than the end of any recording."""


@dataclass(frozen=True)
class _Watch:
    """Who is told of the progress, and who says when to stop."""

    progress: Progress
    stop: Callable[[], bool]


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
        audio_track, audio_channel: see :class:`mien.media.MediaOptions`.
        portraits: faces to keep for the strip of a report, at most; 0 keeps no picture.
        weights, max_risk, blends: see :class:`mien.fusion.method.MethodOptions`.

    Raises:
        OptionError: if an option has a value it cannot have, or start and end leave no time.
        InputError: if the detector's file is not there.
    """

    fusion: str = POOLED
    cut: CutOptions = field(default_factory=CutOptions)
    frame_rate: float = 5.0
    asr: str = "auto"
    transcript: str | Path | None = None
    branches: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)
    detector: str = "auto"
    start: float = 0.0
    end: float | None = None
    audio_track: int | str | None = None
    audio_channel: int | None = None
    portraits: int = 0
    weights: Mapping[str, float] | None = None
    max_risk: float | None = None
    blends: str | Path | None = None

    def __post_init__(self) -> None:
        self.method()
        self.media()
        check_detector(self.detector)
        if not 0 <= self.start < (np.inf if self.end is None else self.end):
            raise OptionError(
                f"The part from {self.start} s to {self.end} s is empty; give 0 <= start < end."
            )

    def method(self) -> MethodOptions:
        """The part of the options that concerns fusion."""
        return MethodOptions(self.fusion, self.weights, self.max_risk, self.blends)

    def media(self) -> MediaOptions:
        """The part of the options that concerns which sound is heard."""
        return MediaOptions(self.audio_track, self.audio_channel)


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
        self,
        path: str | Path,
        progress: Progress = lambda doing, share: None,
        stop: Callable[[], bool] = lambda: False,
    ) -> Analysis:
        """The analysis of a recording, a picture or a text file.

        Args:
            path: the file. Nothing else is opened but the transcript that the options name and a
                subtitle file of the same name beside it (``asr="auto"``).
            progress: told what is being done and the share of that which is done.
            stop: asked now and then; once it says True, what was perceived is judged as partial.

        Raises:
            MediaError: if the file cannot be opened or decoded.
            OptionError, InputError, PackError: if something asked for cannot be had.
        """
        spent: dict[str, float] = {}
        part = self._part(self.options.start)
        scene = self._perceive(path, part, self._needs(), _Watch(progress, stop), spent)
        return self._assemble(self._judge(scene, spent, _Watch(progress, stop)), spent)

    def resume(
        self,
        path: str | Path,
        earlier: Analysis,
        progress: Progress = lambda doing, share: None,
        stop: Callable[[], bool] = lambda: False,
    ) -> Analysis:
        """Go on with an analysis that was stopped; one that is whole is given back as it is.

        Words that were not heard any more are heard now, the rest of the recording is analysed,
        and both are joined as :func:`mien.parts.join` says.

        Args:
            path: the same file.
            earlier: the partial analysis.
            progress: as for :meth:`analyze`.
            stop: as for :meth:`analyze`.

        Raises:
            OptionError: if it is of other options or of another file.
            MediaError, InputError, PackError: as for :meth:`analyze`.
        """
        if not earlier.partial:
            return earlier
        check_same(earlier, Path(path).name, self._plain_options())
        spent = dict(earlier.provenance.seconds)
        watch = _Watch(progress, stop)
        first = self._heard_later(path, Judged.of(earlier), watch, spent)
        part = self._part(first.part.end)
        scene = self._perceive(path, part, self._needs(), watch, spent)
        second = self._judge(scene, spent, watch)
        joined = join(first, second, self.options.cut.by)
        return self._assemble(joined, spent, self._of_resumed(first, second))

    @overload
    def analyze_text(self, text: str) -> Analysis: ...
    @overload
    def analyze_text(self, text: list[str] | tuple[str, ...]) -> list[Analysis]: ...
    def analyze_text(self, text: str | list[str] | tuple[str, ...]) -> Analysis | list[Analysis]:
        """The analysis of a text, or of each of many; every line is judged on its own.

        Args:
            text: one text, or a list of them: judged together, which is faster.

        Raises:
            PackError: if a pack cannot be used.
        """
        texts = [text] if isinstance(text, str) else list(text)
        scenes = [self._text_scene(one) for one in texts]
        spent: dict[str, float] = {}
        jobs = [(scene, cut(scene, self.options.cut)) for scene in scenes]
        by_branch: dict[str, list[Evidence]] = {}
        for name, branch in self.branches.items():
            with _timed(spent, name):
                by_branch[name] = judge_each(branch, jobs)
        share = {room: seconds / max(1, len(texts)) for room, seconds in spent.items()}
        found = []
        for i, (scene, segments) in enumerate(jobs):
            evidences = {name: every[i] for name, every in by_branch.items()}
            judged = Judged(
                facts=scene.facts,
                part=scene.extent,
                segments=segments,
                by_branch=evidences,
                whole=evidences,
                transcript=scene.get(TRANSCRIPT),
                lines=self._lines(scene),
            )
            found.append(self._assemble(judged, dict(share)))
        return found[0] if isinstance(text, str) else found

    def _text_scene(self, text: str) -> Scene:
        facts = ClipFacts("<text>", "text", 0.0, "text")
        missing = {key.name: "a text has no sound or picture" for key in self._needs()}
        return Scene(facts, {TRANSCRIPT: transcript_of_text(text)}, missing)

    def _needs(self) -> set[Any]:
        return {key for branch in self.branches.values() for key in branch.spec.needs}

    def _part(self, start: float) -> Segment | None:
        """From ``start`` to the end that is wanted; None for all of a clip."""
        if start == 0 and self.options.end is None:
            return None
        return Segment(start, END_OF_TIME if self.options.end is None else self.options.end)

    def _perceive(
        self,
        path: str | Path,
        part: Segment | None,
        needs: set[Any],
        watch: _Watch,
        spent: dict[str, float],
    ) -> Scene:
        with closing(open_clip(path, self.options.media())) as clip, _timed(spent, "perceive"):
            given, length = self.options.transcript, clip.facts.duration
            transcript = None if given is None else read_transcript(Path(given), length)
            options = PerceiveOptions(
                frame_rate=self.options.frame_rate,
                asr=self.options.asr,
                transcript=transcript,
                detector=self.options.detector,
                part=part,
                stop=watch.stop,
            )
            return perceive(clip, needs, options, watch.progress)

    def _judge(self, scene: Scene, spent: dict[str, float], watch: _Watch) -> Judged:
        by, part = self.options.cut.by, scene.extent
        segments = cut(scene, self.options.cut)
        if scene.stopped:
            segments, end = whole_rows(segments, by, part.end)
            part = Segment(part.start, end)
        evidences: dict[str, Evidence] = {}
        people: dict[int, Evidence] = {}
        whole: dict[str, Evidence] = {}
        for name, branch in self.branches.items():
            with _timed(spent, name):
                evidences[name] = judge_in_turn(branch, scene, segments, watch.progress)
                if isinstance(branch, PeopleBranch):
                    people |= branch.judge_people(scene, segments)
                same = segments == (part,)
                whole[name] = evidences[name] if same else branch.judge(scene, (part,))
        watch.progress("done", 1.0)
        speech = scene.get(SPEECH)
        return Judged(
            facts=scene.facts,
            part=part,
            segments=segments,
            by_branch=evidences,
            whole=whole,
            transcript=scene.get(TRANSCRIPT),
            speech=speech.turns if speech is not None else (),
            faces=track_summaries(scene),
            people=people,
            cuts=scene.get(CUTS) or (),
            portraits=portraits(scene, self.options.portraits),
            partial=scene.stopped,
            lines=self._lines(scene),
        )

    def _of_resumed(self, first: Judged, second: Judged) -> tuple[str, ...]:
        """What speaks against an analysis that was stopped after one part."""
        person = str(self.options.branches.get("face", {}).get("person", "primary"))
        several = any(len({face.identity for face in part.faces}) > 1 for part in (first, second))
        if not several or not person.isdecimal():
            return ()
        return (
            f"It was stopped at {first.part.end:.1f} s, and people are numbered anew from there: "
            f"person {person} may be another one after it. Analyse it in one go to be sure.",
        )

    def _lines(self, scene: Scene) -> Evidence | None:
        judges = (b for b in self.branches.values() if isinstance(b, LinesBranch))
        return next((branch.judge_lines(scene) for branch in judges), None)

    def _heard_later(
        self, path: str | Path, first: Judged, watch: _Watch, spent: dict[str, float]
    ) -> Judged:
        """The part with the branches judged that had to go without words when it was stopped."""
        late = {
            name: branch
            for name, branch in self.branches.items()
            if STOPPED in first.by_branch[name].reasons
        }
        if not late or first.part.duration == 0:
            return first
        needs = {key for branch in late.values() for key in branch.spec.needs}
        scene = self._perceive(path, first.part, needs, watch, spent)
        evidences = {name: b.judge(scene, first.segments) for name, b in late.items()}
        whole = {name: b.judge(scene, (first.part,)) for name, b in late.items()}
        return replace(
            first,
            by_branch={**first.by_branch, **evidences},
            whole={**first.whole, **whole},
            transcript=scene.get(TRANSCRIPT),
            lines=self._lines(scene),
        )

    def _assemble(
        self, judged: Judged, spent: dict[str, float], warnings: tuple[str, ...] = ()
    ) -> Analysis:
        """Fusion, the course over time, and all of it together."""
        with _timed(spent, "fusion"):
            fused = self.method.fuse(judged.by_branch)
            findings = self.method.findings(judged.by_branch, fused)
            if judged.segments == (judged.part,):
                whole = Whole(fused, judged.by_branch, findings[0])
            else:
                whole = self._whole(judged.whole)
            course = follow(fused, judged.by_branch, judged.people, judged.cuts, judged.faces)
        return Analysis(
            clip=judged.facts,
            segments=judged.segments,
            fused=fused,
            by_branch=judged.by_branch,
            provenance=self._provenance(spent, (*judged.facts.notes, *warnings)),
            transcript=judged.transcript,
            lines=judged.lines,
            speech=judged.speech,
            faces=judged.faces,
            people=judged.people,
            findings=findings,
            whole=whole,
            smoothed=course.smoothed,
            events=course.events,
            summaries=course.summaries,
            baselines=course.baselines,
            cuts=judged.cuts,
            portraits=judged.portraits,
            part=judged.part,
            partial=judged.partial,
        )

    def _whole(self, evidences: Mapping[str, Evidence]) -> Whole:
        fused = self.method.fuse(evidences)
        return Whole(fused, evidences, self.method.findings(evidences, fused)[0])

    def _plain_options(self) -> dict[str, Any]:
        options = asdict(self.options)
        for name in ("transcript", "blends"):
            options[name] = None if options[name] is None else as_utf8(options[name])
        return options

    def _provenance(self, spent: Mapping[str, float], warnings: tuple[str, ...]) -> Provenance:
        packs = {name: dict(branch.spec.packs) for name, branch in self.branches.items()}
        warnings += self.method.warnings(packs)
        if self.method.pack is not None:
            packs["fused"] = self.method.pack.identity
        return Provenance(
            mien=mien.__version__,
            python=platform.python_version(),
            packs=packs,
            options=self._plain_options(),
            seconds={room: round(seconds, 3) for room, seconds in spent.items()},
            warnings=warnings,
        )


@contextmanager
def _timed(spent: dict[str, float], room: str) -> Iterator[None]:
    started = time.perf_counter()
    yield
    spent[room] = spent.get(room, 0.0) + time.perf_counter() - started


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
