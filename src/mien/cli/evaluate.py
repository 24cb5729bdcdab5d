"""``mien evaluate face | voice | text | fusion``."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Annotated, Any

import typer
from rich.console import Console, RenderableType

from mien.cli import options as o
from mien.cli.flags import Command, pack_folder, packs_given
from mien.cli.shared import Folds, Seed, check_target, posteriors_source, progress

app = typer.Typer(
    no_args_is_help=True, help="Judge a labelled data set and print the figures of merit."
)


def _judge(
    kind: str,
    data: Path,
    json_file: Path | None,
    posteriors: Path | None,
    pack: str | None,
    **asked: Any,
) -> None:
    """Judge a data set and show the figures."""
    from mien.evaluate import evaluate
    from mien.evaluate.summary import render

    check_target(json_file, "--json", None)
    check_target(posteriors, "--posteriors", (".csv", ".parquet"))
    with progress() as report:
        result = evaluate(
            kind, data, pack=pack_folder(pack), posteriors=posteriors, progress=report, **asked
        )
    _show(result, render, json_file)


@app.command("face")
def evaluate_face(
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
) -> None:
    """Judge face crops: FER-2013 (CSV, .npz, folders), or a CSV of pictures."""
    _judge("face", data, json_file, posteriors, pack, split=split, convention=convention)


def _command(kind: str) -> Callable[..., None]:
    """The command that judges a set with a pack of one kind."""

    def judge(
        data: o.Labelled,
        split: o.Split = None,
        pack: o.Pack = None,
        json_file: o.Figures = None,
        posteriors: o.Posteriors = None,
    ) -> None:
        _judge(kind, data, json_file, posteriors, pack, split=split)

    return judge


_HELP = {
    "voice": "Judge recordings: TESS, RAVDESS, CREMA-D folders, or a CSV.",
    "text": "Judge texts: GoEmotions, MELD, ISEAR, or a CSV.",
}
for _kind, _help in _HELP.items():
    app.command(_kind, help=_help)(_command(_kind))


def _show(
    result: Mapping[str, Any],
    render: Callable[[Mapping[str, Any]], RenderableType],
    json_file: Path | None,
) -> None:
    Console().print(render(result))
    if json_file is not None:
        json_file.write_text(json.dumps(result, indent=1) + "\n", encoding="utf-8")


@app.command("fusion", cls=Command)
def evaluate_fusion(
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
) -> None:
    """Compare each modality, the fusion rules and the learned pool on the same items.

    --text, --voice, --face and --asr apply to a folder of clips, which is
    judged first.
    """
    from mien.evaluate.fusion import evaluate_fusion as judge
    from mien.evaluate.fusion import render

    check_target(json_file, "--json", None)
    check_target(posteriors, "--posteriors", (".csv",))
    packs = packs_given(text=text_pack, voice=voice_pack, face=face_pack)
    source = posteriors_source(data, labels, posteriors, packs, asr)
    with progress() as report:
        result = judge(source, pack=pack, folds=folds, seed=seed, progress=report)
    _show(result, render, json_file)
