# SPDX-License-Identifier: CC0-1.0
"""Changes from one scale to another: inside of what makes the tensor, and the same values as ONNX Runtime's."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from quantize_models import Writer, compiled, data, real, run_float, run_plan

FINE, COARSE = 1 / 8, 1 / 4
CONV, TABLE, GATHER = "espdl_gemm_3x8_s8", "espdl_lookup_s8", "espdl_gather"


def _conv(w: Writer, x: str, scale: float, zero_point: int = 0, relu: bool = False) -> str:
    y = w.node("Conv", x, w.weights((4, 3, 1, 1), "integers"))
    return w.pair(w.node("Relu", y) if relu else y, scale, zero_point)


def _concat(w: Writer, *parts: str, scale: float = COARSE) -> str:
    return w.pair(w.node("Concat", *parts, axis=1), scale)


def _branches(w: Writer, x: str) -> str:
    return _concat(w, _conv(w, x, FINE), _conv(w, x, FINE, -128, relu=True))


def _moved_branch(w: Writer, x: str) -> str:
    """The branch is resized, and saturates at 1/8 * 127."""
    scales = w.constant(np.float32([1, 1, 2, 2]))
    up = w.node("Resize", _conv(w, x, FINE), "", scales, mode="nearest", coordinate_transformation_mode="asymmetric")
    other = w.node("Resize", _conv(w, x, FINE), "", scales, mode="nearest", coordinate_transformation_mode="asymmetric")
    return _concat(w, w.pair(up, FINE), w.pair(other, FINE))


def _finer(w: Writer, x: str) -> str:
    return _concat(w, _conv(w, x, COARSE), _conv(w, x, COARSE), scale=FINE)


def _read_twice(w: Writer, x: str) -> str:
    y = _conv(w, x, FINE)
    deeper = w.pair(w.node("Conv", y, w.weights((4, 4, 1, 1), "integers")), COARSE)
    return _concat(w, y, deeper)


def _one_after_the_other(w: Writer, x: str) -> str:
    return w.pair(_conv(w, x, FINE), COARSE)


def _table(w: Writer, x: str) -> str:
    gate = w.pair(w.node("Sigmoid", _conv(w, x, FINE)), 1 / 256, -128)
    return _concat(w, gate, _conv(w, x, 1 / 32), scale=1 / 32)


# Network, the calls that it needs beside moves, and how many steps how large a share of its integers may be from ONNX
# Runtime's: a hundredth that its own layers round otherwise, and more where the first of two roundings goes.
CASES: dict[str, tuple[Callable[[Writer, str], str], list[str], int, float]] = {
    "branches of a concatenation": (_branches, [CONV, CONV], 1, 0.3),
    "behind moves": (_moved_branch, [CONV, CONV, GATHER, GATHER], 1, 0.3),
    "one after the other": (_one_after_the_other, [CONV], 1, 0.3),
    "to finer steps": (_finer, [CONV, CONV, TABLE], 2, 0.02),
    "read by something else": (_read_twice, [CONV, CONV, TABLE], 1, 0.02),
    "behind a table": (_table, [CONV, CONV, TABLE], 1, 0.02),
}


@pytest.mark.parametrize("name", CASES)
def test_change_of_scale(name: str, tmp_path: Path) -> None:
    build, calls, steps, share = CASES[name]
    w = Writer()
    proto = w.model(build(w, w.pair("x", 1 / 16)))
    inputs = data(8, seed=3) * 3
    compilation = compiled(proto, None, tmp_path)
    plan = compilation.plan
    # A permutation of the input, and moves of parts to their place, are there in any case.
    counted = [c.function for c in plan.calls if c.function in (CONV, TABLE, GATHER) or c.backend == "tvm"]
    assert sorted(counted) == sorted(calls)
    expected = run_float(proto, inputs)
    got = real(compilation, run_plan(compilation, inputs)).reshape(expected.shape)
    off = np.abs(got - expected) / plan.tensor(plan.outputs[0].tensor).scale
    assert off.max() <= steps
    assert np.mean(off > 0) < share


def test_a_layer_without_the_first_rounding_is_nearer(tmp_path: Path) -> None:
    """To the float model, with the range of the pair that goes."""
    w = Writer()
    proto = w.model(_one_after_the_other(w, w.pair("x", 1 / 16)))
    inputs = data(8, seed=3) * 3
    twice = run_float(proto, inputs)
    once = real(compilation := compiled(proto, None, tmp_path), run_plan(compilation, inputs)).reshape(twice.shape)
    layer = next(n.output[0] for n in proto.graph.node if n.op_type == "Conv")
    exact = np.clip(run_float(proto, inputs, layer), -128 * FINE, 127 * FINE)
    assert np.square(once - exact).mean() < 0.9 * np.square(twice - exact).mean()


@pytest.mark.parametrize("operator", ["MaxPool", "GlobalMaxPool", "ReduceMax", "ReduceMin", "Max", "Min"])
def test_comparisons_take_any_scales(operator: str, tmp_path: Path) -> None:
    """Rounding keeps an order, so that the operands are brought to the scale of the result: the same integers."""
    w = Writer()
    x = w.pair("x", 1 / 16)
    y = _conv(w, x, FINE)
    attributes = {"kernel_shape": [2, 2], "strides": [2, 2]} if operator == "MaxPool" else {}
    attributes |= {"axes": [2], "keepdims": 0} if operator.startswith("Reduce") else {}
    operands = [y, _conv(w, x, COARSE / 2, 7)] if operator in ("Max", "Min") else [y]
    proto = w.model(w.pair(w.node(operator, *operands, **attributes), COARSE, 3))
    inputs = data(8, seed=3) * 3
    compilation = compiled(proto, None, tmp_path)
    assert not [call for call in compilation.plan.calls if call.backend == "tvm"]
    expected = run_float(proto, inputs)
    got = real(compilation, run_plan(compilation, inputs)).reshape(expected.shape)
    assert np.abs(got - expected).max() <= COARSE


def test_a_tensor_is_quantised_once(tmp_path: Path) -> None:
    """Whatever the number of pairs: that of the input goes to the application, which writes int8."""
    w = Writer()
    parts = [_conv(w, w.pair("x", 1 / 16), COARSE) for _ in range(2)]
    proto, inputs = w.model(_concat(w, *parts)), data(4)
    compilation = compiled(proto, None, tmp_path)
    assert compilation.plan.tensor(compilation.plan.inputs[0].tensor).dtype == "int8"
    assert not [call for call in compilation.plan.calls if call.operator == "quantize"]
    expected = run_float(proto, inputs)
    got = real(compilation, run_plan(compilation, inputs)).reshape(expected.shape)
    assert np.abs(got - expected).max() <= COARSE
