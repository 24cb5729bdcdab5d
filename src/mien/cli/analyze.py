"""``mien analyze`` and ``mien demo``."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console

from mien.cli.shared import check_target, numbers, progress


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
        str,
        typer.Option(help="pooled, length (the paper's), mean, best, product, or a fusion PACK."),
    ] = "pooled",
    weights: Annotated[
        str | None,
        typer.Option(metavar="LIST", help="In place of the learned: text=.5,voice=1,face=1."),
    ] = None,
    max_risk: Annotated[
        float | None,
        typer.Option(metavar="SHARE", help="Wrong answers put up with; beyond it: undecided."),
    ] = None,
    blends: Annotated[
        Path | None, typer.Option(metavar="FILE", help="Named mixtures to add (.toml, .json).")
    ] = None,
    by: Annotated[str, typer.Option(help="clip, utterance or window.")] = "clip",
    window: Annotated[float, typer.Option(help="Seconds of a window.")] = 5.0,
    step: Annotated[float, typer.Option(help="Seconds from window to window.")] = 2.5,
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

    # What cannot be written is found out before the work is done, not after.
    check_target(figure, "--figure", figures.FORMATS)
    check_target(transcript, "--transcript", transcripts.FORMATS)
    check_target(None if json_file in (None, "-") else Path(str(json_file)), "--json", None)
    packs = {"text": text_pack, "voice": voice_pack, "face": face_pack}
    options = Options(
        fusion=fusion,
        cut=CutOptions(by, window, step),
        frame_rate=fps,
        asr=asr,
        transcript=words,
        branches={name: {"pack": str(pack)} for name, pack in packs.items() if pack is not None},
        weights=None if weights is None else numbers(weights.split(","), "--weights"),
        max_risk=max_risk,
        blends=blends,
    )
    analyzer = Analyzer(options)
    with progress() as report:
        analysis = analyzer.analyze(path, report)
    Console(stderr=json_file == "-").print(table.render(analysis))
    if json_file == "-":
        sys.stdout.write(analysis.to_json())
    elif json_file is not None:
        Path(json_file).write_text(analysis.to_json(), encoding="utf-8")
    if figure is not None:
        figures.save(analysis.plot(), figure)
    if transcript is not None:
        transcripts.write_transcript(analysis, transcript)


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
