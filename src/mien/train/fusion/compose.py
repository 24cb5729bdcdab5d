"""Composed clips: posteriors of each branch on its own held-out data, combined by label.

No data set with predictions of all branches for the same clips is available. As a substitute, the
label of a clip is drawn from a prior; each modality shows this label or, sometimes, another one;
the posteriors of a branch are those of one of its held-out items with the label shown. Given the
labels shown, the modalities are independent by construction: common causes in real clips (a noisy
place, a person whose expressions are hard to recognise) are not modelled.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from itertools import product
from pathlib import Path

import numpy as np

from mien.datasets.posteriors import PARQUET, load_posteriors
from mien.emotions import MIEN7
from mien.errors import DataError
from mien.mathematics import FloatArray, IntArray
from mien.posteriors import Posteriors, PosteriorTable, group_folds

# Labels of MELD's training split (9,989 utterances of dialogue), in the order of the seven.
TALK = (0.1110, 0.0271, 0.0268, 0.1745, 0.4715, 0.0684, 0.1206)
EVEN = (1 / 7,) * 7


@dataclass(frozen=True)
class Setting:
    """How clips are composed.

    Args:
        name: name in tables.
        prior: ``(7,)`` probability of each label of a clip.
        contrary: probability that a modality shows another label than the clip's: neutral in half
            of the cases, else drawn from the prior. This models a calm voice with angry words, or
            sarcasm.
        strange: by modality, probability that its posteriors are unrelated to the label shown. This
            models how much worse a branch is for unseen persons, cameras and rooms than on its own
            test set. It was not measured but set as a precaution.
        unclear: probability that all modalities show the same label, which is not the clip's:
            raters disagree about a clip (raters of CREMA-D's clips chose another label than the
            intended one in a quarter of the cases).
        murky: probability that a modality has a quality below 1; the quality is then uniform in (0,
            1), and the posteriors are unrelated to the label shown with probability 1 - quality.
        absent: probability that a modality is absent.
    """

    name: str
    prior: tuple[float, ...]
    contrary: float
    strange: Mapping[str, float]
    unclear: float = 0.1
    murky: float = 0.3
    absent: float = 0.2


# The voice posteriors are for unseen corpora; the face and text posteriors are for held-out rows of
# their training corpora.
STRANGENESS: Mapping[str, Mapping[str, float]] = {
    "as tested": {"voice": 0.0, "face": 0.0, "text": 0.0},
    "strangers": {"voice": 0.1, "face": 0.25, "text": 0.1},
    "far from home": {"voice": 0.25, "face": 0.4, "text": 0.2},
}
# For a branch that is not listed above.
OTHER = 0.25

SETTINGS = tuple(
    Setting(f"{prior}, {how} conflict, {who}", shares, contrary, strange)
    for (prior, shares), (how, contrary), (who, strange) in product(
        (("talk", TALK), ("even", EVEN)),
        (("little", 0.1), ("much", 0.3)),
        STRANGENESS.items(),
    )
)


@dataclass(frozen=True, eq=False)
class Source:
    """Posteriors of one branch on its own held-out data.

    Args:
        labels, groups, quality: ``(n,)``, of the items.
        probs: ``(n, 7)``.
        tables: names of the source tables.
        pack: SHA-256 of the pack that made the predictions, "" if unknown.
    """

    labels: IntArray
    groups: np.ndarray
    quality: FloatArray
    probs: FloatArray
    tables: tuple[str, ...] = field(default=())
    pack: str = ""

    def fold(self, inside: np.ndarray) -> Source:
        """The rows of a mask."""
        return Source(
            self.labels[inside], self.groups[inside], self.quality[inside], self.probs[inside]
        )


def read_sources(paths: Sequence[Path]) -> dict[str, Source]:
    """All rows of the tables at ``paths``, by branch; a folder means all tables in it.

    Raises:
        DataError: if there is no table, or there are fewer than two branches.
    """
    tables = [load_posteriors(file) for path in paths for file in _files(path)]
    names = sorted({name for table in tables for name in table.posteriors})
    if len(names) < 2:
        raise DataError(
            f"Posteriors of {len(names)} branch{'es' * (len(names) != 1)} were found under "
            f"{', '.join(map(str, paths))}; composing needs two or more. Write them with "
            "'mien evaluate BRANCH --posteriors FILE'."
        )
    return {name: _source(name, [t for t in tables if name in t.posteriors]) for name in names}


def _files(path: Path) -> list[Path]:
    if path.is_file():
        return [path]
    found = sorted(p for p in path.glob("*") if p.suffix in (".csv", PARQUET))
    if not found:
        raise DataError(f"There is no table of posteriors (.csv, .parquet) at {path}.")
    return found


def _source(name: str, tables: Sequence[PosteriorTable]) -> Source:
    parts = [table.select(table.posteriors[name].present) for table in tables]
    packs = {table.packs.get(name, "") for table in tables}
    if len(packs) > 1:
        raise DataError(
            f"The tables of {name} were made by different packs; make all of them with one pack."
        )
    return Source(
        labels=np.concatenate([part.labels for part in parts]),
        groups=np.concatenate([[f"{part.name}/{g}" for g in part.groups] for part in parts]),
        quality=np.concatenate([part.posteriors[name].quality for part in parts]),
        probs=np.concatenate([part.posteriors[name].probs for part in parts]),
        tables=tuple(table.name for table in tables),
        pack=packs.pop(),
    )


def compose(
    sources: Mapping[str, Source], settings: Sequence[Setting], items: int, folds: int, seed: int
) -> list[PosteriorTable]:
    """One table of composed clips per setting.

    The group of a clip is a fold of the sources, divided by their own groups (speakers, dialogues),
    so that no item is used in two groups.

    Args:
        sources: by branch; see :func:`read_sources`.
        settings: see :class:`Setting`.
        items: number of clips per setting.
        folds: number of groups.
        seed: random seed.

    Raises:
        DataError: if a fold of a branch lacks one of the seven labels.
    """
    folded = {name: _assign_folds(name, source, folds, seed) for name, source in sources.items()}
    tables = []
    for number, setting in enumerate(settings):
        rng = np.random.default_rng([seed, number])
        labels = rng.choice(len(MIEN7), size=items, p=np.array(setting.prior) / sum(setting.prior))
        fold = np.arange(items) % folds
        unclear = rng.random(items) < setting.unclear
        shown = np.where(unclear, rng.integers(0, len(MIEN7), items), labels)
        tables.append(
            PosteriorTable(
                name=setting.name,
                items=tuple(f"{setting.name}/{i}" for i in range(items)),
                labels=labels,
                groups=np.array([f"fold {f}" for f in fold]),
                posteriors={
                    name: _posteriors(name, parts, shown, fold, setting, rng)
                    for name, parts in folded.items()
                },
                # Text lengths, for the rule ``length`` only.
                seconds=rng.uniform(2, 30, items),
            )
        )
    return tables


def _assign_folds(name: str, source: Source, folds: int, seed: int) -> list[Source]:
    fold_of = group_folds(source.groups, folds, seed)
    parts = [source.fold(fold_of == fold) for fold in range(folds)]
    for part in parts:
        lacking = set(range(len(MIEN7))) - set(part.labels.tolist())
        if lacking:
            raise DataError(
                f"A fold of the posteriors of {name} has no {MIEN7.labels[lacking.pop()]}; give "
                f"more rows or fewer than {folds} folds."
            )
    return parts


def _posteriors(
    name: str,
    parts: Sequence[Source],
    shown: IntArray,
    fold: IntArray,
    setting: Setting,
    rng: np.random.Generator,
) -> Posteriors:
    """Posteriors of a branch for clips that show the labels ``shown``, ``(n,)``."""
    n, k = len(shown), len(MIEN7)
    other = rng.choice(k, size=n, p=np.array(setting.prior) / sum(setting.prior))
    other = np.where(rng.random(n) < 0.5, MIEN7.index("neutral"), other)
    shown = np.where(rng.random(n) < setting.contrary, other, shown)
    murk = np.where(rng.random(n) < setting.murky, rng.random(n), 1.0)
    strange = rng.random(n) < 1 - murk * (1 - setting.strange.get(name, OTHER))
    shown = np.where(strange, rng.integers(0, k, n), shown)
    probs, quality = np.empty((n, k)), np.empty(n)
    for number, part in enumerate(parts):
        for label in range(k):
            rows = np.flatnonzero((fold == number) & (shown == label))
            drawn = rng.choice(np.flatnonzero(part.labels == label), size=len(rows))
            probs[rows], quality[rows] = part.probs[drawn], part.quality[drawn]
    gone = rng.random(n) < setting.absent
    probs[gone] = np.nan
    return Posteriors(probs, np.where(gone, 0.0, quality * murk))


def pooled_table(tables: Sequence[PosteriorTable], name: str, licence: str) -> PosteriorTable:
    """Concatenate tables of the same posteriors."""
    posteriors = {
        who: Posteriors(
            np.concatenate([t.posteriors[who].probs for t in tables]),
            np.concatenate([t.posteriors[who].quality for t in tables]),
        )
        for who in tables[0].posteriors
    }
    return PosteriorTable(
        name=name,
        items=tuple(item for table in tables for item in table.items),
        labels=np.concatenate([table.labels for table in tables]),
        groups=np.concatenate([table.groups for table in tables]),
        posteriors=posteriors,
        seconds=np.concatenate([table.seconds for table in tables]),
        licence=licence,
    )
