# SPDX-License-Identifier: CC0-1.0
"""Taps of convolutions that no window has inside the image are left out, and the outputs are the same."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from harness import check, examples
from hypothesis import assume, given
from hypothesis import strategies as st
from strategies import contents, targets
from test_conv2d import convolution, convolutions

from espdl.backends import lower, select
from espdl.backends.layers import conv_shape
from espdl.graph.types import OperatorGraph
from espdl.graph.unreached_taps import reached, without_unreached_taps
from espdl.ops.conv2d import Conv2d, convolve
from espdl.plan.types import Port

# Kernel, strides, dilations, pads: most reach beyond the small images of `convolutions`.
far = st.tuples(
    st.tuples(*[st.integers(1, 6)] * 2),
    st.tuples(*[st.integers(1, 4)] * 2),
    st.tuples(*[st.integers(1, 6)] * 2),
    st.tuples(*[st.integers(0, 20)] * 4),
)


def output(conv: Conv2d, target, values: np.ndarray) -> np.ndarray:
    (y,) = check(lower(conv, target), values)
    return y.reshape(conv.outputs[0].shape)


def windows(conv: Conv2d, axis: int, pads: tuple[int, int]) -> int:
    size, taps = conv.inputs[0].shape[1 + axis], conv.weights.shape[1 + axis]
    return (size + sum(pads) - (taps - 1) * conv.dilations[axis] - 1) // conv.strides[axis] + 1


def met(conv: Conv2d, axis: int) -> list[bool]:
    """Whether each tap of an axis is inside for some window, one by one."""
    size, count = (conv.inputs[0].shape[1 + axis], conv.outputs[0].shape[1 + axis])
    places = [
        [window * conv.strides[axis] - conv.pads[axis] + tap * conv.dilations[axis] for window in range(count)]
        for tap in range(conv.weights.shape[1 + axis])
    ]
    return [any(0 <= place < size for place in row) for row in places]


@given(st.data(), st.booleans())
@examples
def test_the_outputs_are_the_same_and_the_ends_of_kernels_met(data: st.DataObject, depthwise: bool) -> None:
    target = data.draw(targets)
    conv = data.draw(convolutions(target, depthwise, window=far))
    assume(select(conv, target).call is not None)
    less = reached(conv)
    assert reached(less) is less
    values = data.draw(contents(conv.inputs[0].shape))
    np.testing.assert_array_equal(output(less, target, values), output(conv, target, values))
    for axis in range(2):
        pads = less.pads[axis::2]
        assert min(pads) >= 0 and windows(less, axis, pads) == conv.outputs[0].shape[1 + axis]
        found = met(less, axis)
        if any(met(conv, axis)):
            assert found[0] or less.pads[axis] < less.dilations[axis], "what cannot be taken from the border"
            beyond = found[::-1].index(True) * less.dilations[axis]
            assert found[-1] or windows(less, axis, (pads[0] + beyond, 0)) > windows(less, axis, pads)


@given(st.data(), st.integers(0, 2**32 - 1))
@examples
def test_what_a_border_of_other_integers_adds_goes_into_the_bias(data: st.DataObject, seed: int) -> None:
    target = data.draw(targets)
    conv = data.draw(convolutions(target, False, window=far))
    assume(conv.groups == 1)
    random = np.random.default_rng(seed)
    image = random.integers(-128, 128, conv.inputs[0].shape[1:])
    conv = replace(conv, border=random.integers(-128, 128, image.shape[2]).astype(np.int8))
    zero_point = conv.inputs[0].zero_point
    sums = [
        convolve(image - zero_point, node.weights, conv_shape(node), node.border - np.int64(zero_point)) + node.bias
        for node in (conv, reached(conv))
    ]
    np.testing.assert_array_equal(*sums)


@pytest.mark.parametrize(("size", "kernel", "left"), [((1, 9), (3, 3), (1, 3)), ((1, 1), (5, 3), (1, 1))])
def test_small_images(size: tuple[int, int], kernel: tuple[int, int], left: tuple[int, int]) -> None:
    """As the last layers of a network of small pictures, or a network for images over a signal."""
    pads = (kernel[0] // 2, kernel[1] // 2) * 2
    conv = convolution((*size, 4), (*size, 6), np.ones((6, *kernel, 4), np.int8), pads=pads)
    assert reached(conv).weights.shape == (6, *left, 4)
    graph = OperatorGraph((conv,), (), (Port("x", "x"),), (Port("y", "y"),), conv.inputs)
    assert without_unreached_taps(graph, lambda node: ["no"]).operators == graph.operators
