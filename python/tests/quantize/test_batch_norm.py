# SPDX-License-Identifier: CC0-1.0
"""Batch normalisations that become part of a product, or a convolution: the float model computes what it did before."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import onnx
import onnxruntime as ort
import pytest
from onnx import TensorProto, helper, numpy_helper

from espdl import frontend, pipeline
from espdl.quantize import batch_norm
from espdl.quantize.preprocess import preprocess

RANDOM = np.random.default_rng(3)
CHANNELS = 6


def model(nodes: list[onnx.NodeProto], x: tuple[int, ...], y: str = "y", **constants: np.ndarray) -> onnx.ModelProto:
    """From "x" to `y` and "z", if a node makes that; "scale", "shift", "mean" and "variance" are there."""
    statistics = {"shift": RANDOM.normal(size=CHANNELS), "mean": RANDOM.normal(size=CHANNELS)}
    statistics |= {name: np.exp(RANDOM.normal(size=CHANNELS)) for name in ("scale", "variance")}
    made = {name for node in nodes for name in node.output}
    graph = helper.make_graph(
        nodes,
        "net",
        [helper.make_tensor_value_info("x", TensorProto.FLOAT, x)],
        [
            helper.make_tensor_value_info(name, TensorProto.FLOAT, None)
            for name in dict.fromkeys((y, "z"))
            if name in made
        ],
        [numpy_helper.from_array(np.asarray(v, np.float32), k) for k, v in (statistics | constants).items()],
    )
    proto = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8)
    return onnx.shape_inference.infer_shapes(proto)


def norm(x: str, y: str = "y", name: str = "norm") -> onnx.NodeProto:
    inputs = [x, "scale", "shift", "mean", "variance"]
    return helper.make_node("BatchNormalization", inputs, [y], name=name, epsilon=0.01)


def run(proto: onnx.ModelProto, x: np.ndarray) -> list[np.ndarray]:
    options = ort.SessionOptions()
    options.graph_optimization_level = ort.GraphOptimizationLevel.ORT_DISABLE_ALL
    return ort.InferenceSession(proto.SerializeToString(), options, providers=["CPUExecutionProvider"]).run(
        None, {"x": x}
    )


def check(before: onnx.ModelProto, after: onnx.ModelProto, x: tuple[int, ...]) -> list[str]:
    """The operators of `after`, which gives the same."""
    data = RANDOM.normal(size=x).astype(np.float32)
    for one, other in zip(run(before, data), run(after, data), strict=True):
        np.testing.assert_allclose(one, other, rtol=1e-4, atol=1e-5)
    return [node.op_type for node in after.graph.node]


@pytest.mark.parametrize("x", [(1, 6), (1, 6, 5), (1, 6, 4, 3), (1, 6, 2, 3, 4)])
def test_as_convolution(x: tuple[int, ...]) -> None:
    before = model([norm("x")], x)
    after = batch_norm.as_convolutions(before)
    assert check(before, after, x) == (["Conv"] if len(x) == 4 else ["Reshape", "Conv", "Reshape"])
    assert "norm" in [node.name for node in after.graph.node]
    assert [node.op_type for node in before.graph.node] == ["BatchNormalization"]


def test_statistics_that_are_no_constants_stay() -> None:
    nodes = [helper.make_node("ReduceMean", ["x"], ["m"], axes=[0, 2, 3], keepdims=0), norm("x")]
    nodes[1].input[3] = "m"
    before = model(nodes, (1, 6, 4, 3))
    assert "BatchNormalization" in check(before, batch_norm.as_convolutions(before), (1, 6, 4, 3))


W, B = RANDOM.normal(size=(4, CHANNELS)), RANDOM.normal(size=CHANNELS)
PRODUCTS = {
    "Gemm": ([helper.make_node("Gemm", ["x", "w", "b"], ["h"], name="dense")], {"w": W, "b": B}),
    "Gemm without bias": ([helper.make_node("Gemm", ["x", "w"], ["h"], name="dense")], {"w": W}),
    "Gemm with everything": (
        [helper.make_node("Gemm", ["x", "w", "b"], ["h"], name="dense", transB=1, alpha=0.5, beta=3.0)],
        {"w": W.T, "b": B[None]},
    ),
    "MatMul": ([helper.make_node("MatMul", ["x", "w"], ["h"], name="dense")], {"w": W}),
    "MatMul and Add": (
        [
            helper.make_node("MatMul", ["x", "w"], ["p"], name="dense"),
            helper.make_node("Add", ["b", "p"], ["h"], name="add"),
        ],
        {"w": W, "b": B},
    ),
    "MatMul and a scalar": (
        [helper.make_node("MatMul", ["x", "w"], ["p"], name="dense"), helper.make_node("Add", ["p", "b"], ["h"])],
        {"w": W, "b": np.float32(0.5)},
    ),
}


def preprocessed(proto: onnx.ModelProto, folder: Path) -> onnx.ModelProto:
    onnx.save(proto, folder / "net.onnx")
    return preprocess(frontend.load(folder / "net.onnx", {}))


@pytest.mark.parametrize("product", PRODUCTS)
def test_product_takes_it_in(product: str, tmp_path: Path) -> None:
    nodes, constants = PRODUCTS[product]
    before = model([*nodes, norm("h")], (3, 4), **constants)
    after = preprocessed(before, tmp_path)
    assert check(before, after, (3, 4)) == ["Gemm"]
    assert [node.name for node in after.graph.node] == ["dense"]


@pytest.mark.parametrize("shared", ["h is read twice", "h is an output"])
def test_product_that_others_see_stays(shared: str, tmp_path: Path) -> None:
    nodes, constants = PRODUCTS["Gemm"]
    more = [helper.make_node("Tanh", ["h"], ["z"], name="tanh")] if shared == "h is read twice" else []
    before = model([*nodes, norm("h"), *more], (3, 4), "y", **constants)
    if not more:
        before.graph.output.append(helper.make_tensor_value_info("h", TensorProto.FLOAT, (3, 6)))
    assert "BatchNormalization" in check(before, preprocessed(before, tmp_path), (3, 4))


@pytest.mark.parametrize("scheme", ["affine", "power_of_two"])
def test_no_float_is_left(scheme: str, tmp_path: Path) -> None:
    first = helper.make_node("Abs", ["x"], ["a"], name="first")  # what is first at an input goes into that
    before = model([first, norm("a", "h"), helper.make_node("Relu", ["h"], ["y"], name="relu")], (1, 6, 4, 3))
    onnx.save(before, tmp_path / "net.onnx")
    np.save(tmp_path / "calib.npy", RANDOM.normal(size=(8, 6, 4, 3)).astype(np.float32))
    options = pipeline.Options(
        model=str(tmp_path / "net.onnx"),
        calibration=str(tmp_path / "calib.npy"),
        name="net",
        output=str(tmp_path / "out"),
        scheme=scheme,
    )
    calls = pipeline.compile_model(options).plan.calls
    assert [c.source_nodes for c in calls if c.operator == "conv2d"] == [("norm", "relu")]
    assert not [c for c in calls if not c.exact or c.operator == "fallback"]
