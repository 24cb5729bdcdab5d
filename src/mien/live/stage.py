"""The stages behind a session, without its threads: sound, pictures, words, windows, judging."""

from __future__ import annotations

import threading
from collections.abc import Mapping
from typing import Any

from mien.analysis.evidence import Evidence
from mien.analyzer import Analyzer
from mien.branches import needs_of
from mien.live.plan import Heard, Plan
from mien.live.rings import SoundRing
from mien.live.sight import Sight
from mien.live.windows import Reached, Windows
from mien.live.words import Words
from mien.loading import Loadable
from mien.options import Options
from mien.perceive.detectors import make_detector
from mien.perceive.engines import choose_engine
from mien.perceive.listening import SpeechListener
from mien.scene import (
    AUDIO,
    FACES,
    SHOTS,
    SPEECH,
    TRANSCRIPT,
    ClipFacts,
    Samples,
    Scene,
    Speech,
    TrackKey,
)
from mien.timebase import Segment

KEPT = 60.0
"""Seconds of sound and pictures that are kept, at least."""
_SPARE = 10.0
"""Seconds of sound that are kept longer, for what is read around speech."""
BEHIND = "the analysis fell behind: the sound of this window is no longer kept"
"""Reason of the rows of a window that could not be judged in time."""


class Stage:
    """What is perceived of a session, and what the branches say of its segments.

    Args:
        analyzer: its branches, its way of fusing and its options.
    """

    def __init__(self, analyzer: Analyzer) -> None:
        self.options: Options = analyzer.options
        self._branches, self._method = analyzer.branches, analyzer.method
        self._method.open()
        needs: set[TrackKey[Any]] = needs_of(self._branches)
        by = self.options.segmentation
        self.kept = max(KEPT, 2 * by.window + 40)
        self.ring = SoundRing(self.kept + _SPARE)
        self.listener = SpeechListener(self.ring, self.kept)
        self.windows = Windows(by.window, by.step)
        engine = choose_engine(self.options.speech.asr) if TRANSCRIPT in needs else None
        self.words = None if engine is None else Words(engine, self.ring)
        self.plan = None if engine is None else Plan(engine.longest, engine.gap)
        self._engine = engine
        self._detector = make_detector(self.options.faces.detector)
        self.sight = Sight(self._detector, self._branches, self.kept, by.window)
        self._missing = {key.name: "not to be had in a live session" for key in needs}
        self.seen: float | None = None
        self._working: list[Heard] = []
        self._turn = threading.Lock()

    def load(self) -> None:
        """Load all models; the first rows would wait for them.

        Raises:
            PackError, HubError, MissingExtraError: if one cannot be had.
        """
        import cv2  # noqa: F401  it edits sys.modules while it is imported: before any thread
        import numpy as np

        things: list[object] = [*self._branches.values(), self._engine]
        for thing in things:
            if isinstance(thing, Loadable):
                thing.load()
        self._detector.detect(np.zeros((64, 64, 3), np.uint8))
        if self._engine is not None:
            self._engine.hear(np.zeros(16_000, np.float32), "en")
        silent = Segment(0.0, 1.0)
        self.judge(silent)

    # --- sound: one thread ----------------------------------------------------------------

    def hear(self, samples: Samples) -> bool:
        """Take sound at 16 kHz; whether there was enough for a step of speech detection."""
        self.ring.append(samples)
        return self.listener.listen()

    def stretches(self, ended: bool) -> tuple[list[Heard], list[Heard]]:
        """The utterances and the chunks that are over now."""
        if ended:
            self.listener.finish()
        if self.plan is None:
            return [], []
        turns, now = self.listener.turns(), self.listener.reached
        soon = list(self.plan.utterances(turns, now, self.ring, ended))
        whole = self.plan.chunks(turns, now, self.ring, ended)
        with self._turn:
            self._working += whole
        return soon, whole

    def done(self, chunk: Heard) -> None:
        """The words of a chunk are known."""
        with self._turn:
            self._working.remove(chunk)

    def reached(self) -> Reached:
        """How far this session is."""
        now = max(self.ring.duration, 0.0)
        if now == 0.0:
            seen = self.seen or 0.0
            return Reached(seen, seen, self.seen)
        with self._turn:
            open_since = None if self.plan is None else self.plan.open_since
            begun = [heard.segment.start for heard in self._working]
        starts = begun if open_since is None else [*begun, open_since]
        return Reached(self.listener.reached, min([now, *starts]), self.seen)

    # --- judging: any thread --------------------------------------------------------------

    def speech(self) -> Speech:
        """The turns in what is kept of the sound."""
        return Speech(self.listener.turns())

    def scene(self) -> Scene:
        """What is perceived of all that is kept."""
        heard, seen = self.ring.duration, self.seen
        duration = max(heard, seen or 0.0)
        facts = ClipFacts("<live>", "recording", duration, "live", heard > 0, seen is not None)
        tracks: dict[TrackKey[Any], Any] = {}
        missing = dict(self._missing)
        speech = None
        if heard > 0:
            speech = self.speech()
            tracks |= {AUDIO: self.ring, SPEECH: speech}
        else:
            missing |= {AUDIO.name: "no sound", SPEECH.name: "no sound"}
        self._add_words(tracks, missing, speech)
        if seen is not None:
            tracks[FACES], tracks[SHOTS] = self.sight.followed(speech, self.ring)
        else:
            missing |= {FACES.name: "no picture", SHOTS.name: "no picture"}
        return Scene(facts, tracks, missing)

    def _add_words(
        self, tracks: dict[TrackKey[Any], Any], missing: dict[str, str], speech: Speech | None
    ) -> None:
        if self.words is None:
            missing[TRANSCRIPT.name] = "speech recognition is switched off"
        elif speech is None:
            missing[TRANSCRIPT.name] = "no sound"
        elif not speech.turns and not self.words.transcript().lines:
            missing[TRANSCRIPT.name] = "no speech was found"
        else:
            tracks[TRANSCRIPT] = self.words.transcript()

    def judge(self, segment: Segment) -> tuple[Mapping[str, Evidence], Evidence]:
        """What each branch says of a segment, and what follows from all of it."""
        if self.ring.first > segment.start + 1e-6:
            found = {name: Evidence.absent(name, (segment,), BEHIND) for name in self._branches}
        else:
            scene = self.scene()
            found = {name: one.judge(scene, (segment,)) for name, one in self._branches.items()}
        named = {name: one.spec.label_map.named for name, one in self._branches.items()}
        return found, self._method.fuse(found, named)
