"""``mien train face | detector | voice | text | asr | fusion``."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any

import typer

from mien.cli import options as o
from mien.cli.shared import Folds, Seed, pairs, posteriors_source, say
from mien.errors import MissingExtraError, OptionError

app = typer.Typer(
    no_args_is_help=True, help="Train a pack (all but fusion need the extra 'train')."
)

Data = Annotated[
    list[Path], typer.Option("--data", help="A labelled set in its published layout; repeatable.")
]
Out = Annotated[Path, typer.Option("--out", help="Folder of the pack to write.")]
Epochs = Annotated[int | None, typer.Option(help="Passes; the recipe's own number by default.")]
Threads = Annotated[int | None, typer.Option(help="Threads of torch; all cores by default.")]
Limit = Annotated[int | None, typer.Option(help="Use at most so many training rows.")]
Start = Annotated[
    Path | None,
    typer.Option(metavar="OUT.run", help="An earlier run, for a second cycle from its weights."),
]


# Options that only one recipe reads; given to the other they would be ignored in silence.
OF_RECIPE = {
    "mien": ("start", "teacher", "member", "beside", "side", "ear", "folds"),
    "paper": ("net", "search", "lr", "weight_decay", "base", "split", "loss"),
}


def _check_recipe(recipe: str, context: typer.Context) -> None:
    if recipe not in OF_RECIPE:
        raise OptionError.choice("recipe", recipe, tuple(OF_RECIPE))
    for other in OF_RECIPE.keys() - {recipe}:
        for option in _given(context, OF_RECIPE[other]):
            raise OptionError(
                f"{option} belongs to --recipe {other}, not to --recipe {recipe}; leave one of the "
                "two out."
            )
    if context.params.get("search") is not None:
        for option in _given(context, ("lr", "weight_decay")):
            raise OptionError(
                f"--search tries values of {option} itself; leave one of the two out."
            )


def _given(context: typer.Context, names: tuple[str, ...]) -> list[str]:
    """Which of some options stand on the command line."""
    sources = {name: context.get_parameter_source(name) for name in names}
    return [
        f"--{name.replace('_', '-')}"
        for name, source in sources.items()
        if source is not None and source.name == "COMMANDLINE"
    ]


def _trainers() -> Any:
    try:
        from mien.train import commands
    except ModuleNotFoundError as error:
        if (error.name or "").startswith("mien"):
            raise
        raise MissingExtraError("mien train", "train") from None
    return commands


def _trained(manifest: Any, out: Path) -> None:
    for row in manifest.metrics:
        figures = "  ".join(f"{k} {v}" for k, v in row.items() if k not in ("set", "rows"))
        typer.echo(f"{row['set']} ({row['rows']} rows): {figures}")
    typer.echo(f"wrote {out} (card: {out / 'README.md'})")


@app.command("face")
def train_face(
    context: typer.Context,
    data: Data,
    out: Out,
    epochs: Epochs = None,
    seed: Seed = 0,
    threads: Threads = None,
    limit: Limit = None,
    start: Start = None,
    teacher: Annotated[
        Path | None,
        typer.Option(
            metavar="OUT.run|PACK",
            help="An earlier run or a pack that teaches the new net; a run answers beside it.",
        ),
    ] = None,
    member: Annotated[
        int | None,
        typer.Option(metavar="N", help="Where --start is a pack: which of its nets, from 0."),
    ] = None,
    beside: Annotated[
        Path | None,
        typer.Option(metavar="OUT.run", help="An earlier run whose net answers beside the new."),
    ] = None,
    side: Annotated[
        int | None,
        typer.Option(help="Px that the net enlarges its pictures of 48 px to; 48 by default."),
    ] = None,
    recipe: Annotated[
        str, typer.Option(help="mien (the pack) or paper (its nets, with its figures beside).")
    ] = "mien",
    net: Annotated[
        str | None, typer.Option(help="Of the paper's recipe: 23 or baseline; both by default.")
    ] = None,
    search: Annotated[
        int | None,
        typer.Option(metavar="N", help="Of the paper's recipe: N short trials and no training."),
    ] = None,
    lr: Annotated[
        float | None,
        typer.Option(help="Of the paper's recipe: learning rate; 1e-3 for baseline, 1e-4 for 23."),
    ] = None,
    weight_decay: Annotated[float, typer.Option(help="Of the paper's recipe.")] = 1e-4,
) -> None:
    """Train the face pack on FER-2013 (CSV, .npz or folders)."""
    _check_recipe(recipe, context)
    commands = _trainers()
    if recipe == "paper":
        from mien.train.paper.face import PaperFaceOptions

        _paper_faces(
            PaperFaceOptions(data, out, net, lr, weight_decay, epochs, seed, threads, limit), search
        )
        return
    from mien.train import face_run

    options = commands.TrainOptions(data, out, epochs, seed, threads, limit, start)
    lineage = face_run.Lineage(teacher, member, beside, side)
    _trained(face_run.train_face(options, say, lineage=lineage), out)


def _paper_faces(asked: Any, search: int | None) -> None:
    """Train the paper's face nets, or search over their rates in ``search`` trials."""
    from mien.train.paper.face import run_paper_face
    from mien.train.paper.face_search import run_search

    out = asked.out
    if search is None:
        run_paper_face(asked, say)
    else:
        best = run_search(asked, search, say)[0]
        typer.echo(f"best: --lr {best['lr']:.3g} --weight-decay {best['weight_decay']:g}")
        out = out / "search"
    typer.echo(f"wrote {out} (tables: {out / 'README.md'})")


@app.command("detector")
def train_detector(
    data: Annotated[
        list[Path],
        typer.Option("--data", help="A folder of pictures with or without people; repeatable."),
    ],
    teacher: Annotated[Path, typer.Option(help="A YuNet ONNX file: it says where the faces are.")],
    out: Out,
    crops: Annotated[
        Path | None, typer.Option(help="Face crops to paste into pictures: FER-2013.")
    ] = None,
    nobody: Annotated[
        list[Path] | None, typer.Option(help="A folder of pictures without people; repeatable.")
    ] = None,
    licence: Annotated[
        list[str] | None,
        typer.Option(metavar="FOLDER=LICENCE", help="Licence of a folder, for the card."),
    ] = None,
    epochs: Epochs = None,
    seed: Seed = 0,
    threads: Threads = None,
    limit: Annotated[int | None, typer.Option(help="Pictures an epoch.")] = None,
    start: Start = None,
) -> None:
    """Train the face detector on pictures that a teacher has named."""
    commands = _trainers()
    from mien.train.detector import run as detect

    options = commands.TrainOptions(data, out, epochs, seed, threads, limit, start)
    licences = dict(pair.partition("=")[::2] for pair in licence or ())
    people = detect.PeopleOptions(teacher, crops, nobody or (), licences)
    _trained(detect.train_detector(options, people, say), out)


@app.command("voice")
def train_voice(
    context: typer.Context,
    data: Data,
    out: Out,
    epochs: Epochs = None,
    seed: Seed = 0,
    threads: Threads = None,
    limit: Limit = None,
    ear: Annotated[
        Path | None,
        typer.Option(metavar="FOLDER", help="A Whisper of CTranslate2; base by default."),
    ] = None,
    folds: Annotated[int, typer.Option(help="Folds in which speakers are left out.")] = 5,
    recipe: Annotated[
        str, typer.Option(help="mien (heads on Whisper's encoder, the pack) or paper (on TESS).")
    ] = "mien",
    base: Annotated[
        str, typer.Option(metavar="HUBID|FOLDER", help="What the paper's recipe starts from.")
    ] = "facebook/wav2vec2-base",
    split: Annotated[
        str, typer.Option(help="Of the paper's recipe: random (with speaker), speaker or word.")
    ] = "random",
    loss: Annotated[
        str, typer.Option(help="Of the paper's recipe: cross-entropy or ctc.")
    ] = "cross-entropy",
) -> None:
    """Train the voice pack on TESS, RAVDESS, CREMA-D folders or CSVs of path, label and speaker.

    Every figure of its card is of speakers, or of whole corpora, that were left out.
    """
    _check_recipe(recipe, context)
    commands = _trainers()
    if recipe == "paper":
        from mien.train.paper.voice import RecipeOptions, run_recipe

        run_recipe(RecipeOptions(data, out, base, loss, split, epochs, seed, threads, limit), say)
        typer.echo(f"wrote {out} (tables: {out / 'README.md'})")
        return
    from mien.train import voice_pack

    options = commands.TrainOptions(data, out, epochs, seed, threads, limit)
    _trained(voice_pack.train_voice(options, say, ear=ear, folds=folds), out)


@app.command("text")
def train_text(
    data: Data,
    out: Out,
    epochs: Epochs = None,
    seed: Seed = 0,
    threads: Threads = None,
    limit: Limit = None,
    start: Start = None,
    base: Annotated[
        Path | None, typer.Option(help="Folder of a BERT checkpoint; MiniLM by default.")
    ] = None,
) -> None:
    """Train the text pack on GoEmotions, MELD, ISEAR or a CSV."""
    commands = _trainers()
    options = commands.TrainOptions(data, out, epochs, seed, threads, limit, start)
    _trained(commands.train_text(options, say, base=base), out)


@app.command("asr")
def train_asr(
    data: Data,
    out: Out,
    base: Annotated[
        str, typer.Option(metavar="HUBID|FOLDER", help="A Whisper in the form of Transformers.")
    ] = "openai/whisper-tiny",
    longer: Annotated[
        list[Path] | None,
        typer.Option(help="Longer speech to test on: a CSV of path and text, RAVDESS; repeatable."),
    ] = None,
    split: Annotated[
        str, typer.Option(help="word, speaker, or random (the paper's; with speaker).")
    ] = "word",
    lr: Annotated[float, typer.Option(help="Learning rate; the paper names none.")] = 1e-5,
    window: Annotated[
        float | None,
        typer.Option(help="Seconds the encoder is shown in training; 30, the whole, by default."),
    ] = None,
    epochs: Epochs = None,
    seed: Seed = 0,
    threads: Threads = None,
    limit: Limit = None,
) -> None:
    """Fine-tune a Whisper on TESS as in the paper; word errors on short and on longer speech."""
    _trainers()
    try:
        from mien.train.paper.asr import AsrOptions
        from mien.train.paper.asr import train_asr as run
    except ImportError:
        raise MissingExtraError("mien train asr", "hub") from None
    settings = (split, epochs, seed, threads, limit, lr, window)
    run(AsrOptions(data, out, base, longer or (), *settings), say)
    typer.echo(f"wrote {out} (table: {out / 'README.md'})")


@app.command("fusion")
def train_fusion(
    out: Out,
    data: o.TableIfAny = None,
    labels: o.Labels = None,
    asr: o.Asr = "auto",
    compose: Annotated[
        list[Path] | None,
        typer.Option(help="Posteriors of single branches, or a folder of them; repeatable."),
    ] = None,
    fitted_for: o.JudgedBy = None,
    folds: Folds = 10,
    seed: Seed = 0,
) -> None:
    """Fit the pooling of modalities; needs no torch.

    On votes (CREMA-D's layout), on posteriors of the same items, on a folder of labelled clips
    (each is judged first and kept in OUT.run/posteriors.csv, where a run that was stopped goes on),
    or on clips composed of what each branch says of its own held-out data.
    """
    from mien.train.fusion import run as fusion

    if (data is None) == (not compose):
        raise OptionError("Give either --data or --compose.")
    packs = {name: Path(where) for name, where in pairs(fitted_for or [], "--for").items()}
    if data is None:
        composed = fusion.ComposeOptions(compose or [], out, packs, seed=seed)
        _trained(fusion.train_composed(composed, say), out)
        return
    kept = out.with_name(out.name + ".run") / "posteriors.csv"
    source = posteriors_source(data, labels, kept, packs, asr)
    _trained(fusion.train_fusion(fusion.FusionOptions(source, out, folds, seed), say), out)
