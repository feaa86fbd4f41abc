# SPDX-License-Identifier: Apache-2.0
"""Elementwise sum on the ESP32-S3's vector unit."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from espdl.backends.esp32s3 import affine_add
from espdl.backends.esp32s3.lanes import pack_lanes, portable_in_shifts
from espdl.backends.lowering import Declined, lowering, packing
from espdl.ops.add import Add, AddParams
from espdl.plan.types import Constant, KernelCall
from espdl.targets import ROUND_TFLITE, Target

# The factors 2**shift are int8, and no sum leaves 20 bits, zero points included.
MAX_INPUT_SHIFT, MAX_OUTPUT_SHIFT = 6, 7


@lowering("add", "esp32s3", "int8")
def lower_add(node: Add, target: Target) -> KernelCall | Declined:
    """Two products and a shift: the portable kernel's arithmetic, where its factors fit a byte."""
    if target.rounding == ROUND_TFLITE:
        return affine_add.lower_add(node, target)
    call = portable_in_shifts(node, target)
    if isinstance(call, Declined):
        return call
    p = call.params_of(AddParams)
    if max(p.a_shift, p.b_shift) > MAX_INPUT_SHIFT or p.output_shift > MAX_OUTPUT_SHIFT:
        return Declined(f"its scales lie more than 2**{MAX_INPUT_SHIFT} apart")
    start = (p.output_zero_point << p.output_shift) + ((1 << p.output_shift) >> 1)
    start -= (p.a_zero_point << p.a_shift) + (p.b_zero_point << p.b_shift)
    factors = np.array([1 << p.a_shift, 1 << p.b_shift], np.int8)
    return replace(
        call,
        function="espdl_s3_add_s8",
        header="espdl/esp32s3/add.h",
        constants=(Constant("factors", factors), Constant("start", np.array(start, np.int64))),
        packing="esp32s3_add",
    )


@packing("esp32s3_add")
def add(call: KernelCall) -> list[np.ndarray]:
    """Each factor 16 times, then what QACC begins with."""
    factors, start = (call.constant(name) for name in ("factors", "start"))
    return [np.concatenate([factors.repeat(16).view(np.uint8), pack_lanes(np.full(16, start)).reshape(-1)])]
