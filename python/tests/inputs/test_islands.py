# SPDX-License-Identifier: CC0-1.0
"""What integers cannot carry runs in floats: found by calibration, or asked for with FLOAT."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import onnx
import pytest
from input_models import log_mel
from onnx import TensorProto
from small_models import compiled, constant, conv, dense, join, model, node, normal, outcome, steps_off

from espdl.errors import EspdlError
from espdl.quantize import float_marks


@pytest.mark.parametrize(
    "kind, options",
    [(TensorProto.FLOAT, {}), (TensorProto.INT16, {"chip": "esp32s3"}), (TensorProto.FLOAT, {"precision": "int16x8"})],
    ids=str,
)
def test_log_of_power(kind: int, options: dict[str, str], tmp_path: Path) -> None:
    proto, data = log_mel(kind)
    made = outcome(proto, data, tmp_path, **options)
    assert made.sqnr >= 25.0
    if "precision" not in options:
        (told,) = (text for text in made.compilation.quantized.warnings if "in floats" in text)
        assert "'log' (Log)" in told and "float operations" in told and made.compilation.report["warnings"]
        assert ("with FPU" in told) == (options.get("chip") == "esp32s3")
        # The network behind it stays in integers.
        assert sum(layer["macs"] for layer in made.layers if not layer["fallback"]) > 0
        assert all(not layer["fallback"] for layer in made.layers if "conv" in layer["kernel"])


def test_small_variances(tmp_path: Path) -> None:
    """Division by a deviation that rounds to nothing: in floats from the input on, which then is one."""
    nodes, constants = join(
        node("ReduceMean", ["x", "one"], ["mean"], "mean", keepdims=1),
        node("Sub", ["x", "mean"], ["d"], "centre"),
        node("Mul", ["d", "d"], ["d2"], "square"),
        node("ReduceMean", ["d2", "one"], ["v"], "variance", keepdims=1),
        node("Add", ["v", "epsilon"], ["ve"], "add_epsilon"),
        node("Sqrt", ["ve"], ["sd"], "root"),
        node("Div", ["d", "sd"], ["n"], "divide"),
        dense("n", "y", 16, 4),
    )
    constants += [constant("epsilon", 1e-7), constant("one", [1], np.int64)]
    proto = model(nodes, [("x", [1, 16])], [("y", [1, 4])], constants, opset=18)
    scales = np.random.default_rng(3).permutation(np.logspace(-3, 0, 64)).astype(np.float32)
    made = outcome(proto, {"x": normal(64, 16, seed=5) * scales[:, np.newaxis]}, tmp_path)
    assert made.sqnr >= 25.0
    assert made.compilation.plan.tensor(made.compilation.plan.inputs[0].tensor).dtype == "float32"


def test_nothing_where_integers_do(tmp_path: Path) -> None:
    """A logarithm of what does not come near zero is a table."""
    nodes, constants = join(
        conv("x", "c", 2, 4, (3, 3)),
        node("Sigmoid", ["c"], ["s"], "sigmoid"),
        node("Add", ["s", "half"], ["p"], "plus"),
        node("Log", ["p"], ["l"], "log"),
        conv("l", "y", 4, 4, (3, 3), seed=8),
    )
    proto = model(nodes, [("x", [1, 2, 9, 9])], [("y", [1, 4, 5, 5])], [*constants, constant("half", 0.5)])
    made = outcome(proto, {"x": normal(40, 2, 9, 9)}, tmp_path)
    assert not made.in_float and made.sqnr > 25.0


def chain() -> onnx.ModelProto:
    nodes, constants = join(
        conv("x", "a", 2, 8, (3, 3), pads=[1] * 4),
        node("Relu", ["a"], ["r"], "relu"),
        conv("r", "b", 8, 8, (3, 3), seed=8, pads=[1] * 4),
        node("Relu", ["b"], ["s"], "relu2"),
        conv("s", "y", 8, 4, (3, 3), seed=9),
    )
    return model(nodes, [("x", [1, 2, 8, 8])], [("y", [1, 4, 6, 6])], constants)


@pytest.mark.parametrize("options", [{}, {"scheme": "power_of_two"}, {"precision": "int16x8"}], ids=str)
@pytest.mark.parametrize(
    "names", [("b_conv",), ("relu", "b_conv", "relu2"), ("a_conv",), ("y_conv",), ("relu2", "y_conv")]
)
def test_nodes_asked_for(names: tuple[str, ...], options: dict[str, str], tmp_path: Path) -> None:
    """They stay in floats, what is beside them in integers, and all of it is what ONNX Runtime computes."""
    data = {"x": normal(24, 2, 8, 8)}
    made = compiled(chain(), data, tmp_path, float=names, **options)
    floats = {n for layer in made.report["layers"] if layer["fallback"] for n in layer["nodes"]}
    assert {name for name in names if "conv" in name} <= floats
    kernels = [layer for layer in made.report["layers"] if not layer["fallback"] and layer["macs"]]
    integers = {n for layer in kernels for n in layer["nodes"] if "conv" in n}
    assert integers == {"a_conv", "b_conv", "y_conv"} - set(names)
    assert steps_off(made, {"x": data["x"][:3]}) <= 2


def test_between_two_of_them_nothing_is_rounded(tmp_path: Path) -> None:
    made = compiled(chain(), {"x": normal(24, 2, 8, 8)}, tmp_path, float=("b_conv", "relu2"))
    rounded = {n.input[0] for n in made.quantized.proto.graph.node if n.op_type == "QuantizeLinear"}
    assert "b" not in rounded and {"r", "s"} <= rounded
    assert sum(map(float_marks.is_marked, made.quantized.proto.graph.node)) == 2


def test_unknown_node(tmp_path: Path) -> None:
    with pytest.raises(EspdlError, match=r"floats for node 'b_con': (?s:.*) such as b_conv"):
        compiled(chain(), {"x": normal(8, 2, 8, 8)}, tmp_path, float=("b_con",))
