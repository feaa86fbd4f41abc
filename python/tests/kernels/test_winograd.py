# SPDX-License-Identifier: CC0-1.0
"""Winograd's convolutions: C against the reference of the usual kernel, and that sums and transformations fit."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from harness import check, examples, runs
from hypothesis import assume, given
from hypothesis import strategies as st
from strategies import activations, contents, shifts, targets, tensors
from test_conv2d import convolutions

from espdl.backends import lower, select
from espdl.backends.portable import winograd
from espdl.ops.add import Add
from espdl.ops.conv2d import Conv2d
from espdl.ops.conv2d_add import Conv2dAdd
from espdl.targets import Target

WIDTHS = (2, 4)
windows_3x3 = st.tuples(*[st.integers(0, 3)] * 4).map(lambda pads: ((3, 3), (1, 1), (1, 1), pads))


def named(kind: str) -> list[str]:
    return [f"espdl_conv2d_winograd_2x{width}_{kind}" for width in WIDTHS]


@st.composite
def layers(draw: st.DrawFn, target: Target) -> Conv2d:
    """3x3, any pads, any channels; neighbours of -128 too."""
    conv = draw(convolutions(target, dense=True, window=windows_3x3))
    return replace(conv, weights=draw(contents(conv.weights.shape, low=draw(st.sampled_from([-127, -128])))))


@runs(*named("s8"))
@given(st.data(), shifts)
@examples
def test_kernel_equals_reference(data: st.DataObject, shift: int) -> None:
    target = data.draw(targets)
    node = data.draw(layers(target))
    assume(select(node, target).call is not None)
    x = data.draw(contents(node.inputs[0].shape))
    for call in winograd.of_convolution(node, lower(node, target), target):
        check(call, x, shift=shift)


@runs(*named("add_s8"), *named("add_shift_s8"))
@given(st.data(), shifts)
@examples
def test_sum_equals_reference(data: st.DataObject, shift: int) -> None:
    target = data.draw(targets)
    conv = data.draw(layers(target))
    (x,), (inner,) = conv.inputs, conv.outputs
    residual, y = (data.draw(tensors(name, inner.shape, target)) for name in ("residual", "y"))
    add = Add((inner, residual), (y,), (), data.draw(activations))
    node = Conv2dAdd((x, residual), (y,), ("conv", "add"), conv, add)
    assume(select(node, target).call is not None)
    assume(lower(node, target).operator == "conv2d_add")
    values = [data.draw(contents(t.shape)) for t in (x, residual)]
    for call in winograd.of_convolution_and_sum(node, lower(node, target), target):
        check(call, *values, shift=shift)


@pytest.mark.parametrize("width", WIDTHS)
def test_transformed_values_fit(width: int) -> None:
    """Whatever the weights and the inputs are: 16 bits hold them, and 32 their products."""
    tile = winograd._TILES[width]
    rows = np.einsum("ay,bx->abyx", winograd._TWO, tile.columns).reshape(tile.positions, 9)
    weights = np.abs(rows).sum(1).max() * 128
    inputs = {2: 2 * 2, 4: 2 * 10}[width] * 128  # the sums of magnitudes of both transformations of inputs
    assert weights < 2**15 and inputs < 2**15 and weights * inputs < 2**31


@given(st.data())
@examples
def test_products_transformed_back_are_the_sums(data: st.DataObject) -> None:
    """`factor` times those of the windows, in exact integers."""
    width = data.draw(st.sampled_from(WIDTHS))
    tile = winograd._TILES[width]
    weights, x = data.draw(contents((1, 3, 3, 1), low=-128)), data.draw(contents((4, width + 2)))
    products = winograd.transform(weights, width).reshape(4, width + 2).astype(np.int64)
    sums = TWO_BACK @ (products * (TWO_IN @ x.astype(np.int64) @ COLUMNS_IN[width].T)) @ BACK[width].T
    wanted = [
        [int((x[r : r + 3, c : c + 3].astype(int) * weights[0, :, :, 0]).sum()) for c in range(width)] for r in range(2)
    ]
    np.testing.assert_array_equal(sums, tile.factor * np.array(wanted))


TWO_IN = np.array([[1, 0, -1, 0], [0, 1, 1, 0], [0, -1, 1, 0], [0, 1, 0, -1]])
TWO_BACK = np.array([[1, 1, 1, 0], [0, 1, -1, -1]])
COLUMNS_IN = {
    2: TWO_IN,
    4: np.array(
        [
            [4, 0, -5, 0, 1, 0],
            [0, -4, -4, 1, 1, 0],
            [0, 4, -4, -1, 1, 0],
            [0, -2, -1, 2, 1, 0],
            [0, 2, -1, -2, 1, 0],
            [0, 4, 0, -5, 0, 1],
        ]
    ),
}
BACK = {2: TWO_BACK, 4: np.array([[1, 1, 1, 1, 1, 0], [0, 1, -1, 2, -2, 0], [0, 1, 1, 4, 4, 0], [0, 1, -1, 8, -8, 1]])}
