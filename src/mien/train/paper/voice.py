"""``mien train voice --recipe paper``: wav2vec 2.0 fine-tuned on TESS, with a test by speaker.

The paper: TESS with labels by regular expression from the file names, 80/20 at random, 1 second at
16 kHz, ``Wav2Vec2ForSequenceClassification`` under the Hugging Face Trainer (AdamW, linear decay
from 5e-5), batch 16, 3 epochs, weight decay 0.01, evaluation every 50 steps. If wav2vec 2.0 is not
available, the encoder of a Whisper (``mien models unpack``) can be used. TESS has two speakers and
200 words, so a random split measures how well the model has memorised them; the split by speaker
(train on one, test on the other, both ways) is therefore always run and reported with it.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from mien.convert.provenance import command_line, commit, machine
from mien.datasets import LabelledSet, concatenate, load_voices
from mien.datasets.voices import TESS_NAME
from mien.errors import DataError, OptionError
from mien.hub import local_folder
from mien.train.loop import check_counts
from mien.train.paper.finetune import LOSSES, FinetuneOptions, Run, finetune

Say = Callable[[str], None]
SPLITS = ("random", "speaker", "word")
TEST_SHARE = 0.2
BASE, REPORTED = "facebook/wav2vec2-base", 0.998


@dataclass(frozen=True)
class RecipeOptions:
    """Options of the paper's recipe.

    Args:
        data: paths of TESS.
        out: folder, with a subfolder per split for the checkpoint, its metrics and tables.
        base: hub id or folder of the pre-trained wav2vec 2.0, or of a Transformers Whisper.
        loss: ``cross-entropy`` (the loss of ``Wav2Vec2ForSequenceClassification``) or ``ctc`` (the
            loss in the paper's text, with a target of one symbol).
        split: ``random`` (the paper's; brings ``speaker`` along), ``speaker`` or ``word``.
        epochs: number of passes; None for the paper's 3.
        seed: random seed of the split, the head and the order.
        threads: number of torch threads; None for all cores.
        limit: use at most this many recordings (for trial runs).

    Raises:
        OptionError: if a value is out of range.
    """

    data: Sequence[Path]
    out: Path
    base: str = BASE
    loss: str = "cross-entropy"
    split: str = "random"
    epochs: int | None = None
    seed: int = 0
    threads: int | None = None
    limit: int | None = None

    def __post_init__(self) -> None:
        if self.split not in SPLITS:
            raise OptionError.choice("split", self.split, SPLITS)
        if self.loss not in LOSSES:
            raise OptionError.choice("loss", self.loss, LOSSES)
        check_counts(self)


@dataclass(frozen=True)
class Division:
    """A division of TESS: its name, the training rows and the test rows."""

    name: str
    train: LabelledSet
    test: LabelledSet


def run_recipe(options: RecipeOptions, say: Say = print) -> list[Run]:
    """Train and test on every division of the split.

    An interrupted run resumes from its last checkpoint; a complete run is not repeated.

    Raises:
        DataError: if TESS is not found, or the base is neither a wav2vec 2.0 or similar model nor a
            Whisper.
        HubError: if the base is neither stored locally nor can be downloaded.
        MissingExtraError: if the extra 'hub' is not installed.
        OptionError: if an earlier run in the same place had other settings.
    """
    rows = tess_rows(options.data, options.limit, options.seed)
    divided = divisions(rows, options.split, options.seed)
    base = local_folder(options.base, download=True)
    runs = []
    for division in divided:
        say(f"{division.name}: {len(division.train)} training rows, {len(division.test)} test rows")
        settings = FinetuneOptions(
            base,
            options.out / division.name,
            options.loss,
            options.epochs or 3,
            options.seed,
            options.threads,
        )
        runs.append(finetune(settings, division.name, division.train, division.test, say))
    table = honest_table(runs)
    say(table)
    about = {**asdict(options), "data": [p.name for p in options.data], "out": options.out.name}
    about |= {"command": command_line(), "commit": commit(), "machine": machine()}
    about["base"] = options.base if "/" in options.base and not base.is_absolute() else base.name
    _write(options.out, runs, table, about)
    return runs


def tess_rows(data: Sequence[Path], limit: int | None, seed: int) -> LabelledSet:
    """The recordings of TESS under some paths, at most ``limit`` of them, drawn at random.

    Raises:
        DataError: if there are none.
    """
    for path in data:
        if not path.exists():
            raise DataError(f"{path} does not exist; check --data.")
    rows = concatenate([load_voices(path) for path in data])
    rows = rows.select(rows.corpora == "tess")
    if len(rows) < 10:
        raise DataError(
            f"{len(rows)} recordings are named as in TESS (OAF_back_angry); the paper's recipe "
            "needs that set."
        )
    if limit is None or limit >= len(rows):
        return rows
    rng = np.random.default_rng(seed)
    return rows.select(np.sort(rng.permutation(len(rows))[:limit]))


def divisions(rows: LabelledSet, split: str, seed: int) -> list[Division]:
    """The divisions of a split; ``random`` includes those by speaker, which come first.

    Raises:
        DataError: if there are fewer than two speakers or two words.
    """
    made = {"random": [_by_speaker, _at_random], "speaker": [_by_speaker], "word": [_by_word]}
    return [division for make in made[split] for division in make(rows, seed)]


def _at_random(rows: LabelledSet, seed: int) -> list[Division]:
    order = np.random.default_rng(seed).permutation(len(rows))
    test = np.zeros(len(rows), dtype=bool)
    test[order[: round(TEST_SHARE * len(rows))]] = True
    return [_division("random", rows, test)]


def _by_speaker(rows: LabelledSet, seed: int) -> list[Division]:
    speakers = sorted(set(rows.groups.tolist()))
    if len(speakers) < 2:
        raise DataError(f"A split by speaker needs two speakers; the data has only {speakers[0]}.")
    return [
        _division(f"speaker-{who.rsplit('/', 1)[-1]}-unseen", rows, rows.groups == who)
        for who in speakers
    ]


def _by_word(rows: LabelledSet, seed: int) -> list[Division]:
    named = [TESS_NAME.match(Path(item).stem) for item in rows.items]
    words = np.array([match["word"].lower() if match else "" for match in named])
    known = sorted(set(words.tolist()))
    if len(known) < 2:
        raise DataError(f"A split by word needs two words; the data has only {known[0]!r}.")
    order = np.random.default_rng(seed).permutation(len(known))
    held = [known[i] for i in order[: max(1, round(TEST_SHARE * len(known)))]]
    return [_division("word", rows, np.isin(words, held))]


def _division(name: str, rows: LabelledSet, test: npt.NDArray[np.bool_]) -> Division:
    return Division(name, rows.select(~test), rows.select(test))


def honest_table(runs: Sequence[Run]) -> str:
    """The final metrics of all runs, in Markdown; the random split is never shown alone."""
    lines = [
        "| split | train | test | accuracy | precision | recall | F1 | loss | before training |"
    ]
    lines.append("|---" * 9 + "|")
    for run in runs:
        cells = [f"{run.final[k]:.3f}" for k in ("accuracy", "precision", "recall", "f1")]
        lines.append(
            f"| {run.name} | {run.rows[0]} | {run.rows[1]} | {' | '.join(cells)} | "
            f"{run.final['loss']:.4f} | {run.baseline['accuracy']:.3f} |"
        )
    apart = [run.final["accuracy"] for run in runs if run.name.startswith("speaker")]
    if len(apart) > 1:
        lines += ["", f"Mean accuracy on an unseen speaker: {np.mean(apart):.3f}."]
    return "\n".join(lines)


def table_2(run: Run) -> str:
    """Training loss and gradient norm by step, the columns of the paper's Table 2, in Markdown."""
    lines = ["| step | loss | gradient norm | learning rate | epoch |", "|---|---|---|---|---|"]
    for row in run.history:
        if "loss" in row:
            lines.append(
                f"| {row['step']} | {row['loss']:.4f} | {row['grad_norm']:.3f} | "
                f"{row['learning_rate']:.2e} | {row['epoch']:.3f} |"
            )
    return "\n".join(lines)


def _write(out: Path, runs: Sequence[Run], table: str, about: Mapping[str, Any]) -> None:
    parts = ["# The paper's voice recipe", "", table, ""]
    parts += [f"The paper, from {BASE} on a random split: accuracy {REPORTED}.", ""]
    for run in runs:
        parts += [f"## {run.name}", "", table_2(run), ""]
    parts += [f"Settings: `{json.dumps(about)}`.", ""]
    (out / "README.md").write_text("\n".join(parts), encoding="utf-8")
