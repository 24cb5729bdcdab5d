"""``mien train fusion``: a table of witnesses in, a fusion pack out; no torch."""

from __future__ import annotations

import json
import shutil
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np

import mien
from mien.datasets.posteriors import load_witnesses
from mien.emotions import MIEN7
from mien.errors import OptionError
from mien.fusion.compare import PERSON, POOLED, Answers, Pools, out_of_fold
from mien.fusion.fit import FitOptions
from mien.fusion.packed import KIND, save_pools
from mien.metrics import FloatArray, classification_figures, mcnemar_p, risk_coverage
from mien.packs import Manifest, file_sha256
from mien.train.figures import reliability_figure, risk_figure
from mien.train.origin import command_line, commit, machine
from mien.witness import WitnessTable

Say = Callable[[str], None]
FIGURES = ("accuracy", "uar", "macro_f1", "nll", "ece")
# Points of the risk-coverage curve that a pack keeps: enough for a threshold to 1 % of coverage.
RISK_POINTS = 100
DECIMALS = 4


@dataclass(frozen=True)
class FusionOptions:
    """What ``mien train fusion`` is asked for.

    Args:
        data: a table of votes or of posteriors.
        out: folder of the pack; replaced if it is there.
        folds: of the cross-validation by group whose figures the card quotes.
        seed: of the folds.
    """

    data: Path
    out: Path
    folds: int = 10
    seed: int = 0

    def __post_init__(self) -> None:
        if self.folds < 2:
            raise OptionError(f"--folds is {self.folds}; cross-validation needs at least 2.")


def train_fusion(options: FusionOptions, say: Say) -> Manifest:
    """Judge by cross-validation, fit to all rows, write the pack.

    Raises:
        DataError: if the table cannot be read or has fewer groups than folds.
    """
    started = time.perf_counter()
    table = load_witnesses(options.data)
    say(f"{table.name}: {len(table)} items, witnesses {', '.join(table.witnesses)}")
    said = out_of_fold(table, options.folds, options.seed, lambda doing, share: say(doing))
    fitting = FitOptions(seed=options.seed)
    say("fitting to all rows")
    pools = _with_risk(Pools.fit(table, fitting), said, table)
    training = {
        "data": [{"name": table.name, "rows": len(table), "licence": table.licence}],
        "command": command_line(),
        "seed": options.seed,
        "settings": {"folds": options.folds, "by": "group", "fit": asdict(fitting)},
        "seconds": round(time.perf_counter() - started),
        "commit": commit(),
        "machine": machine(),
    }
    return _write(pools, said, table, training, options.out)


def _with_risk(pools: Pools, said: Answers, table: WitnessTable) -> Pools:
    """The pools with their risk-coverage curves out of fold."""
    plain = replace(pools.plain, risk=_thin(risk_coverage(table.labels, said.methods[POOLED])))
    person = pools.person
    if person is not None and PERSON in said.methods:
        person = replace(person, risk=_thin(risk_coverage(table.labels, said.methods[PERSON])))
    return Pools(plain, person)


def _thin(rows: FloatArray) -> tuple[tuple[float, float, float], ...]:
    wanted = np.searchsorted(rows[:, 1], np.linspace(1 / RISK_POINTS, 1, RISK_POINTS))
    kept = rows[np.unique(np.minimum(wanted, len(rows) - 1))]
    return tuple((float(t), float(c), float(r)) for t, c, r in np.round(kept, DECIMALS))


def _metrics(said: Answers, table: WitnessTable, folds: int) -> tuple[dict[str, Any], ...]:
    best = said.methods["best_single"]
    rows = []
    for name, probs in said.methods.items():
        figures = classification_figures(table.labels, probs)
        row: dict[str, Any] = {"set": f"{table.name}, {folds}-fold by group: {name}"}
        row |= {"rows": len(table)} | {key: round(figures[key], DECIMALS) for key in FIGURES}
        # Three significant digits: a p-value spans hundreds of orders.
        rows.append(row | {"mcnemar_p": float(f"{mcnemar_p(table.labels, probs, best):.3g}")})
    return tuple(rows)


def _write(
    pools: Pools, said: Answers, table: WitnessTable, training: Mapping[str, Any], out: Path
) -> Manifest:
    fresh = out.with_name(out.name + ".run")
    shutil.rmtree(fresh, ignore_errors=True)
    fresh.mkdir(parents=True)
    save_pools(pools, fresh)
    pool = pools.plain
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
        metrics=_metrics(said, table, training["settings"]["folds"]),
    )
    (fresh / "pack.json").write_text(manifest.to_json(), encoding="utf-8")
    shown = {name: said.methods[name] for name in ("best_single", "mean", POOLED)}
    reliability_figure(table.labels, shown).savefig(fresh / "reliability.png", dpi=100)
    curves = {name: risk_coverage(table.labels, probs) for name, probs in shown.items()}
    risk_figure(curves).savefig(fresh / "risk.png", dpi=100)
    (fresh / "README.md").write_text(card(manifest, pools, said), encoding="utf-8")
    shutil.rmtree(out, ignore_errors=True)
    fresh.replace(out)
    return manifest


def card(manifest: Manifest, pools: Pools, said: Answers) -> str:
    """The pack's card: what it pools, from what data, how good, and its limits."""
    training, pool = manifest.training, pools.plain
    data = training["data"][0]
    silent = [label for label in MIEN7.labels if label not in manifest.labels]
    lines = [
        f"# {manifest.name} {manifest.version}",
        "",
        f"Pools {', '.join(pool.readers)} into {', '.join(manifest.labels)}; log-linear, with a "
        "calibration of its own for each modality alone and weights for every company.",
        "",
        f"**Data.** {data['name']}, {data['rows']} items ({data['licence']}).",
        "",
        f"**Licence.** {manifest.licence}",
        "",
        "## Figures",
        "",
        f"All out of fold, {training['settings']['folds']}-fold by group; `mcnemar_p` is against "
        f"`best_single` (by fold: {dict(said.best)}).",
        "",
        *_table([*manifest.metrics], ("set", *FIGURES, "mcnemar_p")),
        "",
        "![reliability](reliability.png) ![risk and coverage](risk.png)",
        "",
        "## Limits",
        "",
    ]
    if silent:
        lines += [f"* It never answers {', '.join(silent)}: its data has none.", ""]
    if pools.person is not None:
        lines += [
            "* `pooled_person` reads what is usual for a person over all their items, labels "
            "unseen, and takes for granted that people show about the same mixture of emotions.",
            "",
        ]
    lines += ["* Weights for these witnesses and no others: fit anew when one changes.", ""]
    lines += ["## Made by", "", f"    {training['command']}", ""]
    lines += [
        f"Commit {training['commit']}, {training['machine']}, {training['seconds']} s, seed "
        f"{training['seed']}. Settings: `{json.dumps(training['settings'])}`.",
        "",
    ]
    return "\n".join(lines)


def _table(rows: Sequence[Mapping[str, Any]], columns: Sequence[str]) -> list[str]:
    head = ["| " + " | ".join(columns) + " |", "|---" * len(columns) + "|"]
    return head + ["| " + " | ".join(str(row[c]) for c in columns) + " |" for row in rows]
