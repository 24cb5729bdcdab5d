"""Voice sets: TESS, RAVDESS, CREMA-D, and any CSV of recording paths."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path

import numpy as np

from mien.datasets.audformat import is_audformat, load_audformat
from mien.datasets.csvfile import column, labels_of, read_rows
from mien.datasets.table import LabelledSet, build, concatenate, files_under
from mien.emotions import canonical_label, one_hot
from mien.errors import DataError

RECORDINGS = (".wav", ".flac", ".mp3", ".ogg", ".m4a", ".mp4", ".flv", ".avi", ".mkv", ".mov")
RAVDESS_EMOTIONS = ("neutral", "calm", "happy", "sad", "angry", "fearful", "disgust", "surprised")
TESS_NAME = re.compile(r"^(?P<speaker>OAF|OA|YAF)_(?P<word>[a-z]+)_(?P<emotion>[a-z]+)$", re.I)
_RAVDESS = re.compile(r"^0[13]-01-(?P<emotion>0[1-8])-\d\d-\d\d-\d\d-(?P<actor>\d\d)$")
_CREMA = re.compile(r"^(?P<actor>1\d{3})_[A-Z]{3}_(?P<emotion>[A-Z]{3})_[A-Z]{2}$")


def load_voices(path: Path) -> LabelledSet:
    """Recordings at ``path``: a folder with TESS, RAVDESS or CREMA-D names, or a CSV of paths.

    Or the folder of a database of audformat, see :func:`mien.datasets.audformat.load_audformat`.

    The group of a row is its speaker. A folder may contain several of these corpora, and a CSV may
    have a column ``corpus``.

    Raises:
        DataError: if no file name there contains an emotion.
    """
    if is_audformat(path):
        return load_audformat(path)
    if path.is_dir():
        return _from_folder(path)
    if path.suffix == ".csv":
        return _from_path_csv(path)
    raise DataError(f"{path} is not a voice set; expected a folder or a CSV.")


def _named(corpus: str, stem: str) -> tuple[str, str] | None:
    """Emotion name and speaker by the file name, or None if it is not of this corpus."""
    if corpus == "tess" and (match := TESS_NAME.match(stem)):
        speaker = match["speaker"].upper()
        return match["emotion"], "OAF" if speaker == "OA" else speaker
    if corpus == "ravdess" and (match := _RAVDESS.match(stem)):
        return RAVDESS_EMOTIONS[int(match["emotion"]) - 1], match["actor"]
    if corpus == "crema-d" and (match := _CREMA.match(stem)):
        return match["emotion"], match["actor"]
    return None


def _from_folder(root: Path) -> LabelledSet:
    files = files_under(root, RECORDINGS)
    sets = []
    for corpus in ("tess", "ravdess", "crema-d"):
        found = [(p, named) for p in files if (named := _named(corpus, p.stem))]
        if found:
            labels = [canonical_label(emotion) for _, (emotion, _) in found]
            speakers = [f"{corpus}/{speaker}" for _, (_, speaker) in found]
            paths = [str(p) for p, _ in found]
            sets.append(build(paths, one_hot(labels), corpus, groups=speakers))
    if not sets:
        raise DataError(
            f"No file under {root} is named as in TESS (OAF_back_angry), RAVDESS "
            "(03-01-05-01-01-01-01) or CREMA-D (1001_DFA_ANG_XX); "
            "use a CSV with the columns path and label instead."
        )
    return concatenate(sets)


def _from_path_csv(path: Path) -> LabelledSet:
    rows = read_rows(path)
    made = build(
        [str(path.parent / column(row, "path", path)) for row in rows],
        one_hot(labels_of(rows, path)),
        path.stem,
        groups=[_speaker(row, path.stem) for row in rows],
        splits=[row.get("split", "") for row in rows],
    )
    return replace(made, corpora=np.array([row.get("corpus") or path.stem for row in rows]))


def _speaker(row: Mapping[str, str], name: str) -> str:
    """The speaker, prefixed by the corpus: two corpora may both have a speaker 1."""
    speaker = row.get("speaker", "")
    return speaker if not speaker or "/" in speaker else f"{row.get('corpus') or name}/{speaker}"
