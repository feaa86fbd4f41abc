# SPDX-License-Identifier: CC0-1.0
"""Softmax: C against the reference, the reference as close to the exact softmax as its numbers' bits say."""

from __future__ import annotations

import numpy as np
import pytest
from harness import check, examples, runs
from hypothesis import given
from hypothesis import strategies as st
from strategies import TARGETS, contents, shifts, targets, tensors

from espdl.backends import lower, select
from espdl.ops.softmax import Softmax
from espdl.plan.types import Tensor


def limit(length: int, scale: float) -> float:
    """Rounding, and of an output of 256 the error of each number: an exponential of 15 bits, of which it may be a part
    alone; the factor, of as many; what that is made from, of 17; all that are added, of 21."""
    return 0.5 + (max(1.0, 2.0**-8 / scale) + 2 + 1) * 2.0**-8 + length * 2.0**-14


LENGTHS = st.one_of(st.integers(1, 40), st.sampled_from([1000, 2048]))
SCALES = st.one_of(st.sampled_from([2.0**-12, 2.0**-8, 2.0**-7, 1 / 255]), st.floats(2.0**-12, 2.0**-7))
ZEROS = st.one_of(st.sampled_from([-128, 0, 127]), st.integers(-128, 127))


@st.composite
def rows(draw: st.DrawFn, shape: tuple[int, int]) -> np.ndarray:
    """Any, or one element alone and all others alike."""
    if draw(st.booleans()):
        return draw(contents(shape))
    values = np.full(shape, draw(st.integers(-128, 127)), np.int8)
    values[:, draw(st.integers(0, shape[1] - 1))] = draw(st.integers(-128, 127))
    return values


@runs("espdl_softmax_s8")
@given(st.data(), st.integers(1, 4), LENGTHS, SCALES, ZEROS, shifts)
@examples
def test_softmax(data: st.DataObject, count: int, length: int, scale: float, zero: int, shift: int) -> None:
    target = data.draw(targets)
    x = data.draw(tensors("x", (count, length), target, low=-8, high=3))
    y = Tensor("y", x.shape, "int8", float(np.float32(scale)), zero)
    values = data.draw(rows(x.shape))
    (result,) = check(lower(Softmax((x,), (y,), (), length), target), values, shift=shift)
    logits = values.astype(np.float64) * np.float32(x.scale)
    exponentials = np.exp(logits - logits.max(axis=1, keepdims=True))
    exact = np.minimum(exponentials / exponentials.sum(axis=1, keepdims=True) / y.scale + y.zero_point, 127)
    assert np.abs(result - exact).max() <= limit(length, scale) < 1.0


@pytest.mark.parametrize("scale", [2.0**-12, 2.0**-9, 1 / 255, 2.0**-7])
def test_every_bit_of_the_factor(scale: float) -> None:
    """Rows enough, of elements that are large enough, to see the last one."""
    x = Tensor("x", (3000, 9), "int8", 2.0**-6)
    y = Tensor("y", x.shape, "int8", float(np.float32(scale)), -128)
    values = np.random.default_rng(1).integers(0, 128, x.shape).astype(np.int8)
    check(lower(Softmax((x,), (y,), (), x.shape[1]), TARGETS[0]), values)


def test_declines_other_outputs_and_long_rows() -> None:
    x = Tensor("x", (1, 4096), "int8", 0.1)
    good = Tensor("y", x.shape, "int8", 2.0**-8, -128)
    assert "1/4096 to 1/128" in select(Softmax((x,), (x,), (), 4096), TARGETS[0]).declined[0]
    assert "4096 elements" in select(Softmax((x,), (good,), (), 4096), TARGETS[0]).declined[0]
