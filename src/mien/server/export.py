"""The results of a job in the formats of ``mien export``, written in a process of their own."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from mien.errors import InputError, MienError

DRAWINGS = ("png", "svg", "pdf")
TYPES = {
    "json": "application/json",
    "labelstudio.json": "application/json",
    "csv": "text/csv; charset=utf-8",
    "boris.csv": "text/csv; charset=utf-8",
    "parquet": "application/vnd.apache.parquet",
    "srt": "application/x-subrip",
    "vtt": "text/vtt; charset=utf-8",
    "eaf": "application/xml",
    "textgrid": "text/plain; charset=utf-8",
    "rttm": "text/plain; charset=utf-8",
    "emotionml": "application/xml",
    "png": "image/png",
    "svg": "image/svg+xml",
    "pdf": "application/pdf",
}
"""Formats of results, and the media type of each."""


def exported(analysis_file: str, kind: str, codings: Sequence[str] = ()) -> tuple[str, bytes | str]:
    """An analysis in another format.

    Args:
        analysis_file: path of its JSON.
        kind: one of ``TYPES``.
        codings: paths of the labels of coders, for formats that can hold them.

    Returns:
        ``"data"`` and the bytes; ``"nothing"`` and why the analysis holds nothing for the format;
        or ``"error"`` and a sentence.
    """
    from mien.analysis.analysis import Analysis
    from mien.coding import Coding
    from mien.report.export import CODED, export
    from mien.report.figure import save

    try:
        analysis = Analysis.from_dict(json.loads(Path(analysis_file).read_bytes()))
    except MienError as error:  # of a later version
        return "error", str(error)
    with TemporaryDirectory() as folder:
        target = Path(folder) / f"{Path(analysis.clip.path).stem or 'analysis'}.{kind}"
        try:
            if kind in DRAWINGS:
                save(analysis.plot(), target)
            else:
                coded = [Coding.load(path) for path in codings] if kind in CODED else []
                export(analysis, target, kind, codings=[one for one in coded if one.codes])
        except InputError as error:
            return "nothing", str(error)
        except MienError as error:
            return "error", str(error)
        return "data", target.read_bytes()


def duration_of(path: str, options: dict[str, Any]) -> float | None:
    """Seconds that a recording claims to last, read in the sandbox; None if it cannot be read."""
    from contextlib import closing

    from mien.options import MediaOptions
    from mien.sandbox import open_source

    try:
        with closing(open_source(path, MediaOptions(**options))) as source:
            return source.facts.duration
    except MienError:
        return None
