"""The files that an analysis reads with a recording: which they are, and when they were changed."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from mien.options import Options, read_with
from mien.perceive.diarisation import rttm_beside
from mien.perceive.sidecar import subtitles_beside


def state_beside(recording: str, options: Options) -> dict[str, list[int]]:
    """Size in bytes and time of the last change in ns of each file that is read with a recording.

    Those are subtitles and turns beside it, an RTTM that the options name, and what plug-ins read
    (:meth:`mien.options.group.Group.read_with`); of a folder, the files in it.

    Args:
        recording: its path on this machine.
        options: of the analysis.
    """
    found = {}
    for file in _files(Path(recording), options):
        try:
            info = file.stat()
        except OSError:  # gone meanwhile
            continue
        found[str(file)] = [info.st_size, info.st_mtime_ns]
    return found


def _files(recording: Path, options: Options) -> Iterator[Path]:
    speech = options.speech
    if speech.asr == "auto":
        yield from subtitles_beside(recording).own
    if speech.speakers == "auto":
        turns = rttm_beside(recording)
        if turns is not None:
            yield turns
    elif speech.speakers not in (None, "none"):
        yield Path(speech.speakers)
    for one in read_with(options.branches, recording):
        if one.is_dir():
            yield from sorted(file for file in one.iterdir() if file.is_file())
        else:
            yield one
