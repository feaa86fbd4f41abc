# SPDX-License-Identifier: Apache-2.0
"""Matrix product with constant weights by ESP-DL, which computes it as a convolution of 1x1 pixels."""

from __future__ import annotations

from espdl.backends.esp_dl import accumulators
from espdl.backends.esp_dl.conv2d import STATE_BYTES, UNALIGNED
from espdl.backends.lowering import call_of, lowering
from espdl.backends.portable.gemm import params_of
from espdl.ops.gemm import Gemm
from espdl.plan.types import KernelCall
from espdl.targets import Target


@lowering("gemm", "esp_dl", "int8")
def lower_gemm(node: Gemm, target: Target) -> KernelCall:
    """As the convolution."""
    outputs, inputs = node.weights.shape
    return call_of(
        node,
        "espdl_dl_gemm_s8",
        "espdl/esp_dl/gemm.h",
        params_of(node, node.weights, target),
        prepare="espdl_dl_gemm_s8_prepare",
        state_bytes=STATE_BYTES,
        constants=accumulators.constants(node, target),
        packing=f"esp_dl_{accumulators.vector_unit(target).name}",
        macs=node.macs,
        notes=(UNALIGNED,) if inputs % 16 or outputs % 16 else (),
    )
