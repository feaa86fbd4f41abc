# SPDX-License-Identifier: Apache-2.0
"""Elementwise product by ESP-DL: one shift of each product."""

from __future__ import annotations

from dataclasses import replace

from espdl.backends.esp_dl.accumulators import vector_unit
from espdl.backends.lowering import Declined, lowering, portable
from espdl.ops.mul import Mul, MulParams
from espdl.ops.numerics import activation_range
from espdl.plan.types import KernelCall
from espdl.targets import ROUND_TFLITE, Target

# ESPDL_DL_MUL_STATE in port/esp_dl/include/espdl/esp_dl/mul.h.
STATE_BYTES = 112
# Fewer than fill a vector are multiplied in floating point.
MIN_COUNT = 16


@lowering("mul", "esp_dl", "int8")
def lower_mul(node: Mul, target: Target) -> KernelCall | Declined:
    """Two tensors of one shape, without zero points."""
    (y,) = node.outputs
    if target.rounding == ROUND_TFLITE:
        return Declined("ESP-DL requantises by a shift, which needs the scheme power_of_two")
    if node.values is not None or not node.a.count == node.b.count == y.count:
        return Declined("its operands are not two tensors of the output's shape")
    if y.count < MIN_COUNT:
        return Declined(f"its {y.count} values fill no vector, and ESP-DL multiplies so few in floating point")
    if any(t.zero_point != 0 for t in (node.a, node.b, y)):
        return Declined("one of its tensors has a zero point other than 0")
    if activation_range(node.activation, y) != (-128, 127):
        return Declined("it has an activation, and ESP-DL's product has none")
    call = portable(node, target)
    if isinstance(call, Declined):
        return call
    p = call.params_of(MulParams)
    left, right, most = p.left_shift, p.shift, vector_unit(target).max_shift
    if left or right > most:
        return Declined(f"it needs a shift of {right - left}; ESP-DL has 0 .. {most}")
    return replace(
        call,
        function="espdl_dl_mul_s8",
        prepare="espdl_dl_mul_s8_prepare",
        state_bytes=STATE_BYTES,
        header="espdl/esp_dl/mul.h",
    )
