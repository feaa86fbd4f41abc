# SPDX-License-Identifier: CC0-1.0
"""Products that are added up in packed words: what the compiler says of their number, and C at the ends of sums."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
from harness import check, examples
from hypothesis import assume, given
from hypothesis import strategies as st
from strategies import contents, shifts, tensors
from test_conv2d import TARGETS, convolution

from espdl.backends import lower
from espdl.backends.portable.parts import BITS, products_at_once


@st.composite
def weights_of(draw: st.DrawFn, channels: int, depth: int) -> np.ndarray:
    """int8 [channels, depth]: sums that reach the end of what fits after some products, of one sign or of both."""
    random = np.random.default_rng(draw(st.integers(0, 2**32 - 1)))
    low = draw(st.sampled_from([-128, -127, -20, 0]))
    weights = random.integers(low, draw(st.integers(max(low, 0), 127)) + 1, (channels, depth))
    ends = random.random(weights.shape) < draw(st.sampled_from([0.0, 0.5, 1.0]))
    return np.where(ends, random.choice(draw(st.sampled_from([[-128], [127], [-128, 127]])), weights.shape), weights)


@given(st.data(), st.integers(1, 3), st.integers(1, 300))
@examples
def test_sums_of_a_part_fit(data: st.DataObject, blocks: int, depth: int) -> None:
    """By definition: of values that drive each sum up, and down; and one part less would not do."""
    flat = data.draw(weights_of(8 * blocks, depth))
    at_once = products_at_once(flat.astype(np.int8).reshape(blocks, 8, depth).transpose(0, 2, 1))

    def fits(count: int) -> bool:
        parts = [flat[:, begin : begin + count] for begin in range(0, depth, count)]
        most = max(np.where(part > 0, 127 * part, -128 * part).sum(axis=1).max() for part in parts)
        least = min(np.where(part > 0, -128 * part, 127 * part).sum(axis=1).min() for part in parts)
        return bool(most < 2 ** (BITS - 1) and least >= -(2 ** (BITS - 1)))

    parts = -(-depth // at_once)
    assert fits(at_once) and (parts == 1 or not fits(-(-depth // (parts - 1))))


def test_63_products_of_any_values_fit() -> None:
    for weight in (-128, 127):
        assert products_at_once(np.full((1, 63, 8), weight, np.int8)) == 63
    assert products_at_once(np.full((2, 64, 8), -128, np.int8)) == 32
    assert products_at_once(np.full((2, 64, 8), 127, np.int8)) == 64
    assert products_at_once(np.zeros((1, 2**16, 8), np.int8)) == 2**15


@given(st.data(), shifts, st.integers(1, 17), st.sampled_from([(1, 1), (3, 3)]))
@examples
def test_kernels_equal_reference(data: st.DataObject, shift: int, channels: int, kernel: tuple[int, int]) -> None:
    target = data.draw(st.sampled_from(TARGETS[:2]))
    inputs = data.draw(st.sampled_from([1, 7, 33, 64, 130]))
    pads = data.draw(st.integers(0, 1))
    shape = (1, 4 + 2 * pads - kernel[0] + 1, 5 + 2 * pads - kernel[1] + 1)
    weights = data.draw(weights_of(channels, kernel[0] * kernel[1] * inputs)).astype(np.int8)
    node = convolution(
        (4, 5, inputs), (*shape[1:], channels), weights.reshape(channels, *kernel, inputs), pads=(pads,) * 4
    )
    x = data.draw(tensors("x", (1, 4, 5, inputs), target, high=-1))
    node = replace(node, inputs=(replace(node.inputs[0], zero_point=x.zero_point),))
    call = lower(node, target)
    assume("3x8" in call.function)
    # Values that drive sums to their ends, or any.
    signs = np.where(weights[data.draw(st.integers(0, channels - 1))].reshape(-1)[:inputs] < 0, -128, 127)
    extreme = np.broadcast_to(signs, (1, 4, 5, inputs)).astype(np.int8)
    values = data.draw(st.sampled_from([extreme, ~extreme, None]))
    check(call, data.draw(contents(node.inputs[0].shape)) if values is None else values, shift=shift)
