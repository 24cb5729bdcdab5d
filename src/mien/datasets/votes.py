"""Human votes as posteriors: the layout in which CREMA-D publishes its ratings by mode.

Cao, Cooper, Keutmann, Gur, Nenkova, Verma, "CREMA-D: Crowd-sourced Emotional Multimodal Actors
Dataset", IEEE Transactions on Affective Computing 5(4), 2014: about ten raters each labelled the
sound, the picture, and both together.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import numpy as np

from mien.datasets.csvfile import column, read_rows
from mien.emotions import MIEN7, canonical_label
from mien.errors import DataError, LabelError
from mien.mathematics import FloatArray
from mien.posteriors import Posteriors, PosteriorTable

# The raters' options by column name; surprise was not an option.
ANSWERS = {
    "a": "anger", "d": "disgust", "f": "fear", "h": "joy", "n": "neutral", "s": "sadness",
}  # fmt: skip
# The single-modality modes, and the mode with sound and picture, used for comparison only.
MODES = ("voice", "face")
BOTH = "multimodal"
# meanEmoResp is a mean rating from 0 to 100.
INTENSITY, INTENSITY_SCALE = "intensity", 100.0
# Laplace's rule of succession: one additional vote for each option.
SMOOTHING = 1.0
LICENCE = "ODbL 1.0, contents DbCL 1.0"

_COLUMNS = {MIEN7.index(label): letter for letter, label in ANSWERS.items()}


def is_votes(header: str) -> bool:
    """Whether ``header`` is the first line of a table of votes."""
    names = {name.strip().strip('"').lower() for name in header.split(",")}
    return {"mode", "filename", *ANSWERS} <= names


def load_votes(path: Path) -> PosteriorTable:
    """Voice and face votes of every clip that has a row in either mode.

    The columns are those of the file: ``mode`` (voice, face, multimodal), ``fileName``
    (``ACTOR_SENTENCE_EMOTION_LEVEL``), one count per option (A D F H N S) and ``meanEmoResp``, the
    mean rating of intensity, 0 to 100. The label is the intended emotion, the group the actor.
    Neither the sentence nor the level is read, since they reveal part of the label. The extra
    ``intensity`` is in [0, 1]; clips are 1 to 5 s long, but the file does not contain their
    lengths, so ``seconds`` is 0.

    Raises:
        DataError: if a column is missing, a count is not a number, or a file name has other parts.
    """
    return _load(path, MODES)


def load_votes_of_both(path: Path) -> PosteriorTable:
    """The votes with sound and picture, as posteriors of one branch, ``multimodal``."""
    return _load(path, (BOTH,))


def _load(path: Path, modes: tuple[str, ...]) -> PosteriorTable:
    by_mode: dict[str, dict[str, tuple[FloatArray, float]]] = {mode: {} for mode in modes}
    for number, row in enumerate(read_rows(path), start=2):
        mode = column(row, "mode", path).strip().lower()
        if mode in by_mode:
            name = column(row, "filename", path).strip()
            by_mode[mode][name] = _ballot(row, path, number)
    items = sorted(set().union(*by_mode.values()))
    if not items:
        raise DataError(f"{path} holds no row of the modes {', '.join(modes)}; check 'mode'.")
    parts = [_parts(name, path) for name in items]
    return PosteriorTable(
        name=path.name,
        items=tuple(items),
        labels=np.array([label for _, label in parts], dtype=np.int64),
        groups=np.array([actor for actor, _ in parts], dtype=np.str_),
        posteriors={mode: _posteriors(items, by_mode[mode]) for mode in modes},
        seconds=np.zeros(len(items)),
        licence=LICENCE,
    )


def _ballot(row: Mapping[str, str], path: Path, number: int) -> tuple[FloatArray, float]:
    """Votes by our labels ``(7,)``, and the mean intensity in [0, 1], NaN if missing."""
    votes = np.zeros(len(MIEN7))
    try:
        for i, letter in _COLUMNS.items():
            votes[i] = float(column(row, letter, path) or 0)
        rated = row.get("meanemoresp", "").strip()
        intensity = float(rated) / INTENSITY_SCALE if rated not in ("", "NA") else np.nan
    except ValueError as error:
        raise DataError(f"{path}, row {number}: {error}; expected a number of votes.") from None
    if (votes < 0).any() or votes.sum() == 0:
        raise DataError(f"{path}, row {number}: expected at least one vote and none below 0.")
    return votes, intensity


def _parts(name: str, path: Path) -> tuple[str, int]:
    """Actor and column of the intended emotion."""
    parts = name.split("_")
    try:
        return parts[0], MIEN7.index(canonical_label(parts[2]))
    except (IndexError, LabelError):
        raise DataError(
            f"{path}: the clip {name!r} is not named ACTOR_SENTENCE_EMOTION_LEVEL with an emotion "
            "of ANG DIS FEA HAP NEU SAD; rename it."
        ) from None


def _posteriors(items: list[str], ballots: Mapping[str, tuple[FloatArray, float]]) -> Posteriors:
    probs = np.full((len(items), len(MIEN7)), np.nan)
    intensity = np.full(len(items), np.nan)
    offered = np.zeros(len(MIEN7))
    offered[list(_COLUMNS)] = SMOOTHING
    for i, name in enumerate(items):
        if name in ballots:
            votes, intensity[i] = ballots[name]
            probs[i] = (votes + offered) / (votes + offered).sum()
    present = np.isfinite(probs[:, 0])
    return Posteriors(probs, present.astype(np.float64), {INTENSITY: intensity})
