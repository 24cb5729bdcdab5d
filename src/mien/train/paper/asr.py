"""``mien train asr``: Whisper fine-tuned on TESS as in the paper, and what it costs elsewhere.

The paper found word errors just above 1 % on TESS, and more than before on longer speech. Both are
always measured, before and after: on TESS's own short utterances, on these joined into recordings
of about half a minute, and on whatever longer speech is given. The Trainer is that of the paper's
voice recipe; the learning rate, which the paper does not name, is the customary 1e-5.
"""

from __future__ import annotations

import json
import math
import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor

from mien.convert.provenance import command_line, commit, machine
from mien.convert.whisper import is_whisper
from mien.datasets import LabelledSet
from mien.datasets.spoken import Spoken, load_spoken, spoken_in
from mien.errors import DataError, MissingExtraError, OptionError
from mien.hub import local_folder
from mien.media import load_audio
from mien.scene import SAMPLE_RATE, Samples
from mien.train.loop import check_counts, check_settings
from mien.train.paper.finetune import begin, go_on, make_trainer
from mien.train.paper.voice import SPLITS, divisions, tess_rows
from mien.train.paper.window import show

Say = Callable[[str], None]

BASE = "openai/whisper-tiny"
RATE = 1e-5
LONGEST_SHARE = 0.9
"""Of the window (30 s) that joined recordings fill at most."""
PAUSE = 0.4
"""Seconds of silence between the recordings that are joined."""
BATCH = 8

_WORD = re.compile(r"[\w']+")


@dataclass(frozen=True)
class AsrOptions:
    """What the fine-tuning is told.

    Args:
        data: where TESS lies.
        out: folder; a folder a split is made in it, with the checkpoint and its figures.
        base: hub id or folder of a Whisper in the form of Transformers.
        longer: further speech to judge before and after, as for
            :func:`mien.datasets.spoken.load_spoken`; that of a folder is joined.
        split: ``word`` (no word of the test was heard in training), ``speaker``, or ``random`` (the
            paper's; brings ``speaker`` along).
        epochs: passes; None for 3.
        seed: of the split and the order.
        threads: of torch; None for all cores.
        limit: use at most this many recordings of each set (to try things out).
        lr: learning rate at the start, from which it falls to zero.
        window: seconds that the encoder is shown in training; None for the whole 30. Judging is
            always done on the whole window.

    Raises:
        OptionError: if one of them has a value it cannot have.
    """

    data: Sequence[Path]
    out: Path
    base: str = BASE
    longer: Sequence[Path] = ()
    split: str = "word"
    epochs: int | None = None
    seed: int = 0
    threads: int | None = None
    limit: int | None = None
    lr: float = RATE
    window: float | None = None

    def __post_init__(self) -> None:
        if self.split not in SPLITS:
            raise OptionError.choice("split", self.split, SPLITS)
        if not 0 < self.lr < math.inf:
            raise OptionError(f"lr must be above 0, got {self.lr}; {RATE:g} is customary.")
        check_counts(self)


@dataclass(frozen=True)
class Hearing:
    """Speech to be judged: its name, the sounds and what is said in each."""

    name: str
    sounds: Callable[[], Iterator[Samples]]
    words: Sequence[str]


@dataclass(frozen=True)
class AsrRun:
    """What came of one run.

    Args:
        name: of the division.
        rows: to train on and to test on.
        speech: a row a test: its name, recordings, words, word error rate before and after.
        history: what the Trainer logged, in order.
    """

    name: str
    rows: tuple[int, int]
    speech: Sequence[Mapping[str, Any]]
    history: Sequence[Mapping[str, float]]

    @classmethod
    def read(cls, path: Path) -> AsrRun:
        """From the ``metrics.json`` of a complete run."""
        value = json.loads(path.read_text(encoding="utf-8"))
        return cls(**{**value, "rows": tuple(value["rows"])})


def train_asr(options: AsrOptions, say: Say = print) -> list[AsrRun]:
    """Fine-tune under every division of the split, and judge each before and after.

    A run that was killed goes on from its last checkpoint; one that is complete is not repeated.

    Raises:
        DataError: if there is no TESS at the place, or the base is no Whisper.
        HubError: if the base is neither here nor can be fetched.
        MissingExtraError: if the extra 'hub' is not installed.
        OptionError: if an earlier run in the same place had other settings.
    """
    begin("mien train asr", options.threads, options.seed)
    base = local_folder(options.base, download=True)
    if not is_whisper(base):
        raise DataError(f"{options.base} is no Whisper of Transformers; give the folder of one.")
    rows = tess_rows(options.data, options.limit, options.seed)
    runs = []
    for division in divisions(rows, options.split, options.seed):
        say(f"{division.name}: {len(division.train)} to train on, {len(division.test)} to test on")
        begin("mien train asr", options.threads, options.seed)
        whisper = Whisper(base)
        runs.append(_run(options, division.name, whisper, (division.train, division.test), say))
    table = asr_table(runs)
    say(table)
    about = {**asdict(options), "data": [p.name for p in options.data], "out": options.out.name}
    about["base"] = options.base if "/" in options.base and not base.is_absolute() else base.name
    about |= {"longer": [p.name for p in options.longer]}
    about |= {"command": command_line(), "commit": commit(), "machine": machine()}
    page = f"# Whisper fine-tuned as in the paper\n\n{table}\n\nSettings: `{json.dumps(about)}`.\n"
    (options.out / "README.md").write_text(page, encoding="utf-8")
    return runs


def _run(
    options: AsrOptions,
    name: str,
    whisper: Whisper,
    rows: tuple[LabelledSet, LabelledSet],
    say: Say,
) -> AsrRun:
    out, epochs = options.out / name, options.epochs or 3
    done = out / "metrics.json"
    counts = (len(rows[0]), len(rows[1]))
    asked: dict[str, Any] = {"name": name, "rows": list(counts), "base": whisper.folder.name}
    asked |= {"longer": [path.name for path in options.longer], "lr": options.lr}
    asked |= {"window": options.window}
    check_settings(out / "run", asked | {"epochs": epochs, "seed": options.seed})
    if done.exists():
        say(f"{name}: complete in {out}")
        return AsrRun.read(done)
    heard, kept = (_spoken(side) for side in rows)
    tests = _tests(options, kept, whisper.seconds)

    def judge() -> list[float]:
        whisper.look(None)
        rates = [whisper.error_rate(test) for test in tests]
        whisper.look(options.window)
        return rates

    def before() -> list[float]:
        rates = judge()
        said = ", ".join(f"{t.name} {rate:.3f}" for t, rate in zip(tests, rates, strict=True))
        say(f"{name}: word error rate before training: {said}")
        return rates

    more = {"rate": options.lr, "data_collator": collate}
    data = Utterances(heard, whisper)
    whisper.look(options.window)
    trainer = make_trainer(out, epochs, options.seed, whisper.model, data, **more)
    rates = go_on(trainer, out, name, say, before)
    speech = [
        {"speech": test.name, "recordings": len(test.words)}
        | {"words": sum(len(plain(words).split()) for words in test.words)}
        | {"before": round(first, 5), "after": round(last, 5)}
        for test, first, last in zip(tests, rates, judge(), strict=True)
    ]
    history = [dict(row) for row in trainer.state.log_history if row["step"] > 0]
    run = AsrRun(name, counts, speech, history)
    whisper.save(out)
    done.write_text(json.dumps(asdict(run), indent=1) + "\n", encoding="utf-8")
    return run


class Whisper:
    """A checkpoint with its tokenizer and feature extractor; hears English.

    Args:
        folder: of the checkpoint.

    Raises:
        DataError: if it is not whole.
    """

    def __init__(self, folder: Path) -> None:
        from transformers import (
            AutoFeatureExtractor,
            AutoTokenizer,
            WhisperForConditionalGeneration,
        )

        self.folder = folder
        given = {"local_files_only": True}
        try:
            self.model = WhisperForConditionalGeneration.from_pretrained(
                folder, dtype=torch.float32, **given
            )
            self.tokenizer = AutoTokenizer.from_pretrained(folder, **given)
            self.extractor = AutoFeatureExtractor.from_pretrained(folder, **given)
        except (OSError, ValueError) as error:
            why = str(error).splitlines()[0]
            raise DataError(f"{folder} is no whole Whisper ({why}).") from None
        self._places = self.model.get_encoder().embed_positions
        self.spoken: dict[str, str] = {}
        if getattr(self.model.generation_config, "is_multilingual", False):
            self.spoken = {"language": "en", "task": "transcribe"}
            self.tokenizer.set_prefix_tokens(**self.spoken, predict_timestamps=False)

    @property
    def seconds(self) -> float:
        """The window."""
        return float(self.extractor.chunk_length)

    def look(self, seconds: float | None) -> None:
        """Show the encoder so many seconds from here on; None for its whole window."""
        encoder = self.model.get_encoder()
        encoder.embed_positions = self._places
        show(encoder, self.seconds if seconds is None else seconds)

    def features(self, sounds: Sequence[Samples]) -> Tensor:
        """Log-mel windows ``(n, bands, frames)`` of sounds at 16 kHz, as long as it is shown."""
        given = self.extractor(sounds, sampling_rate=SAMPLE_RATE, return_tensors="pt")
        seen: Tensor = given.input_features
        return seen[..., : 2 * self.model.config.max_source_positions]

    def labels(self, words: str) -> list[int]:
        """Token ids of what is said, without the first, which the model puts before them."""
        ids: list[int] = list(self.tokenizer(words).input_ids)
        return ids[1:] if ids[0] == self.model.config.decoder_start_token_id else ids

    def hear(self, sounds: Sequence[Samples]) -> list[str]:
        """What is said in sounds that fit into the window, by the likeliest token at a time."""
        self.model.eval()
        with torch.inference_mode():
            said = self.model.generate(
                self.features(sounds), **self.spoken, num_beams=1, do_sample=False
            )
        known = len(self.tokenizer)
        rows = [[i for i in row if i < known] for row in said.tolist()]
        return list(self.tokenizer.batch_decode(rows, skip_special_tokens=True))

    def error_rate(self, test: Hearing) -> float:
        """Word error rate: errors over all words of the test, spelling of case and stops aside."""
        try:
            import jiwer
        except ImportError:
            raise MissingExtraError("mien train asr", "hub") from None
        said: list[str] = []
        batch: list[Samples] = []
        for sound in test.sounds():
            batch.append(sound)
            if len(batch) == BATCH:
                said += self.hear(batch)
                batch = []
        said += self.hear(batch) if batch else []
        return float(jiwer.wer([plain(w) for w in test.words], [plain(w) for w in said]))

    def save(self, folder: Path) -> None:
        """The checkpoint, with the whole window."""
        self.look(None)
        self.model.save_pretrained(folder)
        self.tokenizer.save_pretrained(folder)
        self.extractor.save_pretrained(folder)


class Utterances(torch.utils.data.Dataset[dict[str, Any]]):
    """Recordings with their words; features are made as they are needed (1 MB each)."""

    def __init__(self, rows: Sequence[Spoken], whisper: Whisper) -> None:
        self._rows, self._whisper = rows, whisper

    def __len__(self) -> int:
        return len(self._rows)

    def __getitem__(self, index: int) -> dict[str, Any]:
        row = self._rows[index]
        features = self._whisper.features([load_audio(row.path)])[0]
        return {"input_features": features, "labels": self._whisper.labels(row.words)}


def collate(rows: Sequence[Mapping[str, Any]]) -> dict[str, Tensor]:
    """A batch; -100 where the words have ended, which the loss passes over."""
    longest = max(len(row["labels"]) for row in rows)
    filled = [row["labels"] + [-100] * (longest - len(row["labels"])) for row in rows]
    features = torch.stack([row["input_features"] for row in rows])
    return {"input_features": features, "labels": torch.tensor(filled)}


def plain(text: str) -> str:
    """Words in lower case without punctuation."""
    return " ".join(_WORD.findall(text.lower()))


def _spoken(rows: LabelledSet) -> list[Spoken]:
    return [spoken for item in rows.items if (spoken := spoken_in(Path(item))) is not None]


def _tests(options: AsrOptions, kept: Sequence[Spoken], window: float) -> list[Hearing]:
    """The short utterances held out, these joined, and the longer speech that was given."""
    tests = [Hearing("short: TESS", _sounds(kept), [row.words for row in kept])]
    tests.append(_joined("longer: TESS joined", kept, window))
    for path in options.longer:
        rows = load_spoken(path)
        if path.is_dir():
            # Spread over the speakers, in the same way at every run.
            order = np.random.default_rng(options.seed).permutation(len(rows))
            rows = [rows[i] for i in sorted(order[: options.limit or len(rows)].tolist())]
            tests.append(_joined(f"longer: {path.name} joined", rows, window))
        else:
            tests.append(
                Hearing(f"longer: {path.stem}", _sounds(rows), [row.words for row in rows])
            )
    return tests


def _sounds(rows: Sequence[Spoken]) -> Callable[[], Iterator[Samples]]:
    return lambda: (load_audio(row.path) for row in rows)


def _joined(name: str, rows: Sequence[Spoken], window: float) -> Hearing:
    """Recordings one after another with pauses between, as many as fit; a speaker at a time."""
    groups: list[list[Spoken]] = []
    seconds, speaker = 0.0, None
    for row in sorted(rows, key=lambda row: row.speaker):
        length = len(load_audio(row.path)) / SAMPLE_RATE + PAUSE
        if row.speaker != speaker or seconds + length > LONGEST_SHARE * window:
            groups.append([])
            seconds, speaker = 0.0, row.speaker
        groups[-1].append(row)
        seconds += length
    silence = np.zeros(round(PAUSE * SAMPLE_RATE), np.float32)

    def sounds() -> Iterator[Samples]:
        for group in groups:
            yield np.concatenate(
                [part for row in group for part in (load_audio(row.path), silence)]
            )

    return Hearing(name, sounds, [" ".join(row.words for row in group) for group in groups])


def asr_table(runs: Sequence[AsrRun]) -> str:
    """Word error rates before and after, in Markdown; what has become worse is said below."""
    lines = ["| split | speech | recordings | words | before | after | change |"]
    lines.append("|---" * 7 + "|")
    worse = []
    for run in runs:
        for row in run.speech:
            change = row["after"] - row["before"]
            lines.append(
                f"| {run.name} | {row['speech']} | {row['recordings']} | {row['words']} | "
                f"{row['before']:.3f} | {row['after']:.3f} | {change:+.3f} |"
            )
            if change > 0:
                worse.append(f"{row['speech']} ({run.name}) by {change:.3f}")
    lines += ["", "Word error rate: errors over words, case and punctuation aside."]
    if worse:
        lines += ["", f"**Worse than before: {'; '.join(worse)}.** Use the base for such speech."]
    return "\n".join(lines)
