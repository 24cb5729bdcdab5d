"""``audformat.Database``: analyses as a database, and a database as a labelled set."""

from __future__ import annotations

import json
import os
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from mien.analysis.analysis import Analysis
from mien.analysis.evidence import Evidence
from mien.datasets.audformat import load_audformat as load_audformat  # noqa: PLC0414
from mien.datasets.audformat import need_audformat
from mien.emotions import MIEN7
from mien.errors import InputError
from mien.facts import as_utf8, shown
from mien.report.rows import tier_name, tiers
from mien.report.speakers import row_speakers

if TYPE_CHECKING:
    from audformat import Database

Row = Mapping[str, Any]
FILES = "files"
RATER = "mien"
ABOUT = "How an observer would name the expression, not what a person feels."


def database(
    analyses: Iterable[Analysis | str | Path],
    name: str = "mien",
    root: str | Path | None = None,
    *,
    usage: str = "other",
    license: str | None = None,
    **header: Any,
) -> Database:
    """Analyses as a database.

    The table ``files`` has the answer for each whole recording; ``fused``, each branch and each
    further person have a segmented table of their own with the rows of the analyses.

    Args:
        analyses: analyses, or the JSON files of analyses.
        name: of the database.
        root: folder to which the paths of the recordings are made relative, so that the database is
            portable; the common folder by default.
        usage: what the recordings may be used for: ``commercial``, ``other``, ``research``,
            ``restricted`` or ``unrestricted``. It is yours to say; mien cannot know.
        license: of the recordings.
        header: further fields of ``audformat.Database``: ``license_url``, ``author``,
            ``organization``, ``languages``, ``description``.

    Returns:
        the database; ``save(FOLDER)`` writes it. Columns: ``emotion`` (the likeliest label),
        the seven probabilities, ``quality``, ``reason`` (why there is no label), and in segmented
        tables ``speaker`` where the rows are turns. Of rows with the same file and times, which
        audformat cannot hold, the first is kept; ``left_out`` in the meta of a table counts them.

    Raises:
        InputError: if there are no analyses, or two are of one recording.
        MissingExtraError: if audformat is not installed.
    """
    audformat = need_audformat("mien.compat.audformat")
    found = [one if isinstance(one, Analysis) else _read(Path(one)) for one in analyses]
    if not found:
        raise InputError("A database needs at least one analysis.")
    paths = _paths(found, root)
    version = ", ".join(sorted({one.provenance.mien for one in found}))
    header = {"description": ABOUT, "license": license, **header}
    made = audformat.Database(name, f"mien {version}", usage, **header)
    made.meta["mien"] = {"version": version, "labels": ABOUT}
    _declare(audformat, made, found)
    _add(audformat, made, FILES, _wholes(found, paths))
    tables: dict[str, list[Row]] = {}
    for analysis, path in zip(found, paths, strict=True):
        speakers = row_speakers(analysis)
        for modality, who, evidence in tiers(analysis):
            key = tier_name(modality, who).replace(" (", ".").replace(" ", "").removesuffix(")")
            tables.setdefault(key, []).extend(_rows(evidence, path, speakers))
    for key, rows in tables.items():
        _add(audformat, made, key, rows)
    return made


def _read(path: Path) -> Analysis:
    try:
        return Analysis.from_dict(json.loads(path.read_bytes()))
    except OSError as error:
        raise InputError(f"{shown(path)} cannot be read ({error.strerror}).") from None
    except ValueError as error:
        raise InputError(f"{shown(path)} is no JSON ({error}).") from None


def _paths(analyses: Sequence[Analysis], root: str | Path | None) -> list[str]:
    """The paths of the recordings, relative and with slashes, each once."""
    given = [Path(one.clip.path).absolute() for one in analyses]
    common = os.path.commonpath([path.parent for path in given])
    base = Path(common if root is None else root).absolute()
    inside = [path for path in given if path.is_relative_to(base)]
    if len(inside) < len(given):
        out = next(path for path in given if path not in inside)
        raise InputError(f"{shown(out)} does not lie in {shown(base)}; give another root.")
    found = [as_utf8(path.relative_to(base).as_posix()) for path in given]
    twice = next((path for path in found if found.count(path) > 1), None)
    if twice is not None:
        raise InputError(f"Two analyses are of {shown(twice)}; give one for each recording.")
    return found


def _declare(audformat: Any, made: Database, analyses: Sequence[Analysis]) -> None:
    """Media, rater and schemes."""
    define = audformat.define
    for one in analyses:
        kind = define.MediaType.VIDEO if one.clip.has_video else define.MediaType.AUDIO
        if one.clip.kind == "recording":
            made.media[kind] = audformat.Media(kind)
        else:
            made.media[one.clip.kind] = audformat.Media(define.MediaType.OTHER)
    made.raters[RATER] = audformat.Rater(define.RaterType.MACHINE, description="mien")
    share: dict[str, Any] = {"minimum": 0.0, "maximum": 1.0}
    made.schemes["emotion"] = audformat.Scheme(labels=list(MIEN7.labels), description=ABOUT)
    made.schemes["probability"] = audformat.Scheme(
        "float", **share, description="Probability of a label."
    )
    made.schemes["quality"] = audformat.Scheme(
        "float", **share, description="Quality of the input of the modality; 0 where it is absent."
    )
    made.schemes["reason"] = audformat.Scheme("str", description="Why there is no label.")
    made.schemes["speaker"] = audformat.Scheme("str", description="Who speaks.")


def _row(evidence: Evidence, i: int) -> dict[str, Any]:
    probs = evidence.probs[i].tolist()
    columns = {f"probability.{label}": p for label, p in zip(MIEN7.labels, probs, strict=True)}
    quality = float(evidence.quality[i])
    return {
        "emotion": evidence.top(i),
        **columns,
        "quality": quality,
        "reason": evidence.reasons[i],
    }


def _wholes(analyses: Sequence[Analysis], paths: Sequence[str]) -> list[Row]:
    """The answer for each recording; for one without it (an early version) its first row."""
    whole = (one.fused if one.whole is None else one.whole.fused for one in analyses)
    return [{"file": path, **_row(one, 0)} for one, path in zip(whole, paths, strict=True)]


def _rows(evidence: Evidence, path: str, speakers: Sequence[str] | None) -> list[Row]:
    return [
        {
            "file": path, "start": segment.start,
            "end": segment.end if segment.duration > 0 else None,
            **_row(evidence, i), "speaker": None if speakers is None else speakers[i],
        }
        for i, segment in enumerate(evidence.segments)
    ]  # fmt: skip


def _add(audformat: Any, made: Database, name: str, rows: Sequence[Row]) -> None:
    """A table, filewise unless its rows have times."""
    import pandas

    times = "start" in rows[0]
    unique: dict[tuple[Any, ...], Row] = {}
    for row in rows:
        unique.setdefault((row["file"], row.get("start"), row.get("end")), row)
    kept = list(unique.values())
    files = [row["file"] for row in kept]
    index = audformat.filewise_index(files)
    if times:
        starts, ends = (
            pandas.to_timedelta([r[key] for r in kept], unit="s").round("ms")
            for key in ("start", "end")
        )
        index = audformat.segmented_index(files, starts, ends)
    meta = {"left_out": len(rows) - len(kept)} if len(rows) > len(kept) else {}
    table = made[name] = audformat.Table(index, meta=meta)
    columns = [key for key in kept[0] if key not in ("file", "start", "end")]
    for column in columns:
        values = [row[column] for row in kept]
        if column == "speaker" and not any(values):
            continue
        scheme = column.split(".")[0]
        rater = None if scheme in ("speaker", "reason") else RATER
        table[column] = audformat.Column(scheme_id=scheme, rater_id=rater)
        table[column].set(values)
