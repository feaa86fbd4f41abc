# SPDX-License-Identifier: CC0-1.0
"""Softmax on the vector unit against the reference, bit for bit."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from test_convolution import contents
from test_pie import check_as_assembler
from vector_harness import AFFINE, TARGET, check, examples

from espdl.backends import lower, select
from espdl.ops.softmax import Softmax
from espdl.plan.types import KernelCall, Tensor

# Where input and output begin behind a multiple of 16.
PLACES = st.one_of(st.just((0, 0)), st.integers(0, 15).map(lambda n: (n, n)), st.tuples(*[st.integers(0, 15)] * 2))
SCALES = st.one_of(st.sampled_from([2.0**-12, 2.0**-8, 2.0**-7]), st.floats(2.0**-12, 2.0**-7))
LENGTHS = st.one_of(st.integers(16, 70), st.sampled_from([96, 197, 1000, 2048]))


def softmax(
    rows: int, length: int, scale: float = 2.0**-8, zero: int = -128, fine: int = 3, target=TARGET
) -> KernelCall:
    x = Tensor("x", (rows, length), "int8", 2.0**-fine)
    y = Tensor("y", x.shape, "int8", float(np.float32(scale)), zero)
    call = lower(Softmax((x,), (y,), (), length), target)
    assert call.function == "espdl_s3_softmax_s8"
    return call


@given(st.integers(1, 5), LENGTHS, SCALES, st.integers(-128, 127), st.integers(0, 8), PLACES, st.integers(0, 2**32 - 1))
@examples
def test_any_rows_anywhere(
    rows: int, length: int, scale: float, zero: int, fine: int, shift: tuple[int, int], seed: int
) -> None:
    target = (TARGET, AFFINE)[seed % 2]
    call = softmax(rows, length, scale, zero, fine, target)
    check(call, contents(seed, (rows, length)), shift=shift)


@pytest.mark.parametrize("scale", [2.0**-12, 2.0**-9, 1 / 255, 2.0**-7])
@pytest.mark.parametrize("zero", [-128, 127])
def test_every_bit_of_the_factor(scale: float, zero: int) -> None:
    """Rows enough, of elements that are large enough, to see the last one."""
    values = np.random.default_rng(1).integers(0, 128, (1500, 17)).astype(np.int8)
    check(softmax(*values.shape, scale, zero, 6), values, shift=3)


@pytest.mark.parametrize("length", [16, 48, 49, 79])
@pytest.mark.parametrize("place", range(16))
def test_the_largest_anywhere(length: int, place: int) -> None:
    """Each element in turn is the only one that is large, of whichever vector and lane."""
    values = np.full((length, length), -128, np.int8)
    np.fill_diagonal(values, 100)
    check(softmax(length, length), values, shift=(place, 15 - place))


@pytest.mark.parametrize("length", [16, 33])
def test_as_assembler(length: int) -> None:
    check_as_assembler(softmax(3, length), contents(1, (3, length)))


@pytest.mark.parametrize("place, most", [(0, 61), (1, 83)])
def test_operations(place: int, most: int) -> None:
    """Of a row of 48 elements."""
    assert check(softmax(100, 48), np.zeros((100, 48), np.int8), shift=place).operations <= most * 100 + 1


def test_short_rows_stay_with_the_portable_kernel() -> None:
    x = Tensor("x", (4, 15), "int8", 0.1)
    node = Softmax((x,), (Tensor("y", x.shape, "int8", 2.0**-8, -128),), (), 15)
    assert "15 elements" in select(node, TARGET).declined[0]
    assert lower(node, TARGET).function == "espdl_softmax_s8"
