# SPDX-License-Identifier: CC0-1.0
"""What sums can reach: never exceeded by any values, parts and orders, and reached by some."""

from __future__ import annotations

import numpy as np
import pytest
from harness import examples
from hypothesis import given
from hypothesis import strategies as st

from espdl.backends import accumulators
from espdl.ops.numerics import Inexact
from espdl.plan.types import Tensor

ranges = st.tuples(st.integers(-300, 300), st.integers(-300, 300)).map(lambda pair: (min(pair), max(pair)))


@st.composite
def sums(draw: st.DrawFn) -> tuple[np.ndarray, np.ndarray, int, int]:
    """int8 weights [channels, taps], values [trials, taps], and the range of these."""
    channels, taps = draw(st.integers(1, 4)), draw(st.integers(1, 12))
    low, high = draw(ranges)
    random = np.random.default_rng(draw(st.integers(0, 2**32 - 1)))
    values = random.integers(low, high + 1, (50, taps))
    values[::2] = random.choice([low, high], (25, taps))
    return random.integers(-128, 128, (channels, taps)).astype(np.int8), values, low, high


@given(sums())
@examples
def test_ends(case: tuple[np.ndarray, np.ndarray, int, int]) -> None:
    weights, values, low, high = case
    least, most = accumulators.ends(weights, low, high)
    total = values @ weights.T.astype(np.int64)
    assert (total >= least).all() and (total <= most).all()
    for bound, side in ((least, weights < 0), (most, weights >= 0)):  # the values that give it
        np.testing.assert_array_equal((weights * np.where(side, high, low).astype(np.int64)).sum(axis=1), bound)


@given(sums(), st.integers(0, 2**32 - 1))
@examples
def test_ends_on_the_way(case: tuple[np.ndarray, np.ndarray, int, int], seed: int) -> None:
    weights, values, low, high = case
    least, most = accumulators.ends_on_the_way(weights, low, high)
    order = np.random.default_rng(seed).permutation(weights.shape[1])
    running = np.cumsum((values[:, None] * weights.astype(np.int64))[..., order], axis=-1)
    assert (running.min(axis=(0, 2)) >= least).all() and (running.max(axis=(0, 2)) <= most).all()
    products = np.stack([weights.astype(np.int64) * low, weights.astype(np.int64) * high])
    np.testing.assert_array_equal(np.minimum(products, 0).min(axis=0).sum(axis=1), least)
    np.testing.assert_array_equal(np.maximum(products, 0).max(axis=0).sum(axis=1), most)


@given(sums(), st.integers(-(2**31), 2**31 - 1))
@examples
def test_reach(case: tuple[np.ndarray, np.ndarray, int, int], start: int) -> None:
    weights, values, low, high = case
    factor = max(abs(low), abs(high))
    bound = accumulators.reach(weights, factor, np.full(len(weights), start))
    assert (np.abs(start + values @ weights.T.astype(np.int64)) <= bound).all()
    signed = np.sign(weights.astype(np.int64)) * (1 if start >= 0 else -1) * factor
    np.testing.assert_array_equal(np.abs(start + (weights * signed).sum(axis=1)), bound)


@given(st.sampled_from(["int8", "int16"]), st.data())
@examples
def test_the_largest_value(dtype: str, data: st.DataObject) -> None:
    info = np.iinfo(dtype)
    x = Tensor("x", (1,), dtype, 0.5, data.draw(st.integers(info.min, info.max)))
    every = np.arange(info.min, info.max + 1)
    assert accumulators.largest(x) == np.abs(every - x.zero_point).max()
    assert accumulators.range_of(x) == (info.min, info.max)


def test_what_32_bits_hold() -> None:
    accumulators.require_int32(2**31 - 1)
    with pytest.raises(Inexact, match="a sum can reach 2147483648, which does not fit 32 bits"):
        accumulators.require_int32(2**31)
