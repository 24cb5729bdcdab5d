"""Options and steps shared by the trainers, and the text trainer from end to end."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from copy import deepcopy
from dataclasses import asdict, dataclass, replace
from pathlib import Path

import numpy as np
import torch
from torch import nn

from mien.branches import wordpiece
from mien.convert.onnx_graph import Graph, export_graph, halve_weights
from mien.datasets import SPOKEN, LabelledSet, concatenate, load_texts
from mien.errors import DataError, OptionError
from mien.manifest import Manifest
from mien.mathematics import FloatArray
from mien.pack_folders import check_place
from mien.packs import file_sha256
from mien.train import text
from mien.train.calibrate import Scaling
from mien.train.encoder import base_folder
from mien.train.loop import Schedule, Trainer, check_counts, load_average
from mien.train.packing import Judged, Outcome, write_pack

Say = Callable[[str], None]


@dataclass(frozen=True)
class TrainOptions:
    """Options of every trainer.

    Args:
        data: paths of the labelled sets.
        out: folder of the pack; ``OUT.run`` beside it holds the checkpoint of a run.
        epochs: passes over the training rows; None for the recipe's number.
        seed: random seed.
        threads: number of torch threads; None for all cores.
        limit: use at most this many training rows (for trial runs).
        start: folder of an earlier run (``OUT.run``). A second cycle starts from its averaged
            weights, at a third of the recipe's learning rate.

    Raises:
        OptionError: if a number is below 1, ``out`` holds something other than a pack, or a second
            cycle would overwrite its start.
    """

    data: Sequence[Path]
    out: Path
    epochs: int | None = None
    seed: int = 0
    threads: int | None = None
    limit: int | None = None
    start: Path | None = None

    def __post_init__(self) -> None:
        check_counts(self)
        check_place(self.out)
        if self.start is not None and self.start.resolve() == self.work.resolve():
            raise OptionError(
                f"A second cycle would overwrite the run it starts from, {self.start}; choose "
                "another --out."
            )

    @property
    def work(self) -> Path:
        """Folder of the checkpoint."""
        return self.out.with_name(self.out.name + ".run")

    @property
    def graph(self) -> Path:
        """Path of the exported model, before it is copied into the pack."""
        return self.work / "model.onnx"

    def paced(self, schedule: Schedule) -> Schedule:
        """A recipe's schedule, with a third of its learning rate in a second cycle."""
        return schedule if self.start is None else replace(schedule, lr=schedule.lr / 3)

    def load_start(self, model: nn.Module, fold: str = "") -> None:
        """Load the weights that a second cycle starts from; do nothing without ``start``.

        Raises:
            DataError: if they are missing or do not fit the model.
        """
        if self.start is not None:
            load_average(model, self.start / fold, "--start")

    def earlier(self, model: nn.Module, fold: str = "") -> list[nn.Module]:
        """A copy of the net that a second cycle starts from, for an ensemble with the trained net.

        Snapshots of a net at the ends of its cycles make different errors (Huang et al. 2017). The
        weights are also loaded into ``model``. Without ``start`` the model is unchanged and the
        list is empty.

        Raises:
            DataError: as :meth:`load_start`.
        """
        self.load_start(model, fold)
        return [] if self.start is None else [deepcopy(model).eval()]


def begin(options: TrainOptions) -> None:
    """Set threads and seed."""
    if options.threads is not None:
        torch.set_num_threads(options.threads)
    torch.manual_seed(options.seed)


def load_sets(reader: Callable[[Path], LabelledSet], paths: Sequence[Path]) -> LabelledSet:
    """Read several sets and concatenate them.

    Raises:
        DataError: if no path is given or one does not exist.
    """
    if not paths:
        raise DataError("No data was given; name at least one with --data.")
    for path in paths:
        if not path.exists():
            raise DataError(f"{path} does not exist; check --data.")
    return concatenate([reader(path) for path in paths])


def check_rows(train: LabelledSet, valid: LabelledSet) -> None:
    """Check that there are enough rows to train and to validate.

    Raises:
        DataError: if there are too few; the message gives the numbers.
    """
    if len(train) < 2 or not valid.single.any():
        raise DataError(
            f"Too few rows: {len(train)} for training (at least 2 are needed) and "
            f"{int(valid.single.sum())} with one label for validation (at least 1); give more data."
        )


def limited(train: LabelledSet, options: TrainOptions) -> LabelledSet:
    """At most ``options.limit`` training rows, drawn at random."""
    if options.limit is None or options.limit >= len(train):
        return train
    rng = np.random.default_rng(options.seed)
    return train.select(np.sort(rng.permutation(len(train))[: options.limit]))


def _scaled(
    valid: LabelledSet,
    probs: FloatArray,
    tests: Mapping[str, tuple[LabelledSet, FloatArray]],
) -> tuple[Scaling, list[Judged]]:
    """Calibrate on the validation rows with one label and apply the result to the test sets."""
    single = valid.single
    scaling = Scaling.fit(valid.labels[single], probs[single], biased=False)
    judged = [
        Judged(name, rows.targets, scaling.apply(given), rows)
        for name, (rows, given) in tests.items()
        if len(rows)
    ]
    return scaling, judged


def settings_of(
    options: TrainOptions, recipe: object, schedule: Schedule, **rows: int
) -> dict[str, object]:
    """The training settings for the card, including those of a first cycle."""
    settings = {"recipe": asdict(recipe), "schedule": asdict(schedule), "rows": rows}  # type: ignore[call-overload]
    if options.start is None:
        return settings
    if (options.start / "pack.json").is_file():
        return settings | {"start": {"model.onnx": file_sha256(options.start / "model.onnx")}}
    first = sorted(options.start.glob("**/checkpoint.pt"))
    schedules = [torch.load(path, weights_only=True)["schedule"] for path in first]
    return settings | {
        "start": {path.parent.name: file_sha256(path) for path in first},
        "schedule of the start": schedules[0],
    }


def train_text(options: TrainOptions, say: Say = print, *, base: Path | None = None) -> Manifest:
    """Train the text pack; see :mod:`mien.train.text`.

    Args:
        options: see :class:`TrainOptions`.
        say: receives one progress line per epoch.
        base: folder of a BERT checkpoint to start from; None for MiniLM from its package.

    Raises:
        DataError: if the data or the checkpoint cannot be read.
        OptionError: if an earlier run in the same place had other settings.
    """
    begin(options)
    recipe = text.TextRecipe()
    schedule = options.paced(text.schedule(options.epochs or 2, options.seed))
    start = base_folder(base)
    train, valid, held = text.divide(load_sets(load_texts, options.data), recipe.valid_share)
    train = limited(train, options)
    check_rows(train, valid)
    recipe = replace(recipe, batch=min(recipe.batch, max(2, len(train) // 2)))
    task = text.TextTask(train, valid, recipe, start)
    options.load_start(task.model)
    trainer = Trainer(task, schedule, options.work, say)
    net, stored = trainer.run(), ("MatMul", "Gather")
    export_graph(
        net, text.EXAMPLE, text.AXES, options.graph, quantise=stored, whole=text.IN_16_BITS
    )
    halve_weights(options.graph)
    graph = Graph(options.graph)
    tests = {}
    for corpus in sorted(set(held.corpora.tolist())):
        rows = held.select(held.corpora == corpus)
        ids = task.tokens.ids(rows.items, rows.extra[SPOKEN].tolist())
        tests[f"{corpus} dev"] = (rows, text.predict(graph, ids, batch=1))
    # One text at a time, as in inference: see TextModel.probs.
    valid_probs = text.predict(graph, task.valid_ids, batch=1)
    scaling, judged = _scaled(valid, valid_probs, tests)
    outcome = Outcome(
        kind="text",
        graph=graph.path,
        contract=wordpiece.CONTRACT.as_dict(),
        corpora=Counter(train.corpora.tolist()),
        prior=task.targets.mean(axis=0).tolist(),
        scaling=scaling,
        tests=judged,
        history=trainer.history,
        settings=settings_of(
            options, recipe, schedule, train=len(train), valid=len(valid), held=len(held)
        ),
        threshold=text.best_threshold(valid, scaling.apply(valid_probs)),
        extra_files={"tokenizer.json": start / "tokenizer.json"},
        notes=[text.CARD_NOTE],
    )
    return write_pack(outcome, options.out, options.work)
