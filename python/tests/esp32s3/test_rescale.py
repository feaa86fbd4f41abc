# SPDX-License-Identifier: CC0-1.0
"""From 16 to 8 bits on the vector unit against the reference, bit for bit."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from vector_harness import AFFINE, TARGET, check, examples

from espdl.backends import lower, select
from espdl.ops.rescale import Rescale
from espdl.plan.types import Tensor

KINDS = st.sampled_from(["int16", "uint16"])
# Outputs of one unit of the input: shifts, whole parts as scales of sensors have them, any. From MOST on, no more than
# four outputs are not saturated.
MOST = 2.0**7
RATIOS = st.one_of(
    st.integers(-20, 6).map(lambda n: 2.0**n),
    st.sampled_from([255 / 65535, 255 / 4095, 1.0, 127 / 32767]),
    st.floats(2.0**-12, 2.0**-4),
    st.floats(2.0**-30, MOST, exclude_max=True),
)
# Where input and output begin behind a multiple of 16.
PLACES = st.one_of(st.just((0, 0)), st.tuples(st.integers(0, 7).map(lambda n: 2 * n), st.integers(0, 15)))


def all_of(dtype: str) -> np.ndarray:
    info = np.iinfo(dtype)
    return np.arange(info.min, info.max + 1).astype(dtype)


@st.composite
def nodes(draw: st.DrawFn, count: int) -> Rescale:
    dtype, ratio = draw(KINDS), draw(RATIOS)
    info = np.iinfo(dtype)
    zero = draw(st.sampled_from([0, info.min, info.max]) | st.integers(int(info.min), int(info.max)))
    y_zero = draw(st.sampled_from([0, -128, 127]) | st.integers(-128, 127))
    x = Tensor("x", (1, count), dtype, 0.5, zero)
    y = Tensor("y", x.shape, "int8", 0.5 / ratio, y_zero)
    return Rescale((x,), (y,), ())


@given(nodes(2**16))
@examples
def test_every_input(node: Rescale) -> None:
    """No scale below MOST and no zero point is declined, and all 65,536 inputs give the reference's outputs."""
    call = lower(node, TARGET)
    assert call.function == "espdl_s3_rescale_16_s8"
    check(call, all_of(node.inputs[0].dtype).reshape(1, -1))


@given(st.data(), st.integers(1, 100), PLACES, st.integers(0, 2**32 - 1), st.sampled_from([TARGET, AFFINE]))
@examples
def test_any_count_anywhere(data: st.DataObject, count: int, shift: tuple[int, int], seed: int, target) -> None:
    node = data.draw(nodes(count))
    call = lower(node, target)
    assert call.function == "espdl_s3_rescale_16_s8"
    values = np.random.default_rng(seed).choice(all_of(node.inputs[0].dtype), (1, count))
    check(call, values, shift=shift)


@pytest.mark.parametrize("place, most", [(0, 19), (2, 21)])
def test_operations(place: int, most: int) -> None:
    """Of 16 elements."""
    x = Tensor("x", (1, 1600), "uint16", 0.5)
    call = lower(Rescale((x,), (replace(x, name="y", dtype="int8", scale=60.0, zero_point=-128),), ()), TARGET)
    assert check(call, np.zeros(x.shape, np.uint16), shift=(place, 0)).operations <= most * 100


def test_declines_with_reasons() -> None:
    x = Tensor("x", (1, 16), "int16", 1.0)

    def reason(y: Tensor) -> str:
        return select(Rescale((x,), (replace(y, name="y"),), ()), TARGET).declined[0]

    assert "not int16 of int16" in reason(replace(x, scale=2.0))
    assert "no slope of 30 bits" in reason(replace(x, dtype="int8", scale=1.0 / MOST))
