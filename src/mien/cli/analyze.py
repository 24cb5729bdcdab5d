"""``mien analyze``, ``mien export``, ``mien report`` and ``mien demo``."""

from __future__ import annotations

import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer
from rich.console import Console

from mien.cli import options as o
from mien.cli.several import Targets, each
from mien.cli.shared import (
    check_target,
    earlier_analysis,
    numbers,
    pack_or_hub,
    preset_options,
    progress,
    read_analysis,
    stopping,
)

if TYPE_CHECKING:
    from mien.analyzer import Analyzer
    from mien.results import Analysis

PORTRAITS = 200
"""Faces kept for the strip of a report, at most; about 3 KB each."""


def analyze(
    ctx: typer.Context,
    paths: o.Recordings,
    json_file: o.Json = None,
    figure: o.Figure = None,
    figure_kind: o.FigureKind = None,
    report: o.Report = None,
    report_media: o.ReportMedia = "auto",
    transcript: o.Transcript = None,
    exports: o.Exports = None,
    export_format: o.ExportFormat = None,
    resume: o.Resume = False,
    start: o.Start = 0.0,
    end: o.End = None,
    audio_track: o.AudioTrack = None,
    audio_channel: o.AudioChannel = None,
    by: o.By = None,
    window: o.Window = 5.0,
    step: o.Step = 2.5,
    words: o.Words = None,
    words_source: o.WordsSource = "auto",
    asr: o.Asr = "auto",
    fps: o.Fps = 5.0,
    detector: o.Detector = "auto",
    face: o.Face = "primary",
    face_policy: o.FacePolicy = "mean",
    fusion: o.Fusion = "pooled",
    weights: o.Weights = None,
    max_risk: o.MaxRisk = None,
    blends: o.Blends = None,
    text_pack: o.TextPack = None,
    voice_pack: o.VoicePack = None,
    face_pack: o.FacePack = None,
    preset: o.Preset = None,
) -> None:
    """Analyse recordings, pictures or texts.

    Of several, each output needs a place of its own: {} in its name stands for the name of the
    recording without its suffix (--json 'out/{}.json').
    """
    from mien.analyzer import Options
    from mien.cut import CutOptions

    targets = Targets(json_file, figure, transcript, report, tuple(exports or ()))
    outputs = [
        _Outputs(
            t.json, t.figure, figure_kind, t.transcript, t.exports, export_format,
            _Page(t.report, report_media, path),
        )
        for path, t in zip(paths, targets.for_each(paths), strict=True)
    ]  # fmt: skip
    system = _System(ctx, preset, asr, fusion)
    branches = system.branches(
        {"text": text_pack, "voice": voice_pack, "face": face_pack},
        {"text": {"source": words_source}, "face": {"person": face, "policy": face_policy}},
    )
    options = Options(
        fusion=system.fusion,
        cut=CutOptions(by or ("clip" if report is None else "window"), window, step),
        frame_rate=fps,
        asr=system.asr,
        transcript=words,
        branches=branches,
        detector=detector,
        start=start,
        end=end,
        audio_track=audio_track,
        audio_channel=audio_channel,
        portraits=0 if report is None else PORTRAITS,
        weights=None if weights is None else numbers(weights.split(","), "--weights"),
        max_risk=max_risk,
        blends=blends,
    )
    from mien.analyzer import Analyzer

    analyzer = Analyzer(options)
    each(list(zip(paths, outputs, strict=True)), lambda p, out: _run(p, analyzer, resume, out))


def _run(path: Path, analyzer: Analyzer, resume: bool, outputs: _Outputs) -> None:
    earlier = earlier_analysis(outputs.json) if resume else None
    with progress() as told, stopping() as stop:
        if earlier is None:
            analysis = analyzer.analyze(path, told, stop)
        else:
            analysis = analyzer.resume(path, earlier, told, stop)
    outputs.write(analysis)
    if analysis.partial:
        reached = analysis.part.end if analysis.part is not None else 0.0
        typer.echo(f"mien: stopped; analysed up to {reached:.1f} s. --resume goes on.", err=True)
        raise typer.Exit(130)


@dataclass
class _System:
    """What judges: the user's choices, and a preset's where the user made none.

    Args:
        ctx: tells which options were given.
        preset: its name, None for none.
        asr, fusion: as given.
    """

    ctx: typer.Context
    preset: str | None
    asr: str
    fusion: str

    def branches(
        self, packs: Mapping[str, str | Path | None], further: Mapping[str, dict[str, str]]
    ) -> dict[str, dict[str, str]]:
        """What the factory of each branch is given.

        Args:
            packs: by branch.
            further: by branch, its further options.
        """
        if self.preset is None:
            found = {n: pack_or_hub(None if p is None else str(p)) for n, p in packs.items()}
            given = {name: {"pack": str(pack)} for name, pack in found.items() if pack is not None}
            return given | {name: given.get(name, {}) | further[name] for name in further}
        system = preset_options(self.preset, None if self.asr == "auto" else self.asr, packs)
        self.asr = system.asr
        self.fusion = self.fusion if self._said("fusion") else system.fusion
        given = {name: dict(options) for name, options in system.branches.items()}
        said = {
            "source": ("text", "words_source"),
            "person": ("face", "face"),
            "policy": ("face", "face_policy"),
        }
        for key, (name, option) in said.items():
            if self._said(option):
                given[name][key] = further[name][key]
        return given

    def _said(self, name: str) -> bool:
        """Whether the user gave an option, and not its default."""
        source = self.ctx.get_parameter_source(name)
        return source is not None and source.name != "DEFAULT"


@dataclass(frozen=True)
class _Page:
    """The page that was asked for, and the recording that it plays."""

    target: Path | None
    how: str
    media: Path | None

    def check(self, option: str = "--report") -> None:
        from mien.report.page import FORMATS, check_media

        check_target(self.target, option, FORMATS)
        if self.target is not None:
            check_media(self.media, self.how)

    def write(self, analysis: Analysis) -> None:
        from mien.report.page import save_page

        if self.target is not None:
            save_page(analysis, self.target, self.media, self.how)


@dataclass(frozen=True)
class _Outputs:
    """Where an analysis goes beside the table on the terminal."""

    json: str | None
    figure: Path | None
    figure_kind: str | None
    transcript: Path | None
    exports: Sequence[Path] | None
    export_format: str | None
    page: _Page

    def __post_init__(self) -> None:
        """What cannot be written is found out before the work is done, not after."""
        from mien.report.export import check_export
        from mien.report.figure import FORMATS as FIGURES
        from mien.report.figure import check_kind
        from mien.report.transcript import FORMATS as TRANSCRIPTS

        check_target(self.figure, "--figure", FIGURES)
        check_kind(self.figure_kind)
        check_target(self.transcript, "--transcript", TRANSCRIPTS)
        check_target(None if self.json in (None, "-") else Path(str(self.json)), "--json", None)
        self.page.check()
        for target in self.exports or ():
            check_target(target, "--export", None)
            check_export(target, self.export_format)

    def write(self, analysis: Analysis) -> None:
        """The table, and every file that was asked for."""
        from mien.report import figure, table, transcript
        from mien.report.export import export
        from mien.wire import json_text, write_json

        Console(stderr=self.json == "-").print(table.render(analysis))
        if self.json == "-":
            sys.stdout.writelines(json_text(analysis))
        elif self.json is not None:
            write_json(analysis, Path(self.json))
        if self.transcript is not None:
            transcript.write_transcript(analysis, self.transcript)
        self.page.write(analysis)
        for target in self.exports or ():
            export(analysis, target, self.export_format)
        if self.figure is not None:
            figure.save(analysis.plot(kind=self.figure_kind), self.figure)


def report_page(
    analysis: Annotated[Path, typer.Argument(help="What --json wrote.")],
    page: Annotated[Path, typer.Argument(help="The page to write (.html).")],
    media: Annotated[
        Path | None, typer.Option(metavar="FILE", help="The recording, to play it in the page.")
    ] = None,
    report_media: o.ReportMedia = "auto",
) -> None:
    """Write an analysis as a page to look at, without the recording or with it."""
    wanted = _Page(page, report_media, media)
    wanted.check("The page")
    wanted.write(read_analysis(analysis))


def export_analysis(
    analysis: Annotated[Path, typer.Argument(help="What --json wrote.")],
    files: Annotated[list[Path], typer.Argument(help="What to write; the suffix says how.")],
    export_format: o.ExportFormat = None,
    figure_kind: o.FigureKind = None,
    media: Annotated[
        Path | None,
        typer.Option(metavar="FILE", help="The recording, for the figure of its sound."),
    ] = None,
) -> None:
    """Write an analysis in the formats of other tools, or draw it, without the recording."""
    from mien.report import figure
    from mien.report.export import check_export, export

    drawn = [f for f in files if export_format is None and f.suffix.lower() in figure.FORMATS]
    figure.check_kind(figure_kind)
    for target in files:
        check_target(target, "The export", None)
        if target not in drawn:
            check_export(target, export_format)
    value = read_analysis(analysis)
    for target in files:
        if target in drawn:
            figure.save(value.plot(kind=figure_kind, media=media), target)
        else:
            export(value, target, export_format)


def demo(
    out: Annotated[Path, typer.Option(help="Folder for the clip and the results.")] = Path("demo"),
) -> None:
    """Make a clip and analyse it: a portrait, slowly moved, and a spoken sentence."""
    from mien.demo import run_demo

    with progress() as report:
        result = run_demo(out, report)
    console = Console()
    console.print(result.table)
    for path in result.files:
        console.print(f"wrote {path}", soft_wrap=True)
