# SPDX-License-Identifier: CC0-1.0
"""What is not a number, or infinite, once tensors are rounded: it never becomes an integer by chance."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from onnx import numpy_helper
from small_models import compiled, dense, join, model, node, normal, outcome

from espdl.quantization import Quantization
from espdl.verify import host, samples

# Both inputs are rounded with steps that are larger than the smallest divisors: 0 / 0, and others over 0.
DIVISORS = np.logspace(-5, 0, 40).astype(np.float32).reshape(-1, 1)


def quotients() -> tuple:
    nodes, constants = join(node("Div", ["x", "b"], ["n"], "divide"), dense("n", "y", 8, 3))
    proto = model(nodes, [("x", [1, 8]), ("b", [1, 1])], [("y", [1, 3])], constants)
    return proto, {"x": normal(40, 8) * DIVISORS, "b": DIVISORS}


@pytest.mark.parametrize("options", [{}, {"scheme": "power_of_two"}, {"effort": "best"}])
def test_a_layer_behind_what_is_no_number_keeps_its_bias(options: dict[str, str], tmp_path: Path) -> None:
    proto, data = quotients()
    result = outcome(proto, data, tmp_path, **options)
    warnings = result.compilation.quantized.warnings
    assert any("'y_gemm' (Gemm) keeps its bias" in text and "'divide' (Div)" in text for text in warnings), warnings
    constants = {t.name: numpy_helper.to_array(t) for t in result.compilation.quantized.proto.graph.initializer}
    bias = constants["y_bias_quantized"] * constants["y_bias_scale"]
    given = next(numpy_helper.to_array(t) for t in proto.graph.initializer if t.name == "y_bias")
    assert np.allclose(bias, given, atol=np.max(constants["y_bias_scale"]))


@pytest.mark.slow
def test_the_c_gives_zero_for_what_is_no_number(tmp_path: Path) -> None:
    nodes, _ = join(node("Div", ["a", "b"], ["y"], "divide"))
    proto = model(nodes, [("a", [1, 4]), ("b", [1, 4])], [("y", [1, 4])])
    data = {"a": normal(20, 4), "b": 1.0 + np.abs(normal(20, 4, seed=2))}
    made = compiled(proto, data, tmp_path)
    program = host.build(made.plan, made.files, "net", tmp_path / "build")
    inputs = {"a": np.float32([[0, 1, -1, 0]]), "b": np.float32([[0, 0, 0, 1]])}
    (got,) = program.run(samples.to_tensors(made.plan, inputs)).outputs["y"]
    y = made.plan.tensor(made.plan.outputs[0].tensor)
    assert got.tolist()[0] == [y.zero_point, 127, -128, y.zero_point]


def test_fake_quantisation_does_what_the_c_does() -> None:
    values = np.float32([np.nan, np.inf, -np.inf, 0.26])
    assert Quantization(np.float32(0.5), 3).fake_quantize(values).tolist() == [0.0, 62.0, -65.5, 0.5]
