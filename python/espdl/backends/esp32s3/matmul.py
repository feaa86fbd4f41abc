# SPDX-License-Identifier: Apache-2.0
"""Matrix product of two activations on the ESP32-S3's vector unit."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from espdl.backends.esp32s3 import words
from espdl.backends.esp32s3.lanes import MAX_SHIFT, OTHER_ROUNDING, pack_wide_lanes
from espdl.backends.lowering import Declined, lowering, packing, portable
from espdl.ops.matmul import MatMul, MatMulParams
from espdl.plan.types import Constant, KernelCall
from espdl.targets import ROUND_HALF_UP, ROUND_TFLITE, Target

# 8192 products of 255 and 2**15 are half of what 40 bits hold.
MAX_INNER = 8192


@lowering("matmul", "esp32s3", "int8", alignment=16)
def lower_matmul(node: MatMul, target: Target) -> KernelCall | Declined:
    """Products of 16 bits in sums of 40, 16 columns at a time."""
    call = portable(node, target)
    if isinstance(call, Declined):
        return call
    p = call.params_of(MatMulParams)
    if node.swapped:
        return Declined("its left operand is constant")
    if p.inner > MAX_INNER:
        return Declined(f"its sums have {p.inner} products; 40 bits hold {MAX_INNER}")
    inner = p.inner + -p.inner % 8
    # Of whole vectors of columns.
    products = p.batch * p.rows * inner * (p.columns + -p.columns % 16)
    call = replace(call, header="espdl/esp32s3/matmul.h", scratch_bytes=34 * inner + 144, products=products)
    return _affine(node, call, p) if target.rounding == ROUND_TFLITE else _in_shifts(call, p)


def _affine(node: MatMul, call: KernelCall, p: MatMulParams) -> KernelCall:
    """What comes out is TFLite's result for every sum."""
    constants = (*call.constants, *words.scale_constants(p, node.a, node.b, p.inner))
    return replace(call, function="espdl_s3_matmul_affine_s8", constants=constants, packing="esp32s3_words")


def _in_shifts(call: KernelCall, p: MatMulParams) -> KernelCall | Declined:
    if p.rounding != ROUND_HALF_UP:
        return Declined(OTHER_ROUNDING)
    if p.b_zero_point != 0:
        return Declined(f"its right operand has the zero point {p.b_zero_point}")
    if p.shift > MAX_SHIFT:
        return Declined(f"it needs a shift of {p.shift}; the kernel takes {MAX_SHIFT}")
    start = (p.output_zero_point << p.shift) + ((1 << p.shift) >> 1)
    constants = (*call.constants, Constant("start", np.array(start, np.int64)))
    return replace(call, function="espdl_s3_matmul_s8", constants=constants, packing="esp32s3_matmul")


@packing("esp32s3_matmul")
def matmul(call: KernelCall) -> list[np.ndarray]:
    """The constant operand, if there is one; what sums of 256 times the products begin with."""
    *operand, start = (constant.data for constant in call.constants)
    return [*operand, pack_wide_lanes(256 * int(start))]
