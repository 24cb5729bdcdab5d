"""How well and how fast does the transcript engine hear? Word error rate, time, confidence.

    python benchmarks/asr.py --data CLIPS --ravdess DIR --tess DIR --out benchmarks/results

``CLIPS`` holds ``jfk.flac`` and ``churchill.wav``; RAVDESS and TESS are optional (a few clips of
each, short sentences that are known). Time is processor time of the engine over the length of the
sound, the least of interleaved runs, since neighbours on the machine cost some. Writes
``asr.json`` and ``asr.md``; with ``--asr whisper:FOLDER`` a Whisper stands beside.
"""

from __future__ import annotations

import argparse
import json
import sys
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import jiwer
import numpy as np

from mien.media import AudioSpool, load_audio
from mien.perceive.engines import Engine, choose_engine, transcribe
from mien.perceive.engines.pocketsphinx import Pocketsphinx
from mien.perceive.speech import SpeechDetector
from mien.scene import SAMPLE_RATE, Samples, Speech, Word
from mien.timebase import Segment
from mien.train.origin import commit, machine

KNOWN = {
    # Inaugural address of 20 January 1961.
    "jfk.flac": "and so my fellow americans ask not what your country can do for you ask what you "
    "can do for your country",
    # House of Commons, 4 June 1940, as it was read for the gramophone.
    "churchill.wav": "and even though large tracts of europe and many old and famous states have "
    "fallen or may fall into the grip of the gestapo",
}
SENTENCES = {"01": "kids are talking by the door", "02": "dogs are sitting by the door"}


@dataclass(frozen=True)
class Item:
    """A sound whose words are known, with the turns in it."""

    name: str
    samples: Samples
    speech: Speech
    words: str


def main() -> int:
    """Run the benchmark."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n", maxsplit=1)[0])
    parser.add_argument("--data", type=Path, required=True, help="folder of the two clips")
    parser.add_argument("--ravdess", type=Path)
    parser.add_argument("--tess", type=Path)
    parser.add_argument("--asr", action="append", default=[], help="a further engine; repeatable")
    parser.add_argument("--runs", type=int, default=3)
    parser.add_argument("--out", type=Path, required=True, help="folder for the results")
    given = parser.parse_args()
    items = [_item(name, [load_audio(given.data / name)], said) for name, said in KNOWN.items()]
    items += _short("ravdess", given.ravdess) + _short("tess", given.tess)
    engines: dict[str, Engine] = {"defaults": Pocketsphinx({}), "pocketsphinx": Pocketsphinx()}
    for asr in given.asr:
        chosen = choose_engine(asr)
        if chosen is not None:
            engines[asr] = chosen
    rows = [row for item in items for row in judge(item, engines, given.runs)]
    about = {
        "engines": "pocketsphinx as it is set here, and with its own defaults",
        "time": f"processor seconds a second of sound, least of {given.runs} interleaved runs",
        "seed": "none, nothing is random",
        "commit": commit(),
        "machine": machine(),
    }
    given.out.mkdir(parents=True, exist_ok=True)
    result = json.dumps({"about": about, "rows": rows}, indent=1)
    (given.out / "asr.json").write_text(result + "\n", encoding="utf-8")
    (given.out / "asr.md").write_text(page(rows, about), encoding="utf-8")
    print(page(rows, about))
    return 0


def _item(name: str, parts: Sequence[Samples], words: str) -> Item:
    """Parts one after another; each keeps its own turns, as if it were a file of its own."""
    turns, at = [], 0.0
    for part in parts:
        detector = SpeechDetector()
        detector.hear(part)
        turns += [Segment(at + t.start, at + t.end) for t in detector.finish().turns]
        at += len(part) / SAMPLE_RATE
    return Item(name, np.concatenate(parts), Speech(tuple(turns)), words)


def _short(corpus: str, folder: Path | None) -> list[Item]:
    if folder is None:
        return []
    if corpus == "ravdess":
        files = sorted(folder.glob("Actor_*/03-01-0[15]-01-0[12]-01-*.flac"))[::9]
        words = [SENTENCES[file.name.split("-")[4]] for file in files]
    else:
        files = sorted(folder.glob("[OY]AF_[an]*/*.flac"))[::67]
        words = ["say the word " + file.stem.split("_")[-2] for file in files]
    return [_item(f"{corpus}, {len(files)} clips", [load_audio(f) for f in files], " ".join(words))]


def judge(item: Item, engines: dict[str, Engine], runs: int) -> list[dict[str, Any]]:
    """One row an engine."""
    sound = AudioSpool()
    sound.append(item.samples)
    least = dict.fromkeys(engines, float("inf"))
    rows: dict[str, dict[str, Any]] = {}
    for _ in range(runs):
        for name, engine in engines.items():
            engine.hear(np.zeros(SAMPLE_RATE // 2, np.float32), "en")  # loads the model
            started = time.process_time()
            transcript = transcribe(engine, sound, item.speech, _quiet)
            least[name] = min(least[name], time.process_time() - started)
            heard = [word for line in transcript.lines for word in line.words]
            rows[name] = _row(item, heard) | {"engine": name}
    for name, row in rows.items():
        row["time"] = least[name] / (len(item.samples) / SAMPLE_RATE)
    return list(rows.values())


_quiet: Callable[[str, float], None] = lambda doing, share: None  # noqa: E731


def _row(item: Item, heard: Sequence[Word]) -> dict[str, Any]:
    plain = [word.text.lower().strip(".,!?;:\"'") for word in heard]
    compared = jiwer.process_words(item.words, " ".join(plain) or "-")
    right = np.zeros(len(heard), bool)
    for chunk in compared.alignments[0]:
        if chunk.type == "equal":
            right[chunk.hyp_start_idx : chunk.hyp_end_idx] = True
    sure = np.array([word.confidence for word in heard])
    return {
        "set": item.name,
        "words": len(item.words.split()),
        "wer": compared.wer,
        "right": float(right.mean()) if len(heard) else 0.0,
        "confidence": float(sure.mean()) if len(heard) else 0.0,
        "sure_right": float(sure[right].mean()) if right.any() else None,
        "sure_wrong": float(sure[~right].mean()) if (~right).any() else None,
        "heard": " ".join(plain),
    }


def page(rows: Sequence[dict[str, Any]], about: dict[str, str]) -> str:
    """The result as Markdown."""
    lines = ["# What the embedded transcript engine hears", ""]
    lines += [f"* {key}: {value}" for key, value in about.items()]
    lines += [
        "",
        "`right`: share of the words heard that were said; `confidence`: mean over the words, "
        "over the right ones, over the wrong ones.",
        "",
        "| set | words | engine | WER | right | confidence | of right | of wrong | time | heard |",
        "|---" * 10 + "|",
    ]
    for row in rows:
        of_right, of_wrong = (
            "" if row[key] is None else f"{row[key]:.2f}" for key in ("sure_right", "sure_wrong")
        )
        heard = row["heard"] if len(row["heard"]) < 140 else row["heard"][:140] + " ..."
        lines.append(
            f"| {row['set']} | {row['words']} | {row['engine']} | {row['wer']:.2f} | "
            f"{row['right']:.2f} | {row['confidence']:.2f} | {of_right} | {of_wrong} | "
            f"{row['time']:.2f} | {heard} |"
        )
    return "\n".join(lines) + "\n"


if __name__ == "__main__":
    sys.exit(main())
