"""Build the page: template, styles, scripts and data in one file.

Data of the recording is never written into markup or code: it is JSON in which ``<`` is escaped,
and the scripts insert it into the page as text. The content security policy allows no connections,
and only the scripts and styles whose hashes it lists.
"""

from __future__ import annotations

import html
import json
from base64 import b64encode
from collections.abc import Iterable
from hashlib import sha256
from pathlib import Path
from typing import TYPE_CHECKING, Any

from mien.errors import OptionError
from mien.facts import utf8
from mien.outputs import WRITER, written
from mien.report.page.data import page_data
from mien.report.page.media import NO_MEDIA, PageMedia, page_media

if TYPE_CHECKING:
    from mien.analysis.analysis import Analysis

FORMATS = (".html", ".htm")
_HERE = Path(__file__).parent
_UPLOT = _HERE / "vendor" / "uplot"
STYLES = (_UPLOT / "uPlot.min.css", _HERE / "assets" / "page.css", _HERE / "assets" / "parts.css")
SCRIPTS = ("model", "verdict", "player", "timeline", "draw", "lists", "main")


def page_html(analysis: Analysis, media: PageMedia = NO_MEDIA) -> str:
    """The page as text.

    Args:
        analysis: what to show.
        media: the recording, see :func:`mien.report.page.page_media`.
    """
    licence = (_UPLOT / "LICENSE").read_text(encoding="utf-8").strip()
    own = "\n".join(_asset(f"{name}.js") for name in SCRIPTS)
    script = f"/*\nuPlot\n{licence}\n*/\n{_read(_UPLOT / 'uPlot.iife.min.js')}\n"
    script += f"(() => {{\n'use strict';\n{own}\nstart();\n}})();\n"
    style = "\n".join(_read(path) for path in STYLES)
    name = analysis.clip.name
    fields = {
        "writer": html.escape(WRITER),
        "policy": policy(script, style, media),
        "title": html.escape(f"{name} - mien"),
        "style": style,
        "data": _as_json(page_data(analysis, media)),
        "media": media.content,
        "script": script,
    }
    page = _asset("page.html")
    # A single pass over the template, so that inserted text is not replaced again.
    parts = page.split("@@")
    return "".join(fields[part] if i % 2 else part for i, part in enumerate(parts))


def save_page(
    analysis: Analysis,
    path: Path,
    media: Path | None = None,
    how: str = "auto",
    *,
    overwrite: bool = False,
    inputs: Iterable[Path] = (),
) -> None:
    """Write the page to a file.

    Args:
        analysis: what to show.
        path: path of the page.
        media: the recording, to play it in the page.
        how: see :func:`mien.report.page.page_media`.
        overwrite: whether an existing file that mien did not write is replaced.
        inputs: files that are not replaced in any case, beside the recording.

    Raises:
        OptionError: if the suffix is not one of ``FORMATS``, or the file may not be replaced.
        OptionError, InputError: as :func:`mien.report.page.check_media`.
        OutputError: if it cannot be written.
    """
    if path.suffix.lower() not in FORMATS:
        raise OptionError.choice("The suffix of a report", path.suffix, FORMATS)
    guarded = [Path(analysis.clip.path), *inputs, *([] if media is None else [media])]
    with written(path, guarded, overwrite, "The report") as fresh:
        text = page_html(analysis, page_media(media, how, path))
        fresh.write_text(text, encoding="utf-8")


def policy(script: str, style: str, media: PageMedia) -> str:
    """The content security policy of a page.

    uPlot sets inline styles through the DOM, to which a policy does not apply.
    """
    played = "media-src blob:"
    if media.link:
        # A linked recording is next to the page, on disk or on the same server.
        played += " 'self' file:"
    images = "img-src data: blob:" + (" 'self' file:" if media.link else "")
    return "; ".join(
        [
            "default-src 'none'",
            f"script-src 'sha256-{_hash(script)}'",
            f"style-src 'sha256-{_hash(style)}'",
            images,
            played,
            "connect-src 'none'",
            "base-uri 'none'",
            "form-action 'none'",
        ]
    )


def _hash(text: str) -> str:
    return b64encode(sha256(text.encode("utf-8")).digest()).decode("ascii")


def _as_json(value: Any) -> str:
    text = json.dumps(utf8(value), ensure_ascii=False, separators=(",", ":"), allow_nan=False)
    # Within a script element only "<" could end it or open a comment.
    return text.replace("<", "\\u003c").replace("\u2028", "\\u2028").replace("\u2029", "\\u2029")


def _asset(name: str) -> str:
    return _read(_HERE / "assets" / name)


def _read(path: Path) -> str:
    return path.read_text(encoding="utf-8")
