# SPDX-License-Identifier: CC0-1.0
"""Convolution: C against the reference, the reference against a formula written apart from it."""

from __future__ import annotations

import itertools

import numpy as np
from harness import check, examples
from hypothesis import assume, given
from hypothesis import strategies as st
from strategies import TARGETS, activations, channel_scales, contents, shifts, targets, tensors

from espdl.backends import lower, select
from espdl.ops.conv2d import Conv2d, convolve
from espdl.plan.types import Tensor


@st.composite
def convolutions(draw: st.DrawFn, target, depthwise: bool = False) -> Conv2d:
    groups = draw(st.integers(1, 6 if depthwise else 3))
    group_inputs = 1 if depthwise else draw(st.integers(1, 5))
    group_outputs = draw(st.integers(1, 2)) if depthwise else draw(st.integers(1, 5))
    kernel = draw(st.tuples(st.integers(1, 4), st.integers(1, 4)))
    strides = draw(st.tuples(st.integers(1, 3), st.integers(1, 3)))
    dilations = draw(st.tuples(st.integers(1, 2), st.integers(1, 3)))
    pads = draw(st.tuples(*[st.integers(0, 3)] * 4))
    size = draw(st.tuples(st.integers(1, 9), st.integers(1, 9)))
    output = [
        (size[i] + pads[i] + pads[i + 2] - (kernel[i] - 1) * dilations[i] - 1) // strides[i] + 1 for i in range(2)
    ]
    assume(min(output) >= 1)
    channels = groups * group_outputs
    x = draw(tensors("x", (1, *size, groups * group_inputs), target))
    y = draw(tensors("y", (1, *output, channels), target))
    bias = np.random.default_rng(draw(st.integers(0, 2**32 - 1))).integers(-(2**14), 2**14, channels)
    return Conv2d(
        inputs=(x,),
        outputs=(y,),
        source_nodes=("conv",),
        weights=draw(contents((channels, *kernel, group_inputs), low=-127)),
        weights_scale=draw(channel_scales(target, channels, x, y)),
        bias=bias.astype(np.int32),
        strides=strides,
        pads=pads,
        dilations=dilations,
        groups=groups,
        activation=draw(activations),
    )


@given(st.data(), st.booleans(), shifts)
@examples
def test_kernel_equals_reference(data: st.DataObject, depthwise: bool, shift: int) -> None:
    target = data.draw(targets)
    node = data.draw(convolutions(target, depthwise))
    assume(select(node, target).lowering is not None)
    check(lower(node, target), data.draw(contents(node.inputs[0].shape)), shift=shift)


@given(st.data())
@examples
def test_reference_is_the_definition(data: st.DataObject) -> None:
    node = data.draw(convolutions(TARGETS[0]))
    x, w = data.draw(contents(node.inputs[0].shape)), node.weights
    (_, height, width, _), (_, out_height, out_width, channels) = x.shape, node.outputs[0].shape
    acc = np.zeros((out_height, out_width, channels), np.int64)
    per_group = channels // node.groups
    for oy, ox, c in np.ndindex(acc.shape):
        for ky, kx, i in itertools.product(*map(range, w.shape[1:])):
            row = oy * node.strides[0] - node.pads[0] + ky * node.dilations[0]
            column = ox * node.strides[1] - node.pads[1] + kx * node.dilations[1]
            if 0 <= row < height and 0 <= column < width:
                acc[oy, ox, c] += int(x[0, row, column, c // per_group * w.shape[3] + i]) * int(w[c, ky, kx, i])
    params = {
        "output_height": out_height,
        "output_width": out_width,
        "stride_height": node.strides[0],
        "stride_width": node.strides[1],
        "dilation_height": node.dilations[0],
        "dilation_width": node.dilations[1],
        "pad_top": node.pads[0],
        "pad_left": node.pads[1],
    }
    np.testing.assert_array_equal(convolve(x[0].astype(np.int64), w.astype(np.int64), params), acc)


def test_declines_what_cannot_be_exact() -> None:
    def node(**changes) -> Conv2d:
        fields = {
            "inputs": (Tensor("x", (1, 1, 1, 70000), "int8", 0.5, -128),),
            "outputs": (Tensor("y", (1, 1, 1, 1), "int8", 0.5),),
            "source_nodes": (),
            "weights": np.full((1, 1, 1, 70000), 127, np.int8),
            "weights_scale": np.float32([2.0**-20]),
            "bias": np.zeros(1, np.int32),
            "strides": (1, 1),
            "pads": (0, 0, 0, 0),
            "dilations": (1, 1),
            "groups": 1,
            "activation": None,
        }
        return Conv2d(**{**fields, **changes})

    assert "does not fit 32 bits" in select(node(), TARGETS[0]).declined[0]
    odd = node(weights=np.zeros((1, 1, 1, 70000), np.int8), weights_scale=np.float32([0.3]))
    assert "is not 2**-shift" in select(odd, TARGETS[1]).declined[0]
