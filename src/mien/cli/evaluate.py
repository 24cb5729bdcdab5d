"""``mien evaluate face | voice | text | fusion``."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from functools import partial
from pathlib import Path
from typing import Annotated, Any

import typer
from rich.console import Console

from mien.cli import options as o
from mien.cli.flags import Command, pack_folder, packs_given
from mien.cli.outputs import Guard, write_all
from mien.cli.shared import Folds, Seed, posteriors_source, progress
from mien.outputs import FIGURES

app = typer.Typer(
    no_args_is_help=True, help="Judge a labelled data set and print the figures of merit."
)


def _judge(
    ctx: typer.Context,
    kind: str,
    data: Path,
    json_file: Path | None,
    posteriors: Path | None,
    pack: str | None,
    **asked: Any,
) -> None:
    """Judge a data set and show the figures."""
    from mien.evaluate import judge_set
    from mien.evaluate.summary import render

    guard = Guard.of_command(ctx)
    guard.check(posteriors, "--posteriors", (".csv", ".parquet"))
    guard.check_all([("--json", json_file), ("--posteriors", posteriors)])
    with progress() as report:
        figures, save = judge_set(kind, data, pack=pack_folder(pack), progress=report, **asked)
    Console().print(render(figures))
    writers = [partial(_write_figures, figures, json_file, guard)]
    if posteriors is not None:
        writers.append(partial(save, posteriors))
    write_all(writers)


@app.command("face")
def evaluate_face(
    ctx: typer.Context,
    data: o.Labelled,
    split: o.Split = None,
    pack: o.Pack = None,
    convention: Annotated[
        str | None,
        typer.Option(
            help="Labelling convention: observers (the votes of FER+) or fer2013 (the label of the "
            "set). Default: observers if the set has votes."
        ),
    ] = None,
    json_file: o.Figures = None,
    posteriors: o.Posteriors = None,
    overwrite: o.Overwrite = False,
) -> None:
    """Judge face crops: FER-2013 (CSV, .npz, folders), or a CSV of pictures."""
    _judge(ctx, "face", data, json_file, posteriors, pack, split=split, convention=convention)


def _command(kind: str) -> Callable[..., None]:
    """The command that judges a set with a pack of one kind."""

    def judge(
        ctx: typer.Context,
        data: o.Labelled,
        split: o.Split = None,
        pack: o.Pack = None,
        json_file: o.Figures = None,
        posteriors: o.Posteriors = None,
        overwrite: o.Overwrite = False,
    ) -> None:
        _judge(ctx, kind, data, json_file, posteriors, pack, split=split)

    return judge


_HELP = {
    "voice": "Judge recordings: TESS, RAVDESS, CREMA-D folders, or a CSV.",
    "text": "Judge texts: GoEmotions, MELD, ISEAR, or a CSV.",
}
for _kind, _help in _HELP.items():
    app.command(_kind, help=_help)(_command(_kind))


def _write_figures(result: Mapping[str, Any], json_file: Path | None, guard: Guard) -> None:
    """Write the figures as JSON where that is asked for."""
    if json_file is None:
        return
    text = json.dumps({"schema": FIGURES} | dict(result), indent=1)
    with guard.written(json_file, "--json") as fresh:
        fresh.write_text(f"{text}\n", encoding="utf-8")


@app.command("fusion", cls=Command)
def evaluate_fusion(
    ctx: typer.Context,
    data: o.Table,
    pack: o.FusionPack = None,
    folds: Folds = 10,
    seed: Seed = 0,
    json_file: o.Figures = None,
    labels: o.Labels = None,
    posteriors: o.Kept = None,
    text_pack: o.TextPack = None,
    voice_pack: o.VoicePack = None,
    face_pack: o.FacePack = None,
    asr: o.Asr = "auto",
    overwrite: o.Overwrite = False,
) -> None:
    """Compare each modality, the fusion rules and the learned pool on the same items.

    --text, --voice, --face and --asr apply to a folder of clips, which is
    judged first.
    """
    from mien.evaluate.fusion import evaluate_fusion as judge
    from mien.evaluate.fusion import render

    guard = Guard.of_command(ctx)
    guard.check(posteriors, "--posteriors", (".csv",))
    guard.check_all([("--json", json_file), ("--posteriors", posteriors)])
    packs = packs_given(text=text_pack, voice=voice_pack, face=face_pack)
    source = posteriors_source(data, labels, posteriors, packs, asr)
    with progress() as report:
        result = judge(source, pack=pack, folds=folds, seed=seed, progress=report)
    Console().print(render(result))
    _write_figures(result, json_file, guard)
