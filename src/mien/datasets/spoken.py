"""Recordings with known words: by the file names of TESS and RAVDESS, or from a CSV."""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path

from mien.datasets.csvfile import column, read_rows
from mien.datasets.table import files_under
from mien.datasets.voices import RECORDINGS, TESS_NAME
from mien.errors import DataError

_RAVDESS = re.compile(r"^0[13]-01-0[1-8]-\d\d-(?P<sentence>0[12])-\d\d-(?P<actor>\d\d)$")
_SENTENCES = {"01": "Kids are talking by the door.", "02": "Dogs are sitting by the door."}


@dataclass(frozen=True)
class Spoken:
    """A recording, its words and its speaker."""

    path: str
    words: str
    speaker: str


def spoken_in(path: Path) -> Spoken | None:
    """Words and speaker by the file name of TESS (``OAF_back_angry``) or RAVDESS, else None.

    Examples:
        >>> spoken_in(Path("OAF_back_angry.wav")).words
        'Say the word back.'
    """
    if match := TESS_NAME.match(path.stem):
        words = f"Say the word {match['word'].lower()}."
        return Spoken(str(path), words, match["speaker"].upper())
    if match := _RAVDESS.match(path.stem):
        return Spoken(str(path), _SENTENCES[match["sentence"]], match["actor"])
    return None


def load_spoken(path: Path) -> list[Spoken]:
    """Recordings at ``path``: a folder of TESS or RAVDESS, or a CSV with ``path`` and ``text``.

    Raises:
        DataError: if no recording has known words.
    """
    if path.suffix.lower() == ".csv" and path.is_file():
        return [
            Spoken(str(path.parent / column(row, "path", path)), column(row, "text", path), "")
            for row in read_rows(path)
        ]
    found = [spoken for file in files_under(path, RECORDINGS) if (spoken := spoken_in(file))]
    if not found:
        raise DataError(
            f"{path} has no recordings with known words; name a folder of TESS or RAVDESS, or a "
            "CSV with the columns path and text."
        )
    return found
