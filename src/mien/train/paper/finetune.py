"""Fine-tune a pre-trained speech model with the Hugging Face Trainer: one run."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch

from mien.convert.checkpoint import WINDOW_KEY, fit, quiet
from mien.convert.ctc import symbol_scores
from mien.convert.provenance import fast_bfloat16
from mien.datasets import LabelledSet
from mien.emotions import MIEN7
from mien.errors import DataError, MissingExtraError
from mien.mathematics import FloatArray
from mien.media import load_audio
from mien.metrics import ClassFigures, confusion_matrix
from mien.scene import SAMPLE_RATE
from mien.train.figures import confusion_figure, curves_figure
from mien.train.loop import check_settings
from mien.train.paper.window import show

SECONDS = 1.0
"""Every recording is cut or padded to this length, as in the paper."""
BATCH, RATE, WEIGHT_DECAY, EVERY = 16, 5e-5, 0.01, 50
LOSSES = ("cross-entropy", "ctc")
WHISPER = "WhisperFeatureExtractor"
EXTRACTORS = ("Wav2Vec2FeatureExtractor", WHISPER)
"""Input types of the models that can be fine-tuned here."""
BLANK = len(MIEN7)
"""Index of CTC's blank, after those of the emotions."""


@dataclass(frozen=True)
class FinetuneOptions:
    """Options of one run.

    Args:
        base: folder of the pre-trained model.
        out: folder of the fine-tuned checkpoint; ``OUT/run`` holds the checkpoints from which an
            interrupted run resumes.
        loss: ``cross-entropy`` or ``ctc``.
        epochs: number of passes.
        seed: random seed of the head and the order.
        threads: number of torch threads; None for all cores.
    """

    base: Path
    out: Path
    loss: str
    epochs: int
    seed: int
    threads: int | None = None


@dataclass(frozen=True)
class Run:
    """The result of one run.

    Args:
        name: name of the division.
        rows: numbers of training and test rows.
        baseline: metrics on the test rows before training.
        final: metrics after it: loss, accuracy, and precision, recall and F1 averaged over classes.
        history: what the Trainer logged, in order.
        confusion: counts ``(7, 7)``, true class by predicted class.
    """

    name: str
    rows: tuple[int, int]
    baseline: Mapping[str, float]
    final: Mapping[str, float]
    history: Sequence[Mapping[str, float]]
    confusion: Sequence[Sequence[int]]

    @classmethod
    def read(cls, path: Path) -> Run:
        """From the ``metrics.json`` of a complete run."""
        value = json.loads(path.read_text(encoding="utf-8"))
        return cls(**{**value, "rows": tuple(value["rows"])})


class Clips(torch.utils.data.Dataset[dict[str, Any]]):
    """Recordings of one second with their labels, loaded and preprocessed once."""

    def __init__(self, rows: LabelledSet, extractor: Any, ctc: bool) -> None:
        sounds = [fit(load_audio(path), SECONDS) for path in rows.items]
        given = extractor(sounds, sampling_rate=SAMPLE_RATE, return_tensors="np")
        self._name = extractor.model_input_names[0]
        self._inputs = np.asarray(given[self._name], dtype=np.float32)
        self._labels = [[int(label)] if ctc else int(label) for label in rows.labels]

    def __len__(self) -> int:
        return len(self._labels)

    def __getitem__(self, index: int) -> dict[str, Any]:
        return {self._name: self._inputs[index], "labels": self._labels[index]}


def finetune(
    options: FinetuneOptions, name: str, train: LabelledSet, test: LabelledSet, say: Any = print
) -> Run:
    """Fine-tune, resume an interrupted run, or load the result of a complete run.

    Raises:
        DataError: if the base is neither a waveform model nor a Whisper.
        MissingExtraError: if transformers or accelerate is not installed.
        OptionError: if an earlier run in the same place had other settings.
    """
    done = options.out / "metrics.json"
    run_settings: dict[str, Any] = {"name": name, "rows": [len(train), len(test)]}
    run_settings |= {"base": options.base.name, "loss": options.loss}
    check_settings(
        options.out / "run", run_settings | {"epochs": options.epochs, "seed": options.seed}
    )
    if done.exists():
        say(f"{name}: complete in {options.out}")
        return Run.read(done)
    trainer, clips, extractor = _prepare(options, train, test)

    def before() -> dict[str, float]:
        figures = _figures(trainer.evaluate())
        say(f"{name}: accuracy before training {figures['accuracy']:.3f}")
        return figures

    baseline = go_on(trainer, options.out, name, say, before)
    output = trainer.predict(clips)
    predicted = output.predictions.argmax(axis=1)
    matrix = confusion_matrix(test.labels, predicted, len(MIEN7))
    history = [dict(row) for row in trainer.state.log_history if row["step"] > 0]
    final = _figures({k.replace("test_", "eval_"): v for k, v in output.metrics.items()})
    run = Run(name, (len(train), len(test)), baseline, final, history, matrix.tolist())
    extractor.save_pretrained(options.out)
    _draw(run, options.out)
    done.write_text(json.dumps(asdict(run), indent=1) + "\n", encoding="utf-8")
    return run


def begin(command: str, threads: int | None, seed: int) -> None:
    """Check the dependencies and set threads and seed, before a model is created.

    Raises:
        MissingExtraError: if transformers or accelerate is not installed.
    """
    try:
        import accelerate  # noqa: F401  (the Trainer's own error comes late and is less clear)
        from transformers import set_seed
    except ImportError:
        raise MissingExtraError(command, "hub") from None
    quiet()
    if threads is not None:
        torch.set_num_threads(threads)
    set_seed(seed)


def make_trainer(out: Path, epochs: int, seed: int, model: Any, train: Any, **more: Any) -> Any:
    """The Trainer as in the paper: linear decay, a checkpoint in ``OUT/run`` every 50 steps.

    Args:
        out: see :class:`FinetuneOptions`.
        epochs: number of passes.
        seed: random seed of the order.
        model: model to train.
        train: training data.
        more: further arguments of the Trainer; an ``eval_dataset`` is evaluated every 50 steps.
            ``rate`` is the learning rate.
    """
    from transformers import Trainer, TrainingArguments
    from transformers.trainer_callback import PrinterCallback

    settings = TrainingArguments(
        output_dir=str(out / "run"),
        num_train_epochs=epochs,
        per_device_train_batch_size=BATCH,
        per_device_eval_batch_size=BATCH,
        learning_rate=more.pop("rate", RATE),
        weight_decay=WEIGHT_DECAY,
        lr_scheduler_type="linear",
        eval_strategy="steps" if "eval_dataset" in more else "no",
        eval_steps=EVERY,
        logging_steps=EVERY,
        save_steps=EVERY,
        save_total_limit=2,
        seed=seed,
        report_to="none",
        use_cpu=not torch.cuda.is_available(),
        bf16=not torch.cuda.is_available() and fast_bfloat16(),
        disable_tqdm=True,
        dataloader_pin_memory=torch.cuda.is_available(),
    )
    trainer = Trainer(model=model, args=settings, train_dataset=train, **more)
    # The Trainer's own output would show the random split's metrics before the speaker-independent
    # ones.
    trainer.remove_callback(PrinterCallback)
    return trainer


def go_on(
    trainer: Any, out: Path, name: str, say: Callable[[str], None], before: Callable[[], Any]
) -> Any:
    """Train to the end, resuming from the last checkpoint of an interrupted run if there is one.

    Args:
        trainer: from :func:`make_trainer`.
        out: see :class:`FinetuneOptions`.
        name: name of the run, for progress lines.
        say: receives progress lines.
        before: computes the metrics before training, as JSON values; called once, in the first run.

    Returns:
        The metrics before training.
    """
    from transformers.trainer_utils import get_last_checkpoint

    last = get_last_checkpoint(str(out / "run"))
    kept = out / "run" / "baseline.json"
    if not kept.exists():
        kept.write_text(json.dumps(before()), encoding="utf-8")
    baseline = json.loads(kept.read_text(encoding="utf-8"))
    if last is not None:
        say(f"{name}: resuming from {Path(last).name}")
    trainer.add_callback(_news(name, say))
    trainer.train(resume_from_checkpoint=last)
    trainer.save_model(out)
    (out / "training_args.bin").unlink(missing_ok=True)  # a pickle that is not needed
    return baseline


def _prepare(
    options: FinetuneOptions, train: LabelledSet, test: LabelledSet
) -> tuple[Any, Clips, Any]:
    """The Trainer, the test clips and the feature extractor."""
    begin("mien train voice --recipe paper", options.threads, options.seed)
    from transformers import AutoFeatureExtractor

    try:
        extractor = AutoFeatureExtractor.from_pretrained(options.base, local_files_only=True)
        if type(extractor).__name__ not in EXTRACTORS:
            raise ValueError(f"it needs a {type(extractor).__name__}")
        if type(extractor).__name__ == WHISPER:
            extractor = type(extractor)(
                feature_size=extractor.feature_size, chunk_length=round(SECONDS)
            )
        model = _fresh_model(options)
    except (OSError, ValueError) as error:
        why = str(error).splitlines()[0]
        raise DataError(
            f"{options.base} is not a pre-trained speech model that can be fine-tuned ({why})."
        ) from None
    ctc = options.loss == "ctc"
    clips = Clips(test, extractor, ctc)
    trainer = make_trainer(
        options.out,
        options.epochs,
        options.seed,
        model,
        Clips(train, extractor, ctc),
        eval_dataset=clips,
        compute_metrics=_metrics,
        preprocess_logits_for_metrics=symbol_scores if ctc else None,
    )
    return trainer, clips, extractor


def _fresh_model(options: FinetuneOptions) -> Any:
    """The base with a head of seven classes, or of CTC's seven symbols and its blank.

    The head is randomly initialised unless the base has one of the same shape.
    """
    from transformers import AutoConfig, AutoModelForAudioClassification, AutoModelForCTC

    names = dict(enumerate(MIEN7.labels))
    config = AutoConfig.from_pretrained(
        options.base,
        local_files_only=True,
        id2label=names,
        label2id={name: index for index, name in names.items()},
    )
    setattr(config, WINDOW_KEY, SECONDS)
    loader = AutoModelForAudioClassification
    if options.loss == "ctc":
        loader = AutoModelForCTC
        config.update({"vocab_size": BLANK + 1, "pad_token_id": BLANK})
        config.update({"ctc_zero_infinity": True, "ctc_loss_reduction": "mean"})
    model = loader.from_pretrained(
        options.base,
        config=config,
        local_files_only=True,
        ignore_mismatched_sizes=True,
        dtype=torch.float32,
    )
    if config.model_type == "whisper":
        # Only its encoder, with an input of one second instead of thirty.
        show(model.encoder, SECONDS)
    return model


def _metrics(given: Any) -> dict[str, float]:
    """Accuracy, and precision, recall and F1 averaged over the classes, as scikit-learn's macro."""
    labels = np.asarray(given.label_ids).reshape(-1)
    scores: FloatArray = np.asarray(given.predictions)
    matrix = confusion_matrix(labels, scores.argmax(axis=1), len(MIEN7))
    per_class = ClassFigures.of(matrix)
    seen = (matrix.sum(axis=0) + matrix.sum(axis=1)) > 0
    return {
        "accuracy": float(np.trace(matrix) / matrix.sum()),
        "precision": float(per_class.precision[seen].mean()),
        "recall": float(per_class.recall[seen].mean()),
        "f1": float(per_class.f1[seen].mean()),
    }


def _figures(given: Mapping[str, float]) -> dict[str, float]:
    names = ("loss", "accuracy", "precision", "recall", "f1")
    return {name: round(float(given[f"eval_{name}"]), 5) for name in names}


def _news(name: str, say: Callable[[str], None]) -> Any:
    """Reports the training loss as it is logged; test metrics are reported at the end."""
    from transformers import TrainerCallback

    class News(TrainerCallback):  # type: ignore[misc]
        def on_log(
            self, args: Any, state: Any, control: Any, logs: Any = None, **more: Any
        ) -> None:
            if logs and "loss" in logs:
                say(
                    f"{name}: step {state.global_step}/{state.max_steps}  loss {logs['loss']:.4f}  "
                    f"gradient {logs['grad_norm']:.2f}  rate {logs['learning_rate']:.2e}"
                )

    return News()


def _draw(run: Run, folder: Path) -> None:
    """Learning curves and confusion matrix."""
    judged = {row["step"]: row for row in run.history if "eval_accuracy" in row}
    rows = [
        {
            "epoch": row["epoch"],
            "loss": row["loss"],
            "valid_accuracy": judged.get(row["step"], {}).get("eval_accuracy", np.nan),
            "valid_uar": judged.get(row["step"], {}).get("eval_recall", np.nan),
        }
        for row in run.history
        if "loss" in row
    ]
    if rows:
        curves_figure(rows).savefig(folder / "curves.png", dpi=100)
    figure = confusion_figure(np.asarray(run.confusion), MIEN7.labels, f"TESS, {run.name}")
    figure.savefig(folder / "confusion.png", dpi=100)
