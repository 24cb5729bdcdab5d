"""What a worker process does: one analysis, its results, and how it goes on."""

from __future__ import annotations

import dataclasses
import os
import resource
import sys
import time
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from mien.batch.pool import tell
from mien.errors import InputError, MienError, OutputError

NICE = 10
"""By how much the workers give way to the process that answers requests."""
BETWEEN_NEWS = 0.5
"""Seconds between two pieces of news of the same stage, at least."""
_SHORTAGE = ("bad_alloc", "bad allocation", "allocate memory", "Failed to allocate")
"""How libraries say that memory ran out."""
_NO_MEMORY: dict[str, Any] = {"error": ("MemoryLimitError", "")}
ANALYSIS, REPORT = "analysis.json", "report.html"
ROWS, LINES = "rows.json", "lines.json"
"""What the page and the search read, see :mod:`mien.server.derived`."""
CODINGS = "codings"
"""Folder of the labels of coders, one file each."""
RESULTS = (REPORT, ROWS, LINES, ANALYSIS)


def prepare(memory: int, threads: int = 1, nice: int = NICE) -> None:
    """Prepare a worker process.

    Args:
        memory: bytes that it may allocate.
        threads: cores that it may use.
        nice: by how much it gives way to others.
    """
    os.nice(nice)
    # The working folder changes with every job.
    sys.path[:] = [os.path.abspath(place) for place in sys.path]  # noqa: PTH100
    from mien.batch.worker import one_core
    from mien.memory import keep_little
    from mien.threads import limit_cores

    if threads == 1:
        one_core()
    else:
        keep_little()
        limit_cores(threads)
    _, hard = resource.getrlimit(resource.RLIMIT_DATA)
    most = memory if hard == resource.RLIM_INFINITY else min(memory, hard)
    resource.setrlimit(resource.RLIMIT_DATA, (most, most))
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    # What a library prints may hold names; errors are told by values.
    with Path(os.devnull).open("wb") as nowhere:
        for stream in (1, 2):
            os.dup2(nowhere.fileno(), stream)


def analyze_upload(upload: str, options: Mapping[str, Any], out: str) -> dict[str, Any]:
    """Analyse an upload and write its results, the JSON and the report page.

    The file is opened by its name from within its folder, so that results and messages hold its
    name and no path.

    Args:
        upload: path of the recording, alone in its folder.
        options: plain values of :class:`mien.options.Options`.
        out: folder for the results; made anew if it exists.

    Returns:
        ``{"duration": seconds}``, or ``{"error": (type, message), "log": [...]}``, of which the
        log is for the operator.
    """
    from mien.options import Options
    from mien.shortcuts import analyze

    path = Path(upload)
    os.chdir(path.parent)
    try:
        analysis = analyze(path.name, Options.from_dict(options), progress=_news())
        write_results(analysis, path.name, Path(out))
        return {"duration": analysis.clip.duration}
    except InputError as error:
        return {"error": (type(error).__name__, str(error))}
    except MemoryError:
        return _NO_MEMORY
    except OutputError as error:
        message = "The results could not be written; the disk of the service may be full."
        return {"error": ("OutputError", message), "log": [str(error)]}
    except Exception as error:  # a fault of ours or of a plug-in costs one job
        return _internal(error)
    finally:
        os.chdir("/")


def _internal(error: Exception) -> dict[str, Any]:
    from mien.server.gate import frames

    name = type(error).__name__
    if any(words in str(error) for words in _SHORTAGE):
        return _NO_MEMORY
    message = f"The analysis failed for an internal reason ({name}); the operator has its log."
    log = frames(error) + ([str(error)] if isinstance(error, MienError) else [])
    return {
        "error": (name if isinstance(error, MienError) else "InternalError", message),
        "log": log,
    }


def write_results(analysis: Any, name: str, out: Path) -> None:
    """Write all files of ``RESULTS``.

    Args:
        analysis: of the recording.
        name: path of the recording, for the report.
        out: folder, made if it is missing.
    """
    from mien.analysis.wire import write_json
    from mien.files import replacing
    from mien.report.page import page_html, page_media
    from mien.server.derived import write_derived

    out.mkdir(mode=0o700, exist_ok=True)
    media = page_media(Path(name), "auto", None)
    if media.link:  # too large for the page: the route beside that of the report
        media = dataclasses.replace(media, link="media")
    with replacing(out / REPORT) as fresh:
        fresh.write_text(page_html(analysis, media), encoding="utf-8")
    write_derived(analysis, out)
    with replacing(out / ANALYSIS) as fresh:
        write_json(analysis, fresh)


def _news() -> Callable[[str, float], None]:
    """Tells the stage, and its share at most twice a second."""
    stage, due = "", 0.0

    def say(doing: str, share: float) -> None:
        nonlocal stage, due
        now = time.monotonic()
        if doing != stage or now >= due:
            stage, due = doing, now + BETWEEN_NEWS
            tell((doing, min(1.0, max(0.0, round(float(share), 3)))))

    return say
