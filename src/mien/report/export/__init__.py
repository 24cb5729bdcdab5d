"""Export an analysis in the formats of other tools, selected by the suffix of the file."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from importlib import import_module
from pathlib import Path

from mien.analysis.analysis import Analysis
from mien.errors import OptionError

Writer = Callable[[Analysis, Path], None]

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


def export(analysis: Analysis, path: Path, given: str | None = None) -> None:
    """Write an analysis.

    Args:
        analysis: what to write.
        path: path of the file.
        given: the format; None to select it by the suffix.

    Raises:
        OptionError: if the format is unknown.
        InputError: if the analysis has no content for such a file.
        MissingExtraError: if the format needs a package that is not installed.
    """
    module, name = _WRITERS[format_of(path, given)]
    writer: Writer = getattr(import_module(f"{__name__}.{module}"), name)
    writer(analysis, path)


def check_export(path: Path, given: str | None = None) -> None:
    """Check, before the analysis, that such a file can be written.

    Raises:
        OptionError, MissingExtraError: as :func:`export` would.
    """
    kind = format_of(path, given)
    if kind in ("parquet", "eaf", "textgrid"):
        from mien.report.export.extras import need

        need(kind)
