"""Readers of labelled sets in their published layouts; all return the same kind of table.

``load_faces``, ``load_voices``, ``load_texts`` and ``load_clips`` choose the reader by the content
of a path; a CSV with ``path`` (or ``text``) and ``label`` columns is always accepted.
"""

from mien.datasets.clips import load_clips
from mien.datasets.faces import load_faces
from mien.datasets.table import LabelledSet, concatenate
from mien.datasets.texts import SPOKEN, load_texts
from mien.datasets.voices import load_voices

__all__ = [
    "SPOKEN",
    "LabelledSet",
    "concatenate",
    "load_clips",
    "load_faces",
    "load_texts",
    "load_voices",
]
