"""Export an analysis in the formats of other tools, selected by the suffix of the file."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from importlib import import_module
from pathlib import Path
from typing import Any

from mien.analysis.analysis import Analysis
from mien.coding import Coding
from mien.errors import OptionError
from mien.outputs import written

Writer = Callable[..., None]
"""Takes an analysis and a path; one of a format in ``CODED`` also codings."""

# Module and function by format. The longest matching suffix is used.
_WRITERS: Mapping[str, tuple[str, str]] = {
    "csv": ("tables", "write_csv"),
    "parquet": ("tables", "write_parquet"),
    "json": ("tables", "write_json"),
    "boris.csv": ("tables", "write_boris"),
    "srt": ("subtitles", "write_srt"),
    "vtt": ("subtitles", "write_vtt"),
    "eaf": ("tiers", "write_eaf"),
    "textgrid": ("tiers", "write_textgrid"),
    "rttm": ("tiers", "write_rttm"),
    "emotionml": ("emotionml", "write_emotionml"),
    "labelstudio.json": ("labelstudio", "write_labelstudio"),
}
FORMATS = tuple(_WRITERS)
CODED = ("csv", "parquet", "json", "boris.csv", "eaf", "textgrid", "rttm")
"""Formats that can hold the labels of human coders."""
_NAMES = {"textgrid": "TextGrid"}


def format_of(path: Path, given: str | None = None) -> str:
    """The format that is given, else by the suffix of a file.

    Raises:
        OptionError: if it is none of ``FORMATS``.

    Examples:
        >>> format_of(Path("talk.labelstudio.json")), format_of(Path("talk.TextGrid"))
        ('labelstudio.json', 'textgrid')
    """
    shown = [_NAMES.get(name, name) for name in FORMATS]
    if given is not None:
        if given.lower() not in _WRITERS:
            raise OptionError.choice("--format", given, shown)
        return given.lower()
    fitting = [name for name in FORMATS if path.name.lower().endswith("." + name)]
    if not fitting:
        raise OptionError.choice(
            "The suffix of an export", path.suffix or path.name, [f".{name}" for name in shown]
        )
    return max(fitting, key=len)


def export(
    analysis: Analysis,
    path: Path,
    given: str | None = None,
    *,
    codings: Sequence[Coding] = (),
    overwrite: bool = False,
    inputs: Iterable[Path] = (),
) -> None:
    """Write an analysis.

    Args:
        analysis: what to write.
        path: where.
        given: the format; by the suffix if None.
        codings: labels of human coders of this analysis, written beside the model's answers.
        overwrite: whether an existing file that mien did not write is replaced.
        inputs: files that are not replaced in any case, beside the recording.

    Raises:
        OptionError: if the format is not known or cannot hold codings, or the file may not be
            replaced; see :func:`mien.outputs.check_output`.
        OutputError: if it cannot be written.
        InputError: if the analysis has nothing that such a file could hold, or a coding is of
            another analysis.
        MissingExtraError: if the format needs a package that is not installed.
    """
    kind = format_of(path, given)
    more: dict[str, Any] = {}
    if codings:
        from mien.report.coded import checked

        check_coded(kind)
        more = {"codings": checked(analysis, codings)}
    module, name = _WRITERS[kind]
    writer: Writer = getattr(import_module(f"{__name__}.{module}"), name)
    path = Path(path)
    with written(path, (Path(analysis.clip.path), *inputs), overwrite, "The export") as fresh:
        writer(analysis, fresh, **more)


def check_export(path: Path, given: str | None = None) -> None:
    """Check, before the analysis, that such a file can be written.

    Raises:
        OptionError, MissingExtraError: as :func:`export` would.
    """
    kind = format_of(path, given)
    if kind in ("parquet", "eaf", "textgrid"):
        from mien.report.export.extras import need

        need(kind)


def check_coded(kind: str) -> None:
    """Check that a format can hold the labels of human coders.

    Raises:
        OptionError: if it cannot.
    """
    if kind not in CODED:
        raise OptionError.choice(
            "The format of an export with codings",
            _NAMES.get(kind, kind),
            [_NAMES.get(name, name) for name in CODED],
        )
