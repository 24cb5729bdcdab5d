"""``mien evaluate fusion``: metrics of every fusion method on a table of posteriors."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from rich.box import SIMPLE_HEAD
from rich.console import Group, RenderableType
from rich.table import Table
from rich.text import Text

from mien import __version__
from mien.clip_posteriors import Folder, posteriors_at
from mien.fusion.compare import BEST_SINGLE, POOLED, Answers, Pools, Progress, answers, out_of_fold
from mien.fusion.pack import load_pool
from mien.mathematics import FloatArray, IntArray
from mien.metrics import (
    bootstrap_interval,
    calibration_error_by_chance,
    classification_figures,
    mcnemar_p,
)
from mien.packs import Pack
from mien.posteriors import PosteriorTable
from mien.threads import one_thread

SHOWN = ("accuracy", "uar", "macro_f1", "nll", "ece")
DRAWS = 500
FOLDS = 10


@one_thread
def evaluate_fusion(
    data: Path | Folder,
    *,
    pack: Path | None = None,
    folds: int = FOLDS,
    seed: int = 0,
    progress: Progress = lambda doing, share: None,
) -> dict[str, Any]:
    """Evaluate every method on a table of votes or of posteriors, or on a folder of clips.

    Args:
        data: a table, see :func:`mien.datasets.posteriors.load_table`, or a folder whose clips are
            analysed first.
        pack: a fusion pack; None to fit and test by cross-validation over the groups, with all
            predictions out of fold.
        folds: number of folds of this cross-validation.
        seed: random seed of the folds and the bootstrap.
        progress: receives the current step and the share done.

    Returns:
        One entry per method: ``accuracy``, ``uar``, ``macro_f1``, ``weighted_f1``, ``nll``,
            ``ece``,
        ``ece_by_chance`` (the value for the same probabilities if they were exactly calibrated),
        ``interval`` (95 %, bootstrap over groups) and ``mcnemar_p`` against ``best_single``; and
        ``subsets`` (pooled fusion of only these modalities), ``about`` (data and method;
        ``failures`` lists clips that could not be analysed).

    Raises:
        DataError: if the data cannot be read or divided into so many folds.
        PackError: if the pack cannot be used.
    """
    table, failed = posteriors_at(data, folds if pack is None else None, progress)
    if pack is None:
        results = out_of_fold(table, folds, seed, progress)
        how: dict[str, Any] = {"folds": folds, "by": "group", "pack": None}
    else:
        model = Pack(pack, "fusion")
        results = answers(Pools(load_pool(model)), table)
        how = {"folds": None, "pack": {"name": model.manifest.name, **model.manifest.files}}
    about = _about(table, results, how, seed) | {"failures": list(failed)}
    return {**figures_of(results, table, seed, progress), "about": about}


def figures_of(
    results: Answers,
    table: PosteriorTable,
    seed: int,
    progress: Progress = lambda doing, share: None,
) -> dict[str, Any]:
    """Entries by method, and ``subsets`` with entries by subset; see :func:`evaluate_fusion`."""
    best = results.methods[BEST_SINGLE]
    out: dict[str, Any] = {}
    for done, (name, probs) in enumerate(results.methods.items()):
        progress(f"evaluating {name}", done / len(results.methods))
        out[name] = _entry(probs, best, table, seed)
    whole = out[POOLED]["accuracy"]
    subsets: dict[str, Any] = {}
    for name, probs in results.subsets.items():
        figures = _figures(table.labels, probs)
        subsets[name] = {**figures, "lost": whole - figures["accuracy"]}
    return {**out, "subsets": subsets}


def _figures(labels: IntArray, probs: FloatArray) -> Mapping[str, float]:
    return classification_figures(labels, probs)


def _entry(probs: FloatArray, best: FloatArray, table: PosteriorTable, seed: int) -> dict[str, Any]:
    interval = bootstrap_interval(
        _figures, table.labels, probs, groups=table.groups, draws=DRAWS, seed=seed
    )
    return {
        **_figures(table.labels, probs),
        "ece_by_chance": calibration_error_by_chance(probs, seed=seed),
        "interval": {name: list(interval[name]) for name in SHOWN},
        "mcnemar_p": mcnemar_p(table.labels, probs, best),
    }


def _about(
    table: PosteriorTable, results: Answers, how: Mapping[str, Any], seed: int
) -> dict[str, Any]:
    return {
        "data": table.name,
        "licence": table.licence,
        "rows": len(table),
        "groups": len(set(table.groups.tolist())),
        "present": {name: int(w.present.sum()) for name, w in table.posteriors.items()},
        "best_single": dict(results.best),
        **how,
        "seed": seed,
        "draws": DRAWS,
        "mien": __version__,
    }


def render(result: Mapping[str, Any]) -> RenderableType:
    """The metrics of every method with intervals, then those without a modality.

    ``p`` is McNemar's against ``best_single``; ``lost`` is the loss of accuracy compared with all
    modalities.
    """
    about = result["about"]
    source = f"{about['folds']}-fold by group" if about["pack"] is None else about["pack"]["name"]
    head = f"{about['data']}: {about['rows']} items of {about['groups']} groups, {source}"
    table = _grid("every method", ("accuracy", "95 %", *SHOWN[1:], "p"))
    for method, entry in result.items():
        if method in ("about", "subsets"):
            continue
        low, high = entry["interval"]["accuracy"]
        cells = [f"{entry['accuracy']:.3f}", f"{low:.3f}-{high:.3f}"]
        cells += [f"{entry[name]:.3f}" for name in SHOWN[1:]]
        p = "" if method == BEST_SINGLE else _p(entry["mcnemar_p"])
        table.add_row(Text(method, style="bold" if method == POOLED else ""), *cells, p)
    subsets = _grid("pooled, with these modalities only", (*SHOWN, "lost"))
    for subset, entry in result["subsets"].items():
        subsets.add_row(subset, *(f"{entry[name]:.3f}" for name in (*SHOWN, "lost")))
    chance = result[POOLED]["ece_by_chance"]
    note = Text(f"ece: {chance:.3f} is expected by chance for a calibrated pool", style="dim")
    failed = [Text(f"not analysed: {line}", style="yellow") for line in about["failures"]]
    return Group(Text(head), table, note, Text(), subsets, *failed)


def _grid(title: str, columns: Sequence[str]) -> Table:
    grid = Table(title=title, title_justify="left", box=SIMPLE_HEAD, padding=(0, 1, 0, 0))
    for name in ("", *columns):
        grid.add_column(name, justify="right" if name else "left", no_wrap=True)
    return grid


def _p(p: float) -> str:
    return f"{p:.3f}" if p >= 0.001 else "<.001"
