"""Emotion labels: ordered spaces of labels, and maps from one space into another."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from mien.errors import LabelError
from mien.mathematics import BoolArray, FloatArray


@dataclass(frozen=True)
class EmotionSpace:
    """An ordered set of emotion labels; the order is the order of every probability column.

    Examples:
        >>> MIEN7.index("joy"), len(MIEN7)
        (3, 7)
    """

    name: str
    labels: tuple[str, ...]

    def __post_init__(self) -> None:
        if len(set(self.labels)) != len(self.labels) or not self.labels:
            raise LabelError(f"Space {self.name!r} needs distinct labels, got {self.labels!r}.")

    def __len__(self) -> int:
        return len(self.labels)

    def index(self, label: str) -> int:
        """Column of ``label``.

        Raises:
            LabelError: if the label is not one of this space's.
        """
        try:
            return self.labels.index(label)
        except ValueError:
            known = ", ".join(self.labels)
            raise LabelError(
                f"{label!r} is not a label of {self.name!r}; its labels are: {known}."
            ) from None


MIEN7 = EmotionSpace("mien7", ("anger", "disgust", "fear", "joy", "neutral", "sadness", "surprise"))

# Names that data sets and checkpoints use for our seven labels. Contempt is mapped to disgust: both
# show the lip curl, and most corpora with seven labels did the same.
_ALIASES: Mapping[str, tuple[str, ...]] = {
    "anger": ("angry", "ang", "mad"),
    "disgust": ("disgusted", "dis", "disgusting", "contempt"),
    "fear": ("fearful", "fea", "afraid", "scared"),
    "joy": ("happy", "happiness", "hap", "joyful"),
    "neutral": ("neu", "calm", "none", "no emotion"),
    "sadness": ("sad",),
    "surprise": ("surprised", "ps", "sur", "pleasant surprise", "pleasant_surprise"),
}
_CANONICAL = {alias: label for label, names in _ALIASES.items() for alias in (label, *names)}


def canonical_label(name: str) -> str:
    """Our label for a name that another data set or checkpoint uses.

    Raises:
        LabelError: if the name is unknown.

    Examples:
        >>> canonical_label("Happiness"), canonical_label("ps"), canonical_label("calm")
        ('joy', 'surprise', 'neutral')
    """
    try:
        return _CANONICAL[name.strip().lower()]
    except KeyError:
        raise LabelError(
            f"Unknown emotion name {name!r}; rename it to one of {', '.join(MIEN7.labels)} "
            "or use an explicit LabelMap."
        ) from None


@dataclass(frozen=True, eq=False)
class LabelMap:
    """A row-stochastic matrix that maps probabilities from one space to another.

    Args:
        source: label space of the model.
        target: label space of the result.
        matrix: ``(len(source), len(target))``, entries in [0, 1], rows sum to 1, so that no
            probability is lost.

    Raises:
        LabelError: if the shape is wrong or a row does not sum to 1.

    Examples:
        >>> native = EmotionSpace("two", ("happy", "calm"))
        >>> LabelMap.by_name(native).apply(np.array([[0.75, 0.25]])).tolist()
        [[0.0, 0.0, 0.0, 0.75, 0.25, 0.0, 0.0]]
        >>> [label for label, one in zip(MIEN7.labels, LabelMap.by_name(native).named) if one]
        ['joy', 'neutral']
    """

    source: EmotionSpace
    target: EmotionSpace
    matrix: FloatArray

    def __post_init__(self) -> None:
        matrix = np.array(self.matrix, dtype=np.float64)
        if matrix.shape != (len(self.source), len(self.target)):
            raise LabelError(
                f"A map from {self.source.name!r} to {self.target.name!r} needs a matrix of "
                f"{(len(self.source), len(self.target))}, got {matrix.shape}."
            )
        if matrix.min() < 0 or not np.allclose(matrix.sum(axis=1), 1.0):
            raise LabelError("Rows of a LabelMap must be non-negative and sum to 1.")
        matrix.flags.writeable = False
        object.__setattr__(self, "matrix", matrix)

    @classmethod
    def by_name(
        cls,
        source: EmotionSpace,
        target: EmotionSpace = MIEN7,
        names: Mapping[str, str] | None = None,
    ) -> LabelMap:
        """The map of each source label to the target label of which it is an alias.

        Args:
            source: label space of the model.
            target: label space of the result.
            names: target label by source label, for labels that are not a known alias.

        Raises:
            LabelError: if labels are neither a known alias nor in ``names``.
        """
        known = {name: name for name in target.labels} | _CANONICAL | dict(names or {})
        places = {name: known.get(name, known.get(name.strip().lower())) for name in source.labels}
        unknown = [name for name, label in places.items() if label is None]
        if unknown:
            raise LabelError(
                f"Unknown labels {', '.join(map(repr, unknown))} of {source.name!r}; map each of "
                f"them to one of {', '.join(target.labels)}."
            )
        matrix = np.zeros((len(source), len(target)))
        for row, label in enumerate(places.values()):
            matrix[row, target.index(str(label))] = 1.0
        return cls(source, target, matrix)

    @property
    def named(self) -> BoolArray:
        """True for the target labels that some source label leads to, ``(len(target),)``."""
        return np.asarray(self.matrix.any(axis=0))

    def apply(self, probs: FloatArray) -> FloatArray:
        """Probabilities ``(n, len(source))`` in the target space, ``(n, len(target))``."""
        return np.asarray(probs, dtype=np.float64) @ self.matrix

    def __str__(self) -> str:
        lines = []
        for name, row in zip(self.source.labels, self.matrix, strict=True):
            parts = [
                label if weight == 1.0 else f"{weight:.2f} {label}"
                for label, weight in zip(self.target.labels, row, strict=True)
                if weight > 0
            ]
            lines.append(f"{name} -> {' + '.join(parts)}")
        return "\n".join(lines)


def one_hot(labels: Iterable[str], space: EmotionSpace = MIEN7) -> FloatArray:
    """Target rows ``(n, k)`` with a single 1 for each label."""
    return shared_targets([(label,) for label in labels], space)


def shared_targets(rows: Sequence[Sequence[str]], space: EmotionSpace = MIEN7) -> FloatArray:
    """Target rows ``(n, k)`` that sum to 1; a row of several labels shares its weight equally."""
    targets = np.zeros((len(rows), len(space)))
    for i, labels in enumerate(rows):
        for label in labels:
            targets[i, space.index(label)] = 1.0 / len(labels)
    return targets
