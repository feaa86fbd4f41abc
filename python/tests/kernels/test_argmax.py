# SPDX-License-Identifier: CC0-1.0
"""ArgMax: C against the reference; in a model, the answer of numpy on the integers."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import onnx
import pytest
from harness import check, examples, runs
from hypothesis import given
from hypothesis import strategies as st
from onnx import TensorProto, helper, numpy_helper
from strategies import TARGETS, contents, shifts

from espdl import pipeline
from espdl.backends import lower
from espdl.ops.reductions import ArgMax
from espdl.plan.types import Tensor
from espdl.verify import host, reference, samples


@runs("espdl_argmax_s8")
@given(st.data(), st.tuples(st.integers(1, 5), st.integers(1, 300), st.integers(1, 5)), shifts)
@examples
def test_argmax(data: st.DataObject, sizes: tuple[int, int, int], shift: int) -> None:
    values = data.draw(contents(sizes))
    node = ArgMax((Tensor("x", sizes, "int8", 0.1),), (Tensor("y", (sizes[0], sizes[2]), "int64"),), (), sizes)
    (result,) = check(lower(node, TARGETS[0]), values, shift=shift)
    for i, k in np.ndindex(*result.shape):
        row = values[i, :, k].tolist()
        assert result[i, k] == row.index(max(row))


@pytest.mark.slow
@pytest.mark.parametrize(("axis", "keepdims"), [(1, 0), (1, 1), (-1, 1), (2, 0)])
def test_a_model_uses_it(axis: int, keepdims: int, tmp_path: Path) -> None:
    shape = [1, 5, 4, 3]
    node = helper.make_node("ArgMax", ["x"], ["y"], name="best", axis=axis, keepdims=keepdims)
    ports = [
        helper.make_tensor_value_info("x", TensorProto.FLOAT, shape),
        helper.make_tensor_value_info(
            "y", TensorProto.INT64, np.argmax(np.zeros(shape), axis, keepdims=keepdims).shape
        ),
    ]
    graph = helper.make_graph([node], "g", ports[:1], ports[1:])
    onnx.save(
        helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8), tmp_path / "net.onnx"
    )
    values = np.random.default_rng(3).standard_normal((8, *shape[1:])).astype(np.float32)
    np.save(tmp_path / "calib.npy", values)
    options = pipeline.Options(
        str(tmp_path / "net.onnx"), "net", str(tmp_path), calibration=str(tmp_path / "calib.npy")
    )
    compilation = pipeline.compile_model(options)
    operators = [call.operator for call in compilation.plan.calls]
    assert "argmax" in operators and "fallback" not in operators
    program = host.build(compilation.plan, compilation.files, "net", tmp_path / "out", flags=host.SANITIZERS)
    integers = samples.to_tensors(compilation.plan, {"x": values})["x"]
    results = program.run({"x": integers}).outputs["y"]
    expected = integers.reshape(8, *shape[1:]).argmax(axis % 4)
    np.testing.assert_array_equal(results.reshape(expected.shape), expected)


@pytest.mark.parametrize(("axis", "keepdims", "moves"), [(1, 0, 0), (1, 1, 0), (3, 1, 1), (2, 0, 1)])
def test_classes_of_pixels_are_found_channels_last(axis: int, keepdims: int, moves: int, tmp_path: Path) -> None:
    """Behind a convolution; another axis costs one permutation, of the smaller tensor where there is one."""
    random = np.random.default_rng(3)
    weights = numpy_helper.from_array(random.standard_normal((5, 3, 3, 3)).astype(np.float32), "w")
    nodes = [
        helper.make_node("Conv", ["x", "w"], ["c"], name="conv", pads=[1] * 4),
        helper.make_node("ArgMax", ["c"], ["y"], name="best", axis=axis, keepdims=keepdims),
    ]
    shape = np.argmax(np.zeros((1, 5, 4, 6)), axis, keepdims=keepdims).shape
    x = helper.make_tensor_value_info("x", TensorProto.FLOAT, [1, 3, 4, 6])
    graph = helper.make_graph(
        nodes, "g", [x], [helper.make_tensor_value_info("y", TensorProto.INT64, shape)], [weights]
    )
    onnx.save(
        helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8), tmp_path / "net.onnx"
    )
    values = random.standard_normal((8, 3, 4, 6)).astype(np.float32)
    np.save(tmp_path / "x.npy", values)
    options = pipeline.Options(
        str(tmp_path / "net.onnx"), "net", str(tmp_path), str(tmp_path / "x.npy"), input_layout="nhwc"
    )
    plan = pipeline.compile_model(options).plan
    assert sorted(c.operator for c in plan.calls) == sorted(["conv2d", "argmax", *["transpose"] * moves])
    conv = next(c.outputs[0] for c in plan.calls if c.operator == "conv2d")
    integers = samples.to_tensors(plan, {"x": values})["x"]
    for sample in integers:
        found = reference.run(plan, {"x": sample})
        expected = found[conv].reshape(1, 4, 6, 5).transpose(0, 3, 1, 2).argmax(axis)
        np.testing.assert_array_equal(found[plan.outputs[0].tensor].reshape(expected.shape), expected)
