"""Text sets: MELD, GoEmotions (Ekman level), ISEAR, and any CSV of texts."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from mien.datasets.csvfile import column, labels_of, read_rows, table_text
from mien.datasets.table import LabelledSet, build, concatenate, files_under
from mien.emotions import MIEN7, canonical_label, one_hot, shared_targets
from mien.errors import DataError

# Windows-1252 characters at the places of Unicode's C1 controls; MELD's files contain them.
_CP1252 = {i: bytes([i]).decode("cp1252", errors="ignore") for i in range(0x80, 0xA0)}
# The extra column that separates spoken from written texts.
SPOKEN = "spoken"
# ISEAR's two self-conscious emotions are not mapped to the seven labels.
_ISEAR_LEFT_OUT = ("shame", "guilt")


def load_texts(path: Path) -> LabelledSet:
    """Texts at ``path``: a folder of MELD, GoEmotions or ISEAR, one of their files, or a CSV.

    The group of a row is its dialogue if the corpus has dialogues. The extra :data:`SPOKEN` is True
    for MELD, whose lines were spoken, and for rows of a CSV with 1 in the column ``spoken``.

    Raises:
        DataError: if nothing there can be read as texts with labels.
    """
    if path.is_dir():
        files = files_under(path, (".csv", ".tsv"))
        if not files:
            raise DataError(f"{path} holds no CSV or TSV with texts.")
        return concatenate([load_texts(file) for file in files])
    if path.suffix == ".tsv":
        return _from_goemotions(path)
    header = table_text(path).partition("\n")[0]
    if "|" in header:
        return _from_isear(path)
    if "Utterance" in header and "Emotion" in header:
        return _from_meld(path)
    return _from_text_csv(path)


def clean(text: str) -> str:
    """Text with stray Windows-1252 characters repaired and white space folded."""
    return " ".join(text.translate(_CP1252).split())


def split_of(path: Path) -> str:
    """The split by the file name: ``train``, ``dev``, ``test`` or ``""``."""
    stem = path.stem.lower()
    return next((name for name in ("train", "dev", "test") if stem.startswith(name)), "")


def _from_goemotions(path: Path) -> LabelledSet:
    texts, labels = [], []
    for number, line in enumerate(table_text(path).splitlines(), start=1):
        parts = line.split("\t")
        try:
            labels.append([MIEN7.labels[int(i)] for i in parts[1].split(",")])
        except (IndexError, ValueError):
            raise DataError(
                f"{path}, line {number}: expected text, label ids 0..6 and an id between tabs."
            ) from None
        texts.append(clean(parts[0]))
    split = split_of(path)
    targets = shared_targets(labels)
    return build(
        texts,
        targets,
        "goemotions",
        splits=[split] * len(texts),
        extra={SPOKEN: np.zeros(len(texts), bool)},
    )


def _from_meld(path: Path) -> LabelledSet:
    rows = read_rows(path)
    split = split_of(path)
    return build(
        [clean(column(row, "utterance", path)) for row in rows],
        one_hot([canonical_label(column(row, "emotion", path)) for row in rows]),
        "meld",
        groups=[f"{split}/{column(row, 'dialogue_id', path)}" for row in rows],
        splits=[split] * len(rows),
        extra={SPOKEN: np.ones(len(rows), bool)},
    )


def _from_isear(path: Path) -> LabelledSet:
    rows = [
        (clean(row["sit"]), row["field1"].strip().lower())
        for row in read_rows(path, delimiter="|")
        if row.get("sit") and row.get("field1")
    ]
    labelled = [(t, e) for t, e in rows if e not in _ISEAR_LEFT_OUT and t and not t.startswith("[")]
    labels = one_hot([canonical_label(emotion) for _, emotion in labelled])
    texts = [text for text, _ in labelled]
    return build(texts, labels, "isear", extra={SPOKEN: np.zeros(len(texts), bool)})


def _from_text_csv(path: Path) -> LabelledSet:
    rows = read_rows(path)
    return build(
        [clean(column(row, "text", path)) for row in rows],
        one_hot(labels_of(rows, path)),
        path.stem,
        groups=[row.get("group", "") for row in rows],
        splits=[row.get("split", "") for row in rows],
        extra={SPOKEN: np.array([row.get("spoken", "").strip() == "1" for row in rows])},
    )
