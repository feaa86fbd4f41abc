# SPDX-License-Identifier: Apache-2.0
"""Softmax in portable C."""

from __future__ import annotations

import math

import numpy as np

from espdl.backends.layers import exact_scale, require_no_zero_points
from espdl.backends.lowering import Declined, call_of, lowering
from espdl.errors import present
from espdl.ops.softmax import INT16_BITS, Softmax, SoftmaxParams, SoftmaxS16Params
from espdl.plan.types import Constant, KernelCall, Tensor
from espdl.targets import Target

# The scales that an output may have, and the unit in which the kernel takes them.
SCALES = (2.0**-12, 2.0**-7)
UNIT = 2.0**-36
# Longer rows could miss the exact value by more than 1, because each exponential is rounded.
MAX_LENGTH = 2048
# For int16: exponentials have 30 bits; a sum of so many and one times 2**15 fit 64 bits with room.
MAX_LENGTH_INT16 = 1 << 16


@lowering("softmax", "portable", "int8")
def lower_softmax(node: Softmax, target: Target) -> KernelCall | Declined:
    """Integers and a table of exponentials."""
    (x,), (y,) = node.inputs, node.outputs
    if not SCALES[0] <= present(y.scale) <= SCALES[1]:
        return Declined(f"its output has scale {y.scale}; the kernel takes 1/4096 to 1/128")
    if node.length > MAX_LENGTH:
        return Declined(f"its rows have {node.length} elements; the kernel is exact to 1 up to {MAX_LENGTH}")
    return call_of(
        node,
        "espdl_softmax_s8",
        "espdl/kernels/softmax.h",
        SoftmaxParams(
            rows=x.count // node.length,
            length=node.length,
            output_scale=round(float(np.float32(y.scale)) / UNIT),
            output_zero_point=y.zero_point,
        ),
        constants=(Constant("exponentials", _exponentials(x, node.length)),),
        in_place=((0, 0),),
    )


@lowering("softmax", "portable", "int16")
def lower_softmax_int16(node: Softmax, target: Target) -> KernelCall | Declined:
    """64-bit integers and two tables of exponentials."""
    require_no_zero_points(node)
    (x,), (y,) = node.inputs, node.outputs
    if exact_scale(y) != 2.0**-INT16_BITS:
        return Declined(f"its output has scale {y.scale}; the kernel gives 1/{2**INT16_BITS}")
    if node.length > MAX_LENGTH_INT16:
        return Declined(f"its rows have {node.length} elements; the kernel takes {MAX_LENGTH_INT16}")
    steps = np.arange(256) * exact_scale(x)
    return call_of(
        node,
        "espdl_softmax_s16",
        "espdl/kernels/softmax_s16.h",
        SoftmaxS16Params(rows=x.count // node.length, length=node.length),
        constants=(
            Constant("coarse", np.rint(np.exp(-256.0 * steps) * 2.0**30).astype(np.uint32)),
            Constant("fine", np.rint(np.exp(-steps) * 2.0**30).astype(np.uint32)),
        ),
        in_place=((0, 0),),
    )


def _exponentials(x: Tensor, length: int) -> np.ndarray:
    """uint32 [256]: exp(-d * scale) * 2**q for d = 0 .. 255.

    q is the largest for which a sum of `length` values stays within 2**30, and 2**8 times one value within 2**31: the
    kernel's (value << 8) + whole / 2, with a whole of at most twice the sum, then fits 32 bits.
    """
    q = min(23, 30 - math.ceil(math.log2(length)))
    steps = np.arange(256) * exact_scale(x)
    return np.rint(np.exp(-steps) * 2.0**q).astype(np.uint32)
