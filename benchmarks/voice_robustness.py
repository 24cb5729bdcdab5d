"""Accuracy of the voice branch on real formats: telephone, surround, low bit rates, levels.

    python benchmarks/voice_robustness.py RAVDESS --packs OUT.run/unheard --limit 400 --out results

Writes each recording of a RAVDESS folder (or of any voice set that mien reads) as a file in every
format, analyses it like ``mien analyze``, and prints accuracy and unweighted average recall, the
change compared with the clean format, McNemar's p on the same recordings, and the shares of
recordings with the same label and the same speech turns (within 0.2 s) as in the clean format. An
absent voice counts as wrong; the share of present rows is given too. The shipped pack was trained
on every speaker of RAVDESS: ``--packs`` uses the packs of the folds that ``mien train voice --folds
K`` writes, each of which lists its unseen speakers, and each speaker is tested with the pack
trained without that speaker.
"""

from __future__ import annotations

import argparse
import json
import tempfile
import time
from collections.abc import Callable
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path
from typing import Any

import av
import numpy as np

from mien import Analyzer, Options, SpeechOptions
from mien.convert.provenance import commit, machine
from mien.datasets import LabelledSet, load_voices
from mien.emotions import MIEN7
from mien.media import AudioSpool, load_audio
from mien.metrics import bootstrap_interval, classification_figures, mcnemar_p
from mien.pack_folders import find_pack
from mien.perceive.speech import find_speech

RATE = 16_000
Array = np.ndarray[Any, np.dtype[Any]]


@dataclass(frozen=True)
class Form:
    """The format in which a recording is written.

    Args:
        suffix: suffix of the file, which selects the container.
        codec: FFmpeg's name of the encoder.
        rate: samples per second in the file.
        layout: FFmpeg's name of the channel layout.
        channels: function from mono samples to ``(channels, n)``.
        bit_rate: bit rate of lossy codecs.
    """

    suffix: str = "wav"
    codec: str = "pcm_s16le"
    rate: int = RATE
    layout: str = "mono"
    channels: Callable[[Array], Array] = lambda mono: mono[None]
    bit_rate: int = 0


def _peak(mono: Array) -> Array:
    return mono / max(float(np.abs(mono).max()), 1e-6)


def _only(place: int, count: int) -> Callable[[Array], Array]:
    """The sound on one channel of several, the others silent."""

    def spread(mono: Array) -> Array:
        out = np.zeros((count, len(mono)), np.float32)
        out[place] = mono
        return out

    return spread


def _surround(mono: Array) -> Array:
    """Speech in the centre, uncorrelated ambience 20 dB below it on the other channels."""
    level = 0.1 * float(np.sqrt(np.square(mono).mean()))
    rng = np.random.default_rng(len(mono))
    out = (level * rng.standard_normal((6, len(mono)))).astype(np.float32)
    out[2] = mono
    return out


def _noisy(snr: float) -> Callable[[Array], Array]:
    def mix(mono: Array) -> Array:
        power = np.square(mono).reshape(-1)
        loud = power[power > power.max() * 1e-4].mean() * 0.5
        noise = np.random.default_rng(len(mono)).standard_normal(len(mono))
        return (mono + np.sqrt(loud / 10 ** (snr / 10)) * noise)[None].astype(np.float32)

    return mix


FORMS: dict[str, Form] = {
    "clean": Form(),
    "telephone, 8 kHz mu-law": Form(codec="pcm_mulaw", rate=8000),
    "mp3, 32 kbit/s": Form("mp3", "libmp3lame", bit_rate=32_000),
    "AAC in mp4, 24 kbit/s": Form("mp4", "aac", bit_rate=24_000),
    "Opus, 48 kHz, 16 kbit/s": Form("ogg", "libopus", 48_000, bit_rate=16_000),
    "stereo": Form(layout="stereo", channels=lambda mono: np.stack([mono, mono])),
    "stereo, right side silent": Form(layout="stereo", channels=_only(0, 2)),
    "stereo, left side silent": Form(layout="stereo", channels=_only(1, 2)),
    "stereo, opposite phase": Form(layout="stereo", channels=lambda mono: np.stack([mono, -mono])),
    "5.1, centre alone": Form(layout="5.1", channels=_only(2, 6)),
    "5.1, centre and ambience": Form(layout="5.1", channels=_surround),
    "5.1 AC-3 in mkv": Form("mkv", "ac3", 48_000, "5.1", _surround, 384_000),
    "softer by 9 dB": Form(channels=lambda mono: 10 ** (-9 / 20) * mono[None]),
    "softer by 18 dB": Form(channels=lambda mono: 10 ** (-18 / 20) * mono[None]),
    "quiet, -40 dB": Form(channels=lambda mono: 0.01 * mono[None]),
    "loud, clipped by 12 dB": Form(channels=lambda mono: np.clip(4 * _peak(mono), -1, 1)[None]),
    "clipped by 12 dB, then -20 dB": Form(
        channels=lambda mono: 0.1 * np.clip(4 * _peak(mono), -1, 1)[None]
    ),
    "white noise, 20 dB": Form(channels=_noisy(20)),
    "white noise, 10 dB": Form(channels=_noisy(10)),
}


def write(path: Path, mono: Array, form: Form) -> None:
    """Write mono samples at 16 kHz as a file in a format."""
    sound = np.ascontiguousarray(form.channels(mono), dtype=np.float32)
    with av.open(str(path), "w") as container:
        stream = container.add_stream(form.codec, rate=form.rate)
        stream.layout = form.layout
        if form.bit_rate:
            stream.bit_rate = form.bit_rate
        frame = av.AudioFrame.from_ndarray(sound, format="fltp", layout=form.layout)
        frame.sample_rate, frame.pts, frame.time_base = RATE, 0, Fraction(1, RATE)
        resampler = av.AudioResampler(
            stream.codec_context.format, form.layout, form.rate, frame_size=1024
        )
        for part in [*resampler.resample(frame), *resampler.resample(None)]:
            container.mux(stream.encode(part))
        container.mux(stream.encode(None))


@dataclass(frozen=True)
class Results:
    """The results for the recordings in a format.

    Args:
        probs: ``(n, 7)``, NaN where the voice is absent.
        quality: ``(n,)``.
        turns: the edges of the speech turns of each recording in seconds.
    """

    probs: Array
    quality: Array
    turns: list[Array]

    def same(self, clean: Results) -> dict[str, float]:
        """Shares of recordings with the same label and the same turns as in the clean format."""
        label = _label(self.probs) == _label(clean.probs)
        pairs = zip(self.turns, clean.turns, strict=True)
        turns = [len(a) == len(b) and bool((np.abs(a - b) <= 0.2).all()) for a, b in pairs]
        return {"same_label": float(label.mean()), "same_turns": float(np.mean(turns))}


def _label(probs: Array) -> Array:
    return np.where(np.isfinite(probs[:, 0]), np.nan_to_num(probs).argmax(axis=1), -1)


def judge(rows: LabelledSet, form: Form, analyzers: dict[str, Analyzer]) -> Results:
    """Analyse a set whose recordings are written in a format.

    Args:
        rows: the set.
        form: format in which each recording is written first.
        analyzers: analyzer by speaker.
    """
    probs, quality = np.full((len(rows), len(MIEN7)), np.nan), np.zeros(len(rows))
    turns = []
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / f"clip.{form.suffix}"
        for i, item in enumerate(rows.items):
            write(path, load_audio(item), form)
            evidence = analyzers[rows.groups[i]].analyze(path).by_branch["voice"]
            probs[i], quality[i] = evidence.probs[0], evidence.quality[0]
            with AudioSpool() as spool:
                spool.append(load_audio(path))
                found = find_speech(spool).turns
            turns.append(np.array([edge for turn in found for edge in (turn.start, turn.end)]))
    return Results(probs, quality, turns)


def filled_in(labels: Array, probs: Array) -> Array:
    """Probabilities with a wrong prediction in the absent rows."""
    absent = ~np.isfinite(probs[:, 0])
    filled = probs.copy()
    filled[absent] = np.eye(len(MIEN7))[(labels[absent] + 1) % len(MIEN7)]
    return filled


def figures(labels: Array, probs: Array, clean: Array, groups: Array) -> dict[str, float]:
    """Metrics with absent rows as wrong; ``p`` is McNemar's against the clean format."""
    judged = np.isfinite(probs[:, 0])
    filled = filled_in(labels, probs)
    out = {k: classification_figures(labels, filled)[k] for k in ("accuracy", "uar")}
    interval = bootstrap_interval(
        lambda y, p: {"uar": classification_figures(y, p)["uar"]}, labels, filled,
        groups=groups, draws=200, seed=0,
    )["uar"]  # fmt: skip
    out |= {"low": interval[0], "high": interval[1], "judged": float(judged.mean())}
    return out | {"p": mcnemar_p(labels, filled, filled_in(labels, clean))}


def analyzer_of(pack: Path | None) -> Analyzer:
    """An analyzer with the voice branch only."""
    branches = {"voice": {"pack": str(pack)}} if pack else {}
    analyzer = Analyzer(Options(speech=SpeechOptions(asr="none"), branches=branches))
    analyzer.branches = {"voice": analyzer.branches["voice"]}
    return analyzer


def unseen_speakers(packs: Path) -> dict[str, Analyzer]:
    """An analyzer for every speaker, trained without this speaker.

    Args:
        packs: folder of packs that list their unseen speakers.

    Raises:
        SystemExit: if there is no such pack.
    """
    found = {}
    for path in sorted(packs.iterdir()):
        analyzer = analyzer_of(path)
        for speaker in find_pack("voice", path).manifest.training["settings"].get("unheard", ()):
            found[speaker] = analyzer
    if not found:
        raise SystemExit(
            f"{packs} holds no packs that list their unseen speakers; mien train voice --folds K "
            "writes such packs."
        )
    return found


def chosen(data: Path, limit: int | None) -> LabelledSet:
    """The rows, at most ``limit`` of them, spread evenly over the labels."""
    rows = load_voices(data)
    if limit is not None and limit < len(rows):
        order = np.lexsort((np.random.default_rng(0).random(len(rows)), rows.labels))
        rows = rows.select(np.sort(order[np.linspace(0, len(rows) - 1, limit).astype(int)]))
    return rows


def main() -> None:
    """Run every form and print the table."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n", 1)[0])
    parser.add_argument("data", type=Path)
    parser.add_argument("--limit", type=int, help="maximum number of recordings; all by default")
    parser.add_argument("--packs", type=Path, help="packs that list their unseen speakers")
    parser.add_argument(
        "--pack", type=Path, help="one pack for all speakers; the shipped one by default"
    )
    parser.add_argument("--forms", help="only formats whose names contain this")
    parser.add_argument("--out", type=Path, help="folder for voice_robustness.json and .md")
    args = parser.parse_args()
    rows = chosen(args.data, args.limit)
    if args.packs is None:
        pack = find_pack("voice", args.pack).manifest
        by = f"{pack.name} {pack.files['model.onnx'][:12]}"
        analyzers = dict.fromkeys(rows.groups.tolist(), analyzer_of(args.pack))
    else:
        analyzers = unseen_speakers(args.packs)
        by = "each by the heads of the fold trained without the speaker"
    head = (
        f"{len(rows)} recordings of {len(set(rows.groups.tolist()))} speakers of {args.data.name}, "
        f"{by}, commit {commit()}, seed 0, {machine()}"
    )
    columns = (
        "form", "accuracy", "UAR (95 %)", "change of UAR", "p", "same label", "same turns",
        "judged", "quality",
    )  # fmt: skip
    lines = [head, "", f"| {' | '.join(columns)} |", "|---" * len(columns) + "|"]
    print("\n".join(lines), flush=True)
    result: dict[str, Any] = {"about": head, "forms": {}}
    clean: Results | None = None
    for name, form in FORMS.items():
        if name != "clean" and args.forms and args.forms not in name:
            continue
        started = time.perf_counter()
        results = judge(rows, form, analyzers)
        clean = clean or results
        found = figures(rows.labels, results.probs, clean.probs, rows.groups) | results.same(clean)
        result["forms"][name] = found | {"quality": float(results.quality.mean())}
        drop = found["uar"] - result["forms"]["clean"]["uar"]
        lines.append(
            f"| {name} | {found['accuracy']:.3f} | {found['uar']:.3f} ({found['low']:.2f} to "
            f"{found['high']:.2f}) | {drop:+.3f} | {found['p']:.3f} | "
            f"{found['same_label']:.0%} | {found['same_turns']:.0%} | {found['judged']:.0%} | "
            f"{results.quality.mean():.2f} |"
        )
        print(lines[-1], f"{time.perf_counter() - started:.0f} s", flush=True)
    if args.out is not None:
        args.out.mkdir(parents=True, exist_ok=True)
        text = json.dumps(result, indent=1) + "\n"
        (args.out / "voice_robustness.json").write_text(text, encoding="utf-8")
        body = "# Voice on recordings in real formats\n\n" + "\n".join(lines) + "\n"
        (args.out / "voice_robustness.md").write_text(body, encoding="utf-8")


if __name__ == "__main__":
    main()
