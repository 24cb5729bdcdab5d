"""Training loop shared by the trainers: one-cycle schedule, EMA, a checkpoint every epoch."""

from __future__ import annotations

import json
import math
import time
from collections.abc import Callable, Iterator, Mapping
from copy import deepcopy
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, Protocol

import numpy as np
import torch
from torch import nn

from mien.errors import DataError, OptionError


class Task(Protocol):
    """What the loop trains: a model with its batches, loss and validation."""

    model: nn.Module
    steps_per_epoch: int

    def batches(self, epoch: int, rng: np.random.Generator) -> Iterator[Any]:
        """The batches of one epoch; all randomness comes from ``rng``."""
        ...

    def loss(self, model: nn.Module, batch: Any) -> torch.Tensor:
        """Mean loss of a batch, a scalar."""
        ...

    def validate(self, model: nn.Module) -> Mapping[str, float]:
        """Figures of merit on the validation rows; none if there are no rows."""
        ...


@dataclass(frozen=True)
class Schedule:
    """One-cycle schedule and optimiser of a run.

    Args:
        epochs: passes over the batches.
        lr: peak learning rate.
        optimizer: ``"sgd"`` (Nesterov momentum 0.9) or ``"adamw"``.
        weight_decay: not applied to biases and normalisation weights.
        warmup: share of the steps with a linear warm-up to the peak; cosine decay follows.
        ema: decay of the moving average of the weights; the averaged weights are the result.
        clip: maximum gradient norm.
        seed: random seed of initialisation, order and augmentation.
        bfloat16: multiply in bfloat16 (automatic mixed precision); the weights stay in 32 bits; see
            :func:`has_bfloat16`.
    """

    epochs: int
    lr: float
    optimizer: str = "adamw"
    weight_decay: float = 1e-4
    warmup: float = 0.2
    ema: float = 0.998
    clip: float = 5.0
    seed: int = 0
    bfloat16: bool = False

    def rate(self, step: int, steps: int) -> float:
        """Learning rate at a step in [0, steps)."""
        top = max(1, int(self.warmup * steps))
        if step < top:
            return self.lr * (step + 1) / top
        return self.lr * 0.5 * (1 + math.cos(math.pi * (step - top) / max(1, steps - top)))


class Average:
    """Exponential moving average of a model's weights, with a short memory at the start."""

    def __init__(self, model: nn.Module, decay: float) -> None:
        self.model = deepcopy(model).eval()
        self.decay = decay
        self.updates = 0

    @torch.no_grad()
    def update(self, model: nn.Module) -> None:
        """Move towards the current weights."""
        self.updates += 1
        decay = min(self.decay, (1 + self.updates) / (10 + self.updates))
        current = model.state_dict()
        for name, mean in self.model.state_dict().items():
            if mean.dtype.is_floating_point:
                mean.lerp_(current[name], 1 - decay)
            else:
                mean.copy_(current[name])


def make_optimizer(model: nn.Module, schedule: Schedule) -> torch.optim.Optimizer:
    """The optimiser, with weight decay on matrices and kernels only."""
    trainable = [p for p in model.parameters() if p.requires_grad]
    groups = [
        {"params": [p for p in trainable if p.ndim > 1], "weight_decay": schedule.weight_decay},
        {"params": [p for p in trainable if p.ndim <= 1], "weight_decay": 0.0},
    ]
    if schedule.optimizer == "sgd":
        return torch.optim.SGD(groups, lr=schedule.lr, momentum=0.9, nesterov=True)
    if schedule.optimizer == "adamw":
        return torch.optim.AdamW(groups, lr=schedule.lr)
    raise OptionError.choice("optimizer", schedule.optimizer, ("sgd", "adamw"))


class Trainer:
    """Trains a task under a schedule; resumes an interrupted run.

    Args:
        task: what to train.
        schedule: optimiser and learning rate.
        folder: for ``checkpoint.pt`` and ``history.jsonl``.
        say: receives one progress line per epoch.
    """

    def __init__(
        self, task: Task, schedule: Schedule, folder: Path, say: Callable[[str], None] = print
    ) -> None:
        self.task, self.schedule, self.folder, self.say = task, schedule, folder, say
        self.average = Average(task.model, schedule.ema)
        self.optimizer = make_optimizer(task.model, schedule)
        self.history: list[dict[str, float]] = []
        folder.mkdir(parents=True, exist_ok=True)

    @property
    def checkpoint(self) -> Path:
        """The file from which an interrupted run resumes."""
        return self.folder / "checkpoint.pt"

    def run(self) -> nn.Module:
        """Train to the last epoch and return the averaged model."""
        self._resume()
        for epoch in range(len(self.history), self.schedule.epochs):
            started = time.perf_counter()
            loss = self._epoch(epoch)
            figures = self.task.validate(self.average.model)
            row = {"epoch": epoch + 1, "loss": loss, "seconds": time.perf_counter() - started}
            row |= {f"valid_{name}": value for name, value in figures.items()}
            line = f"epoch {epoch + 1}/{self.schedule.epochs}  loss {loss:.4f}  "
            # Each task lists its most important metrics first.
            line += "".join(f"valid {k} {v:.4f}  " for k, v in list(figures.items())[:3])
            self.history.append(row)
            self.save_checkpoint()
            self.say(f"{line}{row['seconds']:.0f} s")
        return self.average.model

    def _epoch(self, epoch: int) -> float:
        model, steps = self.task.model.train(), self.task.steps_per_epoch
        rng = np.random.default_rng([self.schedule.seed, epoch])
        torch.manual_seed(self.schedule.seed * 1000 + epoch)
        total, count = 0.0, 0
        for step, batch in enumerate(self.task.batches(epoch, rng)):
            rate = self.schedule.rate(epoch * steps + step, self.schedule.epochs * steps)
            for group in self.optimizer.param_groups:
                group["lr"] = rate
            self.optimizer.zero_grad()
            with torch.autocast("cpu", torch.bfloat16, enabled=self.schedule.bfloat16):
                loss = self.task.loss(model, batch)
            loss.backward()  # type: ignore[no-untyped-call]
            nn.utils.clip_grad_norm_(model.parameters(), self.schedule.clip)
            self.optimizer.step()
            self.average.update(model)
            total, count = total + loss.item(), count + 1
        return total / max(count, 1)

    def save_checkpoint(self) -> None:
        """Write what a killed run goes on from, and the history as a table of JSON lines."""
        state = {
            "schedule": asdict(self.schedule),
            "model": self.task.model.state_dict(),
            "average": self.average.model.state_dict(),
            "updates": self.average.updates,
            "optimizer": self.optimizer.state_dict(),
            "history": self.history,
        }
        fresh = self.checkpoint.with_suffix(".new")
        torch.save(state, fresh)
        fresh.replace(self.checkpoint)
        lines = [json.dumps(row) for row in self.history]
        (self.folder / "history.jsonl").write_text("\n".join(lines) + "\n")

    def _resume(self) -> None:
        if not self.checkpoint.exists():
            return
        state = torch.load(self.checkpoint, weights_only=True)
        if state["schedule"] != asdict(self.schedule):
            raise OptionError(
                f"{self.checkpoint} belongs to a run with other settings ({state['schedule']}); "
                "use the same settings to resume it, or delete it to start again."
            )
        self.task.model.load_state_dict(state["model"])
        self.average.model.load_state_dict(state["average"])
        self.average.updates = state["updates"]
        self.optimizer.load_state_dict(state["optimizer"])
        self.history = state["history"]
        self.say(f"resuming after epoch {len(self.history)} of {self.schedule.epochs}")


def load_average(model: nn.Module, run: Path, option: str) -> None:
    """Load the averaged weights of an earlier run; errors name the ``option`` that chose it.

    Raises:
        DataError: if they are missing or do not fit the model.
    """
    where = run / "checkpoint.pt"
    try:
        model.load_state_dict(torch.load(where, weights_only=True)["average"])
    except FileNotFoundError:
        raise DataError(f"{where} does not exist; check {option}.") from None
    except RuntimeError as error:
        why = str(error).splitlines()[0]
        raise DataError(f"{where} does not fit the net of this recipe ({why}).") from None


def check_counts(options: object) -> None:
    """Check that the numbers of epochs, threads and rows are None or at least 1.

    Raises:
        OptionError: naming the field.
    """
    for name in ("epochs", "threads", "limit"):
        value = getattr(options, name)
        if value is not None and value < 1:
            raise OptionError(f"{name} must be at least 1, got {value}.")


def check_settings(folder: Path, settings: Mapping[str, Any]) -> None:
    """Store the settings of a run in its folder, or compare them with those stored there.

    Raises:
        OptionError: if an earlier run in the same place had other settings.
    """
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / "settings.json"
    if path.exists() and (earlier := json.loads(path.read_text(encoding="utf-8"))) != settings:
        raise OptionError(
            f"{folder} holds a run with other settings ({earlier}); use the same settings to "
            "resume it, or delete the folder to start again."
        )
    path.write_text(json.dumps(settings), encoding="utf-8")


def has_bfloat16() -> bool:
    """Whether this processor multiplies in bfloat16 natively; otherwise bfloat16 is slower."""
    return bool(torch.cpu._is_avx512_bf16_supported())


def channels_last(model: nn.Module) -> nn.Module:
    """The model with its kernels laid out channels last, which convolves faster on a CPU."""
    return model.to(memory_format=torch.channels_last)  # type: ignore[call-overload,no-any-return]


def soft_cross_entropy(
    logits: torch.Tensor, targets: torch.Tensor, smoothing: float = 0.0
) -> torch.Tensor:
    """Mean cross-entropy of target rows that sum to 1, optionally smoothed towards uniform."""
    targets = targets * (1 - smoothing) + smoothing / targets.shape[1]
    return -(targets * torch.log_softmax(logits, dim=1)).sum(dim=1).mean()
