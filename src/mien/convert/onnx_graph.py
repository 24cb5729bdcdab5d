"""Export trained nets as ONNX graphs, compare them with the originals and compress them."""

from __future__ import annotations

import warnings
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor, nn
from torch.jit import TracerWarning  # type: ignore[attr-defined]

from mien.errors import PackError
from mien.packs import load_onnxruntime


class Graph(nn.Module):
    """An exported graph with the interface of the model, so that tests use the shipped model.

    Args:
        path: path of the ONNX file.
        threads: number of concurrent callers, each with one core; None for one caller with all
            cores.
    """

    def __init__(self, path: Path, threads: int | None = None) -> None:
        onnxruntime = load_onnxruntime()
        super().__init__()
        self.path, self.threads = path, threads or 1
        options = onnxruntime.SessionOptions()
        if threads is not None:
            options.intra_op_num_threads = 1
        self._session = onnxruntime.InferenceSession(
            path, options, providers=["CPUExecutionProvider"]
        )
        self._names = [node.name for node in self._session.get_inputs()]

    def run(self, inputs: Mapping[str, npt.NDArray[Any]]) -> npt.NDArray[Any]:
        """The first output for named inputs."""
        return np.asarray(self._session.run(None, dict(inputs))[0])

    def forward(self, *inputs: Tensor) -> Tensor:
        """Logits ``(n, 7)`` for the inputs in the order of the model's arguments."""
        given = dict(zip(self._names, (x.numpy() for x in inputs), strict=True))
        return torch.from_numpy(self.run(given))


def export_graph(
    model: nn.Module,
    inputs: Mapping[str, Tensor],
    dynamic: Mapping[str, Mapping[int, str]],
    path: Path,
    *,
    quantise: Sequence[str] = (),
    whole: Sequence[str] = (),
) -> Graph:
    """Export to one self-contained ONNX file and compare it with the model.

    Args:
        model: the trained model.
        inputs: example inputs by name, in the order of the model's arguments.
        dynamic: names of the dynamic axes by input name.
        path: path of the file.
        quantise: ONNX operators whose weights are stored in 8 bits (dynamic quantisation).
        whole: nodes that stay in 32 bits.

    Raises:
        PackError: if logits differ by more than 1e-3 before quantisation.
    """
    model = model.eval()
    with warnings.catch_warnings():
        # torch 2.13 warns that this exporter is deprecated; it is kept (torch is pinned) since it
        # writes one plain file with named dynamic axes. The other warnings are of constants that
        # it folds and of indexing; the graph is compared with the model below.
        warnings.filterwarnings("ignore", category=DeprecationWarning)
        warnings.filterwarnings("ignore", category=TracerWarning)
        warnings.filterwarnings(
            "ignore", message="To copy construct from a tensor|Constant folding"
        )
        warnings.filterwarnings("ignore", message="Exporting aten::index operator")
        torch.onnx.export(
            model,
            tuple(inputs.values()),
            str(path),
            input_names=list(inputs),
            output_names=["logits"],
            dynamic_axes={"logits": {0: "n"}} | {n: dict(axes) for n, axes in dynamic.items()},
            opset_version=17,
            dynamo=False,
        )
    with torch.inference_mode():
        given = tuple(inputs.values())
        gap = float((Graph(path)(*given) - model(*given)).abs().max())
    if gap > 1e-3:
        raise PackError(f"The exported graph differs from the model by {gap:.2g} in a logit.")
    if quantise:
        quantise_weights(path, quantise, whole)
    return Graph(path)


def quantise_weights(
    path: Path, operators: Sequence[str] = ("MatMul", "Gather"), whole: Sequence[str] = ()
) -> None:
    """Store the weights of operators in 8 bits, in place; by default matrices and embeddings."""
    load_onnxruntime()
    from onnxruntime.quantization import QuantType, quantize_dynamic
    from onnxruntime.quantization.shape_inference import quant_pre_process

    ready = path.with_suffix(".ready.onnx")
    quant_pre_process(path, ready, skip_symbolic_shape=True)
    quantize_dynamic(
        ready,
        path,
        weight_type=QuantType.QInt8,
        op_types_to_quantize=list(operators),
        per_channel=True,
        nodes_to_exclude=list(whole),
    )
    ready.unlink()


def optimise_graph(path: Path) -> None:
    """Store a graph as ONNX Runtime rewrites it while it loads it, in place.

    A model of 380 MB then loads in a third of the time. Only rewriting that any processor
    understands is stored.
    """
    onnxruntime = load_onnxruntime()
    ready = path.with_suffix(".ready.onnx")
    options = onnxruntime.SessionOptions()
    options.log_severity_level = 3
    options.graph_optimization_level = onnxruntime.GraphOptimizationLevel.ORT_ENABLE_EXTENDED
    options.optimized_model_filepath = str(ready)
    onnxruntime.InferenceSession(path, options, providers=["CPUExecutionProvider"])
    ready.replace(path)


class _Feeds:
    """Calibration inputs in the quantiser's interface, one at a time."""

    def __init__(self, feeds: Sequence[Mapping[str, npt.NDArray[Any]]]) -> None:
        self._feeds = iter(feeds)

    def get_next(self) -> dict[str, npt.NDArray[Any]] | None:
        """The next inputs; None at the end."""
        return dict(found) if (found := next(self._feeds, None)) is not None else None


def quantise_convolutions(
    path: Path, feeds: Sequence[Mapping[str, npt.NDArray[Any]]], keep: Sequence[str] = ()
) -> None:
    """Run convolutions in 8 bits, weights and activations, in place (static quantisation).

    Convolutions with a single input channel stay in 32 bits, where they are several times faster.
    Rectifiers are folded into the activation ranges, so that no conversion to 32 bits is needed.

    Args:
        path: path of the ONNX file.
        feeds: calibration inputs by name, from which the activation ranges are measured.
        keep: names of nodes that stay in 32 bits.
    """
    load_onnxruntime()
    from onnxruntime.quantization import QuantFormat, QuantType, quantize_static
    from onnxruntime.quantization.shape_inference import quant_pre_process

    ready = path.with_suffix(".ready.onnx")
    quant_pre_process(path, ready, skip_symbolic_shape=True)
    quantize_static(
        ready,
        path,
        _Feeds(feeds),
        quant_format=QuantFormat.QDQ,
        activation_type=QuantType.QUInt8,
        weight_type=QuantType.QInt8,
        op_types_to_quantize=["Conv", "Relu", "Add", "Gemm"],
        per_channel=True,
        nodes_to_exclude=[*keep, *_single_channels(ready)],
    )
    ready.unlink()
    _shorten_names(path)


def _single_channels(path: Path) -> list[str]:
    """Convolutions with one input channel, such as a gray picture, except depthwise ones."""
    import onnx

    graph = onnx.load(path).graph
    inputs = {weight.name: weight.dims[1] for weight in graph.initializer if len(weight.dims) > 2}
    grouped = {n.name for n in graph.node for a in n.attribute if a.name == "group" and a.i > 1}
    return [
        node.name
        for node in graph.node
        if node.op_type == "Conv" and inputs.get(node.input[1]) == 1 and node.name not in grouped
    ]


def _shorten_names(path: Path) -> None:
    """Replace intermediate names by numbers, in place; saves a few per cent of a small graph."""
    import onnx

    model = onnx.load(path)
    graph = model.graph
    outside = {value.name: value.name for value in (*graph.input, *graph.output)}
    short: dict[str, str] = {"": "", **outside}

    def shortened(name: str) -> str:
        return short.setdefault(name, f"{len(short):x}")

    for node in graph.node:
        node.name = ""
        node.input[:] = [shortened(name) for name in node.input]
        node.output[:] = [shortened(name) for name in node.output]
    for weight in graph.initializer:
        weight.name = shortened(weight.name)
    del graph.value_info[:]
    onnx.checker.check_model(model)
    onnx.save(model, path)


def halve_weights(path: Path, least: int = 1000) -> None:
    """Store large weights in 16 bits, in place; they are converted to 32 bits at loading.

    Args:
        path: path of the ONNX file.
        least: minimum number of values; smaller arrays are not changed.
    """
    import onnx
    from onnx import TensorProto, helper, numpy_helper

    model = onnx.load(path)
    graph = model.graph
    wide = [w for w in graph.initializer if w.data_type == TensorProto.FLOAT]
    for weight in wide:
        values = numpy_helper.to_array(weight)
        if values.size < least:
            continue
        half = numpy_helper.from_array(values.astype(np.float16), f"{weight.name}.half")
        cast = helper.make_node("Cast", [half.name], [weight.name], to=TensorProto.FLOAT)
        graph.initializer.remove(weight)
        graph.initializer.append(half)
        graph.node.insert(0, cast)
    onnx.save(model, path)
