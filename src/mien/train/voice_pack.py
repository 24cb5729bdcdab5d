"""``mien train voice`` from end to end: read recordings, train, test, write the pack."""

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
from mien.train.voice_features import FeatureRecipe, audible, extract_all
from mien.train.voice_protocols import Heads, LeftOut, assign_folds, judged, leave_out
from mien.train.whisper_encoder import PooledStates, load_encoder

EPOCHS = 20
EXAMPLE = {"frames": torch.zeros(1, 80, 200)}
AXES = {"frames": {0: "n", 2: "frames"}}
NOTES = [
    "Small heads classify pooled states of the first blocks of Whisper's encoder (OpenAI, MIT; "
    "frozen). Every figure is that of 8-bit heads that were trained without the speaker ('each "
    "unheard') or without the whole corpus ('all of the corpus unheard'), at a temperature fitted "
    "on other speakers or other corpora. The shipped heads were trained on all recordings under "
    "the same recipe: do not evaluate this pack on the speakers of these corpora. The shipped "
    "temperature is the one fitted on unseen corpora, so that the confidence suits unseen speakers "
    "and recording conditions.",
    "'calm' and read speech count as neutral. The other recordings are acted: expect lower "
    "accuracy on everyday speech and in languages that are not in the training data.",
]


def train_voice(
    options: TrainOptions, say: Say = print, *, ear: Path | None = None, folds: int = 5
) -> Manifest:
    """Train and test the voice pack; an interrupted run resumes.

    Args:
        options: as for every trainer; ``start`` is not supported.
        say: receives progress lines.
        ear: folder of a CTranslate2 Whisper in 16 or 32 bits, whose encoder is used; None for
            Whisper base from the extra ``whisper-base``.
        folds: number of folds of the cross-validation by speaker.

    Raises:
        DataError: if the data cannot be read or has too few speakers.
        OptionError: if an earlier run in the same place had other settings.
        PackError: if ``ear`` is not such a Whisper.
    """
    begin(options)
    ear = whisper_folder("base") if ear is None else ear
    recipe, feature_recipe = VoiceRecipe(), FeatureRecipe()
    epochs = options.epochs or EPOCHS
    voices = limited(load_sets(load_voices, options.data), options)
    encoder = load_encoder(ear, max(feature_recipe.blocks), whispermel.POSITIONS)
    assign_folds(voices, folds)  # too few speakers fail here, before the recordings are read
    voices = audible(voices, say)
    encoder_digest = file_sha256(ear / "model.bin")
    assign_folds(voices, folds)
    check_settings(
        options.work,
        {
            "ear": encoder_digest,
            "folds": folds,
            "rows": _rows_digest(voices),
            "recipe": json.loads(json.dumps([asdict(recipe), asdict(feature_recipe)])),
        },
    )
    states = PooledStates(encoder, feature_recipe.blocks)
    export_graph(states, EXAMPLE, AXES, options.work / "ear.onnx", quantise=("MatMul",))
    graph = Graph(options.work / "ear.onnx", options.threads or os.cpu_count())
    features = extract_all(voices, graph, feature_recipe, options.seed, options.work / "heard", say)
    heads = Heads(voices, features, recipe, epochs, options.seed, options.work, say)
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
        settings=settings
        | {"hearing": asdict(feature_recipe), "folds": folds, "ear": encoder_digest},
        notes=NOTES,
        judged_by=_digest(sorted(options.work.glob("*/heads.onnx"))),
    )
    _write_folds(found, heads, states, outcome, options.work / "unheard")
    return write_pack(outcome, options.out, options.work)


def _graph(states: PooledStates, heads: Sequence[nn.Module], path: Path) -> Path:
    """Encoder and heads as one graph, matrices in 8 bits, the rest in 16."""
    net = nn.Sequential(states, Ensemble(heads))
    export_graph(net, EXAMPLE, AXES, path, quantise=("MatMul",))
    halve_weights(path)
    return path


def _write_folds(
    found: LeftOut, heads: Heads, states: PooledStates, whole: Outcome, folder: Path
) -> None:
    """Write one pack per fold, which lists the speakers that it was trained without."""
    for k in range(int(found.fold.max()) + 1):
        mine = found.fold == k
        trained = heads.train(f"fold{k}", ~mine, heads.recipe.heads)
        held, scaling = found.voices.select(mine), found.speaker_scaling(~mine)
        probs = scaling.apply(found.speakers[mine])
        outcome = replace(
            whole,
            graph=_graph(states, trained.heads, heads.folder / f"fold{k}" / "model.onnx"),
            corpora=Counter(found.voices.corpora[~mine].tolist()),
            scaling=scaling,
            tests=[Judged("speakers unheard", held.targets, probs, held)],
            history=trained.history,
            settings={**whole.settings, "unheard": sorted(set(held.groups.tolist()))},
            notes=["One fold of the shipped pack, trained without the speakers it is tested on."],
            judged_by="",
        )
        write_pack(outcome, folder / f"fold{k}", heads.folder / f"fold{k}")


def _rows_digest(voices: LabelledSet) -> str:
    """SHA-256 of a run's rows: recordings, labels, speakers and corpora."""
    columns = zip(voices.items, voices.labels, voices.groups, voices.corpora, strict=True)
    return hashlib.sha256(repr([tuple(map(str, row)) for row in columns]).encode()).hexdigest()


def _digest(graphs: Sequence[Path]) -> str:
    """SHA-256 of the graphs of all heads that were trained without a part of the data."""
    digest = hashlib.sha256()
    for graph in graphs:
        digest.update(graph.read_bytes())
    return digest.hexdigest()
