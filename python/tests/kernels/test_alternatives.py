# SPDX-License-Identifier: CC0-1.0
"""Which layers get kernels that take more flash: those that save the most for a byte, within the budget."""

from __future__ import annotations

import itertools
from dataclasses import replace

import numpy as np
from harness import examples
from hypothesis import given
from hypothesis import strategies as st
from strategies import TARGETS
from test_conv2d import convolution

from espdl.backends import alternatives, lower, within
from espdl.ops.conv2d import Conv2d
from espdl.plan.types import KernelCall

TARGET = TARGETS[0]
COSTS = {
    "espdl_conv2d_3x8_s8": (0.0, 15.0, 2.4),
    "espdl_conv2d_winograd_2x2_s8": (0.0, 25.0, 2.7),
    "espdl_conv2d_winograd_2x4_s8": (0.0, 30.0, 2.7),
}


def layer(size: int, inputs: int, outputs: int) -> Conv2d:
    weights = np.ones((outputs, 3, 3, inputs), np.int8)
    return convolution((size, size, inputs), (size, size, outputs), weights, pads=(1, 1, 1, 1))


def chosen(nodes: list[Conv2d], budget: int, **changes: str) -> list[KernelCall]:
    target = replace(TARGET, **changes)
    calls = [replace(lower(node, target), backend="portable") for node in nodes]
    return within(budget, nodes, calls, target, COSTS, lambda name: nodes[0].outputs[0].count)


def is_faster(call: KernelCall) -> bool:
    return "winograd" in call.function


def test_nothing_is_spent_without_need() -> None:
    node = layer(8, 16, 16)
    assert is_faster(chosen([node], 10**6)[0])
    assert not is_faster(chosen([node], 10**6, optimize="size")[0])
    assert not is_faster(chosen([layer(2, 1, 1)], 10**6)[0])  # transforming takes longer than the few products
    (kept,) = chosen([node], 0)
    assert not is_faster(kept) and "FLASH_BUDGET" in kept.notes[-1]
    other = replace(node, strides=(2, 2), outputs=(replace(node.outputs[0], shape=(1, 4, 4, 16)),))
    assert not is_faster(chosen([other], 10**6)[0])


def test_sums_that_do_not_fit_48_times() -> None:
    """2 ** 31 / 48 is about 44.7 million: with weights of 127, 2,760 products of -128 are too many."""
    for inputs, widest in ((300, "2x4"), (310, "2x2")):
        node = replace(layer(8, inputs, 4), weights=np.full((4, 3, 3, inputs), 127, np.int8))
        (call,) = chosen([node], 10**7)
        assert widest in call.function, call.function


@given(st.lists(st.tuples(*[st.sampled_from([4, 8, 12, 16])] * 2), min_size=1, max_size=3), st.integers(0, 40000))
@examples
def test_the_budget_holds_and_is_well_spent(channels: list[tuple[int, int]], budget: int) -> None:
    nodes = [layer(8, *pair) for pair in channels]
    calls = chosen(nodes, budget)
    plain = chosen(nodes, 0)
    for call, before in zip(calls, plain):
        assert call.trade[0] == alternatives.flash_bytes(call) - alternatives.flash_bytes(before)
        assert (call.trade[1] > 0) == is_faster(call)
    assert sum(call.trade[0] for call in calls) <= budget
    # No further layer would fit, nor one with larger tiles.
    left = budget - sum(call.trade[0] for call in calls)
    everything = chosen(nodes, 10**9)
    for now, most in zip(calls, everything):
        assert now.trade[1] == most.trade[1] or most.trade[0] - now.trade[0] > left
    # What the rule misses of the best way to spend it is less than one layer.
    options = [[(0, 0), call.trade] for call in everything]
    best = max(
        sum(saved for _, saved in way)
        for way in itertools.product(*options)
        if sum(flash for flash, _ in way) <= budget
    )
    largest = max(call.trade[1] for call in everything)
    assert sum(call.trade[1] for call in calls) >= best - largest
