"""``mien train voice`` from end to end: recordings in, pack out."""

from __future__ import annotations

import hashlib
import json
import os
from collections import Counter
from collections.abc import Sequence
from dataclasses import asdict, replace
from pathlib import Path

import numpy as np
import torch
from torch import nn

from mien.branches import whispermel
from mien.convert.onnx_graph import Graph, export_graph, halve_weights
from mien.datasets import LabelledSet, load_voices
from mien.manifest import Manifest
from mien.packs import file_sha256
from mien.perceive.engines.weights import whisper_folder
from mien.train.commands import Say, TrainOptions, begin, limited, load_sets, settings_of
from mien.train.loop import check_settings
from mien.train.nets import Ensemble
from mien.train.packing import Judged, Outcome, write_pack
from mien.train.voice import VoiceRecipe, drawing_weights, schedule
from mien.train.voice_features import FeatureRecipe, audible, hear_all
from mien.train.voice_protocols import Heads, LeftOut, deal, judged, leave_out
from mien.train.whisper_encoder import PooledStates, load_encoder

EPOCHS = 20
EXAMPLE = {"frames": torch.zeros(1, 80, 200)}
AXES = {"frames": {0: "n", 2: "frames"}}
NOTES = [
    "Small heads judge what the first blocks of Whisper's encoder (OpenAI, MIT; frozen) hear. "
    "Every figure is of heads in 8 bits that never heard the speaker ('each unheard') or nothing "
    "of the corpus ('all of the corpus unheard'), at a temperature fitted on other speakers or on "
    "other corpora. The heads that ship were trained on all recordings, under the same recipe: do "
    "not judge this pack on the speakers of these corpora. The temperature that ships is that of "
    "corpora unheard, so that the pack is as sure as it may be with strangers.",
    "'calm' and read speech count as neutral. The other recordings are acted: expect less on "
    "everyday speech and in languages that are not among the data.",
]


def train_voice(
    options: TrainOptions, say: Say = print, *, ear: Path | None = None, folds: int = 5
) -> Manifest:
    """Train and judge the voice pack; a run that was stopped goes on where it was.

    Args:
        options: as for every trainer; a second cycle (``start``) there is none.
        say: takes the progress.
        ear: folder of a Whisper in CTranslate2's form, in 16 or 32 bits; None for base, which the
            extra ``whisper-base`` brings.
        folds: in which speakers are left out.

    Raises:
        DataError: if the data cannot be read or has too few speakers.
        OptionError: if an earlier run in the same place had other settings.
        PackError: if the ear is no such Whisper.
    """
    begin(options)
    ear = whisper_folder("base") if ear is None else ear
    recipe, hearing = VoiceRecipe(), FeatureRecipe()
    epochs = options.epochs or EPOCHS
    voices = limited(load_sets(load_voices, options.data), options)
    encoder = load_encoder(ear, max(hearing.blocks), whispermel.POSITIONS)
    deal(voices, folds)  # what cannot be dealt is refused before the recordings are read
    voices = audible(voices, say)
    ear_digest = file_sha256(ear / "model.bin")
    deal(voices, folds)
    check_settings(
        options.work,
        {
            "ear": ear_digest,
            "folds": folds,
            "rows": _rows_digest(voices),
            "recipe": json.loads(json.dumps([asdict(recipe), asdict(hearing)])),
        },
    )
    states = PooledStates(encoder, hearing.blocks)
    export_graph(states, EXAMPLE, AXES, options.work / "ear.onnx", quantise=("MatMul",))
    graph = Graph(options.work / "ear.onnx", options.threads or os.cpu_count())
    heard = hear_all(voices, graph, hearing, options.seed, options.work / "heard", say)
    heads = Heads(voices, heard, recipe, epochs, options.seed, options.work, say)
    found = leave_out(heads, folds)
    whole = heads.train("all", np.ones(len(voices), bool), recipe.heads)
    settings = settings_of(options, recipe, schedule(epochs, options.seed), all=len(voices))
    outcome = Outcome(
        kind="voice",
        graph=_graph(states, whole.heads, options.graph),
        contract=whispermel.CONTRACT.as_dict(),
        corpora=Counter(voices.corpora.tolist()),
        prior=(drawing_weights(voices, recipe) @ voices.targets).tolist(),
        scaling=found.corpus_scaling() if found.acted else found.speaker_scaling(found.fold >= 0),
        tests=judged(found),
        history=whole.history,
        settings=settings | {"hearing": asdict(hearing), "folds": folds, "ear": ear_digest},
        notes=NOTES,
        judged_by=_digest(sorted(options.work.glob("*/heads.onnx"))),
    )
    _write_unheard(found, heads, states, outcome, options.work / "unheard")
    return write_pack(outcome, options.out, options.work)


def _graph(states: PooledStates, heads: Sequence[nn.Module], path: Path) -> Path:
    """Encoder and heads as one graph, matrices in 8 bits, the rest in 16."""
    net = nn.Sequential(states, Ensemble(heads))
    export_graph(net, EXAMPLE, AXES, path, quantise=("MatMul",))
    halve_weights(path)
    return path


def _write_unheard(
    found: LeftOut, heads: Heads, states: PooledStates, whole: Outcome, folder: Path
) -> None:
    """A pack a fold, which names the speakers it never heard."""
    for k in range(int(found.fold.max()) + 1):
        mine = found.fold == k
        trained = heads.train(f"fold{k}", ~mine, heads.recipe.heads)
        held, scaling = found.voices.select(mine), found.speaker_scaling(~mine)
        said = scaling.apply(found.speakers[mine])
        outcome = replace(
            whole,
            graph=_graph(states, trained.heads, heads.folder / f"fold{k}" / "model.onnx"),
            corpora=Counter(found.voices.corpora[~mine].tolist()),
            scaling=scaling,
            tests=[Judged("speakers unheard", held.targets, said, held)],
            history=trained.history,
            settings={**whole.settings, "unheard": sorted(set(held.groups.tolist()))},
            notes=["One fold of the pack that ships, without the speakers that it is judged on."],
            judged_by="",
        )
        write_pack(outcome, folder / f"fold{k}", heads.folder / f"fold{k}")


def _rows_digest(voices: LabelledSet) -> str:
    """SHA-256 of the rows that a run is of: recordings, labels, speakers and corpora."""
    columns = zip(voices.items, voices.labels, voices.groups, voices.corpora, strict=True)
    return hashlib.sha256(repr([tuple(map(str, row)) for row in columns]).encode()).hexdigest()


def _digest(graphs: Sequence[Path]) -> str:
    """SHA-256 of what judged: the graphs of all heads that left something out."""
    digest = hashlib.sha256()
    for graph in graphs:
        digest.update(graph.read_bytes())
    return digest.hexdigest()
