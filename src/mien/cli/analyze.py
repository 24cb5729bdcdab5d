"""``mien analyze`` and ``mien demo``."""

from __future__ import annotations

import sys
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer
from rich.console import Console

from mien.cli import options as o
from mien.cli.shared import check_target, pack_or_hub, progress

if TYPE_CHECKING:
    from mien.results import Analysis


def analyze(
    path: o.Recording,
    json_file: o.Json = None,
    figure: o.Figure = None,
    transcript: o.Transcript = None,
    by: o.By = "clip",
    window: o.Window = 5.0,
    step: o.Step = 2.5,
    words: o.Words = None,
    asr: o.Asr = "auto",
    fps: o.Fps = 5.0,
    detector: o.Detector = "auto",
    face: o.Face = "primary",
    face_policy: o.FacePolicy = "mean",
    fusion: o.Fusion = "length",
    text_pack: o.TextPack = None,
    voice_pack: o.VoicePack = None,
    face_pack: o.FacePack = None,
) -> None:
    """Analyse one recording, picture or text."""
    from mien.analyzer import Analyzer, Options
    from mien.cut import CutOptions

    outputs = _Outputs(json_file, figure, transcript)
    outputs.check()
    packs = {"text": pack_or_hub(text_pack), "voice": pack_or_hub(voice_pack), "face": face_pack}
    branches: dict[str, dict[str, str]] = {"face": {"person": face, "policy": face_policy}}
    for name, pack in packs.items():
        if pack is not None:
            branches.setdefault(name, {})["pack"] = str(pack)
    options = Options(
        fusion=fusion,
        cut=CutOptions(by, window, step),
        frame_rate=fps,
        asr=asr,
        transcript=words,
        branches=branches,
        detector=detector,
    )
    with progress() as report:
        analysis = Analyzer(options).analyze(path, report)
    outputs.write(analysis)


@dataclass(frozen=True)
class _Outputs:
    """Where an analysis goes beside the table on the terminal."""

    json: str | None
    figure: Path | None
    transcript: Path | None

    def check(self) -> None:
        """What cannot be written is found out before the work is done, not after."""
        from mien.report.figure import FORMATS as FIGURES
        from mien.report.transcript import FORMATS as TRANSCRIPTS

        check_target(self.figure, "--figure", FIGURES)
        check_target(self.transcript, "--transcript", TRANSCRIPTS)
        check_target(None if self.json in (None, "-") else Path(str(self.json)), "--json", None)

    def write(self, analysis: Analysis) -> None:
        from mien.report import figure, table, transcript

        Console(stderr=self.json == "-").print(table.render(analysis))
        if self.json == "-":
            sys.stdout.write(analysis.to_json())
        elif self.json is not None:
            Path(self.json).write_text(analysis.to_json(), encoding="utf-8")
        if self.figure is not None:
            figure.save(analysis.plot(), self.figure)
        if self.transcript is not None:
            transcript.write_transcript(analysis, self.transcript)


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
