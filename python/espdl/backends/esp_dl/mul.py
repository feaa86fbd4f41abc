# SPDX-License-Identifier: Apache-2.0
"""Elementwise product by ESP-DL: one shift of each product."""

from __future__ import annotations

from dataclasses import replace

from espdl.backends.esp_dl.sums import vector_unit
from espdl.backends.lowering import Lowering, lowering, lowerings
from espdl.ops.mul import Mul
from espdl.ops.numerics import activation_range
from espdl.plan.types import KernelCall
from espdl.targets import ROUND_TFLITE, Target

# ESPDL_DL_MUL_STATE in port/esp_dl/include/espdl/esp_dl/mul.h.
STATE_BYTES = 112
# Fewer than fill a vector are multiplied in floating point.
MIN_COUNT = 16


@lowering("mul", backend="esp_dl")
class EspDlMul(Lowering):
    """Two tensors of one shape, without zero points."""

    def accept(self, node: Mul, target: Target) -> str | None:
        (y,) = node.outputs
        if target.rounding == ROUND_TFLITE:
            return "ESP-DL requantises by a shift, which needs the scheme power_of_two"
        if node.values is not None or not node.a.count == node.b.count == y.count:
            return "its operands are not two tensors of the output's shape"
        if y.count < MIN_COUNT:
            return f"its {y.count} values fill no vector, and ESP-DL multiplies so few in floating point"
        if any(t.zero_point != 0 for t in (node.a, node.b, y)):
            return "one of its tensors has a zero point other than 0"
        if activation_range(node.activation, y) != (-128, 127):
            return "it has an activation, and ESP-DL's product has none"
        portable = lowerings()["portable", "mul"]
        reason = portable.accept(node, target)
        if reason is not None:
            return reason
        p = portable.lower(node, target).params
        if p["left_shift"] or p["shift"] > vector_unit(target).max_shift:
            return (
                f"it needs a shift of {p['shift'] - p['left_shift']}; ESP-DL has 0 .. {vector_unit(target).max_shift}"
            )
        return None

    def lower(self, node: Mul, target: Target) -> KernelCall:
        call = lowerings()["portable", "mul"].lower(node, target)
        return replace(
            call,
            function="espdl_dl_mul_s8",
            prepare="espdl_dl_mul_s8_prepare",
            state_bytes=STATE_BYTES,
            header="espdl/esp_dl/mul.h",
        )
