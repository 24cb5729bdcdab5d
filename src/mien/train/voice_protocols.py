"""Test the voice on speakers and on corpora that were left out of the training.

Every figure of the voice card is that of heads trained without the speaker or the whole corpus.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from itertools import combinations
from pathlib import Path

import numpy as np
import numpy.typing as npt
import torch
from torch import nn

from mien.convert.onnx_graph import export_graph
from mien.datasets import LabelledSet
from mien.errors import DataError
from mien.mathematics import FloatArray, IntArray
from mien.train.calibrate import Scaling
from mien.train.loop import Trainer
from mien.train.nets import Ensemble
from mien.train.packing import Judged
from mien.train.voice import VoiceRecipe, VoiceTask, schedule
from mien.train.voice_features import Features

Say = Callable[[str], None]
Mask = npt.NDArray[np.bool_]


def assign_folds(voices: LabelledSet, folds: int) -> IntArray:
    """The fold ``(n,)`` of each row; the speakers of each corpus are assigned in order of name.

    Raises:
        DataError: if there are fewer than two folds, or a fold would be empty.
    """
    fold = np.zeros(len(voices), np.int64)
    counts = {}
    for corpus in sorted(set(voices.corpora.tolist())):
        speakers = sorted(set(voices.groups[voices.corpora == corpus].tolist()))
        counts[corpus] = len(speakers)
        for place, speaker in enumerate(speakers):
            fold[voices.groups == speaker] = place % max(folds, 1)
    if folds < 2 or len(set(fold.tolist())) < folds:
        listed = ", ".join(
            f"{corpus} has {count} speaker{'' if count == 1 else 's'}"
            for corpus, count in counts.items()
        )
        most = max(counts.values(), default=0)
        remedy = "add --data with a set of more speakers"
        if most >= 2:
            remedy = f"give --folds {most}" + (" or less" if most > 2 else "") + f", or {remedy}"
        raise DataError(
            f"The voice is judged on speakers left out of the training, in --folds {folds}. This "
            f"needs at least 2 folds, and as many speakers as folds in one set; {listed}: {remedy}."
        )
    return fold


@dataclass(frozen=True)
class Trained:
    """Heads and their training histories, one row per epoch."""

    heads: list[nn.Module]
    histories: list[list[dict[str, float]]]

    @property
    def history(self) -> list[dict[str, float]]:
        """One row per epoch: the mean loss of the heads and the sum of their seconds."""
        return [
            {
                "epoch": rows[0]["epoch"],
                "loss": float(np.mean([row["loss"] for row in rows])),
                "seconds": sum(row["seconds"] for row in rows),
            }
            for rows in zip(*self.histories, strict=True)
        ]


@dataclass(frozen=True)
class Heads:
    """Trains heads on some recordings and predicts the others.

    Args:
        voices: all recordings.
        features: the features of the recordings.
        recipe: settings.
        epochs, seed: epochs and random seed of each training.
        folder: for trained heads, from which an interrupted run resumes.
        say: receives progress lines.
    """

    voices: LabelledSet
    features: Features
    recipe: VoiceRecipe
    epochs: int
    seed: int
    folder: Path
    say: Say

    def train(self, name: str, rows: Mask, count: int) -> Trained:
        """Heads with different seeds, trained on some rows or loaded from an earlier run.

        Args:
            name: name of their folder.
            rows: ``(n,)``, the training rows.
            count: number of heads.
        """
        train, places = self.voices.select(rows), np.flatnonzero(rows)
        heads, histories = [], []
        for i in range(count):
            seed = self.seed + i
            torch.manual_seed(seed)
            task = VoiceTask(train, self.features, places, self.recipe)
            trainer = Trainer(
                task, schedule(self.epochs, seed), self.folder / name / f"head{i}", _silent
            )
            heads.append(trainer.run())
            histories.append(trainer.history)
        return Trained(heads, histories)

    def left_out(self, name: str, held: Mask, count: int) -> FloatArray:
        """Probabilities ``(h, 7)`` of the held-out rows, by 8-bit heads trained on the others."""
        heads = self.train(name, ~held, count).heads
        probs = self.judge(heads, held, self.folder / name / "heads.onnx")
        right = probs.argmax(axis=1) == self.voices.labels[held]
        self.say(f"{name}: {int(held.sum())} recordings left out, accuracy {right.mean():.4f}")
        return probs

    def judge(self, heads: Sequence[nn.Module], rows: Mask, path: Path) -> FloatArray:
        """Probabilities ``(h, 7)`` of some rows by the ensemble of heads, in 8 bits as shipped."""
        features = torch.from_numpy(self.features.clean[rows].astype(np.float32))
        graph = export_graph(
            Ensemble(heads), {"features": features[:2]}, {"features": {0: "n"}}, path,
            quantise=("MatMul",),
        )  # fmt: skip
        return np.asarray(torch.softmax(graph(features).double(), dim=1).numpy())


def _silent(line: str) -> None:
    """Discard the progress of a head, which trains in seconds; only its result is reported."""


@dataclass(frozen=True)
class LeftOut:
    """Predictions for all recordings by heads that were trained without a part of the data.

    Args:
        voices: the recordings.
        fold: ``(n,)``, fold of each recording.
        speakers: ``(n, 7)``, by heads trained without the speaker.
        corpora: ``(n, 7)``, by heads trained without the corpus; NaN for corpora with a single
            label, and if fewer than three other corpora remain to train and to calibrate on.
        pairs: by the names of two corpora, ``(n, 7)``, by heads trained without both; NaN for the
            rows of all other corpora.
    """

    voices: LabelledSet
    fold: IntArray
    speakers: FloatArray
    corpora: FloatArray
    pairs: dict[tuple[str, str], FloatArray]

    @property
    def acted(self) -> list[str]:
        """The corpora that were left out one at a time."""
        inside = np.isfinite(self.corpora[:, 0])
        return sorted(set(self.voices.corpora[inside].tolist()))

    def few(self, corpus: str) -> bool:
        """Whether a corpus has no more speakers than there are folds."""
        speakers = set(self.voices.groups[self.voices.corpora == corpus].tolist())
        return len(speakers) <= int(self.fold.max()) + 1

    def speaker_scaling(self, rows: Mask) -> Scaling:
        """Temperature fitted to some rows, from corpora with many speakers if there are any.

        A corpus of two speakers only shows how confident a net may be for these two.
        """
        large = [c for c in set(self.voices.corpora.tolist()) if not self.few(c)]
        many = np.isin(self.voices.corpora, large)
        chosen = self._even(rows & many if (rows & many).any() else rows)
        return Scaling.fit(self.voices.labels[chosen], self.speakers[chosen], biased=False)

    def corpus_scaling(self, unseen: str | None = None) -> Scaling:
        """Temperature fitted to left-out corpora, without any row of ``unseen``.

        Args:
            unseen: corpus to exclude from the fit and from the training of the heads.
        """
        others = [corpus for corpus in self.acted if corpus != unseen]
        chosen = self._even(np.isin(self.voices.corpora, others))
        if unseen is None:
            probs = self.corpora
        else:
            probs = np.full_like(self.corpora, np.nan)
            for corpus in others:
                rows = self.voices.corpora == corpus
                probs[rows] = self.pairs[min(corpus, unseen), max(corpus, unseen)][rows]
        return Scaling.fit(self.voices.labels[chosen], probs[chosen], biased=False)

    def _even(self, rows: Mask) -> Mask:
        """A random selection of ``rows`` with equally many rows of each corpus."""
        rng = np.random.default_rng(0)
        names = sorted(set(self.voices.corpora[rows].tolist()))
        inside = [np.flatnonzero(rows & (self.voices.corpora == name)) for name in names]
        least = min(len(places) for places in inside)
        chosen = np.zeros(len(rows), bool)
        for places in inside:
            chosen[rng.permutation(places)[:least]] = True
        return chosen


def leave_out(heads: Heads, folds: int) -> LeftOut:
    """Train without the speakers of each fold, each corpus and each pair of corpora.

    Corpora with a single label, such as read speech, are left out by speaker only. For pairs of
    corpora, which only serve to fit temperatures, one head is trained instead of an ensemble.
    """
    voices = heads.voices
    fold = assign_folds(voices, folds)
    count = heads.recipe.heads
    speakers = np.full((len(voices), 7), np.nan)
    for k in range(folds):
        speakers[fold == k] = heads.left_out(f"fold{k}", fold == k, count)
    corpora, pairs = np.full((len(voices), 7), np.nan), {}
    names = sorted(set(voices.corpora.tolist()))
    acted = [c for c in names if len(set(voices.labels[voices.corpora == c].tolist())) > 1]
    if len(acted) > 2:
        for corpus in acted:
            held = voices.corpora == corpus
            corpora[held] = heads.left_out(f"without-{corpus}", held, count)
        for one, other in combinations(acted, 2):
            held = np.isin(voices.corpora, [one, other])
            pairs[one, other] = np.full((len(voices), 7), np.nan)
            pairs[one, other][held] = heads.left_out(f"without-{one}-{other}", held, 1)
    return LeftOut(voices, fold, speakers, corpora, pairs)


def judged(found: LeftOut) -> list[Judged]:
    """Two tests per corpus: with its speakers left out, and with the whole corpus left out.

    Speakers are tested at the temperature of the other folds, a corpus at that of the other
    corpora. A corpus with few speakers has an additional test for each of them. Fusion is fitted to
    the left-out corpora, and to the left-out speakers of corpora with many speakers.
    """
    voices, tests = found.voices, []
    speakers = np.zeros_like(found.speakers)
    for k in range(int(found.fold.max()) + 1):
        mine = found.fold == k
        speakers[mine] = found.speaker_scaling(~mine).apply(found.speakers[mine])
    for corpus in sorted(set(voices.corpora.tolist())):
        inside = voices.corpora == corpus
        names = sorted(set(voices.groups[inside].tolist()))
        few = found.few(corpus)
        groups = [(f"{corpus}, {len(names)} speakers, each unheard", inside)]
        groups += [(f"{who} unheard", voices.groups == who) for who in names if few]
        for name, some in groups:
            rows = voices.select(some)
            tests.append(Judged(name, rows.targets, speakers[some], None if few else rows))
    for corpus in found.acted:
        inside = voices.corpora == corpus
        rows = voices.select(inside)
        probs = found.corpus_scaling(corpus).apply(found.corpora[inside])
        tests.append(Judged(f"{corpus}, all of the corpus unheard", rows.targets, probs, rows))
    return tests
