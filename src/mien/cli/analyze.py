"""``mien analyze``, ``mien export``, ``mien report`` and ``mien demo``."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer
from rich.console import Console

from mien.cli import options as o
from mien.cli.coding import codings_of
from mien.cli.flags import options_from, takes_options
from mien.cli.outputs import Guard, write_all
from mien.cli.recording import check_recording
from mien.cli.several import Targets, each
from mien.cli.shared import QUIET, earlier_analysis, progress, read_analysis, stopping

if TYPE_CHECKING:
    from mien.analysis.analysis import Analysis
    from mien.analyzer import Analyzer

PORTRAITS = 200
"""Faces kept for the strip of a report, at most; about 3 KB each."""


@takes_options
def analyze(
    ctx: typer.Context,
    paths: o.Recordings,
    json_file: o.Json = None,
    exports: o.Exports = None,
    export_format: o.ExportFormat = None,
    figure: o.Figure = None,
    figure_kind: o.FigureKind = None,
    report: o.Report = None,
    report_media: o.ReportMedia = "auto",
    transcript: o.Transcript = None,
    overwrite: o.Overwrite = False,
    resume: o.Resume = False,
    **_: Any,
) -> None:
    """Analyse recordings, pictures or texts.

    Of several recordings, each output needs a file of its own: {} in its name
    stands for the name of the recording without its suffix
    (--json 'out/{}.json').
    """
    from mien.analyzer import Analyzer

    targets = Targets(json_file, figure, transcript, report, tuple(exports or ()))
    guard = Guard.of_command(ctx).beside(paths)
    outputs = [
        _Outputs(
            t.json, t.figure, figure_kind, t.transcript, t.exports, export_format,
            _Page(t.report, report_media, path), guard,
        )
        for path, t in zip(paths, targets.for_each(paths), strict=True)
    ]  # fmt: skip
    implied = {"segmentation.by": "window", "portraits": PORTRAITS} if report else {}
    analyzer = Analyzer(options_from(ctx, implied))
    jobs = list(zip(paths, outputs, strict=True))
    each(jobs, lambda path, out: run_analysis(path, analyzer, resume, out))


def run_analysis(path: Path, analyzer: Analyzer, resume: bool, outputs: _Outputs) -> None:
    """Analyse a recording, and show and write what was asked for."""
    earlier = earlier_analysis(outputs.analysis_file) if resume else None
    with stopping() as stop:
        with progress(QUIET) as told:
            if earlier is None:
                analysis = analyzer.analyze(path, told, stop)
            else:
                analysis = analyzer.resume(path, earlier, told, stop)
        outputs.write(analysis)
    if analysis.partial:
        reached = analysis.part.end if analysis.part is not None else 0.0
        typer.echo(
            f"mien: stopped; analysed up to {reached:.1f} s. Continue with --resume.", err=True
        )
        raise typer.Exit(130)


@dataclass(frozen=True)
class _Page:
    """The page that was asked for, and the recording that it plays."""

    target: Path | None
    how: str
    media: Path | None

    def check(self, guard: Guard, option: str = "--report") -> None:
        from mien.report.page import FORMATS, check_media

        guard.check(self.target, option, FORMATS)
        if self.target is not None:
            check_media(self.media, self.how)

    def write(self, analysis: Analysis, guard: Guard) -> None:
        from mien.report.page import save_page

        if self.target is not None:
            save_page(
                analysis, self.target, self.media, self.how,
                overwrite=guard.overwrite, inputs=guard.inputs,
            )  # fmt: skip


@dataclass(frozen=True)
class _Outputs:
    """Where an analysis goes beside the table on the terminal.

    ``--json FILE`` is the short form of ``--export FILE.json``; ``--json -`` is standard output.
    """

    json: str | None
    figure: Path | None
    figure_kind: str | None
    transcript: Path | None
    exports: Sequence[Path] | None
    export_format: str | None
    page: _Page
    guard: Guard

    def __post_init__(self) -> None:
        """Refuse what cannot be written before the work, not after it."""
        from mien.report.export import check_export
        from mien.report.transcript import FORMATS as TRANSCRIPTS

        self._check_figure()
        self.guard.check(self.transcript, "--transcript", TRANSCRIPTS)
        self.page.check(self.guard)
        files = [
            ("--json" if str(target) == self.json else "--export", target, given)
            for target, given in self._files()
        ]
        for _, target, given in files:
            check_export(target, given)
        others = [("--figure", self.figure), ("--transcript", self.transcript)]
        others += [("--report", self.page.target)]
        self.guard.check_all([*others, *((option, target) for option, target, _ in files)])

    def _check_figure(self) -> None:
        if self.figure is None and self.figure_kind is None:
            return  # Matplotlib takes a fifth of a second to import
        from mien.report.figure import FORMATS, check_kind

        self.guard.check(self.figure, "--figure", FORMATS)
        check_kind(self.figure_kind)

    def _files(self) -> list[tuple[Path, str | None]]:
        """Every file to export, with its format where the suffix does not decide."""
        files = [] if self.json in (None, "-") else [(Path(str(self.json)), "json")]
        return [*files, *((target, self.export_format) for target in self.exports or ())]

    @property
    def analysis_file(self) -> Path | None:
        """The JSON file of the analysis, from ``--json`` or ``--export``; None if there is none."""
        from mien.report.export import format_of

        files = (target for target, given in self._files() if format_of(target, given) == "json")
        return next(files, None)

    def write(self, analysis: Analysis) -> None:
        """The table, and every file that was asked for.

        Raises:
            MienError: if one could not be written; the others are.
        """
        from mien.analysis.wire import json_text
        from mien.report import table

        Console(stderr=self.json == "-").print(table.render(analysis))
        if self.json == "-":
            sys.stdout.writelines(json_text(analysis))
        write_all(self._writers(analysis))

    def _writers(self, analysis: Analysis) -> Iterator[Callable[[], None]]:
        """What writes each file."""
        from mien.report import transcript
        from mien.report.export import export

        rule: Any = {"overwrite": self.guard.overwrite, "inputs": self.guard.inputs}
        for target, given in self._files():
            yield partial(export, analysis, target, given, **rule)
        if self.transcript is not None:
            yield partial(transcript.write_transcript, analysis, self.transcript, **rule)
        yield partial(self.page.write, analysis, self.guard)
        if self.figure is not None:
            yield partial(self._draw, analysis, self.figure, rule)

    def _draw(self, analysis: Analysis, target: Path, rule: dict[str, Any]) -> None:
        from mien.report import figure

        figure.save(analysis.plot(kind=self.figure_kind), target, **rule)


def _recording(value: Analysis, file: Path) -> tuple[Path, Path]:
    """Where the recording of an analysis may lie: where it was, or beside the file."""
    there = Path(value.clip.path)
    return there, file.parent / there.name


def report_page(
    ctx: typer.Context,
    analysis: Annotated[Path, typer.Argument(help="JSON file of an analysis (--json).")],
    page: Annotated[Path, typer.Argument(help="The page to write (.html).")],
    media: Annotated[
        Path | None, typer.Option(metavar="FILE", help="The recording, to be played in the page.")
    ] = None,
    report_media: o.ReportMedia = "auto",
    overwrite: o.Overwrite = False,
) -> None:
    """Write an analysis as an interactive page, with or without the recording."""
    value = read_analysis(analysis)
    guard = Guard.of_command(ctx, *_recording(value, analysis))
    wanted = _Page(page, report_media, media)
    wanted.check(guard, "The page")
    check_recording(value, media)
    wanted.write(value, guard)


def export_analysis(
    ctx: typer.Context,
    analysis: Annotated[Path, typer.Argument(help="JSON file of an analysis (--json).")],
    files: Annotated[
        list[Path], typer.Argument(help="Files to write; the suffix gives the format.")
    ],
    export_format: o.ExportFormat = None,
    figure_kind: o.FigureKind = None,
    media: Annotated[
        Path | None,
        typer.Option(metavar="FILE", help="The recording, for --figure-kind sound."),
    ] = None,
    codings: o.Codings = None,
    carry: o.Carry = False,
    overwrite: o.Overwrite = False,
) -> None:
    """Write an analysis in another format, or draw it; the recording is not needed."""
    from mien.report import figure
    from mien.report.export import check_coded, check_export, export, format_of

    drawn = [f for f in files if export_format is None and f.suffix.lower() in figure.FORMATS]
    figure.check_kind(figure_kind)
    for target in files:
        if target not in drawn:
            check_export(target, export_format)
            if codings:
                check_coded(format_of(target, export_format))
    value = read_analysis(analysis)
    guard = Guard.of_command(ctx, *_recording(value, analysis))
    guard.check_all([("The export", target) for target in files])
    check_recording(value, media)
    coded = codings_of(value, codings, carry)
    rule: Any = {"overwrite": overwrite, "inputs": guard.inputs}

    def write(target: Path) -> None:
        if target in drawn:
            figure.save(value.plot(kind=figure_kind, media=media), target, **rule)
        else:
            export(value, target, export_format, codings=coded, **rule)

    write_all(partial(write, target) for target in files)


def demo(
    out: Annotated[Path, typer.Option(help="Folder for the clip and its results.")] = Path("demo"),
    overwrite: o.Overwrite = False,
) -> None:
    """Make a short clip (a moving portrait and a spoken sentence) and analyse it."""
    from mien.demo import run_demo

    with progress(QUIET) as report:
        result = run_demo(out, report, overwrite)
    console = Console()
    console.print(result.table)
    for path in result.files:
        console.print(f"wrote {path}", soft_wrap=True)
