# SPDX-License-Identifier: CC0-1.0
"""Networks for ONNX Runtime's quantiser, and models with integer operators written by hand."""

from __future__ import annotations

import numpy as np
import onnx
from onnx import TensorProto, helper
from small_models import constant, conv, dense, ints, join, model, node, normal


def image(*parts, outputs: int = 5, shape=(3, 12, 12), opset: int = 17):
    nodes, constants = join(*parts)
    made = model(nodes, [("x", [1, *shape])], [("y", [1, outputs])], constants, opset=opset)
    made.graph.output[0].type.tensor_type.ClearField("shape")
    return onnx.shape_inference.infer_shapes(made)


def convolutional(pool: str = "MaxPool") -> onnx.ModelProto:
    return image(
        conv("x", "c", 3, 8, [3, 3], pads=[1] * 4),
        node("Relu", ["c"], ["r"], "relu"),
        node(pool, ["r"], ["p"], "pool", kernel_shape=[2, 2], strides=[2, 2]),
        conv("p", "d", 8, 8, [3, 3], pads=[1] * 4, group=2, seed=8),
        node("GlobalAveragePool", ["d"], ["g"], "mean"),
        node("Flatten", ["g"], ["f"], "flatten"),
        dense("f", "y", 8, 5),
    )


def branches() -> onnx.ModelProto:
    return image(
        conv("x", "a", 3, 6, [3, 3], pads=[1] * 4),
        conv("x", "b", 3, 6, [1, 1], seed=8),
        node("Sigmoid", ["a"], ["s"], "sigmoid"),
        node("LeakyRelu", ["b"], ["l"], "leaky", alpha=0.1),
        node("Mul", ["s", "b"], ["m"], "mul"),
        node("Add", ["m", "l"], ["t"], "sum"),
        node("Concat", ["t", "s"], ["k"], "concat", axis=1),
        conv("k", "z", 12, 4, [3, 3], seed=12, strides=[2, 2]),
        node("Softmax", ["z"], ["y"], "softmax", axis=1),
    )


def moves() -> onnx.ModelProto:
    return image(
        conv("x", "c", 3, 8, [3, 3]),
        node("Transpose", ["c"], ["t"], "transpose", perm=[0, 1, 3, 2]),
        node("Split", ["t"], ["one", "two"], "split", axis=1),
        node("Pad", ["one", "pads", "fill"], ["o"], "pad", mode="constant"),
        node("Resize", ["two", "", "", "sizes"], ["w"], "resize", mode="nearest"),
        node("Concat", ["o", "w"], ["k"], "concat", axis=1),
        conv("k", "d", 8, 4, [3, 3], seed=5),
        node("Reshape", ["d", "flat"], ["f"], "reshape"),
        dense("f", "y", 4 * 100, 3),
        (
            [],
            [
                ints("pads", 0, 0, 1, 1, 0, 0, 1, 1),
                constant("fill", 0.3),
                ints("sizes", 1, 4, 12, 12),
                ints("flat", 1, -1),
            ],
        ),
        outputs=3,
    )


def one_bias_for_two() -> onnx.ModelProto:
    (a, held), (b, more) = conv("x", "a", 3, 4, [1, 1]), conv("x", "b", 3, 4, [1, 1], seed=20)
    b[0].input[2] = a[0].input[2]
    more[0] = constant(more[0].name, onnx.numpy_helper.to_array(more[0]) * 7)
    return image((a, held), (b, more[:1]), node("Add", ["a", "b"], ["y"], "sum"))


def products() -> onnx.ModelProto:
    nodes = [
        node("MatMul", ["x", "w"], ["m"], "product"),
        node("Add", ["m", "b"], ["a"], "bias"),
        node("LeakyRelu", ["a"], ["l"], "leaky", alpha=0.2),
        node("MatMul", ["l", "v"], ["y"], "last"),
    ]
    constants = [constant("w", normal(16, 12, seed=2, scale=0.25)), constant("b", normal(12, scale=0.3))]
    constants.append(constant("v", normal(12, 6, seed=4, scale=0.3)))
    return model(nodes, [("x", [1, 7, 16])], [("y", [1, 7, 6])], constants)


NETWORKS = {f.__name__: f for f in (convolutional, branches, moves, one_bias_for_two, products)}
NETWORKS["averages"] = lambda: convolutional("AveragePool")


class Hand:
    """Nodes with integers, written by hand: each call returns the name of the node's output."""

    def __init__(self, *shape: int, seed: int = 0):
        self.random = np.random.default_rng(seed)
        self.shape = shape
        self.nodes: list[onnx.NodeProto] = []
        self.constants: list[onnx.TensorProto] = []

    def node(self, kind: str, *inputs: str, domain: str = "", **attributes) -> str:
        name = f"{kind}_{len(self.nodes)}"
        made = node(kind, list(inputs), [f"{name}:0"], name, **attributes)
        made.domain = domain
        self.nodes.append(made)
        return f"{name}:0"

    def own(self, kind: str, *inputs: str, **attributes) -> str:
        """An operator of ONNX Runtime."""
        return self.node(kind, *inputs, domain="com.microsoft", **attributes)

    def value(self, values, dtype=np.float32) -> str:
        self.constants.append(constant(f"constant{len(self.constants)}", values, dtype))
        return self.constants[-1].name

    def grid(self, scale, zero=131, dtype=np.uint8) -> list[str]:
        return [self.value(scale), self.value(zero, dtype)]

    def weights(self, *shape: int, dtype=np.int8) -> str:
        # 7 bits: ONNX Runtime saturates sums of two products in 16 bits on processors with AVX2 but without VNNI.
        limits = (-64, 65) if dtype is np.int8 else (64, 192)
        return self.value(self.random.integers(*limits, shape), dtype)

    def quantized(self, scale: float = 1 / 40, zero: int = 131, dtype=np.uint8) -> str:
        return self.node("QuantizeLinear", "x", *self.grid(scale, zero, dtype))

    def model(self, rank: int = 0, opset: int = 17) -> onnx.ModelProto:
        """The last node gives the output, of as many dimensions as the input or of `rank`."""
        self.nodes[-1].output[0] = "y"
        proto = model(
            self.nodes,
            [("x", self.shape)],
            [("y", [f"d{i}" for i in range(rank or len(self.shape))])],
            self.constants,
            opset=opset,
        )
        if any(n.domain for n in self.nodes):
            proto.opset_import.append(helper.make_opsetid("com.microsoft", 1))
        return proto


def conv_integer(split: bool = False, per_channel: bool = True, dtype=np.int8, integer_bias: bool = False):
    h = Hand(1, 3, 8, 8)
    x = h.quantized()
    sums = h.node(
        "ConvInteger",
        x,
        h.weights(6, 3, 3, 3, dtype=dtype),
        h.value(131, np.uint8),
        h.value(0 if dtype is np.int8 else 128, dtype),
        pads=[1] * 4,
    )
    if integer_bias:
        sums = h.node("Add", sums, h.value(h.random.integers(-3000, 3000, (6, 1, 1)), np.int32))
    real = h.node("Cast", sums, to=TensorProto.FLOAT)
    scales = np.linspace(0.002, 0.004, 6).reshape(1, 6, 1, 1) if per_channel else 0.003
    if split:
        real = h.node("Mul", h.node("Mul", real, h.value(1 / 40)), h.value(scales))
    else:
        real = h.node("Mul", real, h.node("Mul", h.value(1 / 40), h.value(scales)))
    real = h.node("Add", real, h.value(h.random.normal(size=(1, 6, 1, 1))))
    grid = h.grid(1 / 40, 3)
    h.node("DequantizeLinear", h.node("QuantizeLinear", h.node("Relu", real), *grid), *grid)
    return h.model()


def matmul_integer():
    h = Hand(1, 5, 16)
    sums = h.node("MatMulInteger", h.quantized(), h.weights(16, 8), h.value(131, np.uint8))
    real = h.node("Mul", h.node("Cast", sums, to=TensorProto.FLOAT), h.value(np.linspace(5e-5, 9e-5, 8)))
    real = h.node("Add", h.value(h.random.normal(size=8)), real)
    grid = h.grid(1 / 30, 120)
    h.node("DequantizeLinear", h.node("QuantizeLinear", real, *grid), *grid)
    return h.model()


def matmul_integer_of_two():
    h = Hand(1, 6, 6)
    a = h.quantized()
    b = h.node("QuantizeLinear", "x", *h.grid(1 / 20, 3, np.int8))  # 7 bits, as in weights()
    sums = h.node("MatMulInteger", a, b, h.value(131, np.uint8), h.value(3, np.int8))
    real = h.node("Mul", h.node("Cast", sums, to=TensorProto.FLOAT), h.value(1 / 800))
    grid = h.grid(1 / 10, 120)
    h.node("DequantizeLinear", h.node("QuantizeLinear", real, *grid), *grid)
    return h.model()


def matmul_to_float():
    h = Hand(1, 5, 16)
    scales = [h.value(1 / 40), h.value(np.linspace(0.002, 0.005, 8))]
    zeros = [h.value(131, np.uint8), h.value(np.zeros(8), np.int8)]
    real = h.own(
        "MatMulIntegerToFloat", h.quantized(), h.weights(16, 8), *scales, *zeros, h.value(h.random.normal(size=8))
    )
    grid = h.grid(1 / 30, 120)
    h.node("DequantizeLinear", h.node("QuantizeLinear", real, *grid), *grid)
    return h.model()


def gemm(alpha: float = 1.0, transposed: int = 1, result: bool = True):
    h = Hand(1, 12)
    weights = h.weights(*((7, 12) if transposed else (12, 7)))
    scales = [h.value(np.linspace(0.002, 0.004, 7)), h.value(np.zeros(7), np.int8)]
    bias = h.value(h.random.integers(-2000, 2000, 7), np.int32)
    grid = h.grid(1 / 30) if result else []
    y = h.own(
        "QGemm",
        h.quantized(),
        h.value(1 / 40),
        h.value(131, np.uint8),
        weights,
        *scales,
        bias,
        *grid,
        alpha=alpha,
        transB=transposed,
    )
    if result:
        h.node("DequantizeLinear", y, *grid)
    return h.model()


def functions():
    """The QLinear operators that ONNX Runtime adds, one behind the other."""
    h = Hand(1, 4, 6, 6)
    x, grid = h.quantized(), h.grid(1 / 40)
    low, unit, soft = h.grid(1 / 50, 60), h.grid(1 / 255, 0), h.grid(1 / 256, 0)
    leaky = h.own("QLinearLeakyRelu", x, *grid, *low, alpha=0.2)
    gate = h.own("QLinearSigmoid", x, *grid, *unit)
    product = h.own("QLinearMul", leaky, *low, gate, *unit, *low)
    total = h.own("QLinearAdd", product, *low, x, *grid, *grid)
    pooled = h.own("QLinearAveragePool", total, *grid, *grid, kernel_shape=[2, 2], strides=[1, 1], pads=[1, 1, 0, 0])
    both = h.own("QLinearConcat", *grid, pooled, *grid, gate, *unit, axis=1)
    y = h.own("QLinearSoftmax", both, *grid, *soft, axis=1, opset=12)
    h.node("DequantizeLinear", y, *soft)
    return h.model()


def choice():
    h = Hand(1, 4, 6)
    x, grid, fine = h.quantized(), h.grid(1 / 40), h.grid(1 / 50, 100)
    larger = h.node("Greater", h.node("DequantizeLinear", x, *grid), h.value(0.2))
    halved = h.own("QLinearMul", x, *grid, h.value(128, np.uint8), *h.grid(1 / 256, 0), *fine)
    y = h.own("QLinearWhere", larger, x, *grid, halved, *fine, *fine)
    h.node("DequantizeLinear", y, *fine)
    return h.model()


def activations_product():
    h = Hand(1, 3, 5, 5)
    x, grid, out = h.quantized(), h.grid(1 / 40), h.grid(1 / 12, 128)
    y = h.node("QLinearMatMul", x, *grid, h.node("Transpose", x, perm=[0, 1, 3, 2]), *grid, *out)
    h.node("DequantizeLinear", y, *out)
    return h.model()


def channels_last():
    """What ONNX Runtime's optimiser writes for a computer."""
    h = Hand(1, 3, 8, 8)
    grid, out = h.grid(1 / 40), h.grid(1 / 30)
    x = h.node("Transpose", h.quantized(), perm=[0, 2, 3, 1])
    bias = h.value(h.random.integers(-2000, 2000, 6), np.int32)
    y = h.own("QLinearConv", x, *grid, h.weights(6, 3, 3, 3), *h.grid(0.004, 0, np.int8), *out, bias, channels_last=1)
    y = h.own("QLinearAveragePool", y, *out, *out, kernel_shape=[2, 2], strides=[2, 2], channels_last=1)
    y = h.own("QLinearGlobalAveragePool", y, *out, *out, channels_last=1)
    h.node("DequantizeLinear", h.node("Transpose", y, perm=[0, 3, 1, 2]), *out)
    return h.model()


def old_opset():
    """Per channel before ONNX's own QuantizeLinear had channels."""
    h = Hand(1, 3, 8, 8)
    grid, out = h.grid(1 / 40), h.grid(1 / 30)
    scales = [h.value(np.linspace(0.002, 0.004, 6)), h.value(np.zeros(6), np.int8)]
    y = h.node("QLinearConv", h.quantized(), *grid, h.weights(6, 3, 3, 3), *scales, *out)
    y = h.own("QLinearGlobalAveragePool", y, *out, *out)
    h.node("DequantizeLinear", y, *out)
    return h.model(opset=11)


def wide():
    """quantize_static's Q/DQ form of 16 bits below opset 21."""
    h = Hand(1, 3, 8, 8)
    grid, out = h.grid(1 / 9000, 0, np.int16), h.grid(1 / 8000, 0, np.int16)
    x = h.own("DequantizeLinear", h.own("QuantizeLinear", "x", *grid), *grid)
    scales = [h.value(np.linspace(0.002, 0.004, 6)), h.value(np.zeros(6), np.int8)]
    y = h.node("Conv", x, h.node("DequantizeLinear", h.weights(6, 3, 3, 3), *scales, axis=0))
    h.own("DequantizeLinear", h.own("QuantizeLinear", y, *out), *out)
    return h.model()


def picks():
    """A fill value, a bound and a maximum in integers."""
    h = Hand(1, 3, 8, 8)
    grid, out = h.grid(1 / 40), h.grid(1 / 30)
    x = h.node("Pad", h.quantized(), h.value([0, 0, 1, 1, 0, 0, 1, 1], np.int64))
    x = h.node("Pad", x, h.value([0, 0, 0, 2, 0, 0, 0, 0], np.int64), h.value(150, np.uint8))
    x = h.node("Clip", x, h.value(100, np.uint8), h.value(220, np.uint8))
    x = h.node("Max", x, h.value(140, np.uint8))
    x = h.node("ReduceMax", x, axes=[3], keepdims=1)
    h.node("DequantizeLinear", h.own("QLinearAdd", x, *grid, x, *grid, *out), *out)
    return h.model()


BY_HAND = {
    "conv_integer": conv_integer,
    "conv_integer_split": lambda: conv_integer(split=True),
    "conv_integer_one_scale": lambda: conv_integer(per_channel=False, integer_bias=True),
    "conv_integer_uint8": lambda: conv_integer(dtype=np.uint8),
    "gemm_scaled": lambda: gemm(0.7),
    "gemm_to_float": lambda: gemm(1.5, 0, False),
    **{f.__name__: f for f in (matmul_integer, matmul_integer_of_two, matmul_to_float, gemm, functions, choice)},
    **{f.__name__: f for f in (activations_product, channels_last, old_opset, wide, picks)},
}
