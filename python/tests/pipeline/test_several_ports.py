# SPDX-License-Identifier: Apache-2.0
"""Models with several inputs and outputs, some of which share tensors."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import onnx
import pytest
from onnx import TensorProto, helper, numpy_helper

from espdl import pipeline
from espdl.quantize.ranges import session
from espdl.verify import compare, host, samples

SHAPE = [1, 4, 6, 6]


def model() -> onnx.ModelProto:
    """(left, right) -> features, pooled [1, 4], and once more the same as `again`."""
    rng = np.random.default_rng(5)
    weights = rng.standard_normal((4, 4, 3, 3)).astype(np.float32) / 6
    nodes = [
        helper.make_node("Conv", ["left", "w"], ["conv"], name="conv", pads=[1, 1, 1, 1]),
        helper.make_node("Add", ["conv", "right"], ["sum"], name="sum"),
        helper.make_node("Relu", ["sum"], ["features"], name="relu"),
        helper.make_node("GlobalAveragePool", ["features"], ["mean"], name="mean"),
        helper.make_node("Flatten", ["mean"], ["pooled"], name="flatten"),
        helper.make_node("Identity", ["pooled"], ["again"], name="again"),
    ]
    ports = [helper.make_tensor_value_info(name, TensorProto.FLOAT, SHAPE) for name in ("left", "right", "features")]
    ports += [helper.make_tensor_value_info(name, TensorProto.FLOAT, [1, 4]) for name in ("pooled", "again")]
    graph = helper.make_graph(nodes, "net", ports[:2], ports[2:], [numpy_helper.from_array(weights, "w")])
    return helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8)


@pytest.mark.parametrize("scheme", ["affine", "power_of_two"])
@pytest.mark.parametrize("io", ["int8", "float32"])
def test_all_outputs_are_right(tmp_path: Path, build_folder: Path, scheme: str, io: str) -> None:
    onnx.save(model(), tmp_path / "net.onnx")
    rng = np.random.default_rng(6)
    data = {name: rng.uniform(-1, 1, (12, *SHAPE[1:])).astype(np.float32) for name in ("left", "right")}
    np.savez(tmp_path / "calib.npz", **data)
    options = pipeline.Options(
        model=str(tmp_path / "net.onnx"),
        calibration=str(tmp_path / "calib.npz"),
        name="net",
        output=str(tmp_path / "out"),
        scheme=scheme,
        io=io,
        taps=True,
    )
    compilation = pipeline.compile_model(options)
    plan = compilation.plan
    assert [p.name for p in plan.inputs] == ["left", "right"]
    assert [p.name for p in plan.outputs] == ["features", "pooled", "again"]
    program = host.build(plan, compilation.files, "net", build_folder, flags=host.SANITIZERS)
    inputs = samples.to_tensors(plan, data)
    results = program.run(inputs, layers=True)
    assert compare.first_difference(plan, inputs, results) is None
    got = samples.to_float(plan, results.outputs)
    runner = session(compilation.quantized.float_proto)
    for index, output in enumerate(p.name for p in plan.outputs):
        expected = [runner.run(None, {n: v[i : i + 1] for n, v in data.items()})[index] for i in range(12)]
        expected = np.concatenate(expected).reshape(12, -1)
        noise = np.sum((expected - got[output].reshape(12, -1)) ** 2)
        assert 10 * np.log10(np.sum(expected**2) / noise) > 25, output
