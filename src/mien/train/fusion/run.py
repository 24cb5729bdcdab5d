"""``mien train fusion``: fit a fusion pack to posteriors of labelled items; without torch."""

from __future__ import annotations

import shutil
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path
from typing import Any

import numpy as np

import mien
from mien.clip_posteriors import Folder, posteriors_at
from mien.convert.provenance import command_line, commit, machine
from mien.errors import OptionError
from mien.fusion.compare import POOLED, Answers, out_of_fold
from mien.fusion.fit import FitOptions, fit_pool
from mien.fusion.pack import KIND, save_pool
from mien.fusion.pool import Pool
from mien.manifest import Manifest
from mien.mathematics import FloatArray
from mien.metrics import classification_figures, mcnemar_p, risk_coverage
from mien.pack_folders import check_place, find_pack, put_pack
from mien.packs import EMBEDDED, file_sha256
from mien.posteriors import PosteriorTable
from mien.threads import one_thread
from mien.train.figures import reliability_figure, risk_figure
from mien.train.fusion.card import FIGURES, card, composed_notes
from mien.train.fusion.compose import SETTINGS, Source, compose, pooled_table, read_sources

Say = Callable[[str], None]
COMPOSED_LICENCE = (
    "the terms of the branch packs whose posteriors it was fitted to, research and non-commercial "
    "use only"
)
# Stored points of the risk-coverage curve, enough for thresholds in steps of 1 % coverage.
RISK_POINTS = 100
DECIMALS = 4


@dataclass(frozen=True)
class FusionOptions:
    """Options of ``mien train fusion``.

    Args:
        data: a table of votes or of posteriors, or a folder of clips to be analysed first.
        out: folder of the pack; replaced if it exists.
        folds: number of folds of the cross-validation by group, whose metrics the card gives.
        seed: random seed of the folds.
    """

    data: Path | Folder
    out: Path
    folds: int = 10
    seed: int = 0

    def __post_init__(self) -> None:
        if self.folds < 2:
            raise OptionError(f"--folds must be at least 2, got {self.folds}.")
        check_place(self.out)


@dataclass(frozen=True)
class ComposeOptions:
    """Options of ``mien train fusion --compose``.

    Args:
        sources: tables of posteriors that ``mien evaluate --posteriors`` wrote, or folders of them.
        out: folder of the pack; replaced if it exists.
        packs: by branch, the folder of the pack that fusion is fitted for; the shipped pack for
            branches that are not named.
        items: number of composed clips per setting.
        folds: number of folds into which each branch's rows are divided.
        seed: random seed.
    """

    sources: Sequence[Path]
    out: Path
    packs: Mapping[str, Path] = field(default_factory=dict)
    items: int = 1800
    folds: int = 4
    seed: int = 0

    def __post_init__(self) -> None:
        check_place(self.out)


@dataclass(frozen=True, eq=False)
class _Fitted:
    """Everything that is written into a pack."""

    pool: Pool
    results: Answers
    table: PosteriorTable
    training: Mapping[str, Any]
    notes: Sequence[str] = ()
    composed: bool = False


@one_thread
def train_fusion(options: FusionOptions, say: Say) -> Manifest:
    """Cross-validate, fit to all rows, write the pack.

    The clips of a folder are first analysed by the branches; see :class:`mien.posteriors.Folder`.

    Raises:
        DataError: if the data cannot be read or has fewer groups than folds.
        PackError: if a branch pack cannot be used.
    """
    started = time.perf_counter()
    table, failed = posteriors_at(options.data, options.folds, lambda doing, share: say(doing))
    for line in failed:
        say(f"not analysed: {line}")
    say(f"{table.name}: {len(table)} items, posteriors {', '.join(table.posteriors)}")
    results = out_of_fold(table, options.folds, options.seed, lambda doing, share: say(doing))
    fitting = FitOptions(seed=options.seed)
    say("fitting to all rows")
    pool = _with_risk(fit_pool(table, fitting), results, table)
    training = {
        "data": [{"name": table.name, "rows": len(table), "licence": table.licence}],
        "fitted_for": dict(table.packs),
        "seed": options.seed,
        "settings": {"folds": options.folds, "by": "group", "fit": asdict(fitting)},
        **_origin(started),
    }
    return _write(_Fitted(pool, results, table, training), options.out)


def _origin(started: float) -> dict[str, Any]:
    return {
        "command": command_line(),
        "seconds": round(time.perf_counter() - started),
        "commit": commit(),
        "machine": machine(),
    }


@one_thread
def train_composed(options: ComposeOptions, say: Say) -> Manifest:
    """Fit a pool with few parameters to composed clips; see :mod:`mien.train.fusion.compose`.

    Raises:
        DataError: if there are no tables of at least two branches, or too few rows in one.
        PackError: if a pack that fusion is fitted for cannot be read.
    """
    started = time.perf_counter()
    sources = read_sources(options.sources)
    fitted_for = {name: _pack_of(name, s, options.packs) for name, s in sources.items()}
    for name, source in sources.items():
        say(f"{name}: {len(source.labels)} rows of {', '.join(source.tables)}")
    tables = compose(sources, SETTINGS, options.items, options.folds, options.seed)
    table = pooled_table(tables, "composed clips", COMPOSED_LICENCE)
    fitting = FitOptions(seed=options.seed, matrices=False, penalties=(0.1, 10.0))
    results = out_of_fold(
        table, options.folds, options.seed, lambda doing, share: say(doing), fitting
    )
    say("fitting to all clips, then to each setting alone")
    pool = _with_risk(fit_pool(table, fitting), results, table)
    alone = {part.name: fit_pool(part, fitting) for part in tables}
    training = {
        "data": [
            {
                "name": f"{n}: {', '.join(s.tables)}",
                "rows": len(s.labels),
                "licence": "see its pack",
            }
            for n, s in sources.items()
        ],
        "fitted_for": fitted_for,
        "judged_by": {name: source.pack for name, source in sources.items()},
        "seed": options.seed,
        "settings": {
            "folds": options.folds,
            "by": "fold of the sources, by their speaker or dialogue",
            "clips a setting": options.items,
            "composed": [asdict(setting) for setting in SETTINGS],
            "fit": asdict(fitting),
        },
        **_origin(started),
    }
    notes = composed_notes(pool, alone, results, table, training)
    return _write(_Fitted(pool, results, table, training, notes, composed=True), options.out)


def _pack_of(name: str, source: Source, packs: Mapping[str, Path]) -> str:
    """SHA-256 of the branch's pack: the one named, else the shipped one."""
    where = packs.get(name)
    if where is None and not (EMBEDDED / name).is_dir():
        return source.pack
    return next(iter(find_pack(name, where).identity.values()))


def _with_risk(pool: Pool, results: Answers, table: PosteriorTable) -> Pool:
    """The pool with its risk-coverage curve out of fold."""
    return replace(pool, risk=_thin(risk_coverage(table.labels, results.methods[POOLED])))


def _thin(rows: FloatArray) -> tuple[tuple[float, float, float], ...]:
    wanted = np.searchsorted(rows[:, 1], np.linspace(1 / RISK_POINTS, 1, RISK_POINTS))
    kept = rows[np.unique(np.minimum(wanted, len(rows) - 1))]
    return tuple((float(t), float(c), float(r)) for t, c, r in np.round(kept, DECIMALS))


def _metrics(
    results: Answers, table: PosteriorTable, folds: int, composed: bool
) -> tuple[dict[str, Any], ...]:
    best = results.methods["best_single"]
    rows = []
    for name, probs in results.methods.items():
        figures = classification_figures(table.labels, probs)
        row: dict[str, Any] = {"set": f"{table.name}, {folds}-fold by group: {name}"}
        row |= {"rows": len(table)} | {key: round(figures[key], DECIMALS) for key in FIGURES}
        # Composed clips reuse the same posteriors many times, so a p-value would be meaningless.
        if not composed:
            # Three significant digits: a p-value spans hundreds of orders.
            row["mcnemar_p"] = float(f"{mcnemar_p(table.labels, probs, best):.3g}")
        rows.append(row)
    return tuple(rows)


def _write(fitted: _Fitted, out: Path) -> Manifest:
    pool, results, table, training = fitted.pool, fitted.results, fitted.table, fitted.training
    fresh = out.with_name(out.name + ".new")
    shutil.rmtree(fresh, ignore_errors=True)
    fresh.mkdir(parents=True)
    save_pool(pool, fresh)
    manifest = Manifest(
        name=f"mien-{KIND}",
        version=mien.__version__,
        kind=KIND,
        labels=pool.labels,
        input={
            name: {"shares": reader.shares, "extras": list(reader.extras)}
            for name, reader in pool.readers.items()
        },
        temperature=1.0,
        prior=tuple(round(float(p), 5) for p in pool.prior),
        files={path.name: file_sha256(path) for path in sorted(fresh.iterdir())},
        licence=f"Weights fitted to data under: {table.licence}. The code is Apache-2.0.",
        training=training,
        metrics=_metrics(results, table, training["settings"]["folds"], fitted.composed),
    )
    (fresh / "pack.json").write_text(manifest.to_json(), encoding="utf-8")
    shown = {name: results.methods[name] for name in ("best_single", "mean", POOLED)}
    reliability_figure(table.labels, shown).savefig(fresh / "reliability.png", dpi=100)
    curves = {name: risk_coverage(table.labels, probs) for name, probs in shown.items()}
    risk_figure(curves).savefig(fresh / "risk.png", dpi=100)
    (fresh / "README.md").write_text(card(manifest, pool, results, fitted.notes), encoding="utf-8")
    put_pack(fresh, out)
    return manifest
