"""``mien train voice --folds K``: K nets, none of which has heard its own speakers.

The speakers of every corpus are dealt to the folds one after the other. Each net is judged on the
speakers it never heard, so that together the figures are of every recording; what ships is the mean
of the nets. The nets of each fold also make a pack of their own, ``OUT.run/unheard/foldN``,
for whoever wants to judge something else on speakers that a pack never heard.
"""

from __future__ import annotations

import hashlib
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import torch
from torch import nn

from mien.branches import logmel
from mien.datasets import LabelledSet, load_voices
from mien.errors import DataError
from mien.metrics import FloatArray
from mien.packs import Manifest
from mien.scene import Samples
from mien.train import voice
from mien.train.calibrate import Scaling
from mien.train.commands import Say, TrainOptions, begin, load_sets, settings_of
from mien.train.graphs import Graph, export_graph, quantise_convolutions
from mien.train.loop import Trainer
from mien.train.nets import Ensemble
from mien.train.packing import Judged, Outcome, write_pack


def deal(voices: LabelledSet, folds: int) -> np.ndarray[tuple[int], np.dtype[np.int64]]:
    """The fold ``(n,)`` of each row: speakers in order of their names, corpus by corpus.

    Raises:
        DataError: if a fold would hold nobody, or all of it.
    """
    fold = np.zeros(len(voices), np.int64)
    for corpus in sorted(set(voices.corpora.tolist())):
        speakers = sorted(set(voices.groups[voices.corpora == corpus].tolist()))
        for place, speaker in enumerate(speakers):
            fold[voices.groups == speaker] = place % folds
    if folds < 2 or len(set(fold.tolist())) < folds:
        raise DataError(
            f"{len(set(voices.groups.tolist()))} speakers cannot be dealt to {folds} folds; give "
            "at least 2 folds and no more than the largest set has speakers."
        )
    return fold


@dataclass
class _Folds:
    """All recordings, and what each was called by the net that never heard its speaker.

    Args:
        voices: the recordings.
        fold: ``(n,)`` of each.
        probs: ``(n, 7)``.
    """

    voices: LabelledSet
    fold: np.ndarray[tuple[int], np.dtype[np.int64]]
    probs: FloatArray

    def calibrated(self) -> FloatArray:
        """Each fold at the temperature that fits the others best."""
        out = np.zeros_like(self.probs)
        for k in range(int(self.fold.max()) + 1):
            mine = self.fold == k
            out[mine] = self.scaling(~mine).apply(self.probs[mine])
        return out

    def scaling(self, rows: np.ndarray[tuple[int], np.dtype[np.bool_]]) -> Scaling:
        """That fits some rows best: those of corpora with many speakers, where there are any.

        A corpus of two speakers tells how sure a net may be of those two.
        """
        large = [c for c in set(self.voices.corpora.tolist()) if not self.few(c)]
        many = np.isin(self.voices.corpora, large)
        chosen = rows & many if (rows & many).any() else rows
        return Scaling.fit(self.voices.labels[chosen], self.probs[chosen], biased=False)

    def few(self, corpus: str) -> bool:
        """Whether a corpus has no more speakers than there are folds."""
        speakers = set(self.voices.groups[self.voices.corpora == corpus].tolist())
        return len(speakers) <= int(self.fold.max()) + 1

    def judged(self) -> list[Judged]:
        """One test a corpus, and one a speaker where there are no more speakers than folds.

        The table of posteriors, which fusion is fitted to, is of the corpora with more.
        """
        probs, tests = self.calibrated(), []
        for corpus in sorted(set(self.voices.corpora.tolist())):
            inside = self.voices.corpora == corpus
            speakers = sorted(set(self.voices.groups[inside].tolist()))
            few = self.few(corpus)
            told = [(f"{corpus}, {len(speakers)} speakers, each unheard", inside)]
            told += [(f"{who} unheard", self.voices.groups == who) for who in speakers if few]
            for name, some in told:
                rows = self.voices.select(some)
                tests.append(Judged(name, rows.targets, probs[some], None if few else rows))
        return tests


def train_folds(options: TrainOptions, folds: int, say: Say = print) -> Manifest:
    """Train and judge ``folds`` nets and pack their mean; a killed run goes on where it was.

    In a second cycle (``options.start``) the nets of the first go into the mean as well.

    Raises:
        DataError: if the data cannot be read or has too few speakers.
        OptionError: if an earlier run in the same place had other settings.
    """
    begin(options)
    recipe = voice.VoiceRecipe()
    if options.limit is not None:
        recipe = replace(recipe, draws=min(recipe.draws, 2 * options.limit), batch=8)
    voices = load_sets(load_voices, options.data)
    all_of = _Folds(voices, deal(voices, folds), np.zeros((len(voices), 7)))
    heard: dict[str, Samples] = {}
    found = _train_each(all_of, options, recipe, say, heard)
    nets = [net for fold in found for net in fold.nets]
    graph = _in_8_bits(nets, heard, options.graph, options.seed)
    schedule = options.paced(voice.schedule(options.epochs or 40, options.seed))
    settings = settings_of(options, recipe, schedule, all=len(voices)) | {"folds": folds}
    outcome = Outcome(
        kind="voice",
        graph=graph.path,
        contract=logmel.CONTRACT.as_dict(),
        corpora=Counter(voices.corpora.tolist()),
        prior=(voice.drawing_weights(voices, recipe) @ voices.targets).tolist(),
        scaling=all_of.scaling(np.ones(len(voices), bool)),
        tests=all_of.judged(),
        history=_together([fold.history for fold in found]),
        settings=settings,
        notes=[
            f"The pack is the mean of {len(nets)} nets, in 8 bits. Every figure is of the nets of "
            "one fold, in 8 bits, on speakers that they never heard, at a temperature fitted on "
            "the other folds, on the sets of many speakers; no speaker at hand is unheard by the "
            "mean, which as a rule is better than its members. 'calm' counts as neutral. All of "
            "it is acted speech by North American speakers, two sentences in RAVDESS and one "
            "carrier phrase in TESS: expect less on everyday speech and in other languages."
        ],
        judged_by=_digest([fold.graph for fold in found]),
    )
    _write_unheard(all_of, found, outcome, options)
    return write_pack(outcome, options.out, options.work)


@dataclass(frozen=True)
class _Fold:
    """What came of a fold: its nets, their mean in 8 bits, and how the last of them learnt."""

    nets: list[nn.Module]
    graph: Path
    history: list[dict[str, float]]


def _in_8_bits(nets: list[nn.Module], heard: dict[str, Samples], path: Path, seed: int) -> Graph:
    """The mean of some nets as a graph, its ranges read off what they have heard."""
    export_graph(Ensemble(nets), voice.EXAMPLE, voice.AXES, path)
    quantise_convolutions(path, voice.sample_frames(heard, 32, seed))
    return Graph(path)


def _write_unheard(
    all_of: _Folds, found: list[_Fold], whole: Outcome, options: TrainOptions
) -> None:
    """A pack a fold, which names the speakers it never heard."""
    for k, fold in enumerate(found):
        mine = all_of.fold == k
        train, held = all_of.voices.select(~mine), all_of.voices.select(mine)
        scaling = all_of.scaling(~mine)
        judged = Judged("speakers unheard", held.targets, scaling.apply(all_of.probs[mine]), held)
        outcome = replace(
            whole,
            graph=fold.graph,
            corpora=Counter(train.corpora.tolist()),
            scaling=scaling,
            tests=[judged],
            history=fold.history,
            settings={**whole.settings, "unheard": sorted(set(held.groups.tolist()))},
            notes=["One fold of the pack that ships, without the speakers that it is judged on."],
            judged_by="",
        )
        write_pack(outcome, options.work / "unheard" / f"fold{k}", fold.graph.parent)


def _train_each(
    all_of: _Folds,
    options: TrainOptions,
    recipe: voice.VoiceRecipe,
    say: Say,
    heard: dict[str, Samples],
) -> list[_Fold]:
    """Train all folds; fills in what they say of the speakers they never heard."""
    folds = int(all_of.fold.max()) + 1
    found = []
    for k in range(folds):
        mine = all_of.fold == k
        held = all_of.voices.select(mine)
        say(f"fold {k + 1} of {folds}: {', '.join(sorted(set(held.groups.tolist())))} unheard")
        torch.manual_seed(options.seed + k)
        nothing = all_of.voices.select(np.zeros(len(mine), bool))
        train = all_of.voices.select(~mine)
        task = voice.VoiceTask(train, nothing, recipe, say, heard)
        earlier = options.earlier(task.model, f"fold{k}")
        schedule = options.paced(voice.schedule(options.epochs or 40, options.seed + k))
        trainer = Trainer(task, schedule, options.work / f"fold{k}", _prefixed(say, k))
        nets = [*earlier, trainer.run()]
        known = {str(path): heard[str(path)] for path in train.items}
        graph = _in_8_bits(nets, known, trainer.folder / "model.onnx", options.seed)
        all_of.probs[mine] = voice.predict(graph, voice.read_all(held, say, heard))
        right = all_of.probs[mine].argmax(axis=1) == held.labels
        for corpus in sorted(set(held.corpora.tolist())):
            say(f"fold {k + 1}: {corpus} accuracy {right[held.corpora == corpus].mean():.4f}")
        found.append(_Fold(nets, graph.path, trainer.history))
    return found


def _together(runs: list[list[dict[str, float]]]) -> list[dict[str, float]]:
    """One row an epoch: the mean loss over the folds, the sum of their seconds."""
    return [
        {"epoch": rows[0]["epoch"], "loss": float(np.mean([row["loss"] for row in rows]))}
        | {"seconds": sum(row["seconds"] for row in rows)}
        for rows in zip(*runs, strict=True)
    ]


def _digest(graphs: list[Path]) -> str:
    """SHA-256 of what judged: the graphs of all folds."""
    digest = hashlib.sha256()
    for graph in graphs:
        digest.update(graph.read_bytes())
    return digest.hexdigest()


def _prefixed(say: Say, fold: int) -> Callable[[str], None]:
    return lambda line: say(f"fold {fold + 1}: {line}")
