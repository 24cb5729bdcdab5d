"""The index page of a batch: one HTML file without connections, a sparkline for each clip."""

from __future__ import annotations

import html
import os
from base64 import b64encode
from collections import Counter
from collections.abc import Iterator, Sequence
from hashlib import sha256
from pathlib import Path
from urllib.parse import quote

from mien.batch.one import COURSE, Row
from mien.emotions import MIEN7
from mien.facts import as_utf8, shown
from mien.files import replacing
from mien.report.colours import EMOTIONS

PAGE = "index.html"
_HERE = Path(__file__).parent
_WIDTH, _HEIGHT = 216, 36
_LABELS = MIEN7.labels


def write_page(rows: Sequence[Row], out: Path, total: int) -> Path:
    """Write the page into the folder of a batch.

    Args:
        rows: of the clips that are finished.
        out: the folder.
        total: clips of the batch, finished or not.

    Raises:
        OutputError: if it cannot be written.
    """
    with replacing(out / PAGE) as fresh:
        fresh.write_text(page_html(rows, total), encoding="utf-8")
    return out / PAGE


def page_html(rows: Sequence[Row], total: int) -> str:
    """The page as text; names and reasons are escaped.

    The content security policy allows nothing but the style and the script whose hashes it lists.
    """
    style = (_HERE / "assets" / "index.css").read_text(encoding="utf-8")
    style += "".join(f".{name}{{--c:{colour}}}\n" for name, colour in EMOTIONS.items())
    script = (_HERE / "assets" / "index.js").read_text(encoding="utf-8")
    fields = {
        "policy": f"default-src 'none'; script-src '{_hash(script)}'; style-src '{_hash(style)}'; "
        "base-uri 'none'; form-action 'none'",
        "style": style,
        "script": script,
        "summary": _summary(rows, total),
        "legend": "".join(f"<li>{_dot(name)}{name}</li>" for name in _LABELS),
        "rows": "\n".join(map(_row, rows)),
    }
    template = (_HERE / "assets" / "index.html").read_text(encoding="utf-8")
    # A single pass, so that inserted text is not replaced again.
    parts = template.split("@@")
    return "".join(fields[part] if i % 2 else part for i, part in enumerate(parts))


def _hash(text: str) -> str:
    return f"sha256-{b64encode(sha256(text.encode('utf-8')).digest()).decode('ascii')}"


def _summary(rows: Sequence[Row], total: int) -> str:
    done = [row for row in rows if row["state"] == "done"]
    lost = len(rows) - len(done)
    hours = sum(row.get("duration", 0.0) for row in done)
    words = [f"{len(done)} of {total} clips analysed"]
    words += [f"{lost} failed"] if lost else []
    words += [f"{total - len(rows)} to do (--resume)"] if total > len(rows) else []
    words += [f"{clock(hours)} of recordings"] if hours else []
    labels = Counter(row["label"] for row in done if row.get("label"))
    words += [", ".join(f"{name} {n}" for name, n in labels.most_common())] if labels else []
    return " &middot; ".join(map(html.escape, words))


def clock(seconds: float) -> str:
    """A duration as ``m:ss`` or ``h:mm:ss``.

    Examples:
        >>> clock(5.4), clock(3725)
        ('0:05', '1:02:05')
    """
    minutes, rest = divmod(round(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours}:{minutes:02}:{rest:02}" if hours else f"{minutes}:{rest:02}"


def _row(row: Row) -> str:
    name = html.escape(shown(row["clip"]))
    folder, _, file = name.rpartition("/")
    title = f'<span class="folder">{folder}/</span>{file}' if folder else file
    first = f'<th scope="row">{title}</th>'
    if row["state"] != "done":
        reason = html.escape(as_utf8(row["reason"]))
        return (
            f'<tr class="failed">{first}<td colspan="4"><b>Failed:</b> {reason}</td><td></td></tr>'
        )
    length = "" if row["kind"] != "recording" else clock(row["duration"])
    # The value by which the column is sorted.
    return (
        f'<tr>{first}<td class="num" data-by="{row["duration"]}">{length}</td>'
        f'<td class="over">{sparkline(row[COURSE])}</td>{_answer(row)}'
        f'<td class="links">{" ".join(_links(row))}</td></tr>'
    )


def _answer(row: Row) -> str:
    if not row["label"]:
        reason = html.escape(as_utf8(row["absent"]))
        return f'<td colspan="2" class="quiet">no answer: {reason}</td>'
    percent = round(100 * row["confidence"])
    return (
        f"<td>{_dot(row['label'])}{html.escape(row['label'])}</td>"
        f'<td class="num" data-by="{row["confidence"]}">{percent} %</td>'
    )


def _dot(label: str) -> str:
    return f'<i class="dot {label}"></i>'


def _links(row: Row) -> Iterator[str]:
    for kind, words in (("report", "report"), ("json", "JSON")):
        if row.get(kind):
            target = quote(os.fsencode(row[kind]), safe="/:" if "://" in row[kind] else "/")
            yield f'<a href="{html.escape(target)}">{words}</a>'


def sparkline(course: Sequence[Sequence[int] | None]) -> str:
    """The probabilities over time as stacked areas in steps, an SVG; gaps stay empty.

    Args:
        course: see :func:`mien.batch.one.course_of`.
    """
    step = _WIDTH / max(len(course), 1)
    paths = "".join(
        f'<path class="{name}" d="{d}"/>'
        for k, name in enumerate(_LABELS)
        if (d := "".join(_band(course, k, step)))
    )
    words = html.escape(_in_words(course))
    return (
        f'<svg viewBox="0 0 {_WIDTH} {_HEIGHT}" width="{_WIDTH}" height="{_HEIGHT}" role="img" '
        f'preserveAspectRatio="none" shape-rendering="crispEdges"><title>{words}</title>'
        f'<rect width="{_WIDTH}" height="{_HEIGHT}"/>{paths}</svg>'
    )


def _band(course: Sequence[Sequence[int] | None], k: int, step: float) -> Iterator[str]:
    """One rectangle for each step in which the k-th label has a share, as path data."""
    for i, probs in enumerate(course):
        if probs is not None and probs[k] > 0:
            whole = sum(probs)
            top, share = (_HEIGHT * sum(probs[:n]) / whole for n in (k, k + 1))
            left, right = i * step, (i + 1) * step
            yield f"M{left:.5g} {top:.4g}H{right:.5g}V{share:.4g}H{left:.5g}z"


def _in_words(course: Sequence[Sequence[int] | None]) -> str:
    """The labels that lead, from start to end, at most six of them."""
    leads: list[str] = []
    for probs in course:
        name = "nothing" if probs is None else _LABELS[probs.index(max(probs))]
        if not leads or leads[-1] != name:
            leads.append(name)
    more = "" if len(leads) <= 6 else ", and more"
    return "Over time: " + ", ".join(leads[:6]) + more
