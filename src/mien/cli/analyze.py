"""``mien analyze`` and ``mien demo``."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console

from mien.cli.shared import (
    check_target,
    earlier_analysis,
    progress,
    read_analysis,
    stopping,
)


def analyze(
    path: Annotated[Path, typer.Argument(help="A recording, a picture or a .txt file.")],
    json_file: Annotated[
        str | None, typer.Option("--json", metavar="FILE", help="Write the analysis; - for stdout.")
    ] = None,
    figure: Annotated[
        Path | None, typer.Option(metavar="FILE", help="Draw grouped bars (.png, .svg, .pdf).")
    ] = None,
    transcript: Annotated[
        Path | None, typer.Option(metavar="FILE", help="Write the words (.txt, .srt, .vtt).")
    ] = None,
    words: Annotated[
        Path | None, typer.Option(metavar="FILE", help="A transcript to use instead of hearing.")
    ] = None,
    fusion: Annotated[
        str, typer.Option(help="length (the paper's), mean, best or product.")
    ] = "length",
    by: Annotated[str, typer.Option(help="clip, utterance or window.")] = "clip",
    window: Annotated[float, typer.Option(help="Seconds of a window.")] = 5.0,
    step: Annotated[float, typer.Option(help="Seconds from window to window.")] = 2.5,
    start: Annotated[float, typer.Option(help="Analyse from here, seconds.")] = 0.0,
    end: Annotated[float | None, typer.Option(help="Analyse up to here, seconds.")] = None,
    exports: Annotated[
        list[Path] | None,
        typer.Option("--export", metavar="FILE", help="Write it for another tool; repeatable."),
    ] = None,
    export_format: Annotated[
        str | None, typer.Option("--format", help="Of the exports, whatever their suffix.")
    ] = None,
    resume: Annotated[
        bool, typer.Option("--resume", help="Go on with the partial analysis at --json.")
    ] = False,
    asr: Annotated[str, typer.Option(help="auto, pocketsphinx or none.")] = "auto",
    fps: Annotated[float, typer.Option(help="Pictures looked at per second.")] = 5.0,
    text_pack: Annotated[Path | None, typer.Option("--text", metavar="PACK")] = None,
    voice_pack: Annotated[Path | None, typer.Option("--voice", metavar="PACK")] = None,
    face_pack: Annotated[Path | None, typer.Option("--face", metavar="PACK")] = None,
) -> None:
    """Analyse one recording, picture or text."""
    from mien.analyzer import Analyzer, Options
    from mien.cut import CutOptions
    from mien.report import figure as figures
    from mien.report import table
    from mien.report import transcript as transcripts
    from mien.report.export import check_export, export

    # What cannot be written is found out before the work is done, not after.
    check_target(figure, "--figure", figures.FORMATS)
    check_target(transcript, "--transcript", transcripts.FORMATS)
    check_target(None if json_file in (None, "-") else Path(str(json_file)), "--json", None)
    for target in exports or ():
        check_target(target, "--export", None)
        check_export(target, export_format)
    earlier = earlier_analysis(json_file) if resume else None
    packs = {"text": text_pack, "voice": voice_pack, "face": face_pack}
    options = Options(
        fusion=fusion,
        cut=CutOptions(by, window, step),
        frame_rate=fps,
        asr=asr,
        transcript=words,
        branches={name: {"pack": str(pack)} for name, pack in packs.items() if pack is not None},
        start=start,
        end=end,
    )
    analyzer = Analyzer(options)
    with progress() as report, stopping() as stop:
        if earlier is None:
            analysis = analyzer.analyze(path, report, stop)
        else:
            analysis = analyzer.resume(path, earlier, report, stop)
    Console(stderr=json_file == "-").print(table.render(analysis))
    if json_file == "-":
        sys.stdout.write(analysis.to_json())
    elif json_file is not None:
        Path(json_file).write_text(analysis.to_json(), encoding="utf-8")
    if figure is not None:
        figures.save(analysis.plot(), figure)
    if transcript is not None:
        transcripts.write_transcript(analysis, transcript)
    for target in exports or ():
        export(analysis, target, export_format)
    if analysis.partial:
        end_at = analysis.part.end if analysis.part is not None else 0.0
        typer.echo(f"mien: stopped; analysed up to {end_at:.1f} s. --resume goes on.", err=True)
        raise typer.Exit(130)


def export_analysis(
    analysis: Annotated[Path, typer.Argument(help="What --json wrote.")],
    files: Annotated[list[Path], typer.Argument(help="What to write; the suffix says how.")],
    export_format: Annotated[
        str | None, typer.Option("--format", help="Whatever the suffix says.")
    ] = None,
) -> None:
    """Write an analysis in the formats of other tools, without the recording."""
    from mien.report.export import check_export, export

    for target in files:
        check_target(target, "The export", None)
        check_export(target, export_format)
    value = read_analysis(analysis)
    for target in files:
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
