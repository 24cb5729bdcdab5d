"""What Whisper's encoder hears in recordings: the features that the voice heads learn from.

The encoder stays as it is, so that each recording is heard once, with some augmented copies of it,
and the heads are trained on what was kept. It is heard by the graph that ships, in 8 bits.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import asdict, dataclass, field
from pathlib import Path

import numpy as np
import numpy.typing as npt

from mien.branches.logmel import at_level, trim
from mien.branches.speech_quality import is_audible
from mien.branches.whispermel import CONTRACT, chunk_frames, chunks, prepare
from mien.convert.onnx_graph import Graph
from mien.datasets import LabelledSet
from mien.mathematics import IntArray
from mien.media import load_audio
from mien.packs import file_sha256
from mien.scene import Samples
from mien.train.voice_augment import augment

Features = npt.NDArray[np.float16]
Say = Callable[[str], None]
_TOGETHER = 400
_SHORTEST = 4000
_NOISE_BELOW = 45.0


@dataclass(frozen=True)
class FeatureRecipe:
    """What of Whisper's encoder is listened to, and how often each recording is heard.

    Args:
        blocks: of the encoder, counted from 1, whose states are pooled over time.
        heard: how many augmented copies a corpus has in all at most.
        most: augmented copies of a recording at most.
    """

    blocks: tuple[int, ...] = (2, 3, 4)
    heard: int = 4000
    most: int = 4

    def copies(self, recordings: int) -> int:
        """Augmented copies of each recording of a corpus of so many recordings."""
        return min(self.heard // recordings, self.most)


@dataclass(frozen=True)
class Heard:
    """Pooled states of recordings and of their augmented copies.

    Args:
        features: ``(m, d)``; the copies of a recording follow the recording as it is.
        first: ``(n,)``, the row of ``features`` that is the recording as it is.
        copies: ``(n,)``, how many augmented copies follow.
    """

    features: Features = field(repr=False)
    first: IntArray
    copies: IntArray

    @property
    def clean(self) -> Features:
        """Of the recordings as they are, ``(n, d)``."""
        return self.features[self.first]


def audible(voices: LabelledSet, say: Say) -> LabelledSet:
    """The recordings that are not silent; a label of silence would teach nothing.

    CREMA-D contains such a file, ``1076_MTI_SAD_XX``.
    """
    heard = np.array([is_audible(load_audio(path)) for path in voices.items], dtype=bool)
    for path in np.asarray(voices.items, dtype=object)[~heard]:
        say(f"left out, since it is silent: {Path(path).name}")
    return voices.select(heard)


def hear_all(
    voices: LabelledSet, graph: Graph, recipe: FeatureRecipe, seed: int, folder: Path, say: Say
) -> Heard:
    """Listen to all recordings and their augmented copies; what was heard is kept in a folder.

    Args:
        voices: paths and corpora.
        graph: from spectrograms to pooled states.
        recipe: settings.
        seed: of the augmentation; a recording's copies depend on it and on its place alone.
        folder: where a run that was stopped goes on.
        say: told about every 400 recordings.
    """
    counts = {c: int((voices.corpora == c).sum()) for c in set(voices.corpora.tolist())}
    copies = np.array([recipe.copies(counts[c]) for c in voices.corpora.tolist()], np.int64)
    digest = _digest(voices, graph.path, asdict(recipe) | {"seed": seed} | CONTRACT.as_dict())
    folder.mkdir(parents=True, exist_ok=True)
    parts = []
    for start in range(0, len(voices), _TOGETHER):
        path = folder / f"{digest}-{start:06}.npy"
        if not path.exists():
            rows = range(start, min(start + _TOGETHER, len(voices)))
            jobs = [(str(voices.items[i]), int(copies[i]), (seed, i)) for i in rows]
            with ThreadPoolExecutor(graph.threads) as pool:
                found = list(pool.map(lambda job: _hear(graph, *job), jobs))
            fresh = path.with_suffix(".new")
            with fresh.open("wb") as file:
                np.save(file, np.concatenate(found))
            fresh.replace(path)
            say(f"heard {rows.stop} of {len(voices)} recordings")
        parts.append(np.load(path))
    first = np.concatenate([[0], np.cumsum(copies + 1)[:-1]]).astype(np.int64)
    return Heard(np.concatenate(parts), first, copies)


def _digest(voices: LabelledSet, graph: Path, settings: Mapping[str, object]) -> str:
    """Short name of what the features depend on."""
    rested = [file_sha256(graph), json.dumps(settings, sort_keys=True), *map(str, voices.items)]
    return hashlib.sha256("\n".join(rested).encode()).hexdigest()[:12]


def _hear(graph: Graph, path: str, copies: int, seed: tuple[int, int]) -> Features:
    """Features ``(copies + 1, d)`` of a recording as it is and of its augmented copies."""
    sound = prepare(load_audio(path))
    rng = np.random.default_rng(seed)
    heard = [sound, *(_augmented(sound, rng) for _ in range(copies))]
    return np.stack([pooled(graph, samples) for samples in heard]).astype(np.float16)


def _augmented(sound: Samples, rng: np.random.Generator) -> Samples:
    return at_level(trim(augment(sound, rng), _NOISE_BELOW), CONTRACT.level)


def pooled(graph: Graph, samples: Samples) -> npt.NDArray[np.float32]:
    """Pooled states ``(d,)`` of the first chunk of a prepared recording."""
    chunk = chunks(samples)[0]
    chunk = np.pad(chunk, (0, max(0, _SHORTEST - len(chunk))))
    return np.asarray(graph.run({"frames": chunk_frames(chunk)[None]})[0], np.float32)
