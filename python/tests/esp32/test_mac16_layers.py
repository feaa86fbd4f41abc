# SPDX-License-Identifier: CC0-1.0
"""Layers on MAC16: every kernel against the reference, bit for bit, whatever its windows, tiles and zero points."""

from __future__ import annotations

from dataclasses import replace
from unittest import mock

import numpy as np
import row_facts
from harness import check
from hypothesis import assume, given
from hypothesis import strategies as st
from mac16_harness import TARGETS, examples, functions, runs
from strategies import activations, contents, tensors
from test_conv2d import convolutions, usual
from test_gemm import products

from espdl.backends import lower, select
from espdl.backends.esp32 import conv2d as esp32_conv2d
from espdl.ops.add import Add
from espdl.ops.conv2d_add import Conv2dAdd
from espdl.ops.operator import Operator
from espdl.plan.types import KernelCall
from espdl.targets import Target

targets = st.sampled_from(TARGETS)
# Where tensors begin behind a multiple of 16: at words.
shifts = st.sampled_from([0, 4, 8, 12])


def call_of(node: Operator, target: Target) -> KernelCall:
    """The call of this backend's kernel, where it takes the node."""
    assume(select(node, target).backend == "esp32")
    return lower(node, target)


@st.composite
def tiles(draw: st.DrawFn):
    """A patch with which small layers have several tiles."""
    outputs, strips = draw(st.sampled_from([1, 3, 6, 32])), draw(st.sampled_from([1, 200, 4096]))
    return mock.patch.multiple(esp32_conv2d, MOST_OUTPUTS=outputs, STRIP_BYTES=strips)


def test_every_kernel_has_a_test_and_rows() -> None:
    named = {kernel for test in globals().values() for kernel in getattr(test, "kernels", ())}
    assert named == set(functions())
    assert {name for name in row_facts.MAKERS if name.startswith("espdl_mac16_")} <= named


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
