# SPDX-License-Identifier: CC0-1.0
"""Elementwise kernels of two tensors with broadcasting: C against the references, those against real arithmetic."""

from __future__ import annotations

import numpy as np
import pytest
from harness import check, examples, runs
from hypothesis import assume, given
from hypothesis import strategies as st
from strategies import TARGETS, activations, contents, shifts, targets, tensors

from espdl.backends import lower, select
from espdl.ops.add_sub import AddBroadcast, Sub
from espdl.ops.broadcast import merged_axes
from espdl.ops.extremes import Maximum, Minimum
from espdl.ops.mul import Mul
from espdl.ops.numerics import activation_range
from espdl.ops.operator import Mismatch
from espdl.plan.types import Tensor
from espdl.targets import ROUND_TFLITE


def real(tensor: Tensor, q: np.ndarray) -> np.ndarray:
    return (q.astype(np.float64) - tensor.zero_point) * np.float64(np.float32(tensor.scale))


def steps_off(y: Tensor, q: np.ndarray, exact: np.ndarray, activation=None) -> float:
    ideal = exact / np.float64(np.float32(y.scale)) + y.zero_point
    return float(np.abs(np.clip(ideal, *activation_range(activation, y)) - q.reshape(exact.shape)).max())


@st.composite
def shapes(draw: st.DrawFn) -> tuple[tuple[int, ...], tuple[int, ...], tuple[int, ...]]:
    """Of the result and of two operands: axes of 1 where an operand is repeated, missing ones in front."""
    result = tuple(draw(st.lists(st.integers(1, 6), min_size=1, max_size=4)))
    operands = []
    for _ in range(2):
        kept = draw(st.lists(st.booleans(), min_size=len(result), max_size=len(result)))
        shape = tuple(size if keep else 1 for size, keep in zip(result, kept))
        drop = draw(st.integers(0, next((i for i, size in enumerate(shape) if size != 1), len(shape) - 1)))
        operands.append(shape[drop:])
    full = np.broadcast_shapes(*operands)
    return full, operands[0], operands[1]


def draw_node(data: st.DataObject, kind, target, alike: bool = False):
    """A node, the contents of its inputs, and the values of both operands."""
    shape, shape_a, shape_b = data.draw(shapes())
    y = data.draw(tensors("y", shape, target))
    if alike:
        a, b = Tensor("a", shape_a, "int8", y.scale, y.zero_point), Tensor("b", shape_b, "int8", y.scale, y.zero_point)
    else:
        a, b = data.draw(tensors("a", shape_a, target)), data.draw(tensors("b", shape_b, target))
    va, vb = data.draw(contents(shape_a)), data.draw(contents(shape_b))
    constant = data.draw(st.booleans())
    activation = None if alike else data.draw(activations)
    inputs = (a,) if constant else (a, b)
    node = kind(inputs, (y,), (), a, b, vb if constant else None, data.draw(st.booleans()) and constant, activation)
    return node, ([va] if constant else [va, vb]), real(a, va), real(b, vb)


@runs("espdl_sum_s8")
@given(st.data(), shifts, st.sampled_from([AddBroadcast, Sub]))
@examples
def test_sums(data: st.DataObject, shift: int, kind: type) -> None:
    target = data.draw(targets)
    node, inputs, a, b = draw_node(data, kind, target)
    assume(select(node, target).call is not None)
    (result,) = check(lower(node, target), *inputs, shift=shift)
    exact = a + b if kind is AddBroadcast else (b - a if node.swapped else a - b)
    if max(node.a.scale, node.b.scale) < 2**8 * node.outputs[0].scale:
        assert steps_off(node.outputs[0], result, exact, node.activation) <= 0.51


@runs("espdl_mul_s8")
@given(st.data(), shifts)
@examples
def test_product(data: st.DataObject, shift: int) -> None:
    target = data.draw(targets)
    node, inputs, a, b = draw_node(data, Mul, target)
    assume(select(node, target).call is not None)
    call = lower(node, target)
    (result,) = check(call, *inputs, shift=shift)
    # TFLite rounds twice, first to units of 2**-shift.
    first = 2.0 ** -(call.params.shift + 1) if target.rounding == ROUND_TFLITE and call.params.shift > 0 else 0.0
    assert steps_off(node.outputs[0], result, a * b, node.activation) <= 0.501 + first


@runs("espdl_maximum_s8", "espdl_minimum_s8")
@given(st.data(), shifts, st.sampled_from([Maximum, Minimum]))
@examples
def test_extremes(data: st.DataObject, shift: int, kind: type) -> None:
    node, inputs, a, b = draw_node(data, kind, TARGETS[0], alike=True)
    (result,) = check(lower(node, TARGETS[0]), *inputs, shift=shift)
    exact = np.maximum(a, b) if kind is Maximum else np.minimum(a, b)
    assert steps_off(node.outputs[0], result, exact) <= 1e-6


def test_declines_what_it_cannot() -> None:
    a, b, y = (Tensor(n, (1, 4), "int8", s) for n, s in (("a", 0.5), ("b", 0.3), ("y", 0.5)))
    for kind in (Sub, Mul):
        node = kind((a, b), (y,), (), a, b, None, False, None)
        assert select(node, TARGETS[0]).call is not None
        assert "is not 2**-shift" in select(node, TARGETS[1]).declined[0]
    with pytest.raises(Mismatch, match="5 axes"):
        merged_axes((2, 2, 2, 2, 2), (2, 1, 2, 1, 2), (2, 2, 2, 2, 2))
