# SPDX-License-Identifier: Apache-2.0
"""Matrix product with constant weights on the ESP32-S3's vector unit."""

from __future__ import annotations

import numpy as np

from espdl.backends.esp32s3.lanes import common_shift, count_parts, fits, notes_of_parts
from espdl.backends.lowering import Lowering, lowering
from espdl.ops.gemm import Gemm
from espdl.ops.numerics import activation_range
from espdl.plan.types import Constant, KernelCall
from espdl.targets import Target


@lowering("gemm", backend="esp32s3")
class VectorGemm(Lowering[Gemm]):
    """Every row a pixel of a 1 x 1 convolution; sums that 20 bits may not hold in 40."""

    alignment = 16

    def try_lower(self, node: Gemm, target: Target) -> KernelCall:
        (x,), (y,) = node.inputs, node.outputs
        shift = common_shift(x, node.weights_scale, y, target)
        kernel = choose(node, shift)
        low, high = activation_range(node.activation, y)
        outputs, inputs = node.weights.shape
        parts = count_parts(node, shift) if kernel == "aligned" else 1
        rows = x.count // inputs
        return KernelCall(
            operator=node.name,
            function=f"espdl_s3_gemm_{kernel}_s8",
            params_type="espdl_s3_gemm_params_t",
            header="espdl/esp32s3/gemm.h",
            params={
                "rows": rows,
                "inputs": inputs,
                "outputs": outputs,
                "input_zero_point": x.zero_point,
                "output_zero_point": y.zero_point,
                "activation_min": low,
                "activation_max": high,
                "rounding": target.rounding,
                "shift": shift,
                "parts": parts,
            },
            inputs=(x.name,),
            outputs=(y.name,),
            constants=(
                Constant("weights", node.weights),
                Constant("bias", node.bias),
                Constant("multiplier", np.zeros(outputs, np.int32)),
                Constant("shift", np.full(outputs, shift, np.int32)),
            ),
            packing=f"esp32s3_{kernel}",
            scratch_bytes=0 if kernel == "wide" else 16 * rows if outputs % 16 else 16,
            macs=node.macs,
            source_nodes=node.source_nodes,
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
