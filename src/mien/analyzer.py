"""The one path from a recording to an analysis."""

from __future__ import annotations

import platform
from collections.abc import Callable, Mapping
from contextlib import closing
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, overload

import mien
from mien.analysis.analysis import Analysis, Provenance, Whole
from mien.analysis.evidence import Evidence
from mien.analysis.judged import Judged
from mien.analysis.merge import check_same, leading_rows, whole_rows
from mien.branches import (
    Branch,
    LinesBranch,
    frame_rate_of,
    in_turn,
    large_models,
    make_branches,
    needs_of,
    soon_used,
)
from mien.branches.batches import Answers, as_rows_say, judge_all, judge_each, known_rows
from mien.errors import OptionError
from mien.facts import utf8
from mien.fusion.method import Method
from mien.loading import loading, verifying
from mien.options import Options
from mien.perceive import PerceiveOptions, perceive
from mien.perceive.detectors import check_detector
from mien.perceive.people import portraits, track_summaries
from mien.perceive.transcript import transcript_of_text
from mien.sandbox import check_platform, open_source, prepare
from mien.scene import SHOTS, SPEAKERS, SPEECH, TRANSCRIPT, ClipFacts, Scene, TrackKey
from mien.segmentation import segments_of, unmet
from mien.stopwatch import Stopwatch
from mien.temporal.events import follow
from mien.threads import one_thread
from mien.timebase import Segment

Progress = Callable[[str, float], None]
END_OF_TIME = 1e9
"""Seconds; later than the end of any recording."""


def no_progress(doing: str, share: float) -> None:
    """Tell nobody."""


def never() -> bool:
    """False: do not stop."""
    return False


@dataclass(frozen=True)
class _Run:
    """One analysis under way; ``at_once`` is what each branch says of the whole as one row."""

    progress: Progress = no_progress
    stop: Callable[[], bool] = never
    clock: Stopwatch = field(default_factory=Stopwatch)
    at_once: dict[str, Evidence] = field(default_factory=dict)


class Analyzer:
    """Analyses recordings under fixed options; make one and use it for many.

    Making one is cheap: packs are read and checked, and models loaded, at the first recording, and
    stay.

    Args:
        options: see :class:`mien.options.Options`.

    Raises:
        OptionError: if the options name a branch that is not installed, or a file of blends that
            cannot be read.
        InputError: if the detector's file is not there.
    """

    def __init__(self, options: Options | None = None) -> None:
        if not isinstance(options, Options | None):
            raise OptionError(
                f"The options are {options!r}; give mien.Options(...), or Options.from_dict(...) "
                "for plain values."
            )
        self.options = options or Options()
        check_detector(self.options.faces.detector)
        if self.options.media.sandbox:
            check_platform()
        self.branches: dict[str, Branch] = make_branches(self.options.for_branches())
        self.method = Method(self.options.fusion)
        self.method.check(self.branches)

    @one_thread
    def analyze(
        self,
        path: str | Path,
        progress: Progress = no_progress,
        stop: Callable[[], bool] = never,
    ) -> Analysis:
        """The analysis of a recording, a picture or a text file.

        Args:
            path: the file. Nothing else is opened but the transcript and the turns that the options
                name, and subtitle files (``asr="auto"``) and an RTTM (``speakers="auto"``) of the
                same name beside it.
            progress: told what is being done and the share of that which is done.
            stop: asked now and then; once it says True, what was perceived is judged as partial.

        Raises:
            MediaError: if the file cannot be opened or decoded; SandboxError, which is one, if it
                crashed, hung or exceeded a limit in the sandbox.
            OptionError, InputError, PackError: if something asked for cannot be had.
        """
        run = _Run(progress, stop)
        scene = self._perceive(path, run)
        part, segments = self._rows(scene)
        return self._finish(scene, self._judge(scene, segments, part, run, part), run)

    @one_thread
    def resume(
        self,
        path: str | Path,
        earlier: Analysis,
        progress: Progress = no_progress,
        stop: Callable[[], bool] = never,
    ) -> Analysis:
        """Go on with an analysis that was stopped; one that is whole is given back as it is.

        The answer is that of an analysis in one go. The recording is perceived from its start,
        since the level of the sound, the turns, the words and who is who depend on all of it; rows
        judged from sound and speech turns are kept where these are still the same.

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
        check_same(earlier, Path(path).name, self.options)
        run = _Run(progress, stop, Stopwatch(earlier.provenance.seconds))
        scene = self._perceive(path, run)
        part, segments = self._rows(scene)
        if scene.stopped and len(segments) < len(earlier.segments):
            return earlier
        count = leading_rows(earlier.segments, segments)
        seam = segments[count].start if count < len(segments) else part.end
        first = self._judge(scene, segments[:count], Segment(part.start, seam), run, None, earlier)
        second = self._judge(scene, segments[count:], Segment(seam, part.end), run, part)
        return self._finish(scene, Judged.join(first, second), run)

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
        clock = Stopwatch()
        jobs = [(scene, segments_of(scene, self.options.segmentation)) for scene in scenes]
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

    def _needs(self) -> set[TrackKey[Any]]:
        """What the branches need; every pack is opened, so that a bad one is found at once."""
        self.method.open()
        return needs_of(self.branches)

    def _part(self) -> Segment | None:
        """The part of a clip that is wanted; None for all of it."""
        start, end = self.options.start, self.options.end
        if start == 0 and end is None:
            return None
        return Segment(start, END_OF_TIME if end is None else end)

    def _perceive(self, path: str | Path, run: _Run) -> Scene:
        if self.options.media.sandbox:
            prepare()  # it loads while the packs do
        needs = self._needs()
        media, speech, faces = self.options.media, self.options.speech, self.options.faces
        with (
            closing(open_source(path, media, faces.detector)) as source,
            run.clock.time("perceive"),
        ):
            soon = soon_used(self.branches, source.facts, speech.asr)
            large = large_models(self.branches, source.facts)
            rate = max(faces.frame_rate, frame_rate_of(self.branches))
            with loading(soon), verifying(large) as check:
                options = PerceiveOptions(
                    rate, speech.asr, speech.words, speech.words_offset, speech.speakers,
                    faces.detector, part=self._part(), stop=lambda: check() or run.stop(),
                )  # fmt: skip
                return perceive(source, needs, options, run.progress)

    def _rows(self, scene: Scene) -> tuple[Segment, tuple[Segment, ...]]:
        """What is analysed of a scene, and the rows; those that are whole if it was stopped."""
        part, segments = scene.extent, segments_of(scene, self.options.segmentation)
        wanted = self._part()
        end = scene.facts.duration if wanted is None else min(wanted.end, scene.facts.duration)
        if not scene.stopped or part.end >= end:
            return part, segments
        rows = whole_rows(segments, self.options.segmentation.by, part.end)
        return Segment(part.start, rows[-1].end if rows else part.end), rows

    def _judge(
        self,
        scene: Scene,
        segments: tuple[Segment, ...],
        part: Segment,
        run: _Run,
        whole: Segment | None,
        earlier: Analysis | None = None,
    ) -> Judged:
        """What was perceived, and what every branch says of some segments.

        Args:
            scene: of the recording.
            segments: the rows.
            part: what they are of.
            run: who is told, and keeps what is said of the whole.
            whole: the whole, if it is judged now.
            earlier: an analysis that begins with these rows; what of it holds is kept.
        """
        answers: dict[str, Answers] = {}
        for name, branch in in_turn(self.branches, scene):
            with run.clock.time(name):
                known = None if earlier is None else known_rows(branch, scene, segments, earlier)
                said = judge_all(branch, scene, segments, whole, run.progress, known)
                answers[name] = said
                if said.at_once is not None:
                    run.at_once[name] = said.at_once
        every = answers.values()
        speech = scene.get(SPEECH)
        return Judged(
            clip=scene.facts,
            part=part,
            partial=scene.stopped,
            segments=segments,
            by_branch={name: answers[name].rows for name in self.branches},
            people={who: rows for said in every for who, rows in said.people.items()},
            transcript=scene.get(TRANSCRIPT),
            lines=next((said.lines for said in every if said.lines is not None), None),
            speech=speech.turns if speech is not None else (),
            speakers=scene.get(SPEAKERS) or (),
            shots=scene.get(SHOTS) or (),
            faces=track_summaries(scene),
            portraits=portraits(scene, self.options.portraits),
            signals=tuple(track for said in every for track in said.signals),
        )

    def _finish(self, scene: Scene, judged: Judged, run: _Run) -> Analysis:
        """The analysis of what was judged; of a recording that was stopped, cut to its rows."""
        part = judged.part or scene.extent
        whole = judged.by_branch
        if judged.segments != (part,):
            whole = {n: as_rows_say(run.at_once[n], rows) for n, rows in judged.by_branch.items()}
        run.progress("done", 1.0)
        if scene.stopped:
            # What was perceived beyond the last whole row belongs to no answer.
            judged = judged.cut_to(part, range(len(judged.segments)))
        warnings = scene.facts.notes + scene.warnings + unmet(scene, self.options.segmentation)
        warnings += tuple(dict.fromkeys(note for one in judged.signals for note in one.notes))
        return self._assemble(judged, whole, run.clock, warnings)

    def _lines(self, scene: Scene) -> Evidence | None:
        judges = (b for b in self.branches.values() if isinstance(b, LinesBranch))
        return next((branch.judge_lines(scene) for branch in judges), None)

    def _assemble(
        self,
        judged: Judged,
        at_once: Mapping[str, Evidence],
        clock: Stopwatch,
        warnings: tuple[str, ...] = (),
    ) -> Analysis:
        """Fusion, the course over time, and all of it together."""
        named = {name: one.spec.label_map.named for name, one in self.branches.items()}
        with clock.time("fusion"):
            fused = self.method.fuse(judged.by_branch, named)
            explanations = self.method.explanations(judged.by_branch, fused, named)
            if judged.segments == (judged.part,):
                whole = Whole(fused, at_once, explanations[0])
            else:
                answer = self.method.fuse(at_once, named)
                whole = Whole(answer, at_once, self.method.explanations(at_once, answer, named)[0])
            course = follow(fused, judged.by_branch, judged.people, judged.shots, judged.faces)
        return Analysis.of(
            judged,
            course,
            fused=fused,
            explanations=explanations,
            whole=whole,
            provenance=self._provenance(clock, warnings, judged.by_branch),
        )

    def _provenance(
        self, clock: Stopwatch, warnings: tuple[str, ...], said: Mapping[str, Evidence]
    ) -> Provenance:
        packs = {name: dict(branch.spec.packs) for name, branch in self.branches.items()}
        warnings += self.method.warnings(packs, [n for n, one in said.items() if any(one.present)])
        if self.method.pack is not None:
            packs["fused"] = self.method.pack.identity
        return Provenance(
            mien=mien.__version__,
            python=platform.python_version(),
            packs=packs,
            options=utf8(self.options.to_dict()),
            seconds=clock.seconds(),
            warnings=warnings,
        )
