"""One clip of a batch: its analysis, its files and its row, by functions that can be pickled."""

from __future__ import annotations

import time
from functools import lru_cache
from pathlib import Path
from typing import Any

import numpy as np

from mien.analysis.analysis import Analysis
from mien.analysis.wire import write_json
from mien.analyzer import Analyzer
from mien.emotions import MIEN7
from mien.errors import HubError, MienError, MissingExtraError, OutputError, PackError
from mien.facts import shown
from mien.files import replacing
from mien.options import Options
from mien.report.page import save_page

Row = dict[str, Any]
COLUMNS = (
    "clip", "path", "state", "reason", "kind", "duration", "segments", "people", "label",
    "confidence", *MIEN7.labels, "quality", "absent", "seconds", "json", "report",
)  # fmt: skip
"""The columns of the table; ``docs/batch.md`` describes them."""
FOR_ALL = (PackError, HubError, MissingExtraError)
"""Errors that every other clip would have as well; they end the batch."""
COURSE = "course"
"""Of a row, but not in the table: the fused probabilities over time, for the sparkline."""
MOST_STEPS = 72
"""Steps in time of a course, at most."""


def analyze_clip(
    path: str,
    options: Options,
    json_file: str | None = None,
    report: str | None = None,
    report_media: str = "link",
) -> Row:
    """Analyse one clip and write its files; whatever is wrong with the clip is in the row.

    The report page is written before the JSON, and each takes its place in one step: where the
    JSON exists, the clip is finished. Analyzers are kept for the next clip of the process.

    Args:
        path: of the recording, picture or text.
        options: of the analysis.
        json_file: where the analysis goes; None for nowhere. Folders are made.
        report: where the report page goes; None for nowhere.
        report_media: ``link``, ``embed``, ``none`` or ``auto``; see
            :func:`mien.report.page.page_media`.

    Returns:
        a mapping with the keys ``state`` (``done`` or ``failed``), ``reason``, ``seconds`` (wall
        time) and, if it is done, those of :func:`row_of`.

    Raises:
        PackError, HubError, MissingExtraError: every other clip would fail with it, too.
        OptionError: if the options name a branch that is not installed.
    """
    started = time.perf_counter()
    analyzer = _analyzer(options)
    try:
        analysis = analyzer.analyze(path)
        _write(analysis, path, json_file, report, report_media)
        row = row_of(analysis)
    except FOR_ALL:
        raise
    except MienError as error:
        row = failed(str(error))
    except Exception as error:  # a fault of ours or of a plug-in costs one clip
        row = failed(f"internal error: {type(error).__name__}: {error}")
    return row | {"seconds": round(time.perf_counter() - started, 3)}


@lru_cache(maxsize=1)
def _analyzer(options: Options) -> Analyzer:
    return Analyzer(options)


def _write(
    analysis: Analysis, path: str, json_file: str | None, report: str | None, media: str
) -> None:
    for target in (json_file, report):
        if target is not None:
            _make_folder(Path(target).parent)
    if report is not None:
        save_page(analysis, Path(report), Path(path), media, overwrite=True)
    if json_file is not None:
        with replacing(Path(json_file)) as fresh:
            write_json(analysis, fresh)


def _make_folder(folder: Path) -> None:
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise OutputError(
            f"The folder {shown(folder)} cannot be made ({error.strerror}); choose another --out."
        ) from None


def failed(reason: str) -> Row:
    """The row of a clip that could not be analysed."""
    return {"state": "failed", "reason": " ".join(reason.split())}


def row_of(analysis: Analysis) -> Row:
    """The row of an analysis: its overall prediction, and its course.

    Returns:
        ``kind``, ``duration`` (seconds), ``segments`` and ``people`` (numbers), ``label`` (empty
        if all modalities are absent, for the reason in ``absent``), ``confidence`` and the seven
        probabilities in [0, 1], ``quality``, and ``course``, see :func:`course_of`.
    """
    fused = analysis.fused if analysis.whole is None else analysis.whole.fused
    reason = fused.reasons[0] if len(fused.reasons) else "nothing was judged"
    row: Row = {
        "state": "done",
        "reason": "",
        "kind": analysis.clip.kind,
        "duration": round(analysis.clip.duration, 3),
        "segments": len(analysis.segments),
        "people": len({track.identity for track in analysis.faces}),
        "absent": reason,
        COURSE: course_of(analysis),
    }
    if reason:
        return row | {"label": ""}
    probs = fused.probs[0]
    row |= {"label": fused.top(0), "confidence": round(float(probs.max()), 4)}
    row |= {name: round(float(p), 4) for name, p in zip(MIEN7.labels, probs, strict=True)}
    return row | {"quality": round(float(fused.quality[0]), 4)}


def course_of(analysis: Analysis, steps: int = MOST_STEPS) -> list[list[int] | None]:
    """The fused probabilities in equal steps of time: means of the rows, weighted by overlap.

    Args:
        analysis: of a clip.
        steps: of an analysis with several rows; one row is one step.

    Returns:
        for each step the seven probabilities in per cent, or None where nothing was judged.
    """
    present = np.asarray(analysis.fused.present, dtype=bool)
    starts = np.array([segment.start for segment in analysis.segments], dtype=float)
    ends = np.array([segment.end for segment in analysis.segments], dtype=float)
    if not present.any():
        return [None]
    low, high = starts.min(), ends.max()
    if len(starts) == 1 or high <= low:
        row = int(np.flatnonzero(present)[0])
        return [_percent(analysis.fused.probs[row])]
    edges = np.linspace(low, high, steps + 1)
    overlap = np.minimum(ends, edges[1:, None]) - np.maximum(starts, edges[:-1, None])
    weight = np.clip(overlap, 0, None) * present
    total = weight.sum(axis=1)
    sums = weight @ np.where(present[:, None], analysis.fused.probs, 0.0)
    return [_percent(row / t) if t > 0 else None for row, t in zip(sums, total, strict=True)]


def _percent(probs: Any) -> list[int]:
    return [round(100 * float(p)) for p in probs]


def key_of(path: str) -> dict[str, int] | None:
    """Size in bytes and time of the last change in ns of a file; None where it cannot be read."""
    try:
        info = Path(path).stat()
    except (OSError, ValueError):
        return None
    return {"size": info.st_size, "mtime_ns": info.st_mtime_ns}
