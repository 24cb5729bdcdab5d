"""``mien train detector`` from end to end: annotate by a teacher, train, write the pack."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import onnx

from mien.convert.onnx_graph import export_graph, quantise_convolutions
from mien.datasets import load_faces
from mien.datasets.people import (
    Pictures,
    Teacher,
    concatenate_pictures,
    load_pictures,
    pictures_of_crops,
)
from mien.errors import DataError
from mien.manifest import Manifest
from mien.perceive.anchors import CONTRACT
from mien.train.calibrate import Scaling
from mien.train.commands import Say, TrainOptions, begin, settings_of
from mien.train.detector import net as detector
from mien.train.detector.compose import Composer
from mien.train.detector.rewrite import rewrite_detector
from mien.train.loop import Trainer
from mien.train.packing import Outcome, write_pack

CROPS = 8_000
"""Number of face crops that are enlarged and pasted."""


@dataclass(frozen=True)
class PeopleOptions:
    """Further options of the detector's training.

    Args:
        teacher: a YuNet ONNX file.
        crops: a set of face crops (FER-2013), or None.
        nobody: folders of pictures without people; the teacher's detections there are discarded.
        licences: licence of each folder of pictures by name, for the card.
    """

    teacher: Path
    crops: Path | None = None
    nobody: Sequence[Path] = ()
    licences: Mapping[str, str] | None = None


def _crops(options: TrainOptions, people: PeopleOptions, teacher: Teacher) -> Pictures | None:
    if people.crops is None:
        return None
    faces = load_faces(people.crops)
    rows = np.flatnonzero(np.char.lower(faces.splits) == "training")
    rows = np.random.default_rng(options.seed).permutation(rows)[:CROPS]
    cache = options.work / f"{people.crops.stem}.npz"
    return pictures_of_crops(np.asarray(faces.items)[rows], teacher, cache, people.crops.stem)


def _folders(paths: Sequence[Path], options: TrainOptions, teacher: Teacher, say: Say) -> Pictures:
    for path in paths:
        if not path.is_dir():
            raise DataError(f"{path} is not a folder of pictures; check --data.")
    return concatenate_pictures(
        [load_pictures(path, teacher, options.work / f"{path.name}.npz", say) for path in paths]
    )


def train_detector(options: TrainOptions, people: PeopleOptions, say: Say = print) -> Manifest:
    """Train the face detector; see :mod:`mien.train.detector.net`.

    Raises:
        DataError: if a folder holds no pictures or the teacher does not exist.
        OptionError: if an earlier run in the same place had other settings.
    """
    begin(options)
    recipe = detector.DetectorRecipe()
    if options.limit is not None:
        recipe = replace(recipe, draws=options.limit, judged=min(recipe.judged, options.limit))
    schedule = options.paced(detector.schedule(options.epochs or 12, options.seed))
    teacher = Teacher(people.teacher)
    options.work.mkdir(parents=True, exist_ok=True)
    pictures = _folders([*options.data, *people.nobody], options, teacher, say)
    pictures = pictures.without_faces({path.name for path in people.nobody})
    crops = _crops(options, people, teacher)
    train, valid = detector.divide(pictures, recipe.valid_share)
    first = Composer(train, crops, recipe.side)
    second = Composer(valid, crops, recipe.side)
    task = detector.DetectorTask(first, second, recipe)
    options.load_start(task.model)
    trainer = Trainer(task, schedule, options.work, say)
    graph = export_graph(trainer.run(), detector.EXAMPLE, detector.AXES, options.graph)
    plain = detector.judge(graph, task.valid)
    feeds = detector.sample_pictures(first, min(200, recipe.draws), options.seed)
    quantise_convolutions(options.graph, feeds, last_layers(options.graph))
    rewrite_detector(options.graph)
    small = type(graph)(options.graph)
    stored = detector.judge(small, task.valid)
    slope, intercept = detector.fit_scores(small, task.valid)
    sources = [*pictures.sources, *(() if crops is None else crops.sources)]
    outcome = Outcome(
        kind="detector",
        graph=options.graph,
        contract=CONTRACT | {"score": {"slope": slope, "intercept": intercept}},
        corpora={name: sources.count(name) for name in dict.fromkeys(sources)},
        licences=people.licences or {},
        prior=(),
        scaling=Scaling(1.0),
        tests=(),
        history=trainer.history,
        settings=settings_of(options, recipe, schedule, train=len(train), valid=len(valid)),
        labels=(),
        measured=_measured(len(task.valid), plain, stored),
        notes=[
            f"The faces were annotated by a teacher, {people.teacher.stem} (MIT); this net "
            "reproduces its misses. The pictures of people come from public repositories; none is "
            "shipped."
        ],
    )
    return write_pack(outcome, options.out, options.work)


def _measured(
    count: int, plain: Mapping[str, float], stored: Mapping[str, float]
) -> list[dict[str, Any]]:
    """Rows of the manifest: before and after the quantisation to 8 bits."""
    return [
        {"set": f"held-out composed pictures, {kind}", "rows": count}
        | {name: round(value, 4) for name, value in figures.items()}
        for kind, figures in (("32 bits", plain), ("8 bits, as shipped", stored))
    ]


def last_layers(path: Path) -> list[str]:
    """The layers that give the rows: 8 bits would blur the boxes."""
    graph = onnx.load(path).graph
    # Before the quantisation, these are the convolutions without a following activation or sum.
    consumers = {name: node.op_type for node in graph.node for name in node.input}
    return [
        node.name
        for node in graph.node
        if node.op_type == "Conv" and consumers.get(node.output[0]) in ("Reshape", "Flatten")
    ]
