# SPDX-License-Identifier: CC0-1.0
"""Convolutions whose border holds other integers than 0 on the vector unit: every kernel against the reference."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st
from test_convolution import any_channels, contents, convolutions, heavy, seeds, turned, with_channels_first
from vector_harness import EXAMPLES, TARGET, check, examples

from espdl.backends import select
from espdl.ops.conv2d import Conv2d


def with_border(node: Conv2d, seed: int) -> Conv2d:
    """Around it the input's zero point, which is not 0, or an integer for each channel; small sums."""
    random = np.random.default_rng(seed)
    (x,) = node.inputs
    x = replace(x, zero_point=int(random.choice([0, -128, 5, 127])))
    border = contents(seed, (x.shape[3],)) if x.zero_point == 0 or seed % 2 else None
    small = max(1, 1024 // node.weights[0].size)
    return replace(node, inputs=(x,), weights=np.clip(node.weights, -small, small), border=border)


@pytest.mark.parametrize(
    "kernel", ["aligned", "bytes", "narrow", "turned", "wide", "planar_bytes", "planar_narrow", "planar_turned"]
)
@given(
    st.one_of(
        convolutions(st.integers(1, 24), any_channels),
        convolutions(st.sampled_from([16, 32]), any_channels),
        convolutions(st.integers(1, 3), st.sampled_from([1, 2, 4, 8]), dilations=(None, 1)),
        turned,
    ),
    seeds,
)
@settings(examples, max_examples=max(1, EXAMPLES // 2))
def test_a_border_of_any_integers(kernel: str, node: Conv2d, seed: int) -> None:
    node = with_border(node, seed)
    assume(any(node.pads))
    if kernel == "wide":
        node = heavy(node, seed)
    planar = with_channels_first(node) if kernel.startswith("planar") else node
    call = select(planar, TARGET).call
    assume(call is not None and call.function == f"espdl_s3_conv2d_{kernel}_s8")
    check(call, contents(seed // 7, planar.inputs[0].shape))


@given(
    convolutions(st.one_of(st.sampled_from([32, 48, 128]), st.integers(20, 70)), any_channels),
    st.floats(1.05, 5.0),
    seeds,
)
@examples
def test_sums_in_parts_with_a_border_of_any_integers(node: Conv2d, excess: float, seed: int) -> None:
    weight = min(127, max(1, int(excess * 4096 / node.weights[0].size)))
    weights = np.where(node.weights < 0, -weight, weight).astype(np.int8)
    node = replace(with_border(node, seed), weights=weights)
    call = select(node, TARGET).call
    assume(any(node.pads) and call is not None and getattr(call.params, "parts", 1) > 1)
    for low, high in ((-128, 127), (127, 127), (-128, -128)):
        check(call, contents(seed // 7, node.inputs[0].shape, low, high))
