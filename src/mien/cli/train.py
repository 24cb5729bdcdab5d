"""``mien train face | detector | voice | text | asr | fusion``."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any

import typer

from mien.cli import options as o
from mien.cli.flags import Command, packs_given
from mien.cli.shared import Folds, Seed, posteriors_source, say
from mien.errors import MissingExtraError, OptionError

app = typer.Typer(
    no_args_is_help=True, help="Train a pack (all commands but fusion need the extra 'train')."
)

Data = Annotated[
    list[Path],
    typer.Option("--data", help="A labelled data set in its published layout; repeatable."),
]
Out = Annotated[Path, typer.Option("--out", help="Folder of the pack to write.")]
Epochs = Annotated[
    int | None, typer.Option(help="Passes over the data. Default: the number of the recipe.")
]
Threads = Annotated[int | None, typer.Option(help="Threads of torch. Default: one per core.")]
Limit = Annotated[int | None, typer.Option(help="Maximum number of training rows.")]
Start = Annotated[
    Path | None,
    typer.Option(
        metavar="OUT.run", help="Earlier run whose weights are the start of the training."
    ),
]


Teacher = Annotated[
    Path | None,
    typer.Option(
        metavar="OUT.run|PACK",
        help="Run or pack whose answers are training targets; a run is also averaged with the "
        "new net.",
    ),
]
Member = Annotated[
    int | None,
    typer.Option(
        metavar="N", help="With a pack as --start: the number of its net to start from, from 0."
    ),
]
Beside = Annotated[
    Path | None,
    typer.Option(metavar="OUT.run", help="Run whose net is averaged with the new one."),
]
Side = Annotated[
    int | None,
    typer.Option(
        help="Side in pixels to which the net enlarges its pictures of 48 px. Default: 48."
    ),
]
Recipe = Annotated[
    str, typer.Option(help="mien (a pack) or paper (the nets of the paper and their figures).")
]
Net = Annotated[
    str | None, typer.Option(help="With --recipe paper: 23 or baseline. Default: both.")
]
Search = Annotated[
    int | None,
    typer.Option(metavar="N", help="With --recipe paper: N short trials instead of training."),
]
Lr = Annotated[
    float | None,
    typer.Option(help="With --recipe paper: learning rate. Default: 1e-3 (baseline), 1e-4 (23)."),
]
WeightDecay = Annotated[float, typer.Option(help="With --recipe paper: weight decay.")]


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
                f"{option} is an option of --recipe {other}, not of "
                f"--recipe {recipe}; leave one of "
                "the two out."
            )
    if context.params.get("search") is not None:
        for option in _given(context, ("lr", "weight_decay")):
            raise OptionError(f"--search varies {option} itself; leave one of the two out.")


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
    teacher: Teacher = None,
    member: Member = None,
    beside: Beside = None,
    side: Side = None,
    recipe: Recipe = "mien",
    net: Net = None,
    search: Search = None,
    lr: Lr = None,
    weight_decay: WeightDecay = 1e-4,
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
        typer.Option("--data", help="Folder of pictures with or without people; repeatable."),
    ],
    teacher: Annotated[Path, typer.Option(help="YuNet ONNX file that marks the faces.")],
    out: Out,
    crops: Annotated[
        Path | None, typer.Option(help="Face crops to paste into the pictures: FER-2013.")
    ] = None,
    nobody: Annotated[
        list[Path] | None, typer.Option(help="Folder of pictures without people; repeatable.")
    ] = None,
    licence: Annotated[
        list[str] | None,
        typer.Option(
            metavar="FOLDER=LICENCE", help="Licence of a folder, for the model card; repeatable."
        ),
    ] = None,
    epochs: Epochs = None,
    seed: Seed = 0,
    threads: Threads = None,
    limit: Annotated[int | None, typer.Option(help="Pictures per epoch.")] = None,
    start: Start = None,
) -> None:
    """Train the face detector on pictures in which a teacher detector marks the faces."""
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
        typer.Option(
            metavar="FOLDER", help="Whisper encoder in the form of CTranslate2. Default: base."
        ),
    ] = None,
    folds: Annotated[
        int,
        typer.Option(help="Number of folds; the speakers of a fold are left out of its training."),
    ] = 5,
    recipe: Annotated[
        str, typer.Option(help="mien (heads on Whisper's encoder) or paper (fine-tuning on TESS).")
    ] = "mien",
    base: Annotated[
        str,
        typer.Option(metavar="HUBID|FOLDER", help="With --recipe paper: checkpoint to start from."),
    ] = "facebook/wav2vec2-base",
    split: Annotated[
        str,
        typer.Option(
            help="With --recipe paper: random (reports speaker as well), speaker or word."
        ),
    ] = "random",
    loss: Annotated[
        str, typer.Option(help="With --recipe paper: cross-entropy or ctc.")
    ] = "cross-entropy",
) -> None:
    """Train the voice pack on TESS, RAVDESS, CREMA-D folders or CSVs of path, label and speaker.

    Every figure of its card is measured on speakers, or whole corpora, left out
    of the training.
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
        Path | None, typer.Option(help="Folder of a BERT checkpoint. Default: MiniLM.")
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
        str,
        typer.Option(
            metavar="HUBID|FOLDER", help="Whisper checkpoint in the form of Transformers."
        ),
    ] = "openai/whisper-tiny",
    longer: Annotated[
        list[Path] | None,
        typer.Option(
            help="Longer speech for the test: RAVDESS, or a CSV of path and text; repeatable."
        ),
    ] = None,
    split: Annotated[
        str,
        typer.Option(help="word, speaker, or random (as in the paper; reports speaker as well)."),
    ] = "word",
    lr: Annotated[float, typer.Option(help="Learning rate (the paper does not give one).")] = 1e-5,
    window: Annotated[
        float | None,
        typer.Option(help="Seconds of the encoder's input in training. Default: 30."),
    ] = None,
    epochs: Epochs = None,
    seed: Seed = 0,
    threads: Threads = None,
    limit: Limit = None,
) -> None:
    """Fine-tune Whisper on TESS as in the paper, and measure its word error rate."""
    _trainers()
    try:
        from mien.train.paper.asr import AsrOptions
        from mien.train.paper.asr import train_asr as run
    except ImportError:
        raise MissingExtraError("mien train asr", "hub") from None
    settings = (split, epochs, seed, threads, limit, lr, window)
    run(AsrOptions(data, out, base, longer or (), *settings), say)
    typer.echo(f"wrote {out} (table: {out / 'README.md'})")


@app.command("fusion", cls=Command)
def train_fusion(
    out: Out,
    data: o.TableIfAny = None,
    labels: o.Labels = None,
    asr: o.Asr = "auto",
    compose: Annotated[
        list[Path] | None,
        typer.Option(help="Posteriors of one branch (.csv), or a folder of them; repeatable."),
    ] = None,
    text_pack: o.TextPack = None,
    voice_pack: o.VoicePack = None,
    face_pack: o.FacePack = None,
    folds: Folds = 10,
    seed: Seed = 0,
) -> None:
    """Fit the fusion of modalities; the extra 'train' is not needed.

    --data takes votes (in the layout of CREMA-D), a table of posteriors, or a
    folder of labelled clips. The clips of a folder are judged first, with the
    models of --text, --voice and --face; their posteriors are kept in
    OUT.run/posteriors.csv, so that a run that was stopped continues there.
    --compose takes the posteriors of each branch on its own held-out data and
    composes clips of them.
    """
    from mien.train.fusion import run as fusion

    if (data is None) == (not compose):
        raise OptionError("Give either --data or --compose.")
    packs = packs_given(text=text_pack, voice=voice_pack, face=face_pack)
    if data is None:
        composed = fusion.ComposeOptions(compose or [], out, packs, seed=seed)
        _trained(fusion.train_composed(composed, say), out)
        return
    kept = out.with_name(out.name + ".run") / "posteriors.csv"
    source = posteriors_source(data, labels, kept, packs, asr)
    _trained(fusion.train_fusion(fusion.FusionOptions(source, out, folds, seed), say), out)
