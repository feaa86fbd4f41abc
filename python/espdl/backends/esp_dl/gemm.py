# SPDX-License-Identifier: Apache-2.0
"""Matrix product with constant weights by ESP-DL, which computes it as a convolution of 1x1 pixels."""

from __future__ import annotations

from espdl.backends.esp_dl import sums
from espdl.backends.esp_dl.conv2d import STATE_BYTES, UNALIGNED
from espdl.backends.lowering import Lowering, lowering
from espdl.ops.gemm import Gemm
from espdl.ops.numerics import activation_range
from espdl.plan.types import KernelCall
from espdl.targets import Target


@lowering("gemm", backend="esp_dl")
class EspDlGemm(Lowering[Gemm]):
    """As the convolution."""

    def try_lower(self, node: Gemm, target: Target) -> KernelCall:
        (x,), (y,) = node.inputs, node.outputs
        low, high = activation_range(node.activation, y)
        outputs, inputs = node.weights.shape
        return KernelCall(
            operator=node.name,
            function="espdl_dl_gemm_s8",
            prepare="espdl_dl_gemm_s8_prepare",
            state_bytes=STATE_BYTES,
            params_type="espdl_gemm_params_t",
            header="espdl/esp_dl/gemm.h",
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
            constants=sums.constants(node, target),
            packing=f"esp_dl_{sums.vector_unit(target).name}",
            macs=node.macs,
            source_nodes=node.source_nodes,
            notes=(UNALIGNED,) if inputs % 16 or outputs % 16 else (),
        )
