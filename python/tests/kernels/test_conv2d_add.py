# SPDX-License-Identifier: CC0-1.0
"""A convolution with the sum behind it: C against the reference, which is that of the two operators."""

from __future__ import annotations

from harness import check, examples, runs
from hypothesis import assume, given
from hypothesis import strategies as st
from strategies import activations, contents, shifts, targets, tensors
from test_conv2d import convolutions

from espdl.backends import lower, select
from espdl.ops.add import Add
from espdl.ops.conv2d_add import Conv2dAdd


@runs("espdl_conv2d_3x8_add_s8", "espdl_conv2d_3x8_add_shift_s8")
@given(st.data(), shifts)
@examples
def test_kernel_equals_reference(data: st.DataObject, shift: int) -> None:
    target = data.draw(targets)
    conv = data.draw(convolutions(target, dense=True))
    (x,), (inner,) = conv.inputs, conv.outputs
    residual, y = (data.draw(tensors(name, inner.shape, target)) for name in ("residual", "y"))
    add = Add((inner, residual), (y,), (), data.draw(activations))
    node = Conv2dAdd((x, residual), (y,), ("conv", "add"), conv, add)
    assume(select(node, target).call is not None)
    values = [data.draw(contents(t.shape)) for t in (x, residual)]
    check(lower(node, target), *values, shift=shift)
