# SPDX-License-Identifier: CC0-1.0
"""Layers on MAC16: every kernel against the reference, bit for bit, whatever its windows, tiles and zero points."""

from __future__ import annotations

import math
from dataclasses import replace

import numpy as np
from harness import check
from hypothesis import given
from hypothesis import strategies as st
from mac16_harness import TARGETS, call_of, examples, runs, shifts, tiles
from strategies import activations, contents, tensors
from test_conv2d import convolutions, usual
from test_gemm import products

from espdl.backends import within_scratch
from espdl.ops.add import Add
from espdl.ops.conv2d_add import Conv2dAdd
from espdl.plan.types import KernelCall

targets = st.sampled_from(TARGETS)
rooms = st.one_of(st.just(math.inf), st.integers(0, 6000))


def within(call: KernelCall, room: float) -> KernelCall:
    """`call` with at most so many bytes of scratch, or as few as it can."""
    least, found = (within_scratch(call, limit) for limit in (0, room))
    assert found.scratch_bytes <= max(room, least.scratch_bytes)
    return found


@runs("espdl_mac16_conv2d_s8")
@given(st.data(), rooms, shifts)
@examples
def test_convolution(data: st.DataObject, room: float, shift: int) -> None:
    target = data.draw(targets)
    node = data.draw(convolutions(target, dense=True))
    with data.draw(tiles()):
        check(within(call_of(node, target), room), data.draw(contents(node.inputs[0].shape)), shift=shift)


@runs("espdl_mac16_conv2d_s8", "espdl_mac16_gemm_s8")
@given(st.data(), shifts)
@examples
def test_product(data: st.DataObject, shift: int) -> None:
    target = data.draw(targets)
    node = data.draw(products(target))
    with data.draw(tiles()):
        check(call_of(node, target), data.draw(contents(node.inputs[0].shape)), shift=shift)


@runs("espdl_mac16_conv2d_add_s8")
@given(st.data(), rooms, shifts)
@examples
def test_convolution_and_sum(data: st.DataObject, room: float, shift: int) -> None:
    target = data.draw(targets)
    conv = data.draw(convolutions(target, dense=True))
    (x,), (inner,) = conv.inputs, conv.outputs
    residual, y = (data.draw(tensors(name, inner.shape, target)) for name in ("residual", "y"))
    add = Add((inner, residual), (y,), (), data.draw(activations))
    node = Conv2dAdd((x, residual), (y,), ("conv", "add"), conv, add)
    with data.draw(tiles()):
        check(within(call_of(node, target), room), *(data.draw(contents(t.shape)) for t in (x, residual)), shift=shift)


@runs("espdl_mac16_depthwise_s8")
@given(st.data(), st.booleans(), shifts)
@examples
def test_depthwise(data: st.DataObject, is_usual: bool, shift: int) -> None:
    target = data.draw(targets)
    node = data.draw(convolutions(target, depthwise=True, window=usual if is_usual else None))
    node = replace(node, bias=node.bias % 2**14, weights=np.maximum(node.weights, -127))
    check(call_of(node, target), data.draw(contents(node.inputs[0].shape)), shift=shift)
