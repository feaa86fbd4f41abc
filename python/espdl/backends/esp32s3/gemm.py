# SPDX-License-Identifier: Apache-2.0
"""Matrix product with constant weights on the ESP32-S3's vector unit."""

from __future__ import annotations

import numpy as np

from espdl.backends.esp32s3 import affine, work
from espdl.backends.esp32s3.lanes import (
    MAX_PARTS,
    common_shift,
    count_parts,
    fetched_bytes,
    fits,
    listed_bytes,
    mean_parts,
    notes_of_parts,
    part_constants,
    part_lengths,
    whole_sums,
)
from espdl.backends.layers import clamp, sum_constants
from espdl.backends.lowering import Declined, call_of, lowering
from espdl.ops.gemm import Gemm
from espdl.ops.numerics import Inexact
from espdl.ops.params import ProductShape, Rounded, ZeroPoints
from espdl.plan.types import KernelCall
from espdl.targets import ROUND_TFLITE, Target


class S3GemmParams(Rounded, ZeroPoints, ProductShape, c_type="espdl_s3_gemm_params_t"):
    shift: int
    parts: int
    groups_outside: int


@lowering("gemm", "esp32s3", "int8", alignment=16)
def lower_gemm(node: Gemm, target: Target) -> KernelCall | Declined:
    """Every row a pixel of a 1 x 1 convolution; sums that 20 bits may not hold in 40."""
    if target.rounding == ROUND_TFLITE:
        return affine.lower_gemm(node, target)
    (x,), (y,) = node.inputs, node.outputs
    shift = common_shift(x, node.weights_scale, y, target)
    kernel, lengths = choose(node, shift)
    outputs, inputs = node.weights.shape
    parts = count_parts(lengths)
    rows = x.count // inputs
    outside = kernel == "aligned" and rows > 1 and target.exceeds_cache(node.weights.size)
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
            groups_outside=int(outside),
        ),
        constants=(
            *sum_constants(node.weights, node.bias, np.full(outputs, shift, np.int32)),
            *part_constants(lengths),
        ),
        packing=f"esp32s3_{kernel}",
        scratch_bytes=_scratch_bytes(kernel, rows, outputs, parts, outside),
        macs=node.macs,
        fetched_bytes=fetched_bytes(node.weights, rows if kernel == "aligned" and not outside else 1, target),
        products=work.products(work.of_product(rows, inputs, outputs, kernel, mean_parts(lengths))),
        notes=notes_of_parts(kernel == "wide", parts),
    )


def choose(node: Gemm, shift: int) -> tuple[str, np.ndarray]:
    """The kernel, the first that fits, from the fastest on; and how it parts its sums."""
    inputs, whole = node.weights.shape[1], whole_sums(node)
    if not fits(node, shift):
        try:
            return ("bytes" if inputs % 16 else "aligned"), part_lengths(node, shift)
        except Inexact:
            return "wide", whole
    if inputs % 16 == 0:
        return "aligned", whole
    return ("narrow" if inputs < 16 else "bytes"), whole


def _scratch_bytes(kernel: str, rows: int, outputs: int, parts: int, outside: bool) -> int:
    """As include/espdl/esp32s3/gemm.h says."""
    if kernel == "wide":
        return 0
    is_convolution = kernel == "bytes" or (kernel == "aligned" and rows > 1 and parts > 1 and (outputs % 16 or outside))
    listed = 16 * MAX_PARTS + listed_bytes(parts) if is_convolution else 0
    return 16 * (rows if outputs % 16 else 1) + listed
