"""``mien train asr``: Whisper fine-tuned on TESS as in the paper, tested on other speech, too.

The paper reports a word error rate just above 1 % on TESS, and a higher rate than before on longer
speech. Both are always measured, before and after training: on TESS's short utterances, on these
joined into recordings of about half a minute, and on any further speech given. The Trainer is that
of the paper's voice recipe; the learning rate, which the paper does not state, is the customary
1e-5.
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
"""Maximum share of the window (30 s) that joined recordings fill."""
PAUSE = 0.4
"""Seconds of silence between the recordings that are joined."""
BATCH = 8

_WORD = re.compile(r"[\w']+")


@dataclass(frozen=True)
class AsrOptions:
    """Options of the fine-tuning.

    Args:
        data: paths of TESS.
        out: folder, with a subfolder per split for the checkpoint and its metrics.
        base: hub id or folder of a Transformers Whisper checkpoint.
        longer: further speech to test on before and after, as for
            :func:`mien.datasets.spoken.load_spoken`; the recordings of a folder are joined.
        split: ``word`` (no test word is in the training set), ``speaker``, or ``random`` (the
            paper's; brings ``speaker`` along).
        epochs: number of passes; None for 3.
        seed: random seed of the split and the order.
        threads: number of torch threads; None for all cores.
        limit: use at most this many recordings of each set (for trial runs).
        lr: learning rate at the start, from which it falls to zero.
        window: seconds of input to the encoder in training; None for all 30. Tests always use the
            whole window.

    Raises:
        OptionError: if a value is out of range.
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
class SpeechTest:
    """A set of test speech: its name, the sounds and their transcripts."""

    name: str
    sounds: Callable[[], Iterator[Samples]]
    words: Sequence[str]


@dataclass(frozen=True)
class AsrRun:
    """The result of one run.

    Args:
        name: name of the division.
        rows: numbers of training and test rows.
        speech: one row per test: its name, recordings, words, word error rate before and after.
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
    """Fine-tune on every division of the split, and test each before and after.

    An interrupted run resumes from its last checkpoint; a complete run is not repeated.

    Raises:
        DataError: if TESS is not found, or the base is not a Whisper.
        HubError: if the base is neither stored locally nor can be downloaded.
        MissingExtraError: if the extra 'hub' is not installed.
        OptionError: if an earlier run in the same place had other settings.
    """
    begin("mien train asr", options.threads, options.seed)
    base = local_folder(options.base, download=True)
    if not is_whisper(base):
        raise DataError(
            f"{options.base} is not a Whisper of Transformers; name the folder or hub id of one."
        )
    rows = tess_rows(options.data, options.limit, options.seed)
    runs = []
    for division in divisions(rows, options.split, options.seed):
        say(f"{division.name}: {len(division.train)} training rows, {len(division.test)} test rows")
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
    run_settings: dict[str, Any] = {"name": name, "rows": list(counts), "base": whisper.folder.name}
    run_settings |= {"longer": [path.name for path in options.longer], "lr": options.lr}
    run_settings |= {"window": options.window}
    check_settings(out / "run", run_settings | {"epochs": epochs, "seed": options.seed})
    if done.exists():
        say(f"{name}: complete in {out}")
        return AsrRun.read(done)
    train_rows, test_rows = (_spoken(side) for side in rows)
    tests = _tests(options, test_rows, whisper.seconds)

    def judge() -> list[float]:
        whisper.set_window(None)
        rates = [whisper.error_rate(test) for test in tests]
        whisper.set_window(options.window)
        return rates

    def before() -> list[float]:
        rates = judge()
        listed = ", ".join(f"{t.name} {rate:.3f}" for t, rate in zip(tests, rates, strict=True))
        say(f"{name}: word error rate before training: {listed}")
        return rates

    more = {"rate": options.lr, "data_collator": collate}
    data = Utterances(train_rows, whisper)
    whisper.set_window(options.window)
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
    """A checkpoint with its tokenizer and feature extractor; transcribes English.

    Args:
        folder: folder of the checkpoint.

    Raises:
        DataError: if the checkpoint is incomplete.
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
            raise DataError(f"{folder} is not a complete Whisper checkpoint ({why}).") from None
        self._places = self.model.get_encoder().embed_positions
        self.spoken: dict[str, str] = {}
        if getattr(self.model.generation_config, "is_multilingual", False):
            self.spoken = {"language": "en", "task": "transcribe"}
            self.tokenizer.set_prefix_tokens(**self.spoken, predict_timestamps=False)

    @property
    def seconds(self) -> float:
        """Length of the window."""
        return float(self.extractor.chunk_length)

    def set_window(self, seconds: float | None) -> None:
        """Set the length of the encoder's input in seconds; None for the whole window."""
        encoder = self.model.get_encoder()
        encoder.embed_positions = self._places
        show(encoder, self.seconds if seconds is None else seconds)

    def features(self, sounds: Sequence[Samples]) -> Tensor:
        """Log-mel windows ``(n, bands, frames)`` of sounds at 16 kHz, of the set length."""
        given = self.extractor(sounds, sampling_rate=SAMPLE_RATE, return_tensors="pt")
        seen: Tensor = given.input_features
        return seen[..., : 2 * self.model.config.max_source_positions]

    def labels(self, words: str) -> list[int]:
        """Token ids of a transcript, without the start token, which the model adds."""
        ids: list[int] = list(self.tokenizer(words).input_ids)
        return ids[1:] if ids[0] == self.model.config.decoder_start_token_id else ids

    def transcribe(self, sounds: Sequence[Samples]) -> list[str]:
        """Transcripts of sounds that fit into the window, by greedy decoding."""
        self.model.eval()
        with torch.inference_mode():
            tokens = self.model.generate(
                self.features(sounds), **self.spoken, num_beams=1, do_sample=False
            )
        known = len(self.tokenizer)
        rows = [[i for i in row if i < known] for row in tokens.tolist()]
        return list(self.tokenizer.batch_decode(rows, skip_special_tokens=True))

    def error_rate(self, test: SpeechTest) -> float:
        """Word error rate: errors over all words of the test, ignoring case and punctuation."""
        try:
            import jiwer
        except ImportError:
            raise MissingExtraError("mien train asr", "hub") from None
        transcripts: list[str] = []
        batch: list[Samples] = []
        for sound in test.sounds():
            batch.append(sound)
            if len(batch) == BATCH:
                transcripts += self.transcribe(batch)
                batch = []
        transcripts += self.transcribe(batch) if batch else []
        return float(jiwer.wer([plain(w) for w in test.words], [plain(w) for w in transcripts]))

    def save(self, folder: Path) -> None:
        """The checkpoint, with the whole window."""
        self.set_window(None)
        self.model.save_pretrained(folder)
        self.tokenizer.save_pretrained(folder)
        self.extractor.save_pretrained(folder)


class Utterances(torch.utils.data.Dataset[dict[str, Any]]):
    """Recordings with their words; features are computed on demand (1 MB each)."""

    def __init__(self, rows: Sequence[Spoken], whisper: Whisper) -> None:
        self._rows, self._whisper = rows, whisper

    def __len__(self) -> int:
        return len(self._rows)

    def __getitem__(self, index: int) -> dict[str, Any]:
        row = self._rows[index]
        features = self._whisper.features([load_audio(row.path)])[0]
        return {"input_features": features, "labels": self._whisper.labels(row.words)}


def collate(rows: Sequence[Mapping[str, Any]]) -> dict[str, Tensor]:
    """A batch; labels are padded with -100, which the loss ignores."""
    longest = max(len(row["labels"]) for row in rows)
    filled = [row["labels"] + [-100] * (longest - len(row["labels"])) for row in rows]
    features = torch.stack([row["input_features"] for row in rows])
    return {"input_features": features, "labels": torch.tensor(filled)}


def plain(text: str) -> str:
    """Words in lower case without punctuation."""
    return " ".join(_WORD.findall(text.lower()))


def _spoken(rows: LabelledSet) -> list[Spoken]:
    return [spoken for item in rows.items if (spoken := spoken_in(Path(item))) is not None]


def _tests(options: AsrOptions, test_rows: Sequence[Spoken], window: float) -> list[SpeechTest]:
    """The held-out short utterances, the same joined, and the longer speech that was given."""
    tests = [SpeechTest("short: TESS", _sounds(test_rows), [row.words for row in test_rows])]
    tests.append(_joined("longer: TESS joined", test_rows, window))
    for path in options.longer:
        rows = load_spoken(path)
        if path.is_dir():
            # Evenly spread over the speakers and the same in every run.
            order = np.random.default_rng(options.seed).permutation(len(rows))
            rows = [rows[i] for i in sorted(order[: options.limit or len(rows)].tolist())]
            tests.append(_joined(f"longer: {path.name} joined", rows, window))
        else:
            tests.append(
                SpeechTest(f"longer: {path.stem}", _sounds(rows), [row.words for row in rows])
            )
    return tests


def _sounds(rows: Sequence[Spoken]) -> Callable[[], Iterator[Samples]]:
    return lambda: (load_audio(row.path) for row in rows)


def _joined(name: str, rows: Sequence[Spoken], window: float) -> SpeechTest:
    """Recordings of one speaker joined with pauses, as many as fit."""
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

    return SpeechTest(name, sounds, [" ".join(row.words for row in group) for group in groups])


def asr_table(runs: Sequence[AsrRun]) -> str:
    """Word error rates before and after, in Markdown; increases are listed below the table."""
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
    lines += ["", "Word error rate: errors over words, ignoring case and punctuation."]
    if worse:
        lines += [
            "",
            f"**Worse than before: {'; '.join(worse)}.** Use the base model for such speech.",
        ]
    return "\n".join(lines)
