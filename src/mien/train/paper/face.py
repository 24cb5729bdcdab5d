"""``mien train face --recipe paper``: the paper's two nets on FER-2013, trained as described.

The paper: 48x48 gray, enlarged to 64x64, ``(v - 0.5) / 0.5``; a net of 23 layers and a baseline
with a single convolution; AdamW, learning rate 0.001 and weight decay 0.0001 found by random
search, label smoothing 0.1, cosine annealing, 25 epochs, batch 32, 64 for the evaluation; the test
accuracy after every epoch. It mentions no augmentation and no weight averaging; neither is used.

Unstated details are chosen as follows: the three blocks have 64, 128 and 256 kernels, the dense
layer between them and the seven outputs 512 units, the single convolution 64 kernels and pooling by
two. Weight decay is not applied to biases and normalisation weights; gradients are not clipped.

With these choices, the net of 23 layers cannot be trained at the paper's learning rate: the first
steps of AdamW move the 16,384 weights of each dense unit in the same direction, and all units of
the last convolution become inactive (``docs/lab-log.md``). The default rate is 0.0001.
"""

from __future__ import annotations

import json
import math
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import torch
import torch.nn.functional as F
from torch import Tensor, nn

from mien.convert.onnx_graph import export_graph
from mien.convert.provenance import command_line, commit, fast_bfloat16, machine
from mien.datasets import LabelledSet, concatenate, load_faces
from mien.emotions import MIEN7
from mien.errors import DataError, OptionError
from mien.mathematics import FloatArray
from mien.metrics import classification_figures, confusion_matrix, report_lines
from mien.train.face import divide
from mien.train.figures import confusion_figure, curves_figure
from mien.train.loop import Schedule, Trainer, channels_last, check_counts, check_settings

Say = Callable[[str], None]
NETS = ("baseline", "23")
"""The nets, the cheaper one first."""
REPORTED: Mapping[str, float] = {"baseline": 0.409, "23": 0.622}
"""Test accuracy reported in the paper."""
LEARNING_RATES: Mapping[str, float] = {"baseline": 1e-3, "23": 1e-4}
"""Learning rate of each net."""
TITLE = "# The paper's face recipe"
EPOCHS, BATCH, TEST_BATCH, SMOOTHING = 25, 32, 64, 0.1
STANDSTILL = 1e-4
"""Below this difference between pictures, the probabilities are considered constant."""
SIDE = 64


@dataclass(frozen=True)
class PaperFaceOptions:
    """Options of the paper's recipe.

    Args:
        data: paths of FER-2013.
        out: folder, with a subfolder per net for its metrics, and a table of all nets.
        net: ``23`` or ``baseline``; None for both.
        lr: learning rate of AdamW; None for the default of each net, ``LEARNING_RATES``.
        weight_decay: weight decay of AdamW; the paper's by default.
        epochs: number of passes; None for the paper's 25.
        seed: random seed of the weights, the order and the search.
        threads: number of torch threads; None for all cores.
        limit: use at most this many training rows, and as many test rows (for trial runs).

    Raises:
        OptionError: if a value is out of range.
    """

    data: Sequence[Path]
    out: Path
    net: str | None = None
    lr: float | None = None
    weight_decay: float = 1e-4
    epochs: int | None = None
    seed: int = 0
    threads: int | None = None
    limit: int | None = None

    def __post_init__(self) -> None:
        if self.net is not None and self.net not in NETS:
            raise OptionError.choice("net", self.net, NETS)
        rate = 1.0 if self.lr is None else self.lr
        if not 0 < rate < math.inf or not 0 <= self.weight_decay < math.inf:
            raise OptionError(
                f"lr must be above 0 and weight decay at least 0, got {self.lr} and "
                f"{self.weight_decay}."
            )
        check_counts(self)

    def schedule(self, net: str) -> Schedule:
        """AdamW with cosine decay from the first step, without weight averaging and clipping."""
        return Schedule(
            self.epochs or EPOCHS,
            LEARNING_RATES[net] if self.lr is None else self.lr,
            weight_decay=self.weight_decay,
            warmup=0.0,
            ema=0.0,
            clip=math.inf,
            seed=self.seed,
        )


@dataclass(frozen=True)
class FaceRun:
    """The result of one net.

    Args:
        net: its name.
        parameters: number of parameters.
        rows: numbers of training and test rows.
        dropped: number of training pictures left out because the test has an exact copy.
        test: names of the published splits that form the test.
        number: numeric precision and device of the training.
        final: test metrics after the last epoch, without calibration.
        history: one row per epoch; ``valid_`` columns are test metrics, not used for any choice.
        confusion: counts ``(7, 7)``, true class by predicted class.
        about: settings, command, commit and machine.
    """

    net: str
    parameters: int
    rows: tuple[int, int]
    dropped: int
    test: str
    number: str
    final: Mapping[str, float]
    history: Sequence[Mapping[str, float]]
    confusion: Sequence[Sequence[int]]
    about: Mapping[str, Any]

    @classmethod
    def read(cls, path: Path) -> FaceRun:
        """From the ``metrics.json`` of a complete run."""
        value = json.loads(path.read_text(encoding="utf-8"))
        return cls(**{**value, "rows": tuple(value["rows"])})


class Enlarge(nn.Module):
    """Gray pictures ``(n, 1, 48, 48)`` from 0 to 255 to the nets' input: 64x64, -1 to 1."""

    def forward(self, x: Tensor) -> Tensor:
        """Resize bilinearly, as usual tools do, and normalise."""
        large = F.interpolate(x, size=(SIDE, SIDE), mode="bilinear", align_corners=False)
        return (large / 255 - 0.5) / 0.5


def make_net(name: str) -> nn.Module:
    """One of the paper's nets: pixels ``(n, 1, 48, 48)`` from 0 to 255 to logits ``(n, 7)``."""
    layers: list[nn.Module] = []
    if name == "baseline":
        layers += [nn.Conv2d(1, 64, 3, padding=1), nn.ReLU(), nn.MaxPool2d(2), nn.Flatten()]
        layers.append(nn.Linear(64 * (SIDE // 2) ** 2, len(MIEN7)))
        return nn.Sequential(Enlarge(), *layers)
    inputs = 1
    for width in (64, 128, 256):
        layers += [nn.Conv2d(inputs, width, 3, padding=1), nn.BatchNorm2d(width), nn.ReLU()]
        layers += [nn.Conv2d(width, width, 3, padding=1), nn.ReLU(), nn.MaxPool2d(2)]
        inputs = width
    layers += [nn.Flatten(), nn.Dropout(0.5), nn.Linear(256 * (SIDE // 8) ** 2, 512), nn.ReLU()]
    layers += [nn.Dropout(0.4), nn.Linear(512, len(MIEN7))]
    return nn.Sequential(Enlarge(), *layers)


class PaperFaceTask:
    """Batches of 32 faces without augmentation, with their labels; tested on other faces."""

    def __init__(
        self, net: str, train: LabelledSet, judged: LabelledSet, say: Say = lambda line: None
    ) -> None:
        self.device = torch.device("cuda" if torch.cuda.is_available() else "cpu")
        self.short = self.device.type == "cuda" or fast_bfloat16()
        self.model = channels_last(make_net(net)).to(self.device)
        self.images = torch.from_numpy(np.asarray(train.items, np.uint8))
        self.labels = torch.from_numpy(train.labels)
        self.judged, self.say = judged, say
        self.steps_per_epoch = math.ceil(len(train) / BATCH)

    @property
    def number(self) -> str:
        """The precision, in words."""
        return f"{'bfloat16 autocast' if self.short else 'float32'} on {self.device.type}"

    def batches(self, epoch: int, rng: np.random.Generator) -> Iterator[tuple[Tensor, Tensor]]:
        """Every picture once, in a new order."""
        order = torch.from_numpy(rng.permutation(len(self.labels)))
        for start in range(0, len(order), BATCH):
            rows = order[start : start + BATCH]
            yield self.images[rows][:, None].float(), self.labels[rows]

    def loss(self, model: nn.Module, batch: tuple[Tensor, Tensor]) -> Tensor:
        """Cross-entropy with label smoothing."""
        pictures, labels = (given.to(self.device) for given in batch)
        with torch.autocast(self.device.type, torch.bfloat16, enabled=self.short):
            logits = model(pictures)
        return F.cross_entropy(logits.float(), labels, label_smoothing=SMOOTHING)

    def validate(self, model: nn.Module) -> dict[str, float]:
        """Metrics on the test rows; warns of a net whose predictions are constant."""
        probs = predict(model, self.judged.items)
        if len(probs) > 1 and np.ptp(probs, axis=0).max() < STANDSTILL:
            self.say(
                f"every picture gets the same prediction, {MIEN7.labels[probs[0].argmax()]}: the "
                "net is inactive and will not learn; stop it and try a lower --lr or another --seed"
            )
        return classification_figures(self.judged.labels, probs)


@torch.inference_mode()
def predict(model: nn.Module, images: npt.NDArray[np.uint8]) -> FloatArray:
    """Probabilities ``(n, 7)`` of pictures ``(n, 48, 48)``; uniform if not finite."""
    model.eval()
    where = next(iter(model.parameters()), torch.zeros(0)).device
    parts = [np.zeros((0, len(MIEN7)))]
    for start in range(0, len(images), TEST_BATCH):
        pictures = torch.from_numpy(np.asarray(images[start : start + TEST_BATCH], np.float32))
        logits = model(pictures[:, None].to(where)).double()
        parts.append(torch.softmax(logits, dim=1).cpu().numpy())
    probs = np.concatenate(parts)
    return np.where(np.isfinite(probs).all(axis=1, keepdims=True), probs, 1 / len(MIEN7))


def load_fer(options: PaperFaceOptions) -> LabelledSet:
    """FER-2013 with its published splits.

    Raises:
        DataError: if it is not found, or has no test split.
    """
    for path in options.data:
        if not path.exists():
            raise DataError(f"{path} does not exist; check --data.")
    faces = concatenate([load_faces(path) for path in options.data])
    if len(divide(faces, 0.0)[2]) == 0:
        raise DataError(
            "The paper's recipe needs FER-2013 with its published splits (Training, PublicTest); "
            "no row here belongs to a test split."
        )
    return faces


def limited(rows: LabelledSet, limit: int | None, seed: int) -> LabelledSet:
    """At most ``limit`` rows, drawn at random."""
    if limit is None or limit >= len(rows):
        return rows
    drawn = np.random.default_rng(seed).permutation(len(rows))[:limit]
    return rows.select(np.sort(drawn))


def run_paper_face(options: PaperFaceOptions, say: Say = print) -> list[FaceRun]:
    """Train and test the selected nets; the table covers all nets in ``out``.

    An interrupted run resumes from its last epoch, with the same result; a complete run is not
    repeated.

    Raises:
        DataError: if the data cannot be read.
        OptionError: if an earlier run in the same place had other settings, or the table would
            overwrite another README.md.
    """
    page = options.out / "README.md"
    if page.is_file() and not page.read_text("utf-8", "replace").startswith(TITLE):
        raise OptionError(
            f"{page} is not of this recipe and would be overwritten; choose another --out."
        )
    if options.threads is not None:
        torch.set_num_threads(options.threads)
    faces = load_fer(options)
    names = NETS if options.net is None else (options.net,)
    runs = [_run(name, options, faces, say) for name in names]
    found = [options.out / name / "metrics.json" for name in NETS]
    table = results_table([FaceRun.read(path) for path in found if path.exists()])
    say(table)
    page.write_text(f"{TITLE}\n\n{table}", "utf-8")
    return runs


def _run(name: str, options: PaperFaceOptions, faces: LabelledSet, say: Say) -> FaceRun:
    folder = options.out / name
    train, _, test = divide(faces, 0.0)
    tests = sorted(set(test.splits.tolist()))
    dropped = len(faces) - len(train) - len(test)
    train, test = (limited(rows, options.limit, options.seed) for rows in (train, test))
    schedule = options.schedule(name)
    run_settings = {"rows": [len(train), len(test)], "lr": schedule.lr, "epochs": schedule.epochs}
    run_settings |= {"weight_decay": schedule.weight_decay, "seed": schedule.seed, "batch": BATCH}
    check_settings(folder, run_settings)
    done = folder / "metrics.json"
    if done.exists():
        say(f"{name}: complete in {folder}")
        return FaceRun.read(done)
    torch.manual_seed(options.seed)

    def tell(line: str) -> None:
        say(f"{name}: {line}")

    task = PaperFaceTask(name, train, test, tell)
    tell(f"{len(train)} training rows, {len(test)} test rows, {task.number}")
    trainer = Trainer(task, schedule, folder / "run", tell)
    model = trainer.run().cpu()
    example = {"pictures": torch.zeros(2, 1, 48, 48)}
    graph = export_graph(model, example, {"pictures": {0: "n"}}, folder / "model.onnx")
    probs = predict(graph, test.items)
    matrix = confusion_matrix(test.labels, probs.argmax(axis=1), len(MIEN7))
    run = FaceRun(
        net=name,
        parameters=sum(p.numel() for p in model.parameters()),
        rows=(len(train), len(test)),
        dropped=dropped,
        test=" + ".join(tests),
        number=task.number,
        final={k: round(v, 5) for k, v in classification_figures(test.labels, probs).items()},
        history=trainer.history,
        confusion=matrix.tolist(),
        about=run_settings | {"command": command_line(), "commit": commit(), "machine": machine()},
    )
    report = report_lines(test.labels, probs, MIEN7.labels)
    (folder / "report.txt").write_text(f"FER-2013 {run.test}\n{report}", encoding="utf-8")
    _draw(run, folder)
    done.write_text(json.dumps(asdict(run), indent=1) + "\n", encoding="utf-8")
    return run


def _draw(run: FaceRun, folder: Path) -> None:
    test = f"FER-2013 {run.test}"
    curves_figure(run.history, test).savefig(folder / "curves.png", dpi=100)
    title = f"{test}, {_title(run.net)}: {run.final['accuracy']:.1%}"
    figure = confusion_figure(np.asarray(run.confusion), MIEN7.labels, title)
    figure.savefig(folder / "confusion.png", dpi=100)


def _title(net: str) -> str:
    return {"23": "23 layers", "baseline": "one convolution"}[net]


def results_table(runs: Sequence[FaceRun]) -> str:
    """The paper's accuracy beside ours, and the differences in method, in Markdown."""
    lines = [
        "| net | parameters | train | test | epochs | rate | the paper | ours (95 %) | best epoch "
        "| UAR | macro F1 | ECE |",
        "|---" * 12 + "|",
    ]
    for run in runs:
        right, best = run.final["accuracy"], max(run.history, key=lambda r: r["valid_accuracy"])
        spread = 1.96 * math.sqrt(right * (1 - right) / run.rows[1])
        lines.append(
            f"| {_title(run.net)} | {run.parameters:,} | {run.rows[0]} | {run.rows[1]} | "
            f"{len(run.history)} | {run.about['lr']:g} | "
            f"{REPORTED[run.net]:.1%} | {right:.1%} ± {spread:.1%} | "
            f"{best['valid_accuracy']:.1%} ({best['epoch']:.0f}) | {run.final['uar']:.1%} | "
            f"{run.final['macro_f1']:.1%} | {run.final['ece']:.3f} |"
        )
    lines += ["", *_footing(runs), ""]
    for run in runs:
        seconds = sum(row["seconds"] for row in run.history)
        lines += [f"* {_title(run.net)}: {run.number}, {seconds:.0f} s. `{json.dumps(run.about)}`"]
    return "\n".join(lines) + "\n"


def _footing(runs: Sequence[FaceRun]) -> list[str]:
    tests = " and ".join(sorted({run.test for run in runs}))
    dropped = max((run.dropped for run in runs), default=0)
    return [
        f"**Comparability.** Ours is the accuracy on FER-2013's {tests} after the last epoch, with "
        f"every setting fixed beforehand; the paper used {EPOCHS} epochs and a rate of 0.001. It "
        "does not state which test set it used: the folder version of the set has 7,178 test "
        "pictures (PublicTest and PrivateTest together), whereas the challenge used the 3,589 of "
        "PrivateTest. Nor does it state whether its figure is that of the last or the best epoch. "
        f"Our 'best epoch' is selected on the test itself and so is optimistic. {dropped} training "
        "pictures were left out because the test has an exact copy of them; the paper does not "
        "mention copies, which may have raised its figure.",
    ]


def short_trial(
    options: PaperFaceOptions, train: LabelledSet, valid: LabelledSet, folder: Path
) -> dict[str, float]:
    """Metrics on validation rows after a short run; an interrupted run resumes.

    Returns:
        ``accuracy``, ``uar`` and the training ``loss`` of the last epoch.
    """
    torch.manual_seed(options.seed)
    net = options.net or "23"
    task = PaperFaceTask(net, train, valid)
    trainer = Trainer(task, options.schedule(net), folder, lambda line: None)
    trainer.run()
    last = trainer.history[-1]
    trainer.checkpoint.unlink()  # tens of megabytes per trial; the metrics are kept
    return {"accuracy": last["valid_accuracy"], "uar": last["valid_uar"], "loss": last["loss"]}


def with_settings(options: PaperFaceOptions, lr: float, weight_decay: float) -> PaperFaceOptions:
    """The same options at another learning rate and weight decay."""
    return replace(options, lr=lr, weight_decay=weight_decay)
