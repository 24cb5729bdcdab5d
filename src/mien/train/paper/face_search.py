"""``mien train face --recipe paper --search N``: random search over learning rate and weight decay.

Short runs on a part of the training rows, evaluated on other training rows; the test is not used.
The paper drew the learning rate on a logarithmic scale, tried the weight decays 0.01, 0.001 and
0.0001, and found 0.05 to be unstable. The first trial is its choice, 0.001 and 0.0001.
"""

from __future__ import annotations

import csv
import math
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import torch

from mien.datasets import LabelledSet
from mien.errors import DataError, MissingExtraError, OptionError
from mien.train.face import divide
from mien.train.figures import search_figure
from mien.train.loop import check_settings
from mien.train.paper.face import (
    PaperFaceOptions,
    Say,
    limited,
    load_fer,
    short_trial,
    with_settings,
)

RATES = (1e-5, 1e-1)
DECAYS = (1e-2, 1e-3, 1e-4)
PAPER = {"lr": 1e-3, "weight_decay": 1e-4}
TRIAL_EPOCHS, TRIAL_ROWS, VALID_SHARE = 3, 6_000, 0.1
COLUMNS = ("trial", "lr", "weight_decay", "accuracy", "uar", "loss")

Row = Mapping[str, float]


def run_search(options: PaperFaceOptions, trials: int, say: Say = print) -> list[Row]:
    """Search until there are ``trials``, including those of earlier calls with the same folder.

    The values of a trial depend only on the seed and its number, and an interrupted trial resumes
    from its last epoch, so that an interrupted search has the same result.

    Returns:
        One row per trial, the best first.

    Raises:
        DataError: if the data cannot be read.
        MissingExtraError: if Optuna is not installed.
        OptionError: if ``trials`` is below 1, or an earlier search had other settings.
    """
    if trials < 1:
        raise OptionError(f"search must be at least 1, got {trials}.")
    if options.threads is not None:
        torch.set_num_threads(options.threads)
    train, valid, _ = divide(load_fer(options), VALID_SHARE)
    train = limited(train, min(options.limit or TRIAL_ROWS, TRIAL_ROWS), options.seed)
    valid = limited(valid, options.limit, options.seed)
    if not len(train) or not len(valid):
        raise DataError(
            f"Too few rows: {len(train)} for training and {len(valid)} for validation; give more "
            "data."
        )
    folder = options.out / "search"
    run_settings: dict[str, Any] = {"net": options.net or "23", "rows": [len(train), len(valid)]}
    run_settings |= {"epochs": options.epochs or TRIAL_EPOCHS, "seed": options.seed}
    check_settings(folder, run_settings)
    study = _study(folder / "optuna.log")
    while True:
        rows = _rows(study)
        if rows:
            _write(folder, rows, run_settings)
        if len(rows) >= trials:
            return rows
        _one(study, options, (train, valid), say)


def _study(path: Path) -> Any:
    """The study of a folder, new or continued."""
    try:
        import optuna
        from optuna.storages.journal import JournalFileBackend
    except ImportError:
        raise MissingExtraError("mien train face --search", "train") from None
    optuna.logging.set_verbosity(optuna.logging.WARNING)
    storage = optuna.storages.JournalStorage(JournalFileBackend(str(path)))
    study = optuna.create_study(
        storage=storage, study_name="paper", direction="maximize", load_if_exists=True
    )
    if not study.trials:
        study.enqueue_trial(PAPER)
    return study


def _one(
    study: Any, options: PaperFaceOptions, rows: tuple[LabelledSet, LabelledSet], say: Say
) -> None:
    """Run the next trial, or finish an interrupted one."""
    import optuna
    from optuna.trial import TrialState

    running = study.get_trials(states=(TrialState.RUNNING,))
    if running and set(running[0].params) == set(PAPER):
        number, drawn = running[0].number, running[0].params
    else:
        for broken in running:
            study.tell(broken.number, state=TrialState.FAIL)
        # Seeded by the trial's number: a new sampler would draw its first values again.
        count = len(study.trials) - len(study.get_trials(states=(TrialState.WAITING,)))
        study.sampler = optuna.samplers.RandomSampler(seed=options.seed * 10_000 + count)
        trial = study.ask()
        number = trial.number
        trial.suggest_float("lr", *RATES, log=True)
        trial.suggest_categorical("weight_decay", DECAYS)
        drawn = trial.params
    settings = with_settings(options, drawn["lr"], drawn["weight_decay"])
    found = short_trial(settings, *rows, options.out / "search" / f"trial-{number + 1}")
    study.set_user_attr(str(number), found)
    study.tell(number, found["accuracy"])
    say(
        f"trial {number + 1}: lr {drawn['lr']:.2e}  weight decay {drawn['weight_decay']:g}  "
        f"valid accuracy {found['accuracy']:.4f}"
    )


def _rows(study: Any) -> list[Row]:
    """The trials that are complete, the best first."""
    rows = [
        {"trial": trial.number + 1, **trial.params, **study.user_attrs[str(trial.number)]}
        for trial in study.trials
        if trial.state.name == "COMPLETE"
    ]
    return sorted(rows, key=lambda row: (-row["accuracy"], row["trial"]))


def _write(folder: Path, rows: Sequence[Row], about: Mapping[str, Any]) -> None:
    with (folder / "search.csv").open("w", encoding="utf-8", newline="") as file:
        table = csv.DictWriter(file, COLUMNS)
        table.writeheader()
        table.writerows(rows)
    (folder / "README.md").write_text(search_table(rows, about), encoding="utf-8")
    search_figure(rows, PAPER).savefig(folder / "search.png", dpi=100)


def search_table(rows: Sequence[Row], about: Mapping[str, Any]) -> str:
    """The trials in Markdown, the best first."""
    train, valid = about["rows"]
    lines = [
        "# Random search over learning rate and weight decay",
        "",
        f"Each trial: {about['epochs']} epochs on {train} training rows, evaluated on {valid} "
        "other training rows; the test was not used. Such short runs favour rates that learn fast. "
        "Trial 1 is the paper's choice.",
        "",
        "| trial | learning rate | weight decay | accuracy | UAR | training loss |",
        "|---" * 6 + "|",
    ]
    for row in rows:
        loss = f"{row['loss']:.3f}" if math.isfinite(row["loss"]) else "diverged"
        lines.append(
            f"| {row['trial']} | {row['lr']:.2e} | {row['weight_decay']:g} | "
            f"{row['accuracy']:.3f} | {row['uar']:.3f} | {loss} |"
        )
    return "\n".join([*lines, "", f"Settings: net {about['net']}, seed {about['seed']}.", ""])
