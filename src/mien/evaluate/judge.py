"""``mien evaluate face|voice|text``: metrics of a pack on a labelled set."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np

from mien import __version__
from mien.analysis.evidence import Evidence
from mien.branches.face import FaceModel
from mien.branches.text import TextModel, length_quality
from mien.branches.voice import VoiceBranch
from mien.datasets import SPOKEN, LabelledSet, load_faces, load_texts, load_voices
from mien.datasets.facevotes import default_convention, judged_rows
from mien.datasets.posteriors import posteriors_of, save_posteriors
from mien.emotions import MIEN7
from mien.errors import DataError, MediaError, OptionError
from mien.mathematics import FloatArray
from mien.media import load_audio
from mien.media.spool import AudioSpool
from mien.metrics import classification_figures, confusion_matrix, multilabel_macro_f1
from mien.pack_folders import find_pack
from mien.packs import Pack
from mien.perceive.speech import find_speech
from mien.scene import AUDIO, SPEECH, ClipFacts, Scene
from mien.timebase import Segment

Progress = Callable[[str, float], None]


@dataclass(frozen=True)
class _Answers:
    """A pack's predictions for n rows; NaN and a failure for each unusable row.

    ``numbers`` are those of the rows in the data set, once the unusable ones are left out.
    """

    probs: FloatArray
    quality: FloatArray
    failures: list[str]
    numbers: tuple[int, ...] = ()


Judge = Callable[[Pack, LabelledSet, Progress, str | None], _Answers]


def _judge_faces(
    pack: Pack, rows: LabelledSet, progress: Progress, convention: str | None
) -> _Answers:
    model = FaceModel(pack, convention)
    parts = []
    for start in range(0, len(rows), 256):
        progress("evaluating faces", start / len(rows))
        parts.append(model.probs(rows.items[start : start + 256]))
    return _Answers(np.concatenate(parts), np.ones(len(rows)), [])


def _judge_voices(pack: Pack, rows: LabelledSet, progress: Progress, _: str | None) -> _Answers:
    """As in ``mien analyze``: only the speech is used; recordings without speech fail."""
    branch = VoiceBranch({"pack": pack.folder})
    probs, quality = np.full((len(rows), len(MIEN7)), np.nan), np.zeros(len(rows))
    failed = []
    for i, path in enumerate(rows.items):
        progress("evaluating voices", i / len(rows))
        try:
            evidence = _voice(branch, Path(path))
        except MediaError as error:
            failed.append(str(error))
            continue
        probs[i], quality[i] = evidence.probs[0], evidence.quality[0]
        if evidence.reasons[0]:
            failed.append(f"{Path(path).name}: {evidence.reasons[0]}")
    return _Answers(probs, quality, failed)


def _voice(branch: VoiceBranch, path: Path) -> Evidence:
    samples = load_audio(path)
    with AudioSpool() as audio:
        audio.append(samples)
        facts = ClipFacts(path.name, "recording", audio.duration, path.suffix[1:])
        scene = Scene(facts, {AUDIO: audio, SPEECH: find_speech(audio)}, {})
        return branch.judge(scene, (Segment(0.0, audio.duration),))


def _judge_texts(pack: Pack, rows: LabelledSet, progress: Progress, _: str | None) -> _Answers:
    model, spoken = TextModel(pack), rows.extra[SPOKEN].tolist()
    parts = []
    for start in range(0, len(rows), 512):
        progress("evaluating texts", start / len(rows))
        part = slice(start, start + 512)
        parts.append(model.probs(rows.items[part], spoken[part]))
    quality = np.array([length_quality(len(text.split())) for text in rows.items])
    return _Answers(np.concatenate(parts), quality, [])


_READERS: Mapping[str, tuple[Callable[[Path], LabelledSet], Judge]] = {
    "face": (load_faces, _judge_faces),
    "voice": (load_voices, _judge_voices),
    "text": (load_texts, _judge_texts),
}
KINDS = tuple(_READERS)


def evaluate(
    kind: str,
    data: Path,
    *,
    split: str | None = None,
    pack: Path | None = None,
    posteriors: Path | None = None,
    convention: str | None = None,
    progress: Progress = lambda doing, share: None,
) -> dict[str, Any]:
    """Evaluate a pack on a labelled set.

    Args:
        kind: ``face``, ``voice`` or ``text``.
        data: the set in its published layout, or a CSV with ``path`` or ``text`` and ``label``.
        split: use only the rows of this published split; None for all rows.
        pack: folder of a pack; None for the embedded one.
        posteriors: file for the posteriors of the rows with one label, as a table that ``mien train
            fusion`` reads (CSV, or Parquet by its suffix); None to write none.
        convention: for faces only: ``observers``, the label that more than half of the observers
            chose, or ``fer2013``, the set's label. The pack predicts under the same convention.
            None for ``observers`` if the set has votes.
        progress: receives the current step and the share done.

    Returns:
        ``accuracy``, ``uar``, ``macro_f1``, ``weighted_f1``, ``ece``, ``nll`` of the arg-max over
        the rows with one label; for a multi-label set also ``multilabel_macro_f1`` over all rows at
        the pack's threshold; ``confusion`` (rows: true class, columns: predicted class), counts,
        provenance. Unusable rows (not decodable, silence, no speech) are counted in ``failed`` and
        listed in ``failures``. For faces also ``convention``; under ``observers``, ``nll`` and
        ``ece`` are computed against the vote shares (:func:`mien.metrics.vote_figures`).

    Raises:
        OptionError: if the kind or the convention is unknown, or a convention is given for another
            kind than ``face``.
        DataError: if the set or all of its rows cannot be read.
        PackError: if the pack cannot be used.
    """
    figures, save = judge_set(
        kind, data, split=split, pack=pack, convention=convention, progress=progress
    )
    if posteriors is not None:
        save(posteriors)
    return figures


def judge_set(
    kind: str,
    data: Path,
    *,
    split: str | None = None,
    pack: Path | None = None,
    convention: str | None = None,
    progress: Progress = lambda doing, share: None,
) -> tuple[dict[str, Any], Callable[[Path], None]]:
    """Judge a labelled set, see :func:`evaluate`: the figures, and what writes the posteriors."""
    rows = _read(kind, data, split)
    convention = _convention(kind, rows, convention)
    model = find_pack(kind, pack)
    started = time.perf_counter()
    rows, answers = _judge(kind, model, rows, convention, progress)
    seconds = time.perf_counter() - started
    figures = {
        **_figures(rows, answers.probs, model.manifest.threshold, convention),
        **({"convention": convention} if convention else {}),
        "labels": list(MIEN7.labels),
        "failed": len(answers.failures),
        "failures": answers.failures[:20],
        "seconds": round(seconds, 3),
        "data": data.name,
        "split": split,
        "pack": _identity(model),
        "mien": __version__,
    }
    return figures, partial(_write_posteriors, kind, rows, answers, convention, model)


def _read(kind: str, data: Path, split: str | None) -> LabelledSet:
    if kind not in _READERS:
        raise OptionError.choice("What to evaluate", kind, KINDS)
    if not data.exists():
        raise DataError(f"{data} does not exist; check --data.")
    rows = _READERS[kind][0](data)
    return rows if split is None else rows.split(split)


def _convention(kind: str, rows: LabelledSet, convention: str | None) -> str | None:
    """The labelling convention of faces; None for other kinds."""
    if kind == "face":
        convention = default_convention(rows) if convention is None else convention
        judged_rows(rows, convention)
    elif convention is not None:
        raise OptionError(f"{kind} has no labelling conventions; leave out --convention.")
    return convention


def _write_posteriors(
    kind: str,
    rows: LabelledSet,
    answers: _Answers,
    convention: str | None,
    pack: Pack,
    path: Path,
) -> None:
    """Write the posteriors of the rows with one label, under the convention of the evaluation."""
    probs, quality, numbers = answers.probs, answers.quality, np.array(answers.numbers)
    if convention is not None:
        labelled = judged_rows(rows, convention)
        targets = np.eye(len(MIEN7))[labelled.labels]
        rows = replace(rows, targets=targets).select(labelled.which)
        kept = labelled.which
        probs, quality, numbers = probs[kept], quality[kept], numbers[kept]
    sha256 = pack.manifest.files["model.onnx"]
    save_posteriors(posteriors_of(kind, rows, probs, quality, sha256, numbers.tolist()), path)


def _judge(
    kind: str, pack: Pack, rows: LabelledSet, convention: str | None, progress: Progress
) -> tuple[LabelledSet, _Answers]:
    """The usable rows and their predictions, with the failures of the others."""
    answers = _READERS[kind][1](pack, rows, progress, convention)
    judged = np.isfinite(answers.probs[:, 0])
    if not judged.any():
        raise DataError(f"None of the {len(rows)} rows can be evaluated: {answers.failures[0]}")
    usable = _Answers(
        answers.probs[judged],
        answers.quality[judged],
        answers.failures,
        tuple(np.flatnonzero(judged).tolist()),
    )
    return rows.select(judged), usable


def _identity(pack: Pack) -> dict[str, str]:
    manifest = pack.manifest
    sha256 = manifest.files["model.onnx"]
    return {"name": manifest.name, "version": manifest.version, "sha256": sha256}


def _figures(
    rows: LabelledSet, probs: FloatArray, threshold: float, convention: str | None
) -> dict[str, Any]:
    labelled = None if convention is None else judged_rows(rows, convention)
    single = rows.single if labelled is None else labelled.which
    labels = (rows.labels if labelled is None else labelled.labels)[single]
    if not len(labels):
        raise DataError("No row has exactly one label, so the arg-max cannot be evaluated.")
    figures: dict[str, Any] = dict(classification_figures(labels, probs[single]))
    if labelled is not None:
        figures |= labelled.figures(probs)
    elif not single.all():
        figures["multilabel_macro_f1"] = multilabel_macro_f1(rows.targets, probs, threshold)
        figures["threshold"] = threshold
    figures["rows"] = len(rows)
    figures["rows_with_one_label"] = int(single.sum())
    counts = np.bincount(labels, minlength=len(MIEN7))
    figures["support"] = dict(zip(MIEN7.labels, counts.tolist(), strict=True))
    predicted = probs[single].argmax(axis=1)
    figures["confusion"] = confusion_matrix(labels, predicted, len(MIEN7)).tolist()
    return figures
