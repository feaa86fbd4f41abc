# SPDX-License-Identifier: CC0-1.0
"""Networks of the kinds that people deploy, with random weights whose activations stay in a usual range."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import onnx
from onnx import TensorProto, helper, numpy_helper

NETWORKS: dict[str, Callable[[], onnx.ModelProto]] = {}


def network(function: Callable[[Net], None]) -> Callable[[Net], None]:
    """Function decorator: a network by the name of the function that builds it."""

    def build() -> onnx.ModelProto:
        net = Net(function.__name__)
        function(net)
        return net.model()

    NETWORKS[function.__name__] = build
    return function


class Net:
    """Makes nodes; every call returns the name of the result."""

    def __init__(self, name: str):
        self.name = name
        self.random = np.random.default_rng(sum(name.encode()))
        self.nodes: list[onnx.NodeProto] = []
        self.constants: list[onnx.TensorProto] = []
        self.ports: tuple[list[Any], list[Any]] = ([], [])
        self.channels: dict[str, int] = {}

    def input(self, name: str, *shape: int) -> str:
        self.ports[0].append(helper.make_tensor_value_info(name, TensorProto.FLOAT, shape))
        self.channels[name] = shape[1] if len(shape) > 2 else shape[-1]
        return name

    def output(self, value: str, name: str) -> None:
        self.nodes.append(helper.make_node("Identity", [value], [name], name=f"out_{name}"))
        self.ports[1].append(name)

    def constant(self, value: Any, dtype: type = np.float32) -> str:
        name = f"c{len(self.constants)}"
        self.constants.append(numpy_helper.from_array(np.asarray(value, dtype), name))
        return name

    def node(self, operator: str, *inputs: str, outputs: int = 1, **attributes: Any) -> Any:
        names = [f"v{len(self.nodes)}_{i}" for i in range(outputs)]
        self.nodes.append(
            helper.make_node(operator, list(inputs), names, name=f"{operator}{len(self.nodes)}", **attributes)
        )
        for name in names:
            self.channels[name] = self.channels.get(inputs[0], 0)
        return names[0] if outputs == 1 else names

    def weights(self, *shape: int, inputs: int) -> str:
        return self.constant(self.random.standard_normal(shape) * np.sqrt(2.0 / inputs))

    def conv(self, x: str, channels: int, kernel: int = 1, stride: int = 1, groups: int = 1, **attributes: Any) -> str:
        inputs = self.channels[x] // groups
        w = self.weights(channels, inputs, kernel, kernel, inputs=inputs * kernel * kernel)
        b = self.constant(self.random.standard_normal(channels) * 0.1)
        attributes = {"pads": [kernel // 2] * 4, "strides": [stride] * 2, "group": groups, **attributes}
        y = self.node("Conv", x, w, b, **attributes)
        self.channels[y] = channels
        return y

    def relu(self, x: str) -> str:
        return self.node("Relu", x)

    def dense(self, x: str, inputs: int, outputs: int) -> str:
        y = self.node("MatMul", x, self.weights(inputs, outputs, inputs=2 * inputs))
        return self.node("Add", y, self.constant(self.random.standard_normal(outputs) * 0.1))

    def model(self) -> onnx.ModelProto:
        outputs = [helper.make_tensor_value_info(name, TensorProto.FLOAT, None) for name in self.ports[1]]
        graph = helper.make_graph(self.nodes, self.name, self.ports[0], outputs, self.constants)
        model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8)
        return onnx.shape_inference.infer_shapes(model, data_prop=True)


@network
def mobilenet_v2(net: Net) -> None:
    """Inverted residuals with ReLU6."""
    low, high = net.constant(0.0), net.constant(6.0)
    x = net.node("Clip", net.conv(net.input("image", 1, 3, 24, 24), 8, 3, 2), low, high)
    for channels, stride in ((8, 1), (12, 2), (12, 1)):
        wide = net.node("Clip", net.conv(x, 4 * net.channels[x]), low, high)
        wide = net.node("Clip", net.conv(wide, net.channels[wide], 3, stride, net.channels[wide]), low, high)
        y = net.conv(wide, channels)
        x = net.node("Add", x, y) if stride == 1 and channels == net.channels[x] else y
    x = net.node("Flatten", net.node("GlobalAveragePool", net.relu(net.conv(x, 32))))
    net.output(net.node("Gemm", x, net.weights(10, 32, inputs=32), net.constant(np.zeros(10)), transB=1), "scores")


@network
def mobilenet_v3(net: Net) -> None:
    """Squeeze and excitation, hard-swish as frameworks export it and as one node."""
    three, six, zero = (net.constant(v) for v in (3.0, 6.0, 0.0))
    x = net.node("HardSwish", net.conv(net.input("image", 1, 3, 24, 24), 8, 3, 2))
    for _ in range(2):
        wide = net.node("HardSwish", net.conv(net.conv(x, 24), 24, 3, 1, 24))
        squeezed = net.relu(net.conv(net.node("GlobalAveragePool", wide), 8))
        gate = net.node("HardSigmoid", net.conv(squeezed, 24), alpha=1 / 6)
        x = net.node("Add", x, net.conv(net.node("Mul", wide, gate), 8))
        clipped = net.node("Clip", net.node("Add", x, three), zero, six)
        x = net.node("Div", net.node("Mul", x, clipped), six)
    mean = net.node("ReduceMean", x, axes=[2, 3], keepdims=0)
    net.output(net.node("Gemm", mean, net.weights(8, 10, inputs=8), net.constant(np.zeros(10))), "scores")


@network
def shufflenet(net: Net) -> None:
    """Split, concat, channel shuffle."""
    x = net.relu(net.conv(net.input("image", 1, 3, 24, 24), 16, 3, 2))
    for _ in range(2):
        left, right = net.node("Split", x, outputs=2, axis=1)
        net.channels[right] = net.channels[left] = 8
        right = net.relu(net.conv(net.conv(net.relu(net.conv(right, 8)), 8, 3, 1, 8), 8))
        x = net.node("Concat", left, right, axis=1)
        x = net.node("Reshape", x, net.constant([1, 2, 8, 12, 12], np.int64))
        x = net.node("Transpose", x, perm=[0, 2, 1, 3, 4])
        x = net.node("Reshape", x, net.constant([1, 16, 12, 12], np.int64))
        net.channels[x] = 16
    x = net.node("MaxPool", x, kernel_shape=[2, 2], strides=[2, 2])
    x = net.node("Flatten", x)
    net.output(net.node("Gemm", x, net.weights(10, 576, inputs=576), net.constant(np.zeros(10)), transB=1), "scores")


@network
def unet(net: Net) -> None:
    """Down, up again by nearest and by linear resize, with skip connections; softmax over the channels."""
    first = net.relu(net.conv(net.input("image", 1, 3, 16, 16), 8, 3))
    second = net.relu(net.conv(net.node("MaxPool", first, kernel_shape=[2, 2], strides=[2, 2]), 12, 3))
    third = net.relu(net.conv(net.node("MaxPool", second, kernel_shape=[2, 2], strides=[2, 2]), 16, 3))
    scales = net.constant([1, 1, 2, 2])
    up = net.node("Resize", third, "", scales, mode="nearest", coordinate_transformation_mode="asymmetric")
    x = net.node("Concat", up, second, axis=1)
    net.channels[x] = 28
    x = net.relu(net.conv(x, 12, 3))
    x = net.node("Concat", net.node("Resize", x, "", scales, mode="linear"), first, axis=1)
    net.channels[x] = 20
    net.output(net.node("Softmax", net.conv(net.relu(net.conv(x, 8, 3)), 4), axis=1), "mask")


@network
def densenet(net: Net) -> None:
    """Layers that read all layers before them, normalised before they convolve."""

    def normalised(x: str) -> str:
        channels = net.channels[x]
        shift, mean = net.random.normal(0, 0.1, (2, channels))
        scale, variance = np.exp(net.random.normal(0, 0.3, (2, channels)))
        y = net.node("BatchNormalization", x, *(net.constant(v) for v in (scale, shift, mean, variance)))
        net.channels[y] = channels
        return net.relu(y)

    x = net.conv(net.input("image", 1, 3, 16, 16), 8, 3, 2)
    for _ in range(3):
        y = net.conv(normalised(x), 12)
        y = net.conv(normalised(y), 4, 3)
        joined = net.node("Concat", x, y, axis=1)
        net.channels[joined] = net.channels[x] + 4
        x = joined
    x = net.node("Flatten", net.node("GlobalAveragePool", normalised(x)))
    net.output(net.node("Gemm", x, net.weights(10, 20, inputs=20), net.constant(np.zeros(10)), transB=1), "scores")


@network
def yolo(net: Net) -> None:
    """A head with three outputs of different sizes; SiLU, upsampling, pooling of several sizes."""

    def block(x: str, channels: int, kernel: int = 3, stride: int = 1) -> str:
        y = net.conv(x, channels, kernel, stride)
        return net.node("Mul", y, net.node("Sigmoid", y))

    first = block(block(net.input("image", 1, 3, 32, 32), 8, 3, 2), 16, 3, 2)
    second = block(first, 24, 3, 2)
    third = block(second, 32, 3, 2)
    pools = [third]
    for _ in range(2):
        pools.append(net.node("MaxPool", pools[-1], kernel_shape=[3, 3], pads=[1] * 4, strides=[1, 1]))
    x = net.node("Concat", *pools, axis=1)
    net.channels[x] = 96
    up = third = block(x, 32, 1)
    scales = net.constant([1, 1, 2, 2])
    for index, (x, wanted) in enumerate(((third, 0), (second, 24), (first, 16))):
        if wanted:
            up = net.node("Resize", up, "", scales, mode="nearest", coordinate_transformation_mode="asymmetric")
            joined = net.node("Concat", up, x, axis=1)
            net.channels[joined] = net.channels[up] + wanted
            x = block(joined, wanted, 1)
        up = x
        size = (2, 4, 8)[index]
        head = net.conv(x, 2 * 6)
        head = net.node("Reshape", head, net.constant([1, 2, 6, size, size], np.int64))
        head = net.node("Transpose", head, perm=[0, 1, 3, 4, 2])
        box, score = net.node("Split", head, net.constant([4, 2], np.int64), outputs=2, axis=4)
        joined = net.node("Concat", box, net.node("Sigmoid", score), axis=4)
        net.output(net.node("Reshape", joined, net.constant([1, 2 * size * size, 6], np.int64)), f"scale{index}")


@network
def tcn(net: Net) -> None:
    """Dilated causal convolutions over a signal, residual."""
    x = net.input("signal", 1, 4, 64)
    for dilation, inputs in ((1, 4), (2, 12), (4, 12)):
        padded = net.node("Pad", x, net.constant([0, 0, 2 * dilation, 0, 0, 0], np.int64))
        w = net.weights(12, inputs, 3, inputs=3 * inputs)
        y = net.relu(net.node("Conv", padded, w, net.constant(np.zeros(12)), dilations=[dilation]))
        short = x if inputs == 12 else net.node("Conv", x, net.weights(12, inputs, 1, inputs=inputs))
        x = net.relu(net.node("Add", y, short))
    x = net.node("MaxPool", x, kernel_shape=[2], strides=[2])
    x = net.node("Flatten", net.node("GlobalAveragePool", x))
    net.output(net.node("Gemm", x, net.weights(5, 12, inputs=12), net.constant(np.zeros(5)), transB=1), "scores")


def _recurrent(net: Net, operator: str, gates: int, **attributes: Any) -> None:
    steps, inputs, hidden = 12, 6, 16
    directions = 2 if attributes.get("direction") == "bidirectional" else 1
    x = net.node("Transpose", net.input("signal", 1, steps, inputs), perm=[1, 0, 2])

    def uniform(*shape: int) -> str:
        return net.constant(net.random.uniform(-1, 1, shape) / np.sqrt(hidden) * 2)

    w, r = (uniform(directions, gates * hidden, n) for n in (inputs, hidden))
    b = uniform(directions, 2 * gates * hidden)
    y, last = net.node(operator, x, w, r, b, outputs=2, hidden_size=hidden, **attributes)
    last = net.node("Reshape", net.node("Transpose", last, perm=[1, 0, 2]), net.constant([1, -1], np.int64))
    weights = net.weights(5, directions * hidden, inputs=hidden)
    net.output(net.node("Gemm", last, weights, net.constant(np.zeros(5)), transB=1), "scores")


@network
def lstm(net: Net) -> None:
    _recurrent(net, "LSTM", 4)


@network
def gru(net: Net) -> None:
    _recurrent(net, "GRU", 3, linear_before_reset=1, direction="bidirectional")


@network
def transformer(net: Net) -> None:
    """One encoder layer: attention with four heads, GELU, layer normalisation."""
    tokens, width, heads = 16, 32, 4
    x = net.input("tokens", 1, tokens, width)

    def norm(value: str) -> str:
        gamma, beta = net.random.normal(1, 0.1, width), net.random.normal(0, 0.1, width)
        return net.node("LayerNormalization", value, net.constant(gamma), net.constant(beta), axis=-1)

    def head(value: str, perm: list[int]) -> str:
        split = net.node("Reshape", value, net.constant([1, tokens, heads, width // heads], np.int64))
        return net.node("Transpose", split, perm=perm)

    q, k, v = (net.dense(x, width, width) for _ in range(3))
    scores = net.node("MatMul", head(q, [0, 2, 1, 3]), head(k, [0, 2, 3, 1]))
    scores = net.node("Softmax", net.node("Div", scores, net.constant(np.sqrt(width / heads))), axis=-1)
    mixed = net.node("Transpose", net.node("MatMul", scores, head(v, [0, 2, 1, 3])), perm=[0, 2, 1, 3])
    mixed = net.node("Reshape", mixed, net.constant([1, tokens, width], np.int64))
    x = norm(net.node("Add", x, net.dense(mixed, width, width)))
    y = net.dense(x, width, 2 * width)
    inner = net.node("Add", net.node("Erf", net.node("Div", y, net.constant(np.sqrt(2)))), net.constant(1.0))
    y = net.node("Mul", net.node("Mul", y, inner), net.constant(0.5))
    net.output(norm(net.node("Add", x, net.dense(y, 2 * width, width))), "encoded")


@network
def autoencoder(net: Net) -> None:
    """Strided convolutions and back by transposed ones; PReLU."""

    def prelu(x: str) -> str:
        return net.node("PRelu", x, net.constant(net.random.uniform(0.05, 0.3, (net.channels[x], 1, 1))))

    x = net.input("image", 1, 1, 16, 16)
    for channels in (8, 12):
        x = prelu(net.conv(x, channels, 3, 2))
    for channels in (8, 1):
        inputs = net.channels[x]
        w = net.weights(inputs, channels, 4, 4, inputs=4 * inputs)
        b = net.constant(np.zeros(channels))
        x = net.node("ConvTranspose", x, w, b, strides=[2, 2], pads=[1] * 4)
        net.channels[x] = channels
        x = prelu(x) if channels > 1 else net.node("Sigmoid", x)
    net.output(x, "image_again")
