# SPDX-License-Identifier: Apache-2.0
"""Softmax in portable C."""

from __future__ import annotations

import math

import numpy as np

from espdl.backends.layers import exact_scale, require_no_zero_points
from espdl.backends.lowering import Declined, call_of, lowering
from espdl.errors import present
from espdl.ops.softmax import INT16_BITS, LOW_BITS, MAX_SHIFT, Softmax, SoftmaxParams, SoftmaxS16Params
from espdl.plan.types import Constant, KernelCall, Tensor
from espdl.targets import Target

# The scales that an output may have.
SCALES = (2.0**-12, 2.0**-7)
# Sums of longer rows could leave 32 bits.
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
        return Declined(f"its rows have {node.length} elements; the kernel's sums take {MAX_LENGTH}")
    scale = float(np.float32(y.scale))
    shift = MAX_SHIFT - max(0, -8 - math.floor(math.log2(scale)))
    return call_of(
        node,
        "espdl_softmax_s8",
        "espdl/kernels/softmax.h",
        SoftmaxParams(
            rows=x.count // node.length,
            length=node.length,
            output_scale=round(scale * 2.0 ** (58 - shift)),
            output_shift=shift,
            output_zero_point=y.zero_point,
        ),
        constants=(Constant("exponentials", _exponentials(x)),),
        in_place=((0, 0),),
        products=x.count // node.length,  # rows
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


def _exponentials(x: Tensor) -> np.ndarray:
    """uint32 [256]: exp(-d * scale) for d = 255 .. 0, of 15 bits and LOW_BITS behind them; and half of the 15th."""
    steps = np.arange(255, -1, -1) * exact_scale(x)
    return np.rint(np.exp(-steps) * (32767 << LOW_BITS)).astype(np.uint32) + (1 << LOW_BITS >> 1)
