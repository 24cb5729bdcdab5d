"""Features of recordings from Whisper's encoder, on which the voice heads are trained.

The encoder is frozen: the features of each recording and of some augmented copies are extracted
once, by the 8-bit graph that is shipped, and stored.
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

FeatureArray = npt.NDArray[np.float16]
Say = Callable[[str], None]
TOGETHER = 400
_SHORTEST = 4000
_NOISE_BELOW = 45.0


@dataclass(frozen=True)
class FeatureRecipe:
    """The encoder blocks to pool and the number of augmented copies.

    Args:
        blocks: encoder blocks, counted from 1, whose states are pooled over time.
        heard: maximum number of augmented copies of a corpus.
        most: maximum number of augmented copies of a recording.
    """

    blocks: tuple[int, ...] = (2, 3, 4)
    heard: int = 4000
    most: int = 4

    def copies(self, recordings: int) -> int:
        """Augmented copies per recording of a corpus with ``recordings`` recordings."""
        return min(self.heard // recordings, self.most)


@dataclass(frozen=True)
class Features:
    """Pooled states of recordings and of their augmented copies.

    Args:
        values: ``(m, d)``; each recording is followed by its augmented copies.
        first: ``(n,)``, the row of ``values`` of each original recording.
        copies: ``(n,)``, the number of augmented copies that follow.
    """

    values: FeatureArray = field(repr=False)
    first: IntArray
    copies: IntArray

    @property
    def clean(self) -> FeatureArray:
        """Values of the original recordings, ``(n, d)``."""
        return self.values[self.first]


def audible(voices: LabelledSet, say: Say) -> LabelledSet:
    """The recordings that are not silent.

    CREMA-D contains a silent recording, ``1076_MTI_SAD_XX``.
    """
    sounding = np.array([is_audible(load_audio(path)) for path in voices.items], dtype=bool)
    for path in np.asarray(voices.items, dtype=object)[~sounding]:
        say(f"left out as silent: {Path(path).name}")
    return voices.select(sounding)


def extract_all(
    voices: LabelledSet, graph: Graph, recipe: FeatureRecipe, seed: int, folder: Path, say: Say
) -> Features:
    """Extract the features of all recordings and augmented copies; they are cached in a folder.

    Args:
        voices: paths and corpora.
        graph: from spectrograms to pooled states.
        recipe: settings.
        seed: random seed of the augmentation; a recording's copies depend on it and on the
            recording's index only.
        folder: cache, from which an interrupted run resumes.
        say: receives a progress line every 400 recordings.
    """
    counts = {c: int((voices.corpora == c).sum()) for c in set(voices.corpora.tolist())}
    copies = np.array([recipe.copies(counts[c]) for c in voices.corpora.tolist()], np.int64)
    digest = _digest(voices, graph.path, asdict(recipe) | {"seed": seed} | CONTRACT.as_dict())
    folder.mkdir(parents=True, exist_ok=True)
    parts = []
    for start in range(0, len(voices), TOGETHER):
        path = folder / f"{digest}-{start:06}.npy"
        if not path.exists():
            rows = range(start, min(start + TOGETHER, len(voices)))
            jobs = [(str(voices.items[i]), int(copies[i]), (seed, i)) for i in rows]
            with ThreadPoolExecutor(graph.threads) as pool:
                found = list(pool.map(lambda job: _extract(graph, *job), jobs))
            fresh = path.with_suffix(".new")
            with fresh.open("wb") as file:
                np.save(file, np.concatenate(found))
            fresh.replace(path)
            say(f"extracted features of {rows.stop} of {len(voices)} recordings")
        parts.append(np.load(path))
    first = np.concatenate([[0], np.cumsum(copies + 1)[:-1]]).astype(np.int64)
    return Features(np.concatenate(parts), first, copies)


def _digest(voices: LabelledSet, graph: Path, settings: Mapping[str, object]) -> str:
    """Short hash of everything that the features depend on."""
    parts = [file_sha256(graph), json.dumps(settings, sort_keys=True), *map(str, voices.items)]
    return hashlib.sha256("\n".join(parts).encode()).hexdigest()[:12]


def _extract(graph: Graph, path: str, copies: int, seed: tuple[int, int]) -> FeatureArray:
    """Features ``(copies + 1, d)`` of a recording and of its augmented copies."""
    sound = prepare(load_audio(path))
    rng = np.random.default_rng(seed)
    sounds = [sound, *(_augmented(sound, rng) for _ in range(copies))]
    return np.stack([pooled(graph, samples) for samples in sounds]).astype(np.float16)


def _augmented(sound: Samples, rng: np.random.Generator) -> Samples:
    return at_level(trim(augment(sound, rng), _NOISE_BELOW), CONTRACT.level)


def pooled(graph: Graph, samples: Samples) -> npt.NDArray[np.float32]:
    """Pooled states ``(d,)`` of the first chunk of a prepared recording."""
    chunk = chunks(samples)[0]
    chunk = np.pad(chunk, (0, max(0, _SHORTEST - len(chunk))))
    return np.asarray(graph.run({"frames": chunk_frames(chunk)[None]})[0], np.float32)
