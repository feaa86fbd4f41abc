# SPDX-License-Identifier: Apache-2.0
"""Elementwise product on the ESP32-S3's vector unit."""

from __future__ import annotations

from dataclasses import replace

from espdl.backends.lowering import Declined, lowering, portable
from espdl.ops.mul import Mul, MulParams
from espdl.plan.types import KernelCall
from espdl.targets import ROUND_HALF_UP, Target

# A product, half a unit and the output's zero point stay within 20 bits.
MAX_SHIFT = 11


@lowering("mul", "esp32s3", "int8")
def lower_mul(node: Mul, target: Target) -> KernelCall | Declined:
    """A product and a shift for 16 elements at once."""
    if target.rounding != ROUND_HALF_UP:
        return Declined("the vector unit multiplies by shifts rounded half up, which the scheme power_of_two has")
    call = portable(node, target)
    if isinstance(call, Declined):
        return call
    p = call.params_of(MulParams)
    if p.a_zero_point or p.b_zero_point:
        return Declined(f"its operands have the zero points {p.a_zero_point} and {p.b_zero_point}")
    if p.multiplier or p.left_shift or p.shift > MAX_SHIFT:
        return Declined(f"its scales differ by no shift of 0 .. {MAX_SHIFT}")
    if p.a_strides[3] != 1 or p.b_strides[3] != 1:
        return Declined("it repeats an operand along the last axis")
    if any(stride % 16 for stride in (*p.a_strides[:3], *p.b_strides[:3])):
        return Declined("its rows are no whole vectors")
    return replace(call, function="espdl_s3_mul_s8", header="espdl/esp32s3/mul.h")
