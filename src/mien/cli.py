"""The command line: ``mien analyze | demo | train | evaluate | models``."""

from __future__ import annotations

import json
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Annotated, Any

import typer
from rich.console import Console
from rich.progress import BarColumn, Progress, TaskProgressColumn, TextColumn, TimeRemainingColumn

from mien import __version__
from mien.errors import MienError, MissingExtraError, OptionError

app = typer.Typer(
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    help="Reads emotion from a recording by its words, its voice and its faces.",
)
train_app = typer.Typer(
    no_args_is_help=True, help="Train a pack (all but fusion need the extra 'train')."
)
evaluate_app = typer.Typer(no_args_is_help=True, help="Judge a labelled set with a pack.")
models_app = typer.Typer(no_args_is_help=True, help="The model packs.")
app.add_typer(train_app, name="train")
app.add_typer(evaluate_app, name="evaluate")
app.add_typer(models_app, name="models")

Report = Callable[[str, float], None]


@contextmanager
def _progress() -> Iterator[Report]:
    """A progress bar on the terminal's error stream; nothing where there is no terminal."""
    console = Console(stderr=True)
    columns = (TextColumn("{task.description}"), BarColumn(), TaskProgressColumn())
    with Progress(*columns, TimeRemainingColumn(), console=console, transient=True) as bar:
        task = bar.add_task("", total=1.0)
        yield lambda doing, share: bar.update(task, description=doing, completed=share)


def _version(wanted: bool) -> None:
    if wanted:
        typer.echo(f"mien {__version__}")
        raise typer.Exit()


@app.callback()
def _root(
    version: Annotated[
        bool, typer.Option("--version", callback=_version, is_eager=True, help="Show the version.")
    ] = False,
) -> None:
    pass


@app.command()
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
    _check_target(figure, "--figure", figures.FORMATS)
    _check_target(transcript, "--transcript", transcripts.FORMATS)
    _check_target(None if json_file in (None, "-") else Path(str(json_file)), "--json", None)
    packs = {"text": text_pack, "voice": voice_pack, "face": face_pack}
    options = Options(
        fusion=fusion,
        cut=CutOptions(by, window, step),
        frame_rate=fps,
        asr=asr,
        transcript=words,
        branches={name: {"pack": str(pack)} for name, pack in packs.items() if pack is not None},
    )
    analyzer = Analyzer(options)
    with _progress() as report:
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


def _check_target(path: Path | None, option: str, suffixes: tuple[str, ...] | None) -> None:
    if path is None:
        return
    if suffixes is not None and path.suffix.lower() not in suffixes:
        raise OptionError.choice(f"The suffix of {option}", path.suffix, suffixes)
    if path.is_dir() or not path.resolve().parent.is_dir():
        raise OptionError(
            f"{option} cannot be written to {path}; name a file in a folder that exists."
        )


@app.command()
def demo(
    out: Annotated[Path, typer.Option(help="Folder for the clip and the results.")] = Path("demo"),
) -> None:
    """Make a clip and analyse it: a portrait, slowly moved, and a spoken sentence."""
    from mien.demo import run_demo

    with _progress() as report:
        result = run_demo(out, report)
    console = Console()
    console.print(result.table)
    for path in result.files:
        console.print(f"wrote {path}", soft_wrap=True)


# --- train -----------------------------------------------------------------------------------

Data = Annotated[
    list[Path], typer.Option("--data", help="A labelled set in its published layout; repeatable.")
]
Out = Annotated[Path, typer.Option("--out", help="Folder of the pack to write.")]
Epochs = Annotated[int | None, typer.Option(help="Passes; the recipe's own number by default.")]
Seed = Annotated[int, typer.Option(help="Of everything random.")]
Threads = Annotated[int | None, typer.Option(help="Threads of torch; all cores by default.")]
Folds = Annotated[int, typer.Option(help="Of the cross-validation; groups are never divided.")]
Limit = Annotated[int | None, typer.Option(help="Use at most so many training rows.")]


def _trainers() -> Any:
    try:
        from mien.train import commands
    except ModuleNotFoundError as error:
        if (error.name or "").startswith("mien"):
            raise
        raise MissingExtraError("mien train", "train") from None
    return commands


def _say(line: str) -> None:
    typer.echo(line)
    sys.stdout.flush()


def _trained(manifest: Any, out: Path) -> None:
    for row in manifest.metrics:
        figures = "  ".join(f"{k} {v}" for k, v in row.items() if k not in ("set", "rows"))
        typer.echo(f"{row['set']} ({row['rows']} rows): {figures}")
    typer.echo(f"wrote {out} (card: {out / 'README.md'})")


@train_app.command("face")
def train_face(
    data: Data,
    out: Out,
    epochs: Epochs = None,
    seed: Seed = 0,
    threads: Threads = None,
    limit: Limit = None,
) -> None:
    """Train the face pack on FER-2013 (CSV, .npz or folders)."""
    commands = _trainers()
    options = commands.TrainOptions(data, out, epochs, seed, threads, limit)
    _trained(commands.train_face(options, _say), out)


@train_app.command("voice")
def train_voice(
    data: Data,
    out: Out,
    epochs: Epochs = None,
    seed: Seed = 0,
    threads: Threads = None,
    limit: Limit = None,
    valid: Annotated[
        str, typer.Option(help="Speakers for validation, as corpus/speaker.")
    ] = "ravdess/15,ravdess/16",
    test: Annotated[
        str, typer.Option(help="Speakers for the test, as corpus/speaker.")
    ] = "ravdess/17,ravdess/18,ravdess/19,ravdess/20",
    ship_all: Annotated[
        bool, typer.Option("--ship-all", help="Then train what ships on all speakers.")
    ] = False,
) -> None:
    """Train the voice pack on TESS, RAVDESS, CREMA-D folders or a CSV."""
    commands = _trainers()
    options = commands.TrainOptions(data, out, epochs, seed, threads, limit)
    speakers = commands.Speakers(valid.split(","), test.split(","), ship_all)
    _trained(commands.train_voice(options, _say, speakers=speakers), out)


@train_app.command("text")
def train_text(
    data: Data,
    out: Out,
    epochs: Epochs = None,
    seed: Seed = 0,
    threads: Threads = None,
    limit: Limit = None,
    base: Annotated[
        Path | None, typer.Option(help="Folder of a BERT checkpoint; MiniLM by default.")
    ] = None,
) -> None:
    """Train the text pack on GoEmotions, MELD, ISEAR or a CSV."""
    commands = _trainers()
    options = commands.TrainOptions(data, out, epochs, seed, threads, limit)
    _trained(commands.train_text(options, _say, base=base), out)


@train_app.command("fusion")
def train_fusion(
    data: Annotated[
        Path, typer.Option("--data", help="Human votes, or a table of posteriors (CSV, Parquet).")
    ],
    out: Out,
    folds: Folds = 10,
    seed: Seed = 0,
) -> None:
    """Fit the pooling of modalities on votes (CREMA-D's layout) or posteriors; needs no torch."""
    from mien.train import fusion

    _trained(fusion.train_fusion(fusion.FusionOptions(data, out, folds, seed), _say), out)


# --- evaluate --------------------------------------------------------------------------------


def _evaluate(
    kind: str, data: Path, split: str | None, pack: Path | None, json_file: Path | None
) -> None:
    from mien.evaluate import evaluate
    from mien.evaluate.summary import render

    _check_target(json_file, "--json", None)
    with _progress() as report:
        result = evaluate(kind, data, split=split, pack=pack, progress=report)
    Console().print(render(result))
    if json_file is not None:
        json_file.write_text(json.dumps(result, indent=1) + "\n", encoding="utf-8")


EvalData = Annotated[Path, typer.Option("--data", help="The set, or a CSV with path/text, label.")]
Split = Annotated[str | None, typer.Option(help="A published split; all rows by default.")]
PackOption = Annotated[Path | None, typer.Option("--pack", help="The shipped one by default.")]
JsonOption = Annotated[Path | None, typer.Option("--json", metavar="FILE")]


@evaluate_app.command("face")
def evaluate_face(
    data: EvalData, split: Split = None, pack: PackOption = None, json_file: JsonOption = None
) -> None:
    """Judge face crops: FER-2013 CSV, .npz, folders, or a CSV of pictures."""
    _evaluate("face", data, split, pack, json_file)


@evaluate_app.command("voice")
def evaluate_voice(
    data: EvalData, split: Split = None, pack: PackOption = None, json_file: JsonOption = None
) -> None:
    """Judge recordings: TESS, RAVDESS, CREMA-D folders, or a CSV."""
    _evaluate("voice", data, split, pack, json_file)


@evaluate_app.command("text")
def evaluate_text(
    data: EvalData, split: Split = None, pack: PackOption = None, json_file: JsonOption = None
) -> None:
    """Judge texts: GoEmotions, MELD, ISEAR, or a CSV."""
    _evaluate("text", data, split, pack, json_file)


@evaluate_app.command("fusion")
def evaluate_fusion(
    data: Annotated[
        Path, typer.Option("--data", help="Human votes, or a table of posteriors (CSV, Parquet).")
    ],
    pack: Annotated[
        Path | None, typer.Option("--pack", help="Cross-validated on the data itself by default.")
    ] = None,
    folds: Folds = 10,
    seed: Seed = 0,
    json_file: JsonOption = None,
) -> None:
    """Judge each modality, the plain rules and the learned pool on the same items."""
    from mien.evaluate.fusion import evaluate_fusion as judge
    from mien.evaluate.fusion import render as render_methods

    _check_target(json_file, "--json", None)
    with _progress() as report:
        result = judge(data, pack=pack, folds=folds, seed=seed, progress=report)
    Console().print(render_methods(result))
    if json_file is not None:
        json_file.write_text(json.dumps(result, indent=1) + "\n", encoding="utf-8")


# --- models ----------------------------------------------------------------------------------


@models_app.command("list")
def models_list() -> None:
    """The packs that ship with mien."""
    from mien.packs import Manifest, embedded_packs

    for folder in embedded_packs():
        manifest = Manifest.read(folder / "pack.json")
        size = sum(p.stat().st_size for p in folder.iterdir()) / 1e6
        typer.echo(f"{manifest.kind:6} {manifest.name} {manifest.version}  {size:.1f} MB  {folder}")


@models_app.command("info")
def models_info(
    pack: Annotated[str, typer.Argument(help="face, voice, text, or a pack's folder.")],
) -> None:
    """A pack's card: data, licences, figures, limits."""
    from mien.packs import EMBEDDED, KINDS, Manifest

    folder = EMBEDDED / pack if pack in KINDS else Path(pack)
    manifest = Manifest.read(folder / "pack.json")
    card = folder / "README.md"
    typer.echo(card.read_text(encoding="utf-8") if card.exists() else manifest.to_json())


def main() -> None:
    """Run the command line; what mien refuses ends in one sentence and exit code 2."""
    try:
        app()
    except MienError as error:
        typer.echo(f"mien: {error}", err=True)
        raise SystemExit(2) from None
    except KeyboardInterrupt:
        typer.echo("mien: stopped.", err=True)
        raise SystemExit(130) from None
    except OSError as error:
        typer.echo(f"mien: {error.filename or 'a file'}: {error.strerror or error}.", err=True)
        raise SystemExit(2) from None
