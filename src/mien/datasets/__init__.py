"""Labelled sets in the layout in which they are published, read into one kind of table.

``load_faces``, ``load_voices``, ``load_texts`` and ``load_clips`` look at what lies at a path and
choose the reader; a CSV with ``path`` (or ``text``) and ``label`` columns is always understood.
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
