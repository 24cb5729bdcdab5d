"""Convert a face pack's 8-bit graph back into nets that can be trained."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor, nn

from mien.errors import DataError

Values = Mapping[str, npt.NDArray[Any]]
Layer = tuple[str, npt.NDArray[np.float32], npt.NDArray[np.float32]]


def load_dequantised(model: nn.Module, graph: Path, member: int, pictures: Tensor) -> None:
    """Load the weights of one net of a face pack into a net, except for its head.

    The exporter folds each batch normalisation into the preceding convolution. Here the convolution
    keeps the folded weights. The normalisation is set to the mean and deviation of some pictures at
    this layer, and its scale and shift are set to the inverse. The net's outputs equal the pack's
    to within 8-bit rounding, and training continues with active batch normalisation.

    Args:
        model: net with the same layers except for the last, the head.
        graph: the pack's ``model.onnx``.
        member: index of the net in the pack, from 0.
        pictures: ``(n, 1, 48, 48)``, several hundred, for the batch statistics.

    Raises:
        DataError: if the pack has no such net or its layers differ.
    """
    nets = _nets(graph)
    if not 0 <= member < len(nets):
        raise DataError(
            f"{graph} holds {len(nets)} nets; --member must be 0 to {len(nets) - 1}, got {member}."
        )
    layers = nets[member]
    kernels = [m for m in model.modules() if isinstance(m, nn.Conv2d)]
    norms = [m for m in model.modules() if isinstance(m, nn.BatchNorm2d)]
    dense = [m for m in model.modules() if isinstance(m, nn.Linear)][:-1]
    stored = [layer for layer in layers if layer[0] == "Conv"]
    matrices = [layer for layer in layers if layer[0] == "Gemm"][:-1]
    if len(stored) != len(kernels) or len(matrices) != len(dense):
        raise DataError(f"The layers of {graph} do not fit this recipe; check --start.")
    with torch.no_grad():
        for kernel, norm in zip(kernels, norms, strict=True):
            # A shortcut may come before or after the layers it bypasses; its shape identifies it.
            _, weight, bias = _first_of_shape(stored, tuple(kernel.weight.shape), graph)
            kernel.weight.copy_(torch.from_numpy(weight))
            norm.bias.copy_(torch.from_numpy(bias))
            norm.running_mean.zero_()  # type: ignore[union-attr]
            norm.running_var.fill_(1 - norm.eps)  # type: ignore[union-attr]
        for matrix in dense:
            _, weight, bias = _first_of_shape(matrices, tuple(matrix.weight.shape), graph)
            matrix.weight.copy_(torch.from_numpy(weight))
            matrix.bias.copy_(torch.from_numpy(bias))
    _open_norms(model, norms, pictures)


def _first_of_shape(layers: list[Layer], shape: tuple[int, ...], graph: Path) -> Layer:
    for i, layer in enumerate(layers):
        if layer[1].shape == shape:
            return layers.pop(i)
    raise DataError(f"{graph} has no further layer of shape {shape}; check --start.")


@torch.no_grad()
def _open_norms(model: nn.Module, norms: Sequence[nn.BatchNorm2d], pictures: Tensor) -> None:
    """Set the statistics of identity normalisations, with the inverse as scale and shift."""
    seen: dict[nn.Module, tuple[Tensor, Tensor]] = {}

    def set_statistics(module: nn.Module, inputs: tuple[Tensor, ...], _: Any) -> None:
        seen[module] = inputs[0].mean((0, 2, 3)), inputs[0].var((0, 2, 3))

    handles = [norm.register_forward_hook(set_statistics) for norm in norms]
    model.eval()
    model(pictures)
    for handle in handles:
        handle.remove()
    for norm in norms:
        mean, var = seen[norm]
        norm.running_mean.copy_(mean)  # type: ignore[union-attr]
        norm.running_var.copy_(var)  # type: ignore[union-attr]
        norm.weight.copy_((var + norm.eps).sqrt())
        norm.bias.add_(mean)


def _nets(path: Path) -> list[list[Layer]]:
    """Convolutions and dense layers of each net of an ensemble graph, in graph order."""
    import onnx
    from onnx import numpy_helper

    graph = onnx.load(path).graph
    nodes = list(graph.node)
    values = {w.name: numpy_helper.to_array(w) for w in graph.initializer}
    made = {name: i for i, node in enumerate(nodes) for name in node.output}
    makers = {name: nodes[i] for name, i in made.items()}
    nets = []
    for end in _heads(graph.output[0].name, makers, values):
        found: set[int] = set()
        waiting = [end]
        while waiting:
            i = made.get(waiting.pop())
            if i is not None and i not in found:
                found.add(i)
                waiting.extend(nodes[i].input)
        chosen = [nodes[i] for i in sorted(found)]
        nets.append([_layer(n, makers, values) for n in chosen if n.op_type in ("Conv", "Gemm")])
    return nets


def _heads(output: str, makers: Mapping[str, Any], values: Values) -> list[str]:
    """Outputs of the last dense layers, in the order in which they are concatenated."""
    heads: list[str] = []
    seen: set[str] = set()
    waiting = [output]
    while waiting:
        name = waiting.pop()
        node = makers.get(name)
        if node is None or name in seen:
            continue
        seen.add(name)
        if node.op_type == "Gemm":
            heads.append(name)
        else:
            waiting.extend(reversed(node.input))
    return heads


def _layer(node: Any, made: Mapping[str, Any], values: Values) -> Layer:
    weight, bias = (_value(name, made, values) for name in node.input[1:3])
    across = any(a.name == "transB" and a.i for a in node.attribute)
    return node.op_type, weight if node.op_type == "Conv" or across else weight.T.copy(), bias


def _value(name: str, made: Mapping[str, Any], values: Values) -> npt.NDArray[np.float32]:
    """A weight in 32 bits; 8-bit weights are dequantised."""
    if name in values:
        return np.array(values[name], np.float32)
    node = made[name]
    stored, scale, zero = (values[part].astype(np.float32) for part in node.input)
    axis = next((a.i for a in node.attribute if a.name == "axis"), 0)
    if scale.ndim:
        shape = [-1 if i == axis else 1 for i in range(stored.ndim)]
        scale, zero = scale.reshape(shape), zero.reshape(shape)
    return np.asarray((stored - zero) * scale, np.float32)
