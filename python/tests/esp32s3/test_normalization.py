# SPDX-License-Identifier: CC0-1.0
"""Layer normalisation on the vector unit against the reference, bit for bit."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import assume, given
from hypothesis import strategies as st
from strategies import tensors
from test_convolution import contents, seeds
from vector_harness import AFFINE, TARGET, check, examples

from espdl.backends import lower, select
from espdl.ops.layer_norm import LayerNorm, LayerNormParams
from espdl.plan.types import Tensor

# Those of networks, any, and longer ones.
LENGTHS = st.one_of(st.sampled_from([48, 64, 96, 128, 192, 256, 384]), st.integers(1, 100), st.integers(1, 2000))


def node_of(data: st.DataObject, rows: int, length: int, seed: int, target) -> LayerNorm:
    random = np.random.default_rng(seed)
    x = data.draw(tensors("x", (1, rows, length), target))
    y = data.draw(tensors("y", x.shape, target, low=-6))
    gamma, beta = random.normal(0.5, 1, length), random.normal(0, 1, length)
    return LayerNorm((x,), (y,), (), gamma, beta, data.draw(st.sampled_from([1e-5, 0.0, 1.0])))


@given(st.data(), st.integers(1, 4), LENGTHS, st.tuples(*[st.integers(0, 15)] * 2), seeds, st.booleans())
@examples
def test_any_rows_anywhere(data: st.DataObject, rows: int, length: int, places, seed: int, affine: bool) -> None:
    target = AFFINE if affine else TARGET
    node = node_of(data, rows, length, seed, target)
    assume(select(node, target).call is not None)
    call = lower(node, target)
    assert call.function == "espdl_s3_layer_norm_s8"
    check(call, contents(data.draw(seeds), (1, rows, length)), shift=data.draw(st.sampled_from([0, places])))


@pytest.mark.parametrize("length", [1, 2, 16, 63, 100, 512, 4096, 32767, 32768])
@pytest.mark.parametrize("epsilon", [0, 2**30, 2**31 - 1])
def test_extremes(length: int, epsilon: int) -> None:
    """Rows of one value, or of one and another: the largest starts and units that there are, in rows of 63 the largest
    factor too."""
    values = np.repeat(np.array([-128, 127, -127, 126, -128, 127, -128], np.int8)[:, None], length, axis=1)
    for row, value in ((2, -128), (3, 127), (4, 127), (5, -128)):
        values[row, length // 2] = value
    values[6, ::2] = 127
    x = Tensor("x", (1, *values.shape), "int8", 1.0)
    node = LayerNorm((x,), (replace(x, name="y", scale=2.0**-4),), (), np.ones(length), np.zeros(length), 0.0)
    call = lower(node, TARGET)
    check(replace(call, params=replace(call.params_of(LayerNormParams), epsilon=epsilon)), values.reshape(x.shape))


@pytest.mark.parametrize("gamma", [-1.0, 1.0])
def test_the_largest_integers_of_gamma(gamma: float) -> None:
    """-32767 has one less in the lanes."""
    x = Tensor("x", (1, 4, 64), "int8", 1.0)
    node = LayerNorm((x,), (replace(x, name="y", scale=2.0**-3),), (), np.full(64, gamma), np.zeros(64), 0.0)
    call = lower(node, TARGET)
    constants = (replace(call.constants[0], data=np.full(64, gamma * 32767).astype(np.int16)), call.constants[1])
    check(replace(call, constants=constants), contents(1, x.shape))


def test_operations() -> None:
    """Of 16 elements 23, of a row a few."""
    x = Tensor("x", (1, 10, 256), "int8", 0.5)
    call = lower(LayerNorm((x,), (replace(x, name="y"),), (), np.ones(256), np.zeros(256), 1e-5), TARGET)
    assert check(call, contents(1, x.shape)).operations <= 10 * (23 * 16 + 12)


def test_declines_what_the_portable_kernel_does() -> None:
    x = Tensor("x", (1, 2, 64), "int8", 1.0)
    node = LayerNorm((x,), (replace(x, name="y"),), (), np.full(64, 1e5), np.zeros(64), 1e-5)
    assert "its scale is too large" in select(node, TARGET).declined[0]
