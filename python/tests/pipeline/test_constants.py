# SPDX-License-Identifier: CC0-1.0
"""Layers of a quantised model that depend on no input: kernels read what a generated function puts into the arena."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import onnx
from onnx import TensorProto, helper, numpy_helper

from espdl import pipeline
from espdl.verify import compare, host, samples


def test_a_pool_of_a_constant(tmp_path: Path) -> None:
    scale = ["s", "z"]
    nodes = [
        helper.make_node("QuantizeLinear", ["x", *scale], ["qx"], name="qx"),
        helper.make_node("DequantizeLinear", ["qx", *scale], ["dx"], name="dx"),
        helper.make_node("DequantizeLinear", ["k", *scale], ["dk"], name="dk"),
        helper.make_node("MaxPool", ["dk"], ["p"], name="pool", kernel_shape=[2, 2]),
        helper.make_node("QuantizeLinear", ["p", *scale], ["qp"], name="qp"),
        helper.make_node("DequantizeLinear", ["qp", *scale], ["dp"], name="dp"),
        helper.make_node("Add", ["dx", "dp"], ["sum"], name="add"),
        helper.make_node("QuantizeLinear", ["sum", *scale], ["qy"], name="qy"),
        helper.make_node("DequantizeLinear", ["qy", *scale], ["y"], name="dy"),
    ]
    constant = np.random.default_rng(0).integers(-100, 100, (1, 4, 4, 4)).astype(np.int8)
    initializers = [
        numpy_helper.from_array(value, name)
        for name, value in (("s", np.float32(0.1)), ("z", np.int8(0)), ("k", constant))
    ]
    ports = [helper.make_tensor_value_info(name, TensorProto.FLOAT, (1, 4, 3, 3)) for name in "xy"]
    graph = helper.make_graph(nodes, "net", ports[:1], ports[1:], initializers)
    onnx.save(
        helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8), tmp_path / "net.onnx"
    )
    options = pipeline.Options(model=str(tmp_path / "net.onnx"), name="net", output=str(tmp_path / "out"), taps=True)
    compilation = pipeline.compile_model(options)
    program = host.build(compilation.plan, compilation.files, "net", tmp_path / "program")
    x = np.random.default_rng(1).normal(0, 5, (3, 1, 4, 3, 3)).astype(np.float32)
    inputs = samples.to_tensors(compilation.plan, {"x": x})
    results = program.run(inputs, layers=True)
    assert compare.first_difference(compilation.plan, inputs, results) is None
    windows = np.lib.stride_tricks.sliding_window_view(constant, (2, 2), axis=(2, 3)).max(axis=(4, 5))
    expected = np.clip(np.clip(np.rint(x * 10), -128, 127) + windows, -128, 127) * 0.1
    np.testing.assert_allclose(
        samples.to_float(compilation.plan, results.outputs)["y"].reshape(x.shape), expected, atol=1e-4
    )
