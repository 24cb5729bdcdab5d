"""``mien train face`` from end to end: read the data, train, test, write the pack."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import nn

from mien.branches.face import CONTRACT, normalise
from mien.convert.onnx_graph import Graph, export_graph, quantise_convolutions
from mien.datasets import LabelledSet, load_faces
from mien.datasets.faces import FER2013, KEPT, OBSERVERS, VOTES
from mien.datasets.facevotes import judged_rows
from mien.emotions import MIEN7
from mien.errors import OptionError
from mien.manifest import Convention, Manifest
from mien.mathematics import FloatArray
from mien.packs import file_sha256
from mien.train import face
from mien.train.calibrate import Scaling
from mien.train.commands import (
    Say,
    TrainOptions,
    begin,
    check_rows,
    limited,
    load_sets,
    settings_of,
)
from mien.train.dequantise import load_dequantised
from mien.train.loop import Trainer, check_settings
from mien.train.nets import Ensemble
from mien.train.packing import Judged, Outcome, write_pack
from mien.train.teacher import Teacher, net_of_run

THAWED_ON = 1024
"""Number of pictures for the batch statistics of a net that is loaded from a pack."""
LEAST_SIDE, MOST_SIDE = 32, 128
ABOUT = {
    OBSERVERS: "vote shares of ten observers (FER+) among the votes for the seven labels",
    FER2013: "the single label of FER-2013",
}


@dataclass(frozen=True)
class Lineage:
    """How a new net differs from the recipe, and which earlier nets it uses.

    Args:
        teacher: folder of an earlier run (``OUT.run``) or of a pack, whose posteriors for the
            training pictures are mixed into the targets (Hinton et al. 2015). A run's net also
            joins the ensemble.
        member: index of the net to start from in the pack that ``TrainOptions.start`` names.
        beside: folder of an earlier run, whose net joins the ensemble.
        side: px to which the net enlarges its input; None for the recipe's.
    """

    teacher: Path | None = None
    member: int | None = None
    beside: Path | None = None
    side: int | None = None


def train_face(
    options: TrainOptions, say: Say = print, *, lineage: Lineage | None = None
) -> Manifest:
    """Train the face pack; see :mod:`mien.train.face`.

    Args:
        options: as for every trainer; ``start`` may also be a face pack, from which
            ``lineage.member`` selects a net.
        say: receives one progress line per epoch.
        lineage: earlier nets to use.

    Raises:
        DataError: if the data or the earlier run cannot be read.
        OptionError: if options exclude one another, or an earlier run in the same place had other
            settings.
    """
    lineage = lineage or Lineage()
    _check(options, lineage)
    begin(options)
    recipe = face.SECOND_CYCLE if options.start else face.FaceRecipe()
    side = lineage.side or recipe.side
    recipe = replace(recipe, taught=face.TAUGHT if lineage.teacher else 0.0, side=side)
    epochs = options.epochs or 40
    schedule = options.paced(face.schedule(epochs, options.seed))
    train, valid, test = face.divide(load_sets(load_faces, options.data), recipe.valid_share)
    train = limited(train, options)
    check_rows(train, valid)
    recipe = replace(recipe, batch=min(recipe.batch, max(2, len(train) // 2)))
    teacher = None if lineage.teacher is None else Teacher(lineage.teacher)
    taught = None if teacher is None else teacher.predict(train.items)
    task = face.FaceTask(train, valid, recipe, epochs, taught)
    nets = _nets(task, options, lineage)
    ancestry = _ancestry(options, lineage, teacher)
    check_settings(options.work, ancestry)
    trainer = Trainer(task, schedule, options.work, say)
    nets.append(trainer.run())
    export_graph(Ensemble(nets, mirrored=True), face.EXAMPLE, face.AXES, options.graph)
    quantise_convolutions(options.graph, face.sample_pictures(train, 32, options.seed))
    counts = {"train": len(train), "valid": len(valid), "test": len(test)}
    settings = settings_of(options, recipe, schedule, **counts) | ancestry
    outcome = _outcome(Graph(options.graph), task.conventions, (train, valid, test))
    outcome = replace(
        outcome,
        history=trainer.history,
        settings=settings,
        notes=[face.note(len(nets), train, task.conventions)],
    )
    return write_pack(outcome, options.out, options.work)


def _check(options: TrainOptions, lineage: Lineage) -> None:
    """Refuse options that exclude one another."""
    from_pack = options.start is not None and (options.start / "pack.json").is_file()
    if from_pack and lineage.member is None:
        raise OptionError(f"{options.start} is a pack; select one of its nets with --member.")
    if lineage.member is not None and not from_pack:
        raise OptionError("--member selects a net of a pack; name the pack with --start.")
    if lineage.side is not None and not LEAST_SIDE <= lineage.side <= MOST_SIDE:
        raise OptionError(
            f"--side must be {LEAST_SIDE} to {MOST_SIDE} px, got {lineage.side}; the input has 48 "
            "px."
        )
    if lineage.teacher is not None and options.start is not None and not from_pack:
        raise OptionError("A second cycle cannot have a teacher; leave out --start or --teacher.")


def _nets(task: face.FaceTask, options: TrainOptions, lineage: Lineage) -> list[nn.Module]:
    """The other nets of the ensemble; also loads the initial weights of the new net."""
    nets: list[nn.Module] = []
    if lineage.member is not None and options.start is not None:
        pictures = torch.from_numpy(normalise(task.pictures[:THAWED_ON]))
        load_dequantised(task.model, options.start / "model.onnx", lineage.member, pictures)
    else:
        nets += options.earlier(task.model)
    if lineage.beside is not None:
        nets.append(net_of_run(task.model, lineage.beside, "--beside"))
    elif lineage.teacher is not None and not (lineage.teacher / "pack.json").is_file():
        nets.append(net_of_run(task.model, lineage.teacher, "--teacher"))
    return nets


def _ancestry(options: TrainOptions, lineage: Lineage, teacher: Teacher | None) -> dict[str, Any]:
    """Hashes of the earlier nets that were used, for the card."""
    ancestry: dict[str, Any] = {} if teacher is None else {"teacher": teacher.digests}
    if lineage.member is not None and options.start is not None:
        ancestry["start"] = {
            "model.onnx": file_sha256(options.start / "model.onnx"),
            "member": lineage.member,
        }
    if lineage.beside is not None:
        ancestry["beside"] = {"checkpoint.pt": file_sha256(lineage.beside / "checkpoint.pt")}
    return ancestry


def _outcome(
    graph: Graph, conventions: Sequence[str], sets: tuple[LabelledSet, LabelledSet, LabelledSet]
) -> Outcome:
    """Calibrate the graph on the validation rows and test it, under each convention."""
    train, valid, test = sets
    predictions = face.predict(graph, valid.items, conventions)
    scalings = {c: fit_scaling(valid, c, predictions[c]) for c in conventions}
    priors = {c: prior_of(train, c) for c in conventions}
    first = conventions[0]
    # After the bias, the posteriors refer to the label shares without oversampling.
    answers = {
        c: Convention(
            (7 * i, 7 * i + 7),
            round(scalings[c].temperature, 4),
            tuple(round(p, 5) for p in priors[c]),
            scalings[c].bias,
            ABOUT[c],
        )
        for i, c in enumerate(conventions)
    }
    return Outcome(
        kind="face",
        graph=graph.path,
        contract=CONTRACT.as_dict(),
        corpora=Counter(train.corpora.tolist()),
        prior=priors[first],
        scaling=scalings[first],
        tests=_judged(graph, test, scalings),
        history=[],
        settings={},
        conventions=answers if len(answers) > 1 else {},
    )


def fit_scaling(valid: LabelledSet, convention: str, probs: FloatArray) -> Scaling:
    """Fit the calibration of a convention: to vote shares, or to labels by the Brier score."""
    labelled = judged_rows(valid, convention)
    if labelled.shares is not None:
        voted = labelled.shares.sum(axis=1) > 0
        return Scaling.fit_shares(labelled.shares[voted], probs[voted])
    return Scaling.fit(labelled.labels[labelled.which], probs[labelled.which], biased=True)


def prior_of(train: LabelledSet, convention: str) -> list[float]:
    """Share of each label in the targets of a convention, without oversampling."""
    targets = train.targets if convention == FER2013 else train.extra[VOTES]
    shares = targets.sum(axis=0)
    return [float(p) for p in shares / shares.sum()]


def _judged(graph: Graph, test: LabelledSet, scalings: Mapping[str, Scaling]) -> list[Judged]:
    """The results by convention; the posteriors under the first one are stored for fusion."""
    out = []
    sets = face.by_split(test)
    predictions = {
        name: face.predict(graph, rows.items, tuple(scalings)) for name, rows in sets.items()
    }
    for number, (convention, scaling) in enumerate(scalings.items()):
        for name, rows in sets.items():
            probs = scaling.apply(predictions[name][convention])
            if convention == OBSERVERS and not (rows.extra[KEPT] > 0).any():
                continue
            labelled = judged_rows(rows, convention)
            some = rows.select(labelled.which)
            targets = np.eye(len(MIEN7))[labelled.labels[labelled.which]]
            title = f"{name}, {convention}" if len(scalings) > 1 else name
            out.append(
                Judged(
                    title,
                    targets,
                    probs[labelled.which],
                    replace(some, targets=targets) if number == 0 else None,
                    labelled.figures(probs) if convention == OBSERVERS else {},
                )
            )
    return out
