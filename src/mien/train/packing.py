"""Write a pack: manifest, card, metrics and figures."""

from __future__ import annotations

import json
import shutil
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import torch

import mien
from mien.branches.text import length_quality
from mien.convert.provenance import command_line, commit, machine
from mien.datasets import LabelledSet, concatenate
from mien.datasets.posteriors import posteriors_of, save_posteriors
from mien.emotions import MIEN7
from mien.manifest import Convention, Manifest
from mien.mathematics import FloatArray, IntArray
from mien.metrics import classification_figures, confusion_matrix, multilabel_macro_f1, report_lines
from mien.pack_folders import put_pack
from mien.packs import file_sha256
from mien.train.calibrate import Scaling
from mien.train.figures import confusion_figure, curves_figure

# Licences of the data sets, for the cards; the sets themselves are not shipped.
LICENCES: Mapping[str, str] = {
    "fer2013": "challenge data, research use, no open licence (FER+ votes: MIT)",
    "tess": "CC BY-NC-ND 4.0",
    "ravdess": "CC BY-NC-SA 4.0",
    "crema-d": "ODbL 1.0",
    "nemo": "CC BY-NC-SA 4.0",
    "emovo": "research use",
    "ased": "published as freely available, without a licence file",
    "turev": "CC BY-NC-ND 4.0",
    "libri": "CC BY 4.0",
    "meld": "GPL-3.0",
    "goemotions": "CC BY 4.0",
    "isear": "research use",
}
PACK_LICENCE = (
    "Weights for research and non-commercial use only, since they were trained on data under such "
    "terms; the code is Apache-2.0."
)


@dataclass(frozen=True)
class Judged:
    """A test set with the model's predictions.

    Args:
        name: name of the set and split.
        targets: ``(n, 7)``.
        probs: ``(n, 7)``, calibrated.
        rows: the set itself, for the speakers and dialogues in the table of posteriors.
        better: metrics that replace those computed against ``targets``.
    """

    name: str
    targets: FloatArray
    probs: FloatArray
    rows: LabelledSet | None = None
    better: Mapping[str, float] = field(default_factory=dict)

    @property
    def single(self) -> npt.NDArray[np.bool_]:
        """The rows with one label."""
        return np.asarray((self.targets > 0).sum(axis=1) == 1)

    def figures(self, threshold: float) -> dict[str, Any]:
        """All metrics of this set."""
        labels = self.targets.argmax(axis=1)[self.single]
        out: dict[str, Any] = {"set": self.name, "rows": len(self.targets)}
        out |= {k: round(v, 4) for k, v in self._single(labels).items()}
        if not self.single.all():
            f1 = multilabel_macro_f1(self.targets, self.probs, threshold)
            out["multilabel_macro_f1"] = round(f1, 4)
        return out

    def _single(self, labels: IntArray) -> dict[str, float]:
        return classification_figures(labels, self.probs[self.single]) | dict(self.better)


@dataclass(frozen=True)
class Outcome:
    """The result of a training, from which the pack is written.

    Args:
        kind: kind of the pack.
        graph: the exported model, as shipped.
        contract: the input contract of the branch.
        corpora: number of training rows by corpus.
        prior: share of each label in the training targets.
        scaling: fitted on validation rows.
        tests: test sets with predictions of the graph.
        history: one row per epoch.
        settings: recipe, schedule and how the rows were divided.
        threshold: decision threshold for multi-label predictions.
        extra_files: further files of the pack, by name.
        notes: sentences for the card.
        labels: of the model; none for a detector.
        measured: further figures, as rows of the manifest.
        licences: licences of corpora that ``LICENCES`` does not list.
        judged_by: SHA-256 of the graph that made the predictions, if it is not the shipped one.
        conventions: see :class:`mien.packs.Manifest`; ``scaling`` and ``prior`` are those of the
            first.
    """

    kind: str
    graph: Path
    contract: Mapping[str, Any]
    corpora: Mapping[str, int]
    prior: Sequence[float]
    scaling: Scaling
    tests: Sequence[Judged]
    history: Sequence[Mapping[str, float]]
    settings: Mapping[str, Any]
    threshold: float = 0.5
    extra_files: Mapping[str, Path] = field(default_factory=dict)
    notes: Sequence[str] = ()
    labels: tuple[str, ...] = MIEN7.labels
    measured: Sequence[Mapping[str, Any]] = ()
    licences: Mapping[str, str] = field(default_factory=dict)
    judged_by: str = ""
    conventions: Mapping[str, Convention] = field(default_factory=dict)


def write_pack(outcome: Outcome, out: Path, work: Path) -> Manifest:
    """Write a whole pack folder; it replaces ``out`` only when it is complete.

    Args:
        outcome: result of the training.
        out: folder of the pack.
        work: folder for intermediate files and for ``posteriors.csv``, the posteriors of all test
            rows with one label, which ``mien train fusion --compose`` reads.
    """
    fresh = work / "pack"
    shutil.rmtree(fresh, ignore_errors=True)
    fresh.mkdir(parents=True)
    shutil.copyfile(outcome.graph, fresh / "model.onnx")
    for name, path in outcome.extra_files.items():
        shutil.copyfile(path, fresh / name)
    manifest = _manifest(outcome, fresh)
    (fresh / "pack.json").write_text(manifest.to_json(), encoding="utf-8")
    _write_figures(outcome, fresh)
    (fresh / "README.md").write_text(card(manifest, outcome.notes), encoding="utf-8")
    _write_posteriors(outcome, work)
    put_pack(fresh, out)
    return manifest


def _write_posteriors(outcome: Outcome, work: Path) -> None:
    tests = [(test.rows, test.probs) for test in outcome.tests if test.rows is not None]
    if not tests:
        return
    rows = concatenate([rows for rows, _ in tests])
    quality = None
    if outcome.kind == "text":
        quality = np.array([length_quality(len(text.split())) for text in rows.items])
    probs = np.concatenate([probs for _, probs in tests])
    judged_by = outcome.judged_by or file_sha256(outcome.graph)
    table = posteriors_of(outcome.kind, rows, probs, quality, judged_by)
    save_posteriors(table, work / "posteriors.csv")


def _manifest(outcome: Outcome, folder: Path) -> Manifest:
    files = {p.name: file_sha256(p) for p in sorted(folder.iterdir())}
    licences = {**LICENCES, **outcome.licences}
    return Manifest(
        name=f"mien-{outcome.kind}",
        version=mien.__version__,
        kind=outcome.kind,
        labels=outcome.labels,
        input=dict(outcome.contract),
        temperature=round(outcome.scaling.temperature, 4),
        bias=outcome.scaling.bias,
        prior=tuple(round(float(p), 5) for p in outcome.prior),
        files=files,
        licence=PACK_LICENCE,
        training={
            "data": [
                {"name": n, "rows": rows, "licence": licences.get(n, "see its source")}
                for n, rows in outcome.corpora.items()
            ],
            "command": command_line(),
            "settings": dict(outcome.settings),
            "seconds": round(sum(row["seconds"] for row in outcome.history)),
            "commit": commit(),
            "machine": f"{machine()}, torch {torch.__version__}",
        },
        metrics=(
            *(test.figures(outcome.threshold) for test in outcome.tests),
            *outcome.measured,
        ),
        threshold=outcome.threshold,
        conventions=outcome.conventions,
    )


def _write_figures(outcome: Outcome, folder: Path) -> None:
    metrics = {
        "tests": [test.figures(outcome.threshold) for test in outcome.tests],
        "confusion": {},
        "history": list(outcome.history),
    }
    report = []
    for test in outcome.tests:
        labels = test.targets.argmax(axis=1)[test.single]
        probs = test.probs[test.single]
        matrix = confusion_matrix(labels, probs.argmax(axis=1), len(MIEN7))
        metrics["confusion"][test.name] = matrix.tolist()  # type: ignore[index]
        report.append(f"{test.name}\n{report_lines(labels, probs, MIEN7.labels)}")
    (folder / "metrics.json").write_text(json.dumps(metrics, indent=1) + "\n", encoding="utf-8")
    if report:
        (folder / "report.txt").write_text("\n".join(report), encoding="utf-8")
    curves_figure(outcome.history).savefig(folder / "curves.png", dpi=100)
    for i, (name, rows) in enumerate(metrics["confusion"].items()):  # type: ignore[attr-defined]
        suffix = "" if i == 0 else f"-{i + 1}"
        figure = confusion_figure(np.asarray(rows), MIEN7.labels, name)
        figure.savefig(folder / f"confusion{suffix}.png", dpi=100)


def card(manifest: Manifest, notes: Sequence[str]) -> str:
    """The pack's card: description, limits of use, licence, training data, metrics, provenance."""
    training = manifest.training
    lines = [f"# {manifest.name} {manifest.version}", ""]
    labels = f" Labels: {', '.join(manifest.labels)}." if manifest.labels else ""
    lines += [f"The {manifest.kind} model of mien.{labels}", ""]
    lines += [
        "A label states how an observer would name the expression, not what a person feels. Do not "
        "use the model on people at work or in education (EU AI Act, Art. 5(1)(f)); inform people "
        "when it is used on them (Art. 50(3)).",
        "",
        f"**Licence.** {manifest.licence}",
        "",
        "## Training data",
        "",
        "| set | rows | licence of the original |",
        "|---|---|---|",
    ]
    lines += [f"| {d['name']} | {d['rows']} | {d['licence']} |" for d in training["data"]]
    lines += ["", "## Figures", ""]
    columns = sorted({key for row in manifest.metrics for key in row} - {"set", "rows"})
    lines += ["| set | rows | " + " | ".join(columns) + " |", "|---" * (len(columns) + 2) + "|"]
    for row in manifest.metrics:
        cells = [f"{row[c]:.3f}" if c in row else "" for c in columns]
        lines.append(f"| {row['set']} | {row['rows']} | " + " | ".join(cells) + " |")
    if manifest.conventions:
        lines += ["", "Labelling conventions; the first is the default:", ""]
        lines += [f"* `{name}`: {c.about}" for name, c in manifest.conventions.items()]
    lines += [
        "",
        "The confusion matrices, learning curves and reports are next to this card (installed "
        "packages leave out the pictures).",
        "",
    ]
    lines += [*notes, ""] if notes else []
    lines += [
        "## Provenance",
        "",
        f"    {training['command']}",
        "",
        f"Commit {training['commit']}, {training['machine']}, {training['seconds']} s. "
        f"Settings: `{json.dumps(training['settings'])}`.",
        "",
    ]
    return "\n".join(lines)
