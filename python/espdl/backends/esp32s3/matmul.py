# SPDX-License-Identifier: Apache-2.0
"""Matrix product of two activations on the ESP32-S3's vector unit."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from espdl.backends.esp32s3.lanes import MAX_SHIFT, pack_wide_lanes, portable_in_shifts
from espdl.backends.lowering import Declined, lowering, packing
from espdl.ops.matmul import MatMul, MatMulParams
from espdl.plan.types import Constant, KernelCall
from espdl.targets import Target

# 8192 products of 255 and 2**15 are half of what 40 bits hold.
MAX_INNER = 8192


@lowering("matmul", "esp32s3", "int8", alignment=16)
def lower_matmul(node: MatMul, target: Target) -> KernelCall | Declined:
    """Products of 16 bits in sums of 40, 16 columns at a time."""
    call = portable_in_shifts(node, target)
    if isinstance(call, Declined):
        return call
    p = call.params_of(MatMulParams)
    if node.swapped:
        return Declined("its left operand is constant")
    if p.b_zero_point != 0:
        return Declined(f"its right operand has the zero point {p.b_zero_point}")
    if p.shift > MAX_SHIFT:
        return Declined(f"it needs a shift of {p.shift}; the kernel takes {MAX_SHIFT}")
    if p.inner > MAX_INNER:
        return Declined(f"its sums have {p.inner} products; 40 bits hold {MAX_INNER}")
    inner = p.inner + -p.inner % 8
    start = (p.output_zero_point << p.shift) + ((1 << p.shift) >> 1)
    return replace(
        call,
        function="espdl_s3_matmul_s8",
        header="espdl/esp32s3/matmul.h",
        constants=(*call.constants, Constant("start", np.array(start, np.int64))),
        packing="esp32s3_matmul",
        scratch_bytes=34 * inner + 144,
    )


@packing("esp32s3_matmul")
def matmul(call: KernelCall) -> list[np.ndarray]:
    """The constant operand, if there is one; what sums of 256 times the products begin with."""
    *operand, start = (constant.data for constant in call.constants)
    return [*operand, pack_wide_lanes(256 * int(start))]
