# SPDX-License-Identifier: Apache-2.0
"""Matrix product with constant weights in portable C."""

from __future__ import annotations

from espdl.backends.lowering import Lowering, lowering
from espdl.backends.records import decline_inexact, scale_ratios
from espdl.ops.gemm import Gemm
from espdl.ops.numerics import activation_range, requantization
from espdl.plan.types import Constant, KernelCall
from espdl.targets import Target


@lowering("gemm", backend="portable")
class PortableGemm(Lowering):
    """Row by row, output by output."""

    def accept(self, node: Gemm, target: Target) -> str | None:
        (x,), (y,) = node.inputs, node.outputs
        return decline_inexact(x, node.weights, node.bias, scale_ratios(x, node.weights_scale, y), target.rounding)

    def lower(self, node: Gemm, target: Target) -> KernelCall:
        (x,), (y,) = node.inputs, node.outputs
        multiplier, shift = requantization(scale_ratios(x, node.weights_scale, y), target.rounding)
        low, high = activation_range(node.activation, y)
        outputs, inputs = node.weights.shape
        return KernelCall(
            operator=node.name,
            function="espdl_gemm_s8",
            params_type="espdl_gemm_params_t",
            header="espdl/kernels/gemm.h",
            params={
                "rows": x.count // inputs,
                "inputs": inputs,
                "outputs": outputs,
                "input_zero_point": x.zero_point,
                "output_zero_point": y.zero_point,
                "activation_min": low,
                "activation_max": high,
                "rounding": target.rounding,
            },
            inputs=(x.name,),
            outputs=(y.name,),
            constants=(
                Constant("weights", node.weights),
                Constant("bias", node.bias),
                Constant("multiplier", multiplier),
                Constant("shift", shift),
            ),
            packing="weights_and_channels",
            macs=node.macs,
            source_nodes=node.source_nodes,
        )
