# SPDX-License-Identifier: CC0-1.0
"""Layers on MAC16: every kernel against the reference, bit for bit, whatever its windows, tiles and zero points."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
from harness import check
from hypothesis import given
from hypothesis import strategies as st
from mac16_harness import TARGETS, call_of, examples, runs, shifts, tiles
from strategies import activations, contents, tensors
from test_conv2d import convolutions, usual
from test_gemm import products

from espdl.ops.add import Add
from espdl.ops.conv2d_add import Conv2dAdd

targets = st.sampled_from(TARGETS)


@runs("espdl_mac16_conv2d_s8")
@given(st.data(), shifts)
@examples
def test_convolution(data: st.DataObject, shift: int) -> None:
    target = data.draw(targets)
    node = data.draw(convolutions(target, dense=True))
    with data.draw(tiles()):
        check(call_of(node, target), data.draw(contents(node.inputs[0].shape)), shift=shift)


@runs("espdl_mac16_conv2d_s8", "espdl_mac16_gemm_s8")
@given(st.data(), shifts)
@examples
def test_product(data: st.DataObject, shift: int) -> None:
    target = data.draw(targets)
    node = data.draw(products(target))
    with data.draw(tiles()):
        check(call_of(node, target), data.draw(contents(node.inputs[0].shape)), shift=shift)


@runs("espdl_mac16_conv2d_add_s8")
@given(st.data(), shifts)
@examples
def test_convolution_and_sum(data: st.DataObject, shift: int) -> None:
    target = data.draw(targets)
    conv = data.draw(convolutions(target, dense=True))
    (x,), (inner,) = conv.inputs, conv.outputs
    residual, y = (data.draw(tensors(name, inner.shape, target)) for name in ("residual", "y"))
    add = Add((inner, residual), (y,), (), data.draw(activations))
    node = Conv2dAdd((x, residual), (y,), ("conv", "add"), conv, add)
    with data.draw(tiles()):
        check(call_of(node, target), *(data.draw(contents(t.shape)) for t in (x, residual)), shift=shift)


@runs("espdl_mac16_depthwise_s8")
@given(st.data(), st.booleans(), shifts)
@examples
def test_depthwise(data: st.DataObject, is_usual: bool, shift: int) -> None:
    target = data.draw(targets)
    node = data.draw(convolutions(target, depthwise=True, window=usual if is_usual else None))
    node = replace(node, bias=node.bias % 2**14, weights=np.maximum(node.weights, -127))
    check(call_of(node, target), data.draw(contents(node.inputs[0].shape)), shift=shift)
