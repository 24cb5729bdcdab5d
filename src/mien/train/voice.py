"""``mien train voice``: a small residual net on log-mel frames of TESS and RAVDESS."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor, nn

from mien.branches.logmel import (
    CONTRACT,
    at_level,
    fill,
    hearings,
    log_mel,
    piece_frames,
    standardise,
    trim,
)
from mien.branches.logmel import FloatArray as Frames
from mien.datasets import LabelledSet
from mien.errors import DataError
from mien.media import load_audio
from mien.metrics import FloatArray, classification_figures
from mien.scene import Samples
from mien.train.loop import Schedule, channels_last, soft_cross_entropy
from mien.train.nets import VoiceNet
from mien.train.sound import spoil


@dataclass(frozen=True)
class VoiceRecipe:
    """Settings of the net and of what it hears.

    Args:
        widths, depths: channels and blocks of each stage.
        draws: recordings drawn in an epoch.
        tess_share: share of the draws that come from TESS, whose two speakers would drown the
            others otherwise.
        mixup: parameter of the Beta distribution (Zhang et al. 2018), 0 for none.
    """

    widths: tuple[int, ...] = (16, 32, 64, 96)
    depths: tuple[int, ...] = (1, 1, 2, 1)
    draws: int = 1600
    tess_share: float = 0.3
    batch: int = 32
    mixup: float = 0.2
    smoothing: float = 0.1


EXAMPLE = {"frames": torch.zeros(2, CONTRACT.frames, CONTRACT.bands)}
AXES = {"frames": {0: "n"}}


def schedule(epochs: int, seed: int) -> Schedule:
    """The schedule of the shipped recipe."""
    return Schedule(epochs, lr=3e-3, optimizer="adamw", weight_decay=1e-2, seed=seed)


def divide(
    voices: LabelledSet, valid_speakers: Sequence[str], test_speakers: Sequence[str]
) -> tuple[LabelledSet, LabelledSet, LabelledSet]:
    """Training, validation and test rows by speaker.

    Raises:
        DataError: if a speaker is not in the set.
    """
    for speaker in (*valid_speakers, *test_speakers):
        if speaker not in voices.groups:
            known = ", ".join(sorted(set(voices.groups.tolist())))
            raise DataError(f"There is no speaker {speaker!r}; the speakers are: {known}.")
    valid = np.isin(voices.groups, list(valid_speakers))
    test = np.isin(voices.groups, list(test_speakers))
    return voices.select(~valid & ~test), voices.select(valid), voices.select(test)


def card_notes(ship_all: bool) -> list[str]:
    """What the card says of how the figures came about."""
    notes = [
        "No speaker of the validation or the test was trained on in the run that the figures are "
        "of; 'calm' counts as neutral. All of it is acted speech, two sentences in RAVDESS and one "
        "carrier phrase in TESS, by North American speakers: expect less on everyday speech and "
        "other languages."
    ]
    if ship_all:
        notes.append(
            "The weights that ship were then trained under the same recipe on all speakers, the "
            "held-out ones included: do not judge this pack on the speakers named above."
        )
    return notes


def read_all(
    voices: LabelledSet, say: Callable[[str], None], heard: dict[str, Samples] | None = None
) -> list[Samples]:
    """The sound of every row, trimmed and at one level; a few hundred megabytes for our sets.

    Args:
        voices: paths and labels.
        say: told now and then how many were read.
        heard: sounds by path; those that are there are not read again, the others are added.
    """
    heard = {} if heard is None else heard
    sounds = []
    for i, path in enumerate(voices.items):
        if str(path) not in heard:
            heard[str(path)] = at_level(trim(load_audio(path)))
            if len(heard) % 1000 == 0:
                say(f"read {i + 1} of {len(voices)} recordings")
        sounds.append(heard[str(path)])
    return sounds


def drawing_weights(train: LabelledSet, recipe: VoiceRecipe) -> FloatArray:
    """Chance of each row: corpora by their share, the classes of a corpus evenly."""
    weights = np.zeros(len(train))
    shares = {"tess": recipe.tess_share}
    corpora = sorted(set(train.corpora.tolist()))
    rest = 1.0 - sum(shares.get(c, 0.0) for c in corpora)
    others = [c for c in corpora if c not in shares]
    for corpus in corpora:
        share = shares.get(corpus, rest / max(1, len(others)))
        inside = train.corpora == corpus
        for label in np.unique(train.labels[inside]):
            rows = inside & (train.labels == label)
            weights[rows] = share / rows.sum()
    return np.asarray(weights / weights.sum())


class VoiceTask:
    """Recordings as batches of spoiled, masked and mixed log-mel pieces."""

    def __init__(
        self,
        train: LabelledSet,
        valid: LabelledSet,
        recipe: VoiceRecipe,
        say: Callable[[str], None] = print,
        heard: dict[str, Samples] | None = None,
    ) -> None:
        self.recipe, self.valid = recipe, valid
        self.model = channels_last(VoiceNet(CONTRACT.bands, recipe.widths, recipe.depths))
        self.sounds = read_all(train, say, heard)
        self.valid_sounds = read_all(valid, say, heard)
        self.targets = train.targets
        self.weights = drawing_weights(train, recipe)
        self.steps_per_epoch = recipe.draws // recipe.batch

    def batches(self, epoch: int, rng: np.random.Generator) -> Iterator[tuple[Tensor, Tensor]]:
        """Drawn with the weights of :func:`drawing_weights`."""
        for _ in range(self.steps_per_epoch):
            rows = rng.choice(len(self.sounds), self.recipe.batch, p=self.weights)
            frames = np.stack([self._piece(self.sounds[row], rng) for row in rows])
            targets = self.targets[rows]
            if self.recipe.mixup:
                share = np.float32(rng.beta(self.recipe.mixup, self.recipe.mixup))
                other = rng.permutation(len(rows))
                frames = share * frames + (1 - share) * frames[other]
                targets = share * targets + (1 - share) * targets[other]
            yield torch.from_numpy(frames.astype(np.float32)), torch.from_numpy(targets).float()

    def _piece(self, sound: Samples, rng: np.random.Generator) -> Frames:
        size = CONTRACT.samples
        sound = spoil(sound, rng)
        if len(sound) > size:
            start = rng.integers(0, len(sound) - size + 1)
            sound = sound[start : start + size]
        frames = standardise(log_mel(sound))
        before = int(rng.integers(0, CONTRACT.frames - len(frames) + 1))
        return mask(fill(frames, before), rng)

    def loss(self, model: nn.Module, batch: tuple[Tensor, Tensor]) -> Tensor:
        """Smoothed soft cross-entropy."""
        frames, targets = batch
        return soft_cross_entropy(model(frames), targets, self.recipe.smoothing)

    def validate(self, model: nn.Module) -> dict[str, float]:
        """On the held-out speakers, as the branch judges: whole recordings."""
        if not len(self.valid):
            return {}
        return classification_figures(self.valid.labels, predict(model, self.valid_sounds))


def sample_frames(heard: Mapping[str, Samples], count: int, seed: int) -> list[dict[str, Frames]]:
    """Inputs by name to read the ranges of the activations off, 16 pieces each."""
    rows = np.random.default_rng(seed).permutation(len(heard))[: count * 16]
    sounds = list(heard.values())
    parts = np.array_split(rows, max(1, len(rows) // 16))
    return [{"frames": np.stack([piece_frames(sounds[row]) for row in part])} for part in parts]


def mask(frames: Frames, rng: np.random.Generator) -> Frames:
    """Two bands of frequency and two of time set to the mean, 0 (SpecAugment, Park et al. 2019)."""
    frames = frames.copy()
    for axis, widest in ((1, 12), (1, 12), (0, 30), (0, 30)):
        width = int(rng.integers(0, widest))
        start = int(rng.integers(0, max(1, frames.shape[axis] - width)))
        if axis == 1:
            frames[:, start : start + width] = 0.0
        else:
            frames[start : start + width] = 0.0
    return frames


@torch.inference_mode()
def predict(model: nn.Module, sounds: list[Samples]) -> FloatArray:
    """Probabilities ``(n, 7)`` of trimmed recordings, pooled over pieces as the branch does."""
    model.eval()
    rows = []
    for sound in sounds:
        frames = np.stack([piece_frames(piece) for piece in hearings(sound)])
        logs = torch.log_softmax(model(torch.from_numpy(frames)).double(), dim=1).mean(dim=0)
        rows.append(torch.softmax(logs, dim=0).numpy())
    return np.stack(rows) if rows else np.zeros((0, 7))
