# SPDX-License-Identifier: CC0-1.0
"""What no reader of a tensor tells apart takes no part of its scale."""

from __future__ import annotations

import os
from pathlib import Path

import numpy as np
import onnx
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from small_models import by_onnxruntime, constant, conv, dense, ints, join, model, node, normal, outcome

from espdl.quantize import cutoffs
from espdl.quantize.graph import Graph

EXAMPLES = int(os.environ.get("ESPDL_TEST_EXAMPLES", "25"))
SHAPE = [1, 4, 4, 4]
# By kind: nodes from `{0}` to `{1}` of any shape with as many axes.
MOVES = ["Transpose", "MaxPool", "ReduceMax", "Slice", "Concat", "Identity", "Pad"]
CUTTING = ["Relu", "Clip", "Floor of Clip", "HardSwish", "HardSigmoid"]
OTHERS = ["Sigmoid", "Abs", "AveragePool"]
CONSTANTS = [
    constant("low", -0.5), constant("high", 1.5), ints("begin", 0), ints("end", 2), ints("axis", 3),
    ints("pads", 0, 0, 0, 1, 0, 0, 0, 0),
]  # fmt: skip


def step(kind: str, source: str, target: str) -> list[onnx.NodeProto]:
    """From `source` to `target`, in as many axes."""
    inputs, attributes = {
        "Transpose": ([], {"perm": [0, 2, 3, 1]}),
        "MaxPool": ([], {"kernel_shape": [2, 2], "pads": [1, 1, 0, 0]}),
        "AveragePool": ([], {"kernel_shape": [2, 2], "pads": [1, 1, 0, 0]}),
        "ReduceMax": ([], {"axes": [2], "keepdims": 1}),
        "Slice": (["begin", "end", "axis"], {}),
        "Concat": ([source], {"axis": 1}),
        "Pad": (["pads"], {}),
        "Clip": (["low", "high"], {}),
    }.get(kind, ([], {}))
    return [node(kind, [source, *inputs], [target], f"{kind}_{target}", **attributes)]


@settings(max_examples=EXAMPLES, deadline=None)
@given(
    st.lists(st.sampled_from(MOVES), max_size=3), st.lists(st.sampled_from(CUTTING + OTHERS), min_size=1, max_size=3)
)
def test_the_model_gives_the_same_for_what_is_cut(moves: list[str], readers: list[str]) -> None:
    nodes, last = [], "x"
    for index, kind in enumerate(moves):
        nodes += step(kind, last, f"t{index}")
        last = f"t{index}"
    for index, kind in enumerate(readers):
        if kind.startswith("Floor"):
            nodes += step("Clip", last, f"c{index}") + step("Floor", f"c{index}", f"y{index}")
        elif kind == "HardSwish":
            nodes += step("HardSigmoid", last, f"c{index}")
            nodes.append(
                node("Mul", [last, f"c{index}"] if index % 2 else [f"c{index}", last], [f"y{index}"], f"m{index}")
            )
        else:
            nodes += step(kind, last, f"y{index}")
    proto = model(nodes, [("x", SHAPE)], [(f"y{i}", [None] * 4) for i in range(len(readers))], CONSTANTS)
    proto = onnx.shape_inference.infer_shapes(proto)
    found = cutoffs.bounds(Graph(proto))
    assert ("x" in found) == (last in found) == (not {*readers} & {*OTHERS})
    x = normal(3, *SHAPE, scale=5)
    exact, other = (by_onnxruntime(proto, {"x": v}) for v in (x, cutoffs.cut(x, found.get("x"))))
    for name in exact:
        np.testing.assert_array_equal(exact[name], other[name])


@pytest.mark.parametrize("options", [{}, {"chip": "esp32s3"}, {"precision": "int16x8"}])
def test_a_relu_in_front_is_free(options: dict, tmp_path: Path) -> None:
    """Most of the input is negative, and far from zero: not even its range is left."""
    nodes, constants = join(
        node("Transpose", ["x"], ["t"], "move", perm=[0, 2, 1]),
        node("Relu", ["t"], ["r"], "relu"),
        conv("r", "y", 6, 4, [3]),
    )
    proto = model(nodes, [("x", [1, 12, 6])], [("y", [1, 4, 10])], constants)
    x = normal(64, 12, 6)
    result = outcome(proto, {"x": np.where(x < 0, 8 * x, x)}, tmp_path, **options)
    assert not result.in_float
    assert result.sqnr > 36
    if not options:
        assert ["relu"] not in [layer["nodes"] for layer in result.layers]


def test_two_readers_that_cut(tmp_path: Path) -> None:
    """What two heads cut off at different places keeps what one of them needs."""
    nodes, constants = join(
        dense("x", "h", 10, 12),
        node("Clip", ["h", "low", "high"], ["a"], "a"),
        node("Relu", ["h"], ["b"], "b"),
        dense("a", "y", 12, 3, seed=9),
        dense("b", "z", 12, 3, seed=11),
    )
    constants += [constant("low", -0.25), constant("high", 0.5)]
    proto = model(nodes, [("x", [1, 10])], [("y", [1, 3]), ("z", [1, 3])], constants)
    data = {"x": 1.5 * normal(96, 10)}
    result = outcome(proto, data, tmp_path, evaluation={"x": normal(32, 10, seed=6)})
    low, high = result.compilation.quantized.statistics["h"]
    assert low == pytest.approx(-0.25, abs=1e-3) and high > 1
    assert result.sqnr > 30
