# SPDX-License-Identifier: CC0-1.0
"""Convolution: C against the reference, the reference against a formula written apart from it."""

from __future__ import annotations

import itertools
from dataclasses import replace
from functools import partial

import numpy as np
import pytest
from harness import check, examples, runs
from hypothesis import assume, given
from hypothesis import strategies as st
from strategies import TARGETS, activations, biases, channel_scales, contents, shifts, targets, tensors

from espdl.backends import lower, select
from espdl.backends.layers import conv_shape
from espdl.ops.conv2d import Conv2d, convolve
from espdl.ops.conv2d_planar import Conv2dPlanar
from espdl.plan.types import Tensor
from espdl.targets import ROUND_HALF_EVEN, Target

lowest = st.sampled_from([-127, -128])


# Kernel, strides, dilations, pads of the depthwise layers that networks are made of.
usual = st.one_of(
    st.just(((3, 3), (1, 1), (1, 1), (1, 1, 1, 1))),
    st.tuples(*[st.integers(0, 1)] * 2, *[st.integers(0, 2)] * 2).map(lambda pads: ((3, 3), (2, 2), (1, 1), pads)),
)


@st.composite
def windows(draw: st.DrawFn) -> tuple[tuple[int, ...], ...]:
    """Kernel, strides, dilations, pads of any convolution."""
    kernel = draw(st.one_of(st.just((3, 3)), st.just((1, 1)), st.tuples(st.integers(1, 4), st.integers(1, 4))))
    strides = draw(st.one_of(st.sampled_from([(1, 1), (2, 2)]), st.tuples(st.integers(1, 3), st.integers(1, 3))))
    dilations = draw(st.one_of(st.just((1, 1)), st.tuples(st.integers(1, 2), st.integers(1, 3))))
    same = st.sampled_from([(0, 0, 0, 0), (1, 1, 1, 1), (0, 0, 1, 1)])
    return kernel, strides, dilations, draw(st.one_of(same, st.tuples(*[st.integers(0, 3)] * 4)))


@st.composite
def convolutions(
    draw: st.DrawFn, target, depthwise: bool = False, dense: bool = False, window: st.SearchStrategy | None = None
) -> Conv2d:
    """Any convolution; one channel per group if `depthwise`; of one group, as networks have them, if `dense`."""
    groups = 1 if dense else draw(st.integers(1, 6 if depthwise else 3))
    group_inputs = 1 if depthwise else draw(st.integers(1, 5))
    group_outputs = draw(st.integers(1, 2)) if depthwise else draw(st.integers(1, 5))
    kernel, strides, dilations, pads = draw(windows() if window is None else window)
    size = draw(st.tuples(st.integers(1, 9), st.integers(1, 9)))
    output = [
        (size[i] + pads[i] + pads[i + 2] - (kernel[i] - 1) * dilations[i] - 1) // strides[i] + 1 for i in range(2)
    ]
    assume(min(output) >= 1)
    channels = groups * group_outputs
    x = draw(tensors("x", (1, *size, groups * group_inputs), target))
    y = draw(tensors("y", (1, *output, channels), target))
    return Conv2d(
        inputs=(x,),
        outputs=(y,),
        source_nodes=("conv",),
        weights=draw(contents((channels, *kernel, group_inputs), low=-127 if dense else draw(lowest))),
        weights_scale=draw(channel_scales(target, channels, x, y)),
        bias=draw(biases(channels, 2**14 if dense else 2**29)),
        strides=strides,
        pads=pads,
        dilations=dilations,
        groups=groups,
        activation=draw(activations),
    )


@runs("espdl_conv2d_3x8_s8", "espdl_conv2d_s8", "espdl_depthwise_s8")
@given(st.data(), st.booleans(), shifts)
@examples
def test_kernel_equals_reference(data: st.DataObject, depthwise: bool, shift: int) -> None:
    target = data.draw(targets)
    node = data.draw(convolutions(target, depthwise))
    assume(select(node, target).call is not None)
    check(lower(node, target), data.draw(contents(node.inputs[0].shape)), shift=shift)


@runs("espdl_depthwise_3x3_s8", "espdl_depthwise_3x3_stride2_s8")
@given(st.data(), shifts)
@examples
def test_usual_depthwise_layers(data: st.DataObject, shift: int) -> None:
    target = data.draw(targets)
    node = data.draw(convolutions(target, depthwise=True, window=usual))
    node = replace(node, bias=node.bias % 2**14)  # of a size that the fast kernels take
    assume(select(node, target).call is not None)
    check(lower(node, target), data.draw(contents(node.inputs[0].shape)), shift=shift)


@runs("espdl_conv2d_3x8_s8", "espdl_conv2d_planar_3x8_s8")
@given(st.data(), shifts)
@examples
def test_channels_first(data: st.DataObject, shift: int) -> None:
    """The permutation and the convolution, in one kernel or one after the other."""
    target = data.draw(targets)
    conv = data.draw(convolutions(target, dense=True))
    last = data.draw(contents(conv.inputs[0].shape))
    first = np.ascontiguousarray(last.transpose(0, 3, 1, 2))
    node = Conv2dPlanar((replace(conv.inputs[0], name="planes", shape=first.shape),), conv.outputs, (), conv)
    assume(select(node, target).call is not None)
    (apart,) = check(lower(conv, target), last)
    (merged,) = check(lower(node, target), first, shift=shift)
    np.testing.assert_array_equal(merged, apart)


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
    np.testing.assert_array_equal(convolve(x[0].astype(np.int64), w.astype(np.int64), conv_shape(node)), acc)


def convolution(x: tuple[int, ...], y: tuple[int, ...], weights: np.ndarray, **changes: object) -> Conv2d:
    """A convolution of inputs [1, *x] to [1, *y] whose ratios are 2**-9."""
    fields = {
        "inputs": (Tensor("x", (1, *x), "int8", 0.5, 0),),
        "outputs": (Tensor("y", (1, *y), "int8", 0.5),),
        "source_nodes": (),
        "weights": weights,
        "weights_scale": np.full(len(weights), 2.0**-9, np.float32),
        "bias": np.zeros(len(weights), np.int32),
        "strides": (1, 1),
        "pads": (0, 0, 0, 0),
        "dilations": (1, 1),
        "groups": 1,
        "activation": None,
    }
    return Conv2d(**{**fields, **changes})


def test_declines_what_cannot_be_exact() -> None:
    heavy = convolution((1, 1, 140000), (1, 1, 1), np.full((1, 1, 1, 140000), 127, np.int8))
    assert "does not fit 32 bits" in select(heavy, TARGETS[0]).declined[0]
    odd = convolution((1, 1, 1), (1, 1, 1), np.ones((1, 1, 1, 1), np.int8), weights_scale=np.float32([0.3]))
    assert "is not 2**-shift" in select(odd, TARGETS[1]).declined[0]


@runs("espdl_conv2d_s8")
@given(st.data(), st.booleans())
@examples
def test_one_kernel_where_size_matters(data: st.DataObject, depthwise: bool) -> None:
    target = replace(data.draw(targets), optimize="size")
    node = data.draw(convolutions(target, depthwise))
    assume(select(node, target).call is not None)
    call = lower(node, target)
    assert call.function == "espdl_conv2d_s8"
    check(call, data.draw(contents(node.inputs[0].shape)))


@pytest.mark.parametrize("target", TARGETS, ids=lambda t: t.rounding)
def test_every_layer_gets_its_kernel(target: Target) -> None:
    def function(*arguments: object, **changes: object) -> str:
        call = lower(convolution(*arguments, **changes), target)
        assert (call.function == "espdl_conv2d_s8" or call.function == "espdl_gemm_s8") == bool(call.notes)
        return call.function

    ones = partial(np.ones, dtype=np.int8)
    even = target.rounding == ROUND_HALF_EVEN
    window = {"pads": (1, 1, 1, 1)}
    assert function((6, 6, 3), (6, 6, 8), ones((8, 3, 3, 3)), **window) == (
        "espdl_conv2d_s8" if even else "espdl_conv2d_3x8_s8"
    )
    assert function((6, 6, 3), (6, 6, 8), ones((8, 1, 1, 3))) == ("espdl_gemm_s8" if even else "espdl_gemm_3x8_s8")
    assert function((6, 6, 3), (1, 1, 16), ones((16, 6, 6, 3))) == ("espdl_gemm_s8" if even else "espdl_gemm_1x8_s8")
    if not even:
        three, five = ones((3, 3, 3, 1)), ones((3, 5, 5, 1))
        assert function((6, 6, 3), (6, 6, 3), three, groups=3, **window) == "espdl_depthwise_3x3_s8"
        two = {"groups": 3, "strides": (2, 2), "pads": (0, 0, 1, 1)}
        assert function((6, 6, 3), (3, 3, 3), three, **two) == "espdl_depthwise_3x3_stride2_s8"
        assert function((6, 6, 3), (2, 2, 3), five, groups=3) == "espdl_depthwise_s8"
        assert function((6, 6, 4), (6, 6, 4), ones((4, 1, 1, 2)), groups=2) == "espdl_conv2d_s8"
