# SPDX-License-Identifier: Apache-2.0
"""Matrix product with constant weights on the ESP32-S3's vector unit."""

from __future__ import annotations

import numpy as np

from espdl.backends.esp32s3.lanes import common_shift, count_parts, fits, notes_of_parts
from espdl.backends.layers import clamp, sum_constants
from espdl.backends.lowering import call_of, lowering
from espdl.ops.gemm import Gemm
from espdl.ops.params import ProductShape, Rounded, ZeroPoints
from espdl.plan.types import KernelCall
from espdl.targets import Target


class S3GemmParams(Rounded, ZeroPoints, ProductShape, c_type="espdl_s3_gemm_params_t"):
    shift: int
    parts: int


@lowering("gemm", "esp32s3", "int8", alignment=16)
def lower_gemm(node: Gemm, target: Target) -> KernelCall:
    """Every row a pixel of a 1 x 1 convolution; sums that 20 bits may not hold in 40."""
    (x,), (y,) = node.inputs, node.outputs
    shift = common_shift(x, node.weights_scale, y, target)
    kernel = choose(node, shift)
    outputs, inputs = node.weights.shape
    parts = count_parts(node, shift) if kernel == "aligned" else 1
    rows = x.count // inputs
    return call_of(
        node,
        f"espdl_s3_gemm_{kernel}_s8",
        "espdl/esp32s3/gemm.h",
        S3GemmParams(
            rows=rows,
            inputs=inputs,
            outputs=outputs,
            input_zero_point=x.zero_point,
            output_zero_point=y.zero_point,
            **clamp(node.activation, y),
            rounding=target.rounding,
            shift=shift,
            parts=parts,
        ),
        constants=sum_constants(node.weights, node.bias, np.full(outputs, shift, np.int32)),
        packing=f"esp32s3_{kernel}",
        scratch_bytes=0 if kernel == "wide" else 16 * rows if outputs % 16 else 16,
        macs=node.macs,
        notes=notes_of_parts(kernel == "wide", parts),
    )


def choose(node: Gemm, shift: int) -> str:
    """The kernel: the first that fits, from the fastest on."""
    if not fits(node, shift):
        return "aligned" if count_parts(node, shift) else "wide"
    inputs = node.weights.shape[1]
    if inputs % 16 == 0:
        return "aligned"
    return "narrow" if inputs < 16 else "bytes"
