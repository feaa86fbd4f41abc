# SPDX-License-Identifier: CC0-1.0
"""Matrix product: C against the reference, the reference against Python's integers."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
from harness import check, examples, runs
from hypothesis import assume, given
from hypothesis import strategies as st
from strategies import TARGETS, activations, biases, channel_scales, contents, shifts, targets, tensors

from espdl.backends import lower, select
from espdl.ops.gemm import Gemm, GemmParams


@st.composite
def products(draw: st.DrawFn, target) -> Gemm:
    rows, inputs, outputs = draw(st.tuples(st.integers(1, 9), st.integers(1, 70), st.integers(1, 20)))
    x, y = draw(tensors("x", (rows, inputs), target)), draw(tensors("y", (rows, outputs), target))
    return Gemm(
        inputs=(x,),
        outputs=(y,),
        source_nodes=(),
        weights=draw(contents((outputs, inputs), low=draw(st.sampled_from([-127, -128])))),
        weights_scale=draw(channel_scales(target, outputs, x, y)),
        bias=draw(biases(outputs)),
        activation=draw(activations),
    )


@runs("espdl_gemm_1x8_s8", "espdl_gemm_3x8_s8", "espdl_gemm_s8")
@given(st.data(), shifts)
@examples
def test_kernel_equals_reference(data: st.DataObject, shift: int) -> None:
    target = data.draw(targets)
    node = data.draw(products(target))
    assume(select(node, target).call is not None)
    check(lower(node, target), data.draw(contents(node.inputs[0].shape)), shift=shift)


@runs("espdl_conv2d_s8")
@given(st.data())
@examples
def test_one_kernel_where_size_matters(data: st.DataObject) -> None:
    target = replace(data.draw(targets), optimize="size")
    node = data.draw(products(target))
    assume(select(node, target).call is not None)
    call = lower(node, target)
    assert call.function == "espdl_conv2d_s8"
    check(call, data.draw(contents(node.inputs[0].shape)))


def test_reference_by_hand() -> None:
    """Two inputs, one output, ratio 1/2: ((5 - 1) * 3 + (-2 - 1) * 4 + 7) / 2 = 3.5, rounded away from zero."""
    params = GemmParams(
        rows=1,
        inputs=2,
        outputs=1,
        input_pitch=2,
        output_pitch=1,
        input_zero_point=1,
        output_zero_point=-2,
        activation_min=-128,
        activation_max=127,
        rounding=TARGETS[0].rounding,
    )
    constants = {
        "weights": np.int8([[3, 4]]),
        "bias": np.int32([7]),
        "multiplier": np.int32([2**30]),
        "shift": np.int32([0]),
    }
    assert Gemm.reference(params, [np.int8([[5, -2]])], constants)[0].tolist() == [[2]]
