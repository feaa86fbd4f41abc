# SPDX-License-Identifier: CC0-1.0
"""Networks for streams as ONNX models, with random weights."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import onnx
from onnx import TensorProto, helper, numpy_helper


class Signal:
    """Appends layers of one dimension to `x` [1, channels, time]."""

    def __init__(self, channels: int, seed: int = 0):
        self.random = np.random.default_rng(seed)
        self.nodes: list[onnx.NodeProto] = []
        self.constants: list[onnx.TensorProto] = []
        self.channels, self.last = channels, "x"

    def node(self, kind: str, *inputs: str, **attributes) -> str:
        name = f"{kind.lower()}{len(self.nodes)}"
        self.nodes.append(helper.make_node(kind, inputs, [name], name=name, **attributes))
        self.last = name
        return name

    def constant(self, values: np.ndarray) -> str:
        name = f"constant{len(self.constants)}"
        self.constants.append(numpy_helper.from_array(values, name))
        return name

    def conv(self, channels: int, kernel: int = 3, pads: tuple[int, int] = (0, 0), **attributes) -> None:
        group = attributes.get("group", 1)
        fan = self.channels // group * kernel
        weights = self.random.normal(0, (2 / fan) ** 0.5, (channels, self.channels // group, kernel))
        bias = self.random.normal(0, 0.1, channels)
        names = [self.constant(values.astype(np.float32)) for values in (weights, bias)]
        self.node("Conv", self.last, *names, pads=list(pads), kernel_shape=[kernel], **attributes)
        self.node("Relu", self.last)
        self.channels = channels

    def head(self, classes: int) -> None:
        self.node("GlobalAveragePool", self.last)
        self.node("Flatten", self.last)
        self.dense(classes)

    def dense(self, classes: int) -> None:
        weights = self.random.normal(0, 0.3, (self.channels, classes)).astype(np.float32)
        self.node("MatMul", self.last, self.constant(weights))

    def write(self, folder: Path, shape: tuple[int, ...], samples: int = 8) -> dict[str, str]:
        """The options `model` and `calibration`; the output's shape is inferred."""
        folder.mkdir(parents=True, exist_ok=True)
        self.nodes[-1].output[0] = "y"
        ports = [
            helper.make_tensor_value_info(name, TensorProto.FLOAT, dims) for name, dims in (("x", shape), ("y", None))
        ]
        graph = helper.make_graph(self.nodes, "signal", ports[:1], ports[1:], self.constants)
        model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8)
        model = onnx.shape_inference.infer_shapes(model)
        onnx.checker.check_model(model)
        onnx.save(model, folder / "model.onnx")
        calibration = self.random.normal(0, 1, (samples, *shape[1:])).astype(np.float32)
        np.save(folder / "calib.npy", calibration)
        return {"model": str(folder / "model.onnx"), "calibration": str(folder / "calib.npy")}


def temporal_convolutions(folder: Path, channels: int = 64, window: int = 128) -> dict[str, str]:
    """Eight layers with dilations 1 to 8, no padding, and a mean over what is left of the window."""
    network = Signal(channels)
    for dilation in (1, 2, 4, 8) * 2:
        network.conv(channels, dilations=[dilation])
    network.head(8)
    return network.write(folder, (1, channels, window))
