"""The files that an analysis reads with a recording: which they are, and when they were changed."""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Iterator
from contextlib import suppress
from itertools import takewhile
from pathlib import Path

from mien.options import Options, read_with
from mien.perceive.diarisation import rttm_beside
from mien.perceive.sidecar import folded, subtitles_beside


class Beside:
    """What lies beside recordings; each folder is listed once, so that many are fast.

    Args:
        options: of the analysis.
    """

    def __init__(self, options: Options) -> None:
        self._options = options
        self._listed: dict[Path, list[tuple[str, str]]] = {}

    def state(self, recording: str) -> dict[str, list[int]]:
        """Size in bytes and time of the last change in ns of each file that is read with it.

        Those are subtitles and turns beside it, an RTTM that the options name, and what plug-ins
        read (:meth:`mien.options.group.Group.read_with`); of a folder, the files in it.

        Args:
            recording: its path on this machine.
        """
        found = {}
        # What cannot be listed or read here is told of the recording when it is analysed.
        with suppress(OSError, ValueError):
            for file in self._files(Path(recording)):
                with suppress(OSError):
                    info = file.stat()
                    found[str(file)] = [info.st_size, info.st_mtime_ns]
        return found

    def _files(self, recording: Path) -> Iterator[Path]:
        speech = self._options.speech
        names = self._names(recording)
        if speech.asr == "auto":
            yield from subtitles_beside(recording, names).own
        if speech.speakers == "auto":
            turns = rttm_beside(recording, names)
            if turns is not None:
                yield turns
        elif speech.speakers not in (None, "none"):
            yield Path(speech.speakers)
        for one in read_with(self._options.branches, recording):
            if one.is_dir():
                yield from sorted(file for file in one.iterdir() if file.is_file())
            else:
                yield one

    def _names(self, recording: Path) -> list[str]:
        """The names in its folder that begin as its own, in any case of letters."""
        listed = self._listed.get(recording.parent)
        if listed is None:
            listed = sorted((folded(one.name), one.name) for one in recording.parent.iterdir())
            self._listed[recording.parent] = listed
        own = folded(recording.stem)
        first = bisect_left(listed, (own, ""))
        after = (listed[at] for at in range(first, len(listed)))
        return [name for _, name in takewhile(lambda pair: pair[0].startswith(own), after)]
