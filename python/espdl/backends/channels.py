# SPDX-License-Identifier: Apache-2.0
"""What kernels say of channels: how a call computes some channels of its output alone.

By name of the C function, whichever lowering chose it. Kernels that are in no table compute all channels at once.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any

from espdl.backends.chip_rows import VECTOR
from espdl.plan.turns import Channels
from espdl.plan.types import KernelCall

Facts = Callable[[KernelCall], Channels | None]

# Instructions to put a value of a window where kernels in blocks want it (measured, rv32).
PACK = 2.0
# Outputs that products compute at once: of many vectors, of one.
BLOCK, WIDE_BLOCK = 4, 8


def with_channels(call: KernelCall) -> KernelCall:
    """`call` with what its kernel says of channels."""
    facts = FACTS.get(call.function)
    return call if facts is None or len(call.outputs) != 1 else replace(call, channels=facts(call))


def products(group: int, packs: float = 0.0) -> Facts:
    """Of every vector of the input with weights for each output."""

    def facts(call: KernelCall) -> Channels:
        return Channels(("outputs",), group, packs=packs)

    return facts


def s3_products(call: KernelCall) -> Channels | None:
    """Of one vector: those of several lie one behind the other."""
    p: Any = call.params
    return Channels(("outputs",), VECTOR, strict=True) if p.rows == 1 else None


def convolutions(group: int, packs: float = 0.0) -> Facts:
    """Of one group, so that every output channel is made of all input channels."""

    def facts(call: KernelCall) -> Channels | None:
        p: Any = call.params
        if p.groups != 1:
            return None
        windows = p.kernel_height * p.kernel_width / (p.stride_height * p.stride_width)
        return Channels(("output_channels",), group, packs=packs * windows)

    return facts


def depthwise(call: KernelCall) -> Channels:
    return Channels(("input_channels", "output_channels", "groups"), BLOCK, follows=True)


def mac16_depthwise(call: KernelCall) -> Channels:
    return Channels(("groups",), BLOCK, strict=True, follows=True)


def s3_depthwise(call: KernelCall) -> Channels:
    return Channels(("groups",), VECTOR, strict=True, follows=True)


# Constants of scheme affine with an item for each channel.
AFFINE = ("weights", "bias", "multiplier", "shift", "offset", "factor", "coarse", "fine", "negative", "edge", "parts")


def s3_affine_depthwise(call: KernelCall) -> Channels:
    return replace(s3_depthwise(call), sliced=AFFINE)


def s3_affine_products(call: KernelCall) -> Channels | None:
    """Of one pixel: channels of several lie apart."""
    p: Any = call.params
    one = p.output_height * p.output_width == 1
    return Channels(("output_channels",), VECTOR, strict=True, sliced=AFFINE) if one else None


def pools(call: KernelCall) -> Channels:
    return Channels(("channels",), 1, follows=True, sliced=())


def s3_pools(call: KernelCall) -> Channels:
    return Channels(("channels",), VECTOR, strict=True, follows=True, sliced=())


FACTS: dict[str, Facts] = {
    "espdl_gemm_s8": products(1),
    "espdl_gemm_3x8_s8": products(BLOCK, PACK),
    "espdl_gemm_1x8_s8": products(WIDE_BLOCK),
    **dict.fromkeys(("espdl_conv2d_3x8_s8", "espdl_conv2d_planar_3x8_s8"), convolutions(BLOCK, PACK)),
    "espdl_conv2d_s8": convolutions(1),
    **dict.fromkeys(("espdl_depthwise_s8", "espdl_depthwise_3x3_s8", "espdl_depthwise_3x3_stride2_s8"), depthwise),
    **dict.fromkeys(("espdl_average_pool2d_s8", "espdl_max_pool2d_s8"), pools),
    "espdl_mac16_gemm_s8": products(1, PACK),
    "espdl_mac16_conv2d_s8": convolutions(1, PACK),
    **dict.fromkeys(("espdl_mac16_depthwise_s8", "espdl_mac16_depthwise_s16"), mac16_depthwise),
    **dict.fromkeys(("espdl_s3_gemm_aligned_s8", "espdl_s3_gemm_bytes_s8", "espdl_s3_gemm_narrow_s8"), s3_products),
    "espdl_s3_depthwise_s8": s3_depthwise,
    "espdl_s3_depthwise_affine_s8": s3_affine_depthwise,
    **{f"espdl_s3_conv2d_{kind}_affine_s8": s3_affine_products for kind in ("pointwise", "bytes", "narrow")},
    "espdl_s3_average_pool2d_s8": s3_pools,
}
