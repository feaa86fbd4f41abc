# SPDX-License-Identifier: Apache-2.0
"""Elementwise sum of two tensors of one shape in portable C."""

from __future__ import annotations

import math

import numpy as np

from espdl.backends.layers import clamp, exact_scale, require_no_zero_points
from espdl.backends.lowering import Declined, call_of, lowering
from espdl.backends.portable.add_sub import common_scale
from espdl.ops.add import Add, AddParams, AddS16Params
from espdl.plan.types import KernelCall
from espdl.targets import ROUND_TFLITE, Target

# Bits of the larger multiplier for int16: two products of 16 and 30 bits and their sum are far from 63.
_BITS = 30


@lowering("add", "portable", "int8")
def lower_add(node: Add, target: Target) -> KernelCall:
    """TFLite's formula for any scales; shifts alone where the scales' ratios are powers of two."""
    (a, b), (y,) = node.inputs, node.outputs
    return call_of(
        node,
        "espdl_add_s8" if target.rounding == ROUND_TFLITE else "espdl_add_shift_s8",
        "espdl/kernels/add.h",
        AddParams(
            count=y.count,
            **common_scale(a, b, y, target.rounding),
            **clamp(node.activation, y),
            rounding=target.rounding,
        ),
        in_place=((0, 0), (1, 0)),
    )


@lowering("add", "portable", "int16")
def lower_add_int16(node: Add, target: Target) -> KernelCall | Declined:
    """Two multiplications and one shift per element."""
    require_no_zero_points(node)
    (a, b), (y,) = node.inputs, node.outputs
    ratios = [exact_scale(t) / exact_scale(y) for t in (a, b)]
    shift = _BITS - math.frexp(max(ratios))[1]
    if not 1 <= shift <= 62:
        return Declined("the scales of its inputs and its output are too far apart")
    # What one step of each is worth in steps of the output, times 2**shift.
    multipliers = (int(np.rint(np.ldexp(ratio, shift))) for ratio in ratios)
    return call_of(
        node,
        "espdl_add_s16",
        "espdl/kernels/add_s16.h",
        AddS16Params(
            count=y.count,
            **dict(zip(("a_multiplier", "b_multiplier"), multipliers)),
            shift=shift,
            **clamp(node.activation, y),
        ),
        in_place=((0, 0), (1, 0)),
    )
