# SPDX-License-Identifier: Apache-2.0
"""Matrix product with constant weights in portable C."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from espdl.backends.lowering import Lowering, lowering
from espdl.backends.portable.fast import decline_fast
from espdl.backends.portable.general import general_product
from espdl.backends.portable.packing import has_heavy_pairs
from espdl.backends.records import require_int32, scale_ratios
from espdl.ops.conv2d import Conv2d
from espdl.ops.gemm import Gemm
from espdl.ops.numerics import activation_range, requantization
from espdl.plan.types import Constant, KernelCall, Tensor
from espdl.targets import Target

# From this many rows on, four at a time are faster than one, though some of the last four may be idle.
MIN_ROWS_4X4 = 3
# Up to this many weights one row costs little, and the kernel for many rows, which convolutions of 1x1 use, will do.
SMALL_PRODUCT = 1000


@lowering("gemm", backend="portable")
class PortableGemm(Lowering[Gemm]):
    """Four rows or one at a time; the general kernel where the fast requantisation is not exact."""

    def try_lower(self, node: Gemm, target: Target) -> KernelCall:
        require_int32(node.inputs[0], node.weights, node.bias)
        if target.optimize == "size":
            return general_product(node, target)
        return product(node, node.weights, target)


def pitched(x: Tensor, inputs: int) -> tuple[str, ...]:
    """`KernelCall.pitched` of a product of vectors of `inputs` values; those of `x` may be whole images."""
    return ("input_pitch", "output_pitch") if x.shape[-1] == inputs else ("output_pitch",)


def product(node: Gemm | Conv2d, weights: np.ndarray, target: Target) -> KernelCall:
    """The call that multiplies every vector of `node`'s input with `weights` [outputs, inputs]."""
    (x,), (y,) = node.inputs, node.outputs
    multiplier, shift = requantization(scale_ratios(x, node.weights_scale, y), target.rounding)
    low, high = activation_range(node.activation, y)
    outputs, inputs = weights.shape
    call = KernelCall(
        operator="gemm",
        function="espdl_gemm_s8",
        params_type="espdl_gemm_params_t",
        header="espdl/kernels/gemm.h",
        params={
            "rows": x.count // inputs,
            "inputs": inputs,
            "outputs": outputs,
            "input_pitch": inputs,
            "output_pitch": outputs,
            "input_zero_point": x.zero_point,
            "output_zero_point": y.zero_point,
            "activation_min": low,
            "activation_max": high,
            "rounding": target.rounding,
        },
        inputs=(x.name,),
        outputs=(y.name,),
        constants=(
            Constant("weights", weights),
            Constant("bias", node.bias),
            Constant("multiplier", multiplier),
            Constant("shift", shift),
        ),
        packing="weights_and_channels",
        pitched=pitched(x, inputs),
        macs=node.macs,
        source_nodes=node.source_nodes,
    )
    slow = decline_fast(call)
    if slow is not None:
        return replace(call, notes=(slow,))
    if (call.params["rows"] >= MIN_ROWS_4X4 or weights.size <= SMALL_PRODUCT) and not has_heavy_pairs(weights):
        return replace(
            call,
            function="espdl_gemm_4x4_s8",
            packing="blocks_4x4",
            scratch_bytes=8 * (inputs + inputs % 2),
            in_place=((0, 0),),
        )
    return replace(call, function="espdl_gemm_1x8_s8", packing="blocks_4x4")
