# SPDX-License-Identifier: CC0-1.0
"""The references against ONNX Runtime's float operators between dequantised tensors: within one step."""

from __future__ import annotations

import numpy as np
import onnxruntime as ort
import pytest
from harness import check
from onnx import TensorProto, helper
from strategies import TARGETS

from espdl.backends import lower
from espdl.ops.add import Add
from espdl.ops.average_pool2d import AveragePool2d
from espdl.ops.conv2d import Conv2d
from espdl.ops.gemm import Gemm
from espdl.ops.lookup import LEAKY_RELU, Lookup
from espdl.ops.max_pool2d import MaxPool2d
from espdl.ops.softmax import Softmax
from espdl.plan.types import Tensor

RANDOM = np.random.default_rng(7)


def onnx_float(kind: str, inputs: dict[str, np.ndarray], **attributes: object) -> np.ndarray:
    """One ONNX operator in float32, optimisations off."""
    node = helper.make_node(kind, list(inputs), ["y"], **attributes)
    ports = [helper.make_tensor_value_info(n, TensorProto.FLOAT, v.shape) for n, v in inputs.items()]
    graph = helper.make_graph([node], "g", ports, [helper.make_tensor_value_info("y", TensorProto.FLOAT, None)])
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 19)], ir_version=9)
    options = ort.SessionOptions()
    options.graph_optimization_level = ort.GraphOptimizationLevel.ORT_DISABLE_ALL
    session = ort.InferenceSession(model.SerializeToString(), options, providers=["CPUExecutionProvider"])
    return session.run(None, {n: v.astype(np.float32) for n, v in inputs.items()})[0]


def real(t: Tensor, q: np.ndarray) -> np.ndarray:
    return np.float32(q.astype(np.int32) - t.zero_point) * np.float32(t.scale)


def assert_one_step(y: Tensor, result: np.ndarray, exact: np.ndarray) -> None:
    ideal = np.clip(np.rint(exact.astype(np.float64) / y.scale) + y.zero_point, -128, 127)
    assert np.abs(ideal.reshape(-1) - result.reshape(-1)).max() <= 1
    assert np.unique(result).size > 3, "the case saturates: it compares nothing"


def nchw(x: np.ndarray) -> np.ndarray:
    return x.transpose(0, 3, 1, 2)


def draw(shape: tuple[int, ...]) -> np.ndarray:
    return RANDOM.integers(-128, 128, shape).astype(np.int8)


@pytest.mark.parametrize(
    ("groups", "pads", "dilations"), [(1, (1, 0, 2, 1), (1, 1)), (2, (0, 0, 0, 0), (2, 1)), (4, (1, 1, 1, 1), (1, 1))]
)
def test_convolution(groups: int, pads: tuple[int, ...], dilations: tuple[int, int]) -> None:
    x = Tensor("x", (1, 9, 8, 4), "int8", 0.05, 11)
    weights, bias = RANDOM.integers(-127, 128, (8, 3, 2, 4 // groups)).astype(np.int8), draw((8,)).astype(np.int32) * 16
    scales = np.float32(RANDOM.uniform(0.002, 0.008, 8))
    values = draw(x.shape)
    real_weights = weights * scales[:, None, None, None]
    inputs = {"x": nchw(real(x, values)), "w": nchw(real_weights), "b": bias * scales * np.float32(x.scale)}
    exact = onnx_float("Conv", inputs, pads=pads, dilations=dilations, strides=(2, 1), group=groups)
    exact = exact.transpose(0, 2, 3, 1)
    y = Tensor("y", exact.shape, "int8", float(np.abs(exact).max()) / 130, -3)
    node = Conv2d((x,), (y,), (), weights, scales, bias, (2, 1), pads, dilations, groups, None)
    assert_one_step(y, check(lower(node, TARGETS[0]), values)[0], exact)


def test_gemm() -> None:
    x, y = Tensor("x", (3, 40), "int8", 0.05, -7), Tensor("y", (3, 10), "int8", 0.2, 4)
    weights, bias = RANDOM.integers(-127, 128, (10, 40)).astype(np.int8), draw((10,)).astype(np.int32) * 16
    scales = np.float32(RANDOM.uniform(0.004, 0.01, 10))
    values = draw(x.shape)
    inputs = {"x": real(x, values), "w": weights * scales[:, None], "b": bias * scales * np.float32(x.scale)}
    node = Gemm((x,), (y,), (), weights, scales, bias, None)
    assert_one_step(y, check(lower(node, TARGETS[0]), values)[0], onnx_float("Gemm", inputs, transB=1))


def test_add() -> None:
    a, b = Tensor("a", (1, 200), "int8", 0.05, -7), Tensor("b", (1, 200), "int8", 0.013, 90)
    y = Tensor("y", (1, 200), "int8", 0.06, 4)
    va, vb = draw(a.shape), draw(b.shape)
    result = check(lower(Add((a, b), (y,), (), None), TARGETS[0]), va, vb)[0]
    assert_one_step(y, result, onnx_float("Add", {"a": real(a, va), "b": real(b, vb)}))


@pytest.mark.parametrize("include", [0, 1])
@pytest.mark.parametrize("ceil", [0, 1])
def test_pooling(include: int, ceil: int) -> None:
    x = Tensor("x", (1, 8, 9, 3), "int8", 0.05, -7)
    values = draw(x.shape)
    window = {"strides": (2, 2), "pads": (1, 1, 1, 1), "dilations": (1, 1)}
    attributes = {"kernel_shape": (3, 2), "ceil_mode": ceil, **window}
    inputs = {"x": nchw(real(x, values))}
    mean = onnx_float("AveragePool", inputs, count_include_pad=include, **attributes).transpose(0, 2, 3, 1)
    y = Tensor("y", mean.shape, "int8", 0.03, 4)
    node = AveragePool2d(
        (x,),
        (y,),
        (),
        x.shape[1:],
        y.shape[1:3],
        kernel=(3, 2),
        count_include_pad=bool(include),
        activation=None,
        **window,
    )
    assert_one_step(y, check(lower(node, TARGETS[0]), values)[0], mean)
    largest = onnx_float("MaxPool", inputs, **attributes).transpose(0, 2, 3, 1)
    y = Tensor("y", largest.shape, "int8", x.scale, x.zero_point)
    node = MaxPool2d((x,), (y,), (), kernel=(3, 2), activation=None, **window)
    np.testing.assert_array_equal(real(y, check(lower(node, TARGETS[0]), values)[0]), largest)


@pytest.mark.parametrize(
    ("kind", "function"),
    [
        ("Sigmoid", "relax.sigmoid"),
        ("Tanh", "relax.tanh"),
        ("Exp", "relax.exp"),
        ("Erf", "relax.erf"),
        ("Softplus", "relax.nn.softplus"),
        ("Round", "relax.round"),
        ("LeakyRelu", LEAKY_RELU),
    ],
)
def test_lookup(kind: str, function: str) -> None:
    x, y = Tensor("x", (1, 256), "int8", 0.02, 9), Tensor("y", (1, 256), "int8", 0.04, -60)
    values = np.arange(-128, 128).astype(np.int8).reshape(x.shape)
    result = check(lower(Lookup((x,), (y,), (), function, 0.1, None), TARGETS[0]), values)[0]
    attributes = {"alpha": 0.1} if kind == "LeakyRelu" else {}
    assert_one_step(y, result, onnx_float(kind, {"x": real(x, values)}, **attributes))


def test_softmax() -> None:
    x, y = Tensor("x", (6, 12), "int8", 0.05, 9), Tensor("y", (6, 12), "int8", 2.0**-8, -128)
    values = draw(x.shape)
    result = check(lower(Softmax((x,), (y,), (), 12), TARGETS[0]), values)[0]
    assert_one_step(y, result, onnx_float("Softmax", {"x": real(x, values)}, axis=-1))
