"""Clips with sound and pictures, as fusion learns from them: MELD, RAVDESS, CREMA-D, or a CSV."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np

from mien.datasets.csvfile import column, read_rows
from mien.datasets.table import LabelledSet, build, files_under
from mien.datasets.texts import clean, split_of
from mien.datasets.voices import RECORDINGS, load_voices
from mien.emotions import canonical_label, one_hot
from mien.errors import DataError

_WITH_PICTURES = (".mp4", ".flv", ".avi", ".mkv", ".mov")
_MELD = {"dialogue_id", "utterance_id", "utterance", "emotion"}
# The extra column with the words of each clip, where they are known.
WORDS = "words"


def load_clips(folder: Path, labels: Path | None = None) -> LabelledSet:
    """Paths of the clips in a folder, with label and group.

    Args:
        folder: where the clips lie.
        labels: a CSV with the columns ``file`` (within the folder) and ``label``, and ``group``
            (or ``speaker``) and ``text`` (what is said) if they are known; or a CSV of MELD, whose
            clips are named ``dia0_utt0`` and whose group is the dialogue. None where the file names
            tell (RAVDESS, CREMA-D, TESS): the group is then the actor, and of a clip that is there
            with and without pictures the one with pictures is taken.

    Returns:
        A set with the extra :data:`WORDS` where the labels carry texts. A clip that the labels name
        and that is not there keeps its row; that it cannot be opened is found when it is judged.

    Raises:
        DataError: if the folder or the labels cannot be read.
    """
    if not folder.is_dir():
        raise DataError(f"There is no folder {folder}; give --data the folder of the clips.")
    if labels is None:
        return _seen_where_possible(load_voices(folder))
    if not labels.is_file():
        raise DataError(f"There is no file {labels}; give --labels a CSV with file and label.")
    rows = read_rows(labels)
    if rows and set(rows[0]) >= _MELD:
        return _meld(folder, labels, rows)
    return _listed(folder, labels, rows)


def _seen_where_possible(voices: LabelledSet) -> LabelledSet:
    """RAVDESS and CREMA-D publish the sound a second time on its own."""
    best: dict[str, int] = {}
    for i, path in enumerate(map(Path, voices.items)):
        # RAVDESS: 01 is picture and sound, 03 sound alone.
        clip = path.stem[2:] if voices.corpora[i] == "ravdess" else path.stem
        if clip not in best or path.suffix.lower() in _WITH_PICTURES:
            best[clip] = i
    return voices.select(sorted(best.values()))


def _meld(folder: Path, labels: Path, rows: Sequence[Mapping[str, str]]) -> LabelledSet:
    split = split_of(labels)
    found: dict[str, list[Path]] = {}
    for path in files_under(folder, RECORDINGS):
        found.setdefault(path.stem, []).append(path)
    items = []
    for row in rows:
        stem = f"dia{row['dialogue_id'].strip()}_utt{row['utterance_id'].strip()}"
        several = found.get(stem, [folder / f"{stem}.mp4"])
        # Every split counts its dialogues from 0; the folders are named by the split.
        own = [path for path in several if split in path.relative_to(folder).parent.as_posix()]
        if len(several) > 1 and len(own) != 1:
            raise DataError(
                f"{stem} lies {len(several)} times under {folder}; give --data the folder of the "
                f"split that {labels.name} is of."
            )
        items.append(str(own[0] if len(own) == 1 else several[0]))
    return build(
        items,
        one_hot([canonical_label(row["emotion"]) for row in rows]),
        "meld",
        groups=[f"{split}/{row['dialogue_id'].strip()}" for row in rows],
        splits=[split] * len(rows),
        extra={WORDS: np.array([clean(row["utterance"]) for row in rows], dtype=np.str_)},
    )


def _listed(folder: Path, labels: Path, rows: Sequence[Mapping[str, str]]) -> LabelledSet:
    names = [column(row, "file", labels).strip() for row in rows]
    twice = sorted({name for name in names if names.count(name) > 1})
    if twice:
        raise DataError(f"{labels} names {twice[0]!r} more than once; give each clip one row.")
    texts = any("text" in row for row in rows)
    words = [clean(row.get("text", "")) for row in rows]
    return build(
        [str(folder / name) for name in names],
        one_hot([canonical_label(column(row, "label", labels)) for row in rows]),
        labels.stem,
        groups=[(row.get("group") or row.get("speaker") or "").strip() for row in rows],
        extra={WORDS: np.array(words, dtype=np.str_)} if texts else None,
    )
