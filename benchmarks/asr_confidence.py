r"""Calibration of Whisper's confidence for clean speech and speech in noise.

    python benchmarks/asr_confidence.py --ravdess DIR --tess DIR --clips DIR --rows ROWS.jsonl \
        --out benchmarks/results

Random recordings of RAVDESS (all emotions) and TESS, and the speeches of ``benchmarks/asr.py``,
each without noise and in white noise 15 and 5 dB below the speech. Results are stored in ``ROWS``
after each recording, so that an interrupted run resumes. Writes ``asr_confidence.md``.
"""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Iterator, Sequence
from itertools import pairwise
from pathlib import Path
from typing import Any

import jiwer
import numpy as np

from asr import KNOWN, SENTENCES, plain
from mien.convert.provenance import commit, machine
from mien.media import AudioSpool, load_audio
from mien.perceive.engines import Engine, choose_engine, transcribe
from mien.perceive.speech import find_speech
from mien.scene import SAMPLE_RATE, Samples, Speech

NOISE = (None, 15, 5)
BINS = (0.0, 0.3, 0.5, 0.6, 0.7, 0.8, 0.9, 1.01)


def main() -> int:
    """Run the benchmark."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n", maxsplit=1)[0])
    parser.add_argument("--ravdess", type=Path)
    parser.add_argument("--tess", type=Path)
    parser.add_argument("--clips", type=Path, help="folder of the speeches")
    parser.add_argument("--asr", default="whisper:tiny.en")
    parser.add_argument("--count", type=int, default=24, help="recordings of each corpus")
    parser.add_argument(
        "--rows", type=Path, required=True, help="file for the results of each recording"
    )
    parser.add_argument("--out", type=Path, required=True, help="folder for the result")
    given = parser.parse_args()
    rng = np.random.default_rng(0)
    todo = _ravdess(given.ravdess, given.count, rng) if given.ravdess else []
    todo += _tess(given.tess, given.count, rng) if given.tess else []
    todo += [(given.clips / name, words) for name, words in KNOWN.items()] if given.clips else []
    rows = [json.loads(line) for line in given.rows.open()] if given.rows.exists() else []
    done = {row["f"] for row in rows}
    engine = choose_engine(given.asr)
    assert engine is not None
    with given.rows.open("a") as file:
        for path, words in todo:
            found = [] if path.name in done else list(judge(engine, path, words, rng))
            rows += found
            file.writelines(json.dumps(row) + "\n" for row in found)
            file.flush()
    text = page(rows, engine.name)
    (given.out / "asr_confidence.md").write_text(text, encoding="utf-8")
    print(text)
    return 0


def _ravdess(folder: Path, count: int, rng: np.random.Generator) -> list[tuple[Path, str]]:
    files = sorted(folder.glob("Actor_*/03-01-0[1-8]-0[12]-0[12]-01-*.flac"))
    drawn = [files[i] for i in rng.permutation(len(files))[:count]]
    return [(file, SENTENCES[file.name.split("-")[4]]) for file in drawn]


def _tess(folder: Path, count: int, rng: np.random.Generator) -> list[tuple[Path, str]]:
    files = sorted(folder.glob("[OY]AF_*/*.flac"))
    drawn = [files[i] for i in rng.permutation(len(files))[:count]]
    return [(file, "say the word " + file.stem.split("_")[-2]) for file in drawn]


def judge(
    engine: Engine, path: Path, words: str, rng: np.random.Generator
) -> Iterator[dict[str, Any]]:
    """One row per noise level; none if no speech is found. The turns are those without noise."""
    clean = load_audio(path)
    sound = AudioSpool()
    sound.append(clean)
    speech = find_speech(sound)
    if speech.turns:
        for snr in NOISE:
            heard = _heard(engine, _noisy(clean, speech, snr, rng), speech)
            compared = jiwer.process_words(words, " ".join(text for text, _ in heard) or "-")
            right = [False] * len(heard)
            for chunk in compared.alignments[0]:
                if chunk.type == "equal":
                    for i in range(chunk.hyp_start_idx, chunk.hyp_end_idx):
                        right[i] = True
            found = [(sure, ok) for (_, sure), ok in zip(heard, right, strict=True)]
            yield {
                "f": path.name, "snr": snr, "wer": compared.wer, "n": len(words.split()),
                "words": found,
            }  # fmt: skip


def _noisy(clean: Samples, speech: Speech, snr: float | None, rng: np.random.Generator) -> Samples:
    if snr is None:
        return clean
    speech_samples = np.concatenate(
        [clean[int(t.start * SAMPLE_RATE) : int(t.end * SAMPLE_RATE)] for t in speech.turns]
    )
    level = np.sqrt((speech_samples**2).mean()) * 10 ** (-snr / 20)
    return (clean + level * rng.normal(0, 1, len(clean))).astype(np.float32)


def _heard(engine: Engine, samples: Samples, speech: Speech) -> list[tuple[str, float]]:
    sound = AudioSpool()
    sound.append(samples)
    found = transcribe(engine, sound, speech, lambda doing, share: None)
    words = [word for line in found.lines for word in line.words]
    told = [(plain(word.text).replace(" ", ""), word.confidence) for word in words]
    return [(text, sure) for text, sure in told if text]


def page(rows: Sequence[dict[str, Any]], name: str) -> str:
    """Results by corpus and noise, and by confidence, as Markdown."""
    lines = [
        "# Calibration of Whisper's confidence", "", f"* engine: {name}", f"* commit: {commit()}",
        f"* machine: {machine()}",
        "* seed 0; words that the hallucination filter dropped are not counted", "",
        "| set | speech to noise | recordings | words | heard | WER | right | confidence |",
        "|---" * 8 + "|",
    ]  # fmt: skip
    for corpus in ("RAVDESS", "TESS", *KNOWN):
        for snr in NOISE:
            some = [row for row in rows if _corpus(row["f"]) == corpus and row["snr"] == snr]
            if some:
                level = "as it is" if snr is None else f"{snr} dB"
                lines.append(f"| {corpus} | {level} | {len(some)} | {_cells(some)} |")
    lines += ["", "Recordings by the mean confidence of their words:", ""]
    lines += ["| confidence | recordings | words | heard | WER | right | mean |", "|---" * 7 + "|"]
    for low, high in pairwise(BINS):
        some = [row for row in rows if row["words"] and low <= _sure([row]) < high]
        if some:
            lines.append(f"| {low:.2f} to {min(high, 1):.2f} | {len(some)} | {_cells(some)} |")
    return "\n".join(lines) + "\n"


def _corpus(name: str) -> str:
    if name in KNOWN:
        return name
    return "RAVDESS" if name.startswith("03-") else "TESS"


def _sure(rows: Sequence[dict[str, Any]]) -> float:
    return float(np.mean([word[0] for row in rows for word in row["words"]] or [0.0]))


def _cells(rows: Sequence[dict[str, Any]]) -> str:
    count = sum(row["n"] for row in rows)
    right = [word[-1] for row in rows for word in row["words"]]
    wer = sum(row["wer"] * row["n"] for row in rows) / count
    share = float(np.mean(right or [0.0]))
    return f"{count} | {len(right)} | {wer:.2f} | {share:.2f} | {_sure(rows):.2f}"


if __name__ == "__main__":
    sys.exit(main())
