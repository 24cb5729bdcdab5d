"""Clips with sound and pictures, for training fusion: MELD, RAVDESS, CREMA-D, or a CSV."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np

from mien.datasets.csvfile import column, labels_of, read_rows
from mien.datasets.table import LabelledSet, build, files_under
from mien.datasets.texts import clean, split_of
from mien.datasets.voices import RECORDINGS, load_voices
from mien.emotions import canonical_label, one_hot
from mien.errors import DataError

_WITH_PICTURES = (".mp4", ".flv", ".avi", ".mkv", ".mov")
_MELD = {"dialogue_id", "utterance_id", "utterance", "emotion"}
# The extra column with the words of each clip, if they are known.
WORDS = "words"


def load_clips(folder: Path, labels: Path | None = None) -> LabelledSet:
    """Paths of the clips in a folder, with label and group.

    Args:
        folder: folder of the clips.
        labels: a CSV with the columns ``file`` (within the folder) and ``label``, and ``group`` (or
            ``speaker``) and ``text`` (the words) if they are known; or a CSV of MELD, whose clips
            are named ``dia0_utt0`` and whose group is the dialogue. None for sets with labels in
            the file names (RAVDESS, CREMA-D, TESS): the group is then the actor, and if a clip
            exists with and without pictures, the one with pictures is used.

    Returns:
        A set with the extra :data:`WORDS` if the labels contain texts. A labelled clip whose file
        does not exist keeps its row; the error is reported when the clip is analysed.

    Raises:
        DataError: if the folder or the labels cannot be read.
    """
    if not folder.is_dir():
        raise DataError(f"There is no folder {folder}; set --data to the folder of the clips.")
    if labels is None:
        return _prefer_pictures(load_voices(folder))
    if not labels.is_file():
        raise DataError(
            f"There is no file {labels}; set --labels to a CSV with the columns file and label."
        )
    rows = read_rows(labels)
    if rows and set(rows[0]) >= _MELD:
        return _meld(folder, labels, rows)
    return _listed(folder, labels, rows)


def _prefer_pictures(voices: LabelledSet) -> LabelledSet:
    """Prefer clips with pictures: RAVDESS and CREMA-D also publish the sound separately."""
    best: dict[str, int] = {}
    for i, path in enumerate(map(Path, voices.items)):
        # RAVDESS: 01 is picture and sound, 03 sound only.
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
        # Every split numbers its dialogues from 0; the folders are named after the split.
        own = [path for path in several if split in path.relative_to(folder).parent.as_posix()]
        if len(several) > 1 and len(own) != 1:
            raise DataError(
                f"{stem} exists {len(several)} times under {folder}; set --data to the folder of "
                f"the split that {labels.name} belongs to."
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
        raise DataError(
            f"{labels} lists {twice[0]!r} more than once; each clip needs exactly one row."
        )
    texts = any("text" in row for row in rows)
    words = [clean(row.get("text", "")) for row in rows]
    return build(
        [str(folder / name) for name in names],
        one_hot(labels_of(rows, labels)),
        labels.stem,
        groups=[(row.get("group") or row.get("speaker") or "").strip() for row in rows],
        extra={WORDS: np.array(words, dtype=np.str_)} if texts else None,
    )
