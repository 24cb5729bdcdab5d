"""``mien models convert``: convert a classifier of the transformers library to a pack."""

from __future__ import annotations

import hashlib
import json
import tempfile
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import torch

import mien
from mien.branches.text import TextModel
from mien.branches.voice import VoiceModel
from mien.convert.checkpoint import Source, licence_of, open_checkpoint
from mien.convert.onnx_graph import export_graph, optimise_graph
from mien.convert.provenance import command_line, commit, machine
from mien.emotions import MIEN7, EmotionSpace, LabelMap
from mien.errors import LabelError, PackError
from mien.hub import is_hub_id, local_folder
from mien.manifest import Manifest
from mien.mathematics import FloatArray
from mien.pack_folders import cached_pack, check_place, put_pack
from mien.packs import Pack, file_sha256

Say = Callable[[str], None]

BOUND, BOUND_INT8 = 1e-3, 0.1
"""Maximum accepted difference of a probability, in float32 and with weights in 8 bits."""


@dataclass(frozen=True)
class ConvertOptions:
    """Options of a conversion.

    Args:
        checkpoint: a folder or a hub id.
        out: folder of the pack; it is only replaced if the new pack is complete and agrees with the
            original.
        names: our label by the checkpoint's, for labels that cannot be mapped by name.
        int8: store the weights of matrix products in 8 bits.
        checks: recordings (voice) or text files (text) to compare on; None for examples in mien.
        bound: maximum accepted difference of a probability; None for 0.001, with ``int8`` 0.1.
        window: length of a waveform window in seconds; None for the checkpoint's, else 30.
        download: download a hub id that is not stored locally.
    """

    checkpoint: str
    out: Path
    names: Mapping[str, str] = field(default_factory=dict)
    int8: bool = False
    checks: Sequence[str] = ()
    bound: float | None = None
    window: float | None = None
    download: bool = True


def convert(options: ConvertOptions, say: Say = print) -> Manifest:
    """Convert a checkpoint, and write the pack if it agrees with the original.

    Raises:
        HubError: if the checkpoint is neither stored locally nor can be downloaded.
        DataError: if it is not a classifier that mien can use.
        LabelError: if a label is unknown and not in ``options.names``.
        PackError: if the pack's probabilities differ from the original's by more than the bound.
        MissingExtraError: if the extra 'hub' is not installed.
        OptionError: if ``options.out`` holds something other than a pack.
    """
    check_place(options.out)
    folder = local_folder(options.checkpoint, download=options.download)
    source = open_checkpoint(folder, options.window)
    label_map = _label_map(options, source)
    say(f"labels:\n{label_map}")
    options.out.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=options.out.parent, prefix=".convert-") as work:
        fresh = Path(work) / "pack"
        fresh.mkdir()
        export_graph(
            source.graph,
            source.example,
            source.axes,
            fresh / "model.onnx",
            quantise=("MatMul",) if options.int8 else (),
        )
        optimise_graph(fresh / "model.onnx")
        for name, text in source.files.items():
            (fresh / name).write_text(text, encoding="utf-8")
        manifest = _manifest(options, source, label_map, folder)
        _write(fresh, manifest)
        gap, count = _agreement(source, label_map, Pack(fresh, source.kind), options.checks)
        bound = _bound(options)
        line = f"maximum difference of a probability from the original on {count} checks: {gap:.2g}"
        say(f"{line} (at most {bound:g} accepted)")
        if not gap <= bound:
            raise PackError(
                f"The pack does not agree with {options.checkpoint} ({line}, at most {bound:g} "
                "accepted); nothing was written. Leave out --int8, or set --bound."
            )
        agreed = {"set": "agreement with the original", "rows": count, "largest_gap": round(gap, 6)}
        manifest = _with_metrics(manifest, agreed, fresh)
        (fresh / "README.md").write_text(_card(manifest, label_map), encoding="utf-8")
        put_pack(fresh, options.out)
    return manifest


def pack_of(name: str, say: Say = print, *, download: bool = True) -> Path:
    """The pack of a checkpoint (folder or hub id), from the cache or converted now.

    Raises:
        HubError: if it is neither stored locally nor can be downloaded; further errors as
            :func:`convert`.
    """
    folder = cached_pack(name if is_hub_id(name) else f"folder/{_fingerprint(Path(name))}")
    if not (folder / "pack.json").exists():
        convert(ConvertOptions(name, folder, download=download), say)
    return folder


def _fingerprint(checkpoint: Path) -> str:
    """Hash of a checkpoint's weights and settings, so that a retrained one is converted again."""
    files = [p for p in sorted(checkpoint.iterdir()) if p.suffix in (".json", ".safetensors")]
    return hashlib.sha256("".join(file_sha256(p) for p in files).encode()).hexdigest()[:16]


def _label_map(options: ConvertOptions, source: Source) -> LabelMap:
    space = EmotionSpace(options.checkpoint, source.labels)
    strange = sorted(set(options.names) - set(source.labels))
    if strange:
        raise LabelError(
            f"{options.checkpoint} has no label {strange[0]!r}; its labels are: "
            f"{', '.join(source.labels)}."
        )
    try:
        return LabelMap.by_name(space, MIEN7, options.names)
    except LabelError as error:
        raise LabelError(f"{error} Give --map LABEL=EMOTION for each.") from None


def _manifest(
    options: ConvertOptions, source: Source, label_map: LabelMap, folder: Path
) -> Manifest:
    k = len(source.labels)
    return Manifest(
        name=Path(options.checkpoint).name,
        version=mien.__version__,
        kind=source.kind,
        labels=source.labels,
        input=dict(source.contract),
        temperature=1.0,
        prior=tuple([round(1 / k, 5)] * k),
        files={},
        licence=licence_of(folder),
        training={
            "data": [],
            "converted_from": options.checkpoint if "/" in options.checkpoint else folder.name,
            "int8": options.int8,
            "command": command_line(),
            "commit": commit(),
            "machine": f"{machine()}, torch {torch.__version__}",
        },
        metrics=(),
        mapping={
            name: MIEN7.labels[int(row.argmax())]
            for name, row in zip(source.labels, label_map.matrix, strict=True)
        },
    )


def _write(folder: Path, manifest: Manifest) -> None:
    files = {p.name: file_sha256(p) for p in sorted(folder.iterdir()) if p.name != "pack.json"}
    text = json.dumps({**manifest.__dict__, "files": files}, indent=1, ensure_ascii=False)
    (folder / "pack.json").write_text(text + "\n", encoding="utf-8")


def _with_metrics(manifest: Manifest, row: Mapping[str, Any], folder: Path) -> Manifest:
    _write(folder, Manifest(**{**manifest.__dict__, "metrics": (dict(row),)}))
    return Manifest.read(folder / "pack.json")


def _agreement(
    source: Source, label_map: LabelMap, pack: Pack, given: Sequence[str]
) -> tuple[float, int]:
    """Maximum difference of a probability over our seven labels, and the number of checks."""
    predict = _predictor(pack)
    items = source.checks(given)
    gaps = []
    for item in items:
        original = label_map.apply(source.probs(item)[None])[0]
        gaps.append(float(np.abs(predict(item) - original).max()))
    if not gaps:
        raise PackError("There are no inputs to compare on; name recordings or texts with --check.")
    return max(gaps), len(items)


def _bound(options: ConvertOptions) -> float:
    usual = BOUND_INT8 if options.int8 else BOUND
    return usual if options.bound is None else options.bound


def _predictor(pack: Pack) -> Callable[[Any], FloatArray]:
    """The branch's prediction: the pack with the front end that its contract names."""
    if pack.manifest.kind == "voice":
        return VoiceModel(pack).probs
    model = TextModel(pack)
    return lambda text: np.asarray(model.probs([text], [False])[0])


def _card(manifest: Manifest, label_map: LabelMap) -> str:
    training = manifest.training
    mapped = "\n".join(f"    {line}" for line in str(label_map).splitlines())
    row = manifest.metrics[0]
    return (
        f"# {manifest.name}\n\nA {manifest.kind} model for mien, converted from "
        f"{training['converted_from']}. See the original for its data, metrics and limits.\n\n"
        "A label states how an observer would name the expression, not what a person feels. Do not "
        "use the model on people at work or in education (EU AI Act, Art. 5(1)(f)); inform people "
        f"when it is used on them (Art. 50(3)).\n\n**Licence.** {manifest.licence}\n\n## "
        f"Labels\n\n{mapped}\n\nMaximum difference of a probability from the original: "
        f"{row['largest_gap']:.2g} on {row['rows']} checks.\n\n    {training['command']}\n\nCommit "
        f"{training['commit']}, {training['machine']}.\n"
    )
