"""A live session: sound and pictures are pushed, rows come out."""

from __future__ import annotations

import itertools
import queue
import threading
import time
from collections.abc import Callable, Iterator
from types import TracebackType
from typing import Any, Self

import numpy as np
import numpy.typing as npt

from mien.analyzer import Analyzer
from mien.errors import MediaError, MienError, OptionError
from mien.live.check import live_options
from mien.live.intake import PictureQueue, SoundIntake
from mien.live.plan import Heard
from mien.live.rows import Counts, PictureRow, Row, UtteranceRow, WindowRow
from mien.live.stage import Stage
from mien.live.stamps import Stamps
from mien.media import ArrayRaster
from mien.media.picture import decode_picture
from mien.media.push import PushedSound
from mien.options import Options
from mien.perceive.speech import MARGIN
from mien.sandbox import ConfinedDecoder
from mien.scene import SAMPLE_RATE, Image, Raster
from mien.threads import one_blas_thread
from mien.timebase import Segment

_BACKLOG = 6
"""Jobs that may wait in a patient session."""
_SOON, _STAY = 0, 1

Sound = tuple[npt.NDArray[Any], int, float | None, float]


class Session:
    """Analyses sound and pictures while they come; a context.

    Sound begins at 0 s and its samples count the time. Pictures carry their time on that axis. Rows
    are told as soon as they are known: a :class:`PictureRow` for every picture that was looked at,
    an :class:`UtteranceRow` after every speech turn, and a :class:`WindowRow` for every window of
    the grid that ``mien analyze --by window`` uses, first when it ends and again, ``final``, once
    the words in it are known. Memory does not grow with the length.

    Faces, words and judging have threads of their own. Where pictures come faster than they can
    be looked at, some are left out and counted (:attr:`counts`); sound never is.

    Args:
        options: as for :class:`mien.Analyzer`; ``segmentation.window`` and ``step`` give the grid.
            Options of a file (``start``, ``end``, ``speech.words``) cannot be had.
        tell: called with each row, by threads of the session; without it :meth:`rows` gives them.
        patient: whether pushing waits where the analysis is behind, and nothing is left out: for
            recordings that are pushed faster than they were made.

    Raises:
        OptionError: if an option cannot be had in a live session.

    Examples:
        >>> from mien.live import Session
        >>> with Session(patient=True) as session:
        ...     session.push_sound(np.zeros(48_000 * 6, np.int16), rate=48_000)
        >>> [(row.segment.end, row.by_branch["voice"].reasons[0][:7]) for row in session.rows()]
        [(5.0, 'silence'), (6.0, 'silence')]
    """

    def __init__(
        self,
        options: Options | None = None,
        tell: Callable[[Row], None] | None = None,
        patient: bool = False,
    ) -> None:
        self.options = live_options(options or Options())
        self._stage = Stage(Analyzer(self.options))
        self._rows: queue.SimpleQueue[Row | None] = queue.SimpleQueue()
        self._tell = tell or self._rows.put
        self._patient = patient
        self._state = "new"
        self._error: BaseException | None = None
        self._intake = SoundIntake(self._stage.kept)
        self._duration: float | None = None
        self._sounds: queue.SimpleQueue[Sound | None] = queue.SimpleQueue()
        self._pictures = PictureQueue()
        self._said: queue.SimpleQueue[Heard | None] = queue.SimpleQueue()
        self._todo: queue.PriorityQueue[tuple[int, int, Any]] = queue.PriorityQueue()
        self._number = itertools.count()
        self._heard_at, self._seen_at = Stamps(), Stamps()
        self._advancing = threading.RLock()
        self._final_until = -1.0
        self._taken = {"looked": 0, "dropped": 0, "unreadable": 0, "jobs": 0, "done": 0}
        self._counting = threading.Lock()
        self._decoder: Callable[[bytes], Image] = decode_picture
        self._threads: list[threading.Thread] = []

    # --- from outside ----------------------------------------------------------------------

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        if kind is None:
            self.finish()
        else:
            self.stop()

    def start(self) -> None:
        """Load the models and start; pushing before it is an error.

        Raises:
            PackError, HubError, MissingExtraError: if a model cannot be had.
        """
        if self._state != "new":
            raise MienError("A live session can be started once; make another.")
        one_blas_thread.__enter__()
        try:
            self._stage.load()
            if self.options.media.sandbox:
                self._decoder = ConfinedDecoder()
        except BaseException:
            one_blas_thread.__exit__()
            raise
        self._state = "running"
        work = (self._hear, self._look, self._recognise, self._judge)
        self._threads = [
            threading.Thread(target=self._guarded, args=(one,), name=f"mien-live{one.__name__}")
            for one in work
        ]
        for thread in self._threads:
            thread.daemon = True
            thread.start()

    def push_sound(
        self, samples: npt.NDArray[Any], rate: int = SAMPLE_RATE, at: float | None = None
    ) -> None:
        """Push the sound that follows.

        Args:
            samples: ``(n,)`` or ``(n, 2)``, ``float32`` in [-1, 1] or ``int16``; copied.
            rate: samples per second.
            at: seconds at which the first of them sounds, where some sound may be missing before;
                what is missing is silence. None for right after the last.

        Raises:
            OptionError: if the rate, shape or type cannot be had.
            MienError: if the session is not running; of whatever kind if it has failed.
        """
        self._check()
        array = np.array(samples)
        PushedSound.check(array, rate)
        self._sounds.put((array, rate, at, time.monotonic()))
        while self._patient and self._behind():
            time.sleep(0.005)
            self._check()

    def push_picture(self, picture: Image | bytes | Raster, at: float) -> None:
        """Push a picture; of several that wait, the oldest is left out.

        Args:
            picture: ``(height, width, 3) uint8`` in BGR order, or the bytes of a JPEG, WebP or PNG.
                An array must not be changed afterwards. A raster is taken as it is.
            at: its time in seconds, on the axis of the sound. One that is not later than the
                picture before is left out.

        Raises:
            OptionError: if the array has another shape or type.
            MienError: if the session is not running; of whatever kind if it has failed.
        """
        self._check()
        if isinstance(picture, np.ndarray):
            if picture.ndim != 3 or picture.shape[2] != 3 or picture.dtype != np.uint8:
                raise OptionError(
                    f"A picture of shape {picture.shape} and type {picture.dtype} was pushed; give "
                    "(height, width, 3) uint8 in BGR order, or bytes of a JPEG, WebP or PNG."
                )
            picture = ArrayRaster(picture)
        left_out = self._pictures.put(
            (float(at), picture, time.monotonic()),
            lambda: self._patient and self._error is None,
        )
        self._count("dropped", left_out)

    def rows(self) -> Iterator[Row]:
        """The rows in the order in which they were told, until the session has ended.

        Raises:
            Exception: whatever made the session fail.
        """
        while (row := self._rows.get()) is not None:
            yield row
        if self._error is not None:
            raise self._error

    def ready_rows(self) -> list[Row]:
        """The rows that were told and not yet taken; never waits."""
        found: list[Row] = []
        while not self._rows.empty():
            row = self._rows.get()
            if row is None:
                self._rows.put(None)
                break
            found.append(row)
        return found

    @property
    def counts(self) -> Counts:
        """What was taken so far."""
        taken = self._taken
        return Counts(
            self._stage.ring.duration,
            taken["looked"],
            taken["dropped"],
            taken["unreadable"],
            taken["jobs"] - taken["done"],
        )

    def finish(self, duration: float | None = None) -> None:
        """Tell the rows that are left and end; nothing can be pushed any more.

        Args:
            duration: seconds of the whole, if it lasted longer than its sound and pictures.

        Raises:
            Exception: whatever made the session fail.
        """
        if self._state != "running":
            return
        self._state = "finishing"
        self._duration = duration
        self._sounds.put(None)
        self._pictures.end()
        for thread in self._threads[:2]:
            thread.join()
        self._said.put(None)
        self._threads[2].join()
        if self._error is None:
            self._last_windows()
        self._end()

    def stop(self) -> None:
        """End at once, without the rows that are left."""
        if self._state in ("running", "finishing"):
            self._state = "stopped"
            self._sounds.put(None)
            self._pictures.end(drop=True)
            self._said.put(None)
            self._end()

    def _end(self) -> None:
        self._todo.put((9, next(self._number), None))
        for thread in self._threads:
            if thread is not threading.current_thread():
                thread.join()
        if isinstance(self._decoder, ConfinedDecoder):
            self._decoder.close()
        one_blas_thread.__exit__()
        self._state = "ended"
        self._rows.put(None)
        if self._error is not None:
            raise self._error

    def _check(self) -> None:
        if self._error is not None:
            raise self._error
        if self._state != "running":
            raise MienError(f"The live session is {self._state}; start one before pushing to it.")

    def _count(self, what: str, many: int = 1) -> None:
        with self._counting:
            self._taken[what] += many

    def _behind(self) -> bool:
        return self._sounds.qsize() > _BACKLOG or self.counts.waiting > _BACKLOG

    def _guarded(self, work: Callable[[], None]) -> None:
        try:
            work()
        except BaseException as error:  # raised again by whoever pushes or asks for rows
            self._error = self._error or error
            self._rows.put(None)

    # --- the thread of the sound -----------------------------------------------------------

    def _hear(self) -> None:
        while (given := self._sounds.get()) is not None and self._error is None:
            samples, rate, at, pushed = given
            for block in self._intake.take(samples, rate, at):
                self._stage.hear(block)
            self._heard_at.note(self._stage.ring.duration, pushed)
            self._advance(ended=False)
        if self._state == "finishing":
            for block in self._intake.finish():
                self._stage.hear(block)
            self._advance(ended=True)

    def _advance(self, ended: bool) -> None:
        """Hand out what is over now: utterances, chunks, windows."""
        soon, whole = self._stage.stretches(ended)
        for heard in soon:
            self._count("jobs")
            self._said.put(heard)
        for heard in whole:
            self._post(_STAY, heard)
        self._post_windows()

    def _post_windows(self) -> None:
        with self._advancing:
            reached = self._stage.reached()
            settled = self._stage.windows.settled(reached)
            ended = self._stage.windows.ended(reached)
            for window in ended:
                if window not in settled and self._state == "running":
                    self._post(_SOON, (window, False))
            for window in settled:
                self._post(_SOON, (window, True))

    def _post(self, priority: int, job: Any) -> None:
        self._count("jobs")
        self._todo.put((priority, next(self._number), job))

    # --- the thread of the pictures ---------------------------------------------------------

    def _look(self) -> None:
        while (given := self._pictures.next()) is not None and self._error is None:
            at, picture, pushed = given
            seen = self._stage.seen
            if seen is not None and at <= seen:
                self._count("dropped")
                continue
            try:
                raster = self._raster(picture)
            except MediaError:
                self._count("unreadable")
                continue
            faces = self._stage.sight.look(raster, at)
            self._count("looked")
            self._stage.seen = at
            self._seen_at.note(at, pushed)
            height, width = raster.shape
            self._tell(PictureRow(at, (width, height), faces, time.monotonic() - pushed))
            if self._stage.ring.duration == 0:
                self._post_windows()

    def _raster(self, picture: Raster | bytes) -> Raster:
        return ArrayRaster(self._decoder(picture)) if isinstance(picture, bytes) else picture

    # --- the thread of the utterances -------------------------------------------------------

    def _recognise(self) -> None:
        words = self._stage.words
        while (heard := self._said.get()) is not None and self._error is None:
            if words is None or self._state == "stopped":
                return
            lines = words.utterance(heard, self._stage.speech())
            by_branch, fused = self._stage.judge(heard.segment)
            since = self._heard_at.wall(heard.segment.end - MARGIN)
            latency = max(0.0, time.monotonic() - since)
            self._tell(UtteranceRow(heard.segment, lines, by_branch, fused, heard.over, latency))
            self._count("done")

    # --- the thread of windows and chunks ---------------------------------------------------

    def _judge(self) -> None:
        while (job := self._todo.get()[2]) is not None and self._error is None:
            if isinstance(job, Heard):
                if self._stage.words is not None:
                    self._stage.words.chunk(job, self._stage.speech())
                self._stage.done(job)
                self._post_windows()
            else:
                self._judge_window(*job)
            self._count("done")

    def _judge_window(self, window: Segment, final: bool) -> None:
        if not final and window.end <= self._final_until:
            return
        self._final_until = max(self._final_until, window.end if final else -1.0)
        by_branch, fused = self._stage.judge(window)
        stamps = self._heard_at if self._stage.ring.duration else self._seen_at
        latency = max(0.0, time.monotonic() - stamps.wall(window.end))
        self._tell(WindowRow(window, by_branch, fused, final, latency))

    def _last_windows(self) -> None:
        """The windows that are left at the end."""
        while self.counts.waiting and self._error is None:
            time.sleep(0.005)
        heard, seen = self._stage.ring.duration, self._stage.seen or 0.0
        for window in self._stage.windows.last(self._duration or max(heard, seen)):
            self._post(_SOON, (window, True))
