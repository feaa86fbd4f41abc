# SPDX-License-Identifier: CC0-1.0
"""Products that are added up in twos and fours: no low half borrows, nothing is left out, C equals the reference."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
from harness import check, examples
from hypothesis import assume, given
from hypothesis import strategies as st
from strategies import contents, shifts, tensors
from test_conv2d import TARGETS, convolution

from espdl.backends import lower
from espdl.backends.lowering import packings
from espdl.backends.portable.runs import MOST, in_runs


@st.composite
def small_weights(draw: st.DrawFn, shape: tuple[int, ...]) -> np.ndarray:
    """int8 [..., n]: most fours along the last axis are just within what fits, some are beyond."""
    random = np.random.default_rng(draw(st.integers(0, 2**32 - 1)))
    most = draw(st.sampled_from([0, 1, 20, 63, 64, 65]))
    weights = random.integers(-most, most + 1, shape)
    edges = random.random(shape) < draw(st.sampled_from([0.0, 0.05, 0.5]))
    return np.where(edges, random.choice([-127, -64, 63, 64, 127], shape), weights).astype(np.int8)


def walk(runs: np.ndarray, blocks: int, depth: int) -> list[list[tuple[int, int]]]:
    """(begin, length) of each group of each block, as the kernel takes them."""
    found, at = [], 1
    for _ in range(blocks):
        groups, product = [], 0
        while product < depth:
            for kind, length in enumerate((4, 2)):
                for _ in range(int(runs[at + kind])):
                    groups.append((product, length))
                    product += length
            at += 2
        assert product == depth
        found.append(groups)
    assert at == len(runs)
    return found


@given(st.data(), st.integers(1, 3), st.integers(1, 40))
@examples
def test_sums_of_groups_fit_16_bits(data: st.DataObject, blocks: int, half: int) -> None:
    weights = data.draw(small_weights((blocks, 4, 2 * half))).transpose(0, 2, 1)
    runs = in_runs(weights)
    assume(runs[0] == 1)
    for block, groups in zip(weights.astype(int), walk(runs, blocks, 2 * half)):
        for begin, length in groups:
            for channel in block[begin : begin + length].T:
                largest = sum(max(127 * w, -128 * w) for w in channel)
                least = sum(min(127 * w, -128 * w) for w in channel)
                assert -(2**15) <= least and largest < 2**15 or length == 2


def test_what_a_byte_cannot_say_is_said_in_parts() -> None:
    runs = in_runs(np.ones((1, 4 * MOST + 8, 4), np.int8))
    assert runs.tolist() == [1, MOST, 0, 2, 0]
    assert in_runs(np.full((3, 64, 4), 127, np.int8)).tolist() == [0]


@given(st.data(), shifts, st.integers(1, 9), st.sampled_from([(1, 1), (3, 3)]))
@examples
def test_kernels_equal_reference(data: st.DataObject, shift: int, channels: int, kernel: tuple[int, int]) -> None:
    target = data.draw(st.sampled_from(TARGETS[:2]))
    inputs = data.draw(st.sampled_from([1, 7, 33, 64]))
    pads = data.draw(st.integers(0, 1))
    shape = (1, 4 + 2 * pads - kernel[0] + 1, 5 + 2 * pads - kernel[1] + 1)
    weights = data.draw(small_weights((channels, kernel[0] * kernel[1] * inputs)))
    node = convolution(
        (4, 5, inputs), (*shape[1:], channels), weights.reshape(channels, *kernel, inputs), pads=(pads,) * 4
    )
    x = data.draw(tensors("x", (1, 4, 5, inputs), target, high=-1))
    node = replace(node, inputs=(replace(node.inputs[0], zero_point=x.zero_point),))
    call = lower(node, target)
    assume("4x4" in call.function)
    runs = packings()[call.packing](call)[0]
    assert runs.ndim == 1
    check(call, data.draw(contents(node.inputs[0].shape)), shift=shift)
