# SPDX-License-Identifier: Apache-2.0
"""What the kernels of the ESP32 and of the ESP32-S3 say of rows."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import replace
from typing import Any

from espdl.backends.esp32s3.conv2d import depthwise_bands
from espdl.backends.esp32s3.work import runs
from espdl.backends.row_kinds import (
    PER_CHANNEL,
    Facts,
    changes_of,
    counted,
    gathered,
    one_row_of_pixels,
    padded,
    planar,
    reach_of,
    repeated,
    transposed,
    window_and_sum,
    windows,
    with_overhead,
)
from espdl.ops.params import ConvShape
from espdl.plan.rows import Rows, Sharing
from espdl.plan.types import KernelCall, Tensor

# Bytes of a vector of the ESP32-S3.
VECTOR = 16
# Its kernels that read their input from any address.
S3_PLANAR = tuple(
    f"espdl_s3_conv2d_planar_{kind}_s8" for kind in ("bytes", "narrow", "turned", "bytes_affine", "narrow_affine")
)
ANYWHERE = (
    *(f"espdl_s3_conv2d_{kind}_s8" for kind in ("bytes", "narrow", "bytes_affine", "narrow_affine")),
    *S3_PLANAR,
    *(f"espdl_s3_conv_transpose2d_bytes_{scheme}s8" for scheme in ("", "affine_")),
    "espdl_s3_layer_norm_s8",
    "espdl_s3_max_pool2d_s8",
    "espdl_s3_rescale_16_s8",
    "espdl_s3_rescale_channels_16_s8",
    "espdl_s3_softmax_s8",
)
# Instructions of its kernels that do not depend on the rows (measured, Xtensa).
S3_DEPTHWISE, S3_CONVOLUTION, S3_POINTWISE = 850, 700, 400
# Of windows with the same taps, for a vector of channels.
S3_RUN = 250
# And of the ESP32's, for a weight; for a channel of a depthwise convolution.
MAC16_WEIGHT, MAC16_DEPTHWISE = 2, 60


def s3_windows(call: KernelCall, height: int, inputs: Sequence[Tensor]) -> Rows | None:
    """Convolutions of the ESP32-S3, which go through the image once for each vector of channels."""
    p: Any = call.params
    once = p.output_channels * p.pixels <= VECTOR
    by_row = p.output_channels * p.pixels % VECTOR != 0 or call.function.endswith("_affine_s8")
    overhead = S3_CONVOLUTION + (0 if by_row else _run_overhead(p, p.pixels))
    rows = with_overhead(windows("order" if once else "")(call, height, inputs), overhead)
    return rows and replace(rows, anywhere=call.function in ANYWHERE)


def _run_overhead(p: ConvShape, pixels: int = 1) -> int:
    """Of a kernel that takes all rows with the same taps at once: its calls for each stripe of them."""
    taps, stride = p.kernel_width + (pixels - 1) * p.stride_width, p.stride_width * pixels
    across = runs(p.input_width, p.pad_left, stride, p.dilation_width, taps, p.output_width // pixels)
    return S3_RUN * across * math.ceil(p.output_channels * pixels / VECTOR)


def s3_window_and_sum(call: KernelCall, height: int, inputs: Sequence[Tensor]) -> Rows | None:
    p: Any = call.params
    overhead = S3_CONVOLUTION + _run_overhead(p.conv)
    return with_overhead(window_and_sum(call, height, inputs), overhead)


def mac16_windows(call: KernelCall, height: int, inputs: Sequence[Tensor]) -> Rows | None:
    """Convolutions of the ESP32, which widen all of their weights for the rows of a call."""
    return with_overhead(windows()(call, height, inputs), MAC16_WEIGHT * call.constant("weights").size)


def mac16_window_and_sum(call: KernelCall, height: int, inputs: Sequence[Tensor]) -> Rows | None:
    rows = window_and_sum(call, height, inputs)
    return rows and replace(rows, overhead=MAC16_WEIGHT * call.constant("weights").size, group=1)


def mac16_depthwise(call: KernelCall, height: int, inputs: Sequence[Tensor]) -> Rows | None:
    """Rows are copied before they are used, for four channels after the others."""
    p = call.params_of(ConvShape)
    # Where rows are apart, those between two of a window are read when outputs have been written.
    span = p.kernel_height if p.dilation_height == 1 else 1
    pixel = p.input_channels * (2 if call.function.endswith("s16") else 1)
    sharing = Sharing(0, "copied", pixel, span)
    return Rows((reach_of(p),), changes_of(), sharing=(sharing,), overhead=MAC16_DEPTHWISE * p.input_channels)


def s3_depthwise(call: KernelCall, height: int, inputs: Sequence[Tensor]) -> Rows | None:
    """Rows are copied before they are used, for one vector of channels after the other."""
    p = call.params_of(ConvShape)
    if p.output_height != height:
        return None
    span = (p.kernel_height - 1) * p.dilation_height + 1
    if call.function == "espdl_s3_depthwise_affine_s8" and p.dilation_height > 1:
        span = 1  # rows between those of a window are read when outputs have been written
    sharing = Sharing(0, "copied", p.input_channels, span)
    overhead = S3_DEPTHWISE + PER_CHANNEL * p.input_channels // VECTOR
    bands = depthwise_bands(call) if call.function == "espdl_s3_depthwise_s8" else None
    return Rows((reach_of(p),), changes_of(), sharing=(sharing,), overhead=overhead, bands=bands)


def s3_pointwise(call: KernelCall, height: int, inputs: Sequence[Tensor]) -> Rows | None:
    """Pixel by pixel; of 8 channels two pixels, which must not end with a row where the row has one left."""
    p = call.params_of(ConvShape)
    pair = p.input_channels < VECTOR
    if p.output_height != height:
        return None if pair else one_row_of_pixels(call, height, inputs)
    if pair and p.output_width % 2:
        return None
    is_dense = p.stride_height == p.stride_width == 1
    sharing = Sharing(0, "pixels", p.input_channels * (2 if pair else 1)) if is_dense else Sharing(0, "order")
    rows = Rows((reach_of(p),), changes_of(), sharing=(sharing,) if call.overlaps else ())
    return with_overhead(rows, S3_POINTWISE)


def s3_planar(call: KernelCall, height: int, inputs: Sequence[Tensor]) -> Rows | None:
    rows = with_overhead(planar(call, height, inputs), S3_CONVOLUTION)
    return rows and replace(rows, group=1, anywhere=True)


def s3_transposed(call: KernelCall, height: int, inputs: Sequence[Tensor]) -> Rows | None:
    rows = with_overhead(transposed(call, height, inputs), S3_CONVOLUTION)
    return rows and replace(rows, anywhere=call.function in ANYWHERE)


FACTS: dict[str, Facts] = {
    **dict.fromkeys(("espdl_mac16_conv2d_s8", "espdl_mac16_conv2d_s16"), mac16_windows),
    "espdl_mac16_gemm_s16": windows(sharing=""),
    **dict.fromkeys(("espdl_mac16_depthwise_s8", "espdl_mac16_depthwise_s16"), mac16_depthwise),
    **dict.fromkeys(S3_PLANAR, s3_planar),
    "espdl_mac16_conv2d_add_s8": mac16_window_and_sum,
    **dict.fromkeys(
        [f"espdl_s3_conv2d_{kind}{scheme}_s8" for kind in ("aligned", "bytes", "narrow") for scheme in ("", "_affine")],
        s3_windows,
    ),
    **dict.fromkeys(("espdl_s3_average_pool2d_s8", "espdl_s3_max_pool2d_s8"), windows()),
    **dict.fromkeys(("espdl_s3_conv2d_wide_s8", "espdl_s3_conv2d_turned_s8"), windows(sharing="")),
    **dict.fromkeys(("espdl_s3_depthwise_s8", "espdl_s3_depthwise_affine_s8"), s3_depthwise),
    **dict.fromkeys(("espdl_s3_conv2d_pointwise_s8", "espdl_s3_conv2d_pointwise_affine_s8"), s3_pointwise),
    "espdl_s3_conv2d_add_s8": s3_window_and_sum,
    **{
        f"espdl_s3_conv_transpose2d_{kind}{scheme}s8": s3_transposed
        for kind in ("", "bytes_")
        for scheme in ("", "affine_")
    },
    **dict.fromkeys(
        (
            "espdl_mac16_gemm_s8",
            "espdl_s3_gemm_aligned_s8",
            "espdl_s3_gemm_bytes_s8",
            "espdl_s3_gemm_narrow_s8",
            "espdl_s3_gemm_wide_s8",
            "espdl_s3_layer_norm_s8",
            "espdl_s3_softmax_s8",
        ),
        counted("rows"),
    ),
    **dict.fromkeys(
        (
            "espdl_s3_add_s8",
            "espdl_s3_add_affine_s8",
            "espdl_s3_flip_sign_8",
            "espdl_s3_rescale_16_s8",
        ),
        counted("count"),
    ),
    **dict.fromkeys(("espdl_s3_concat", "espdl_s3_rescale_channels_16_s8"), counted("outer")),
    "espdl_s3_gather": gathered,
    **dict.fromkeys(
        (
            "espdl_s3_mul_s8",
            "espdl_s3_mul_channels_s8",
            "espdl_s3_mul_affine_s8",
            "espdl_s3_mul_channels_affine_s8",
        ),
        repeated,
    ),
    **dict.fromkeys(("espdl_s3_pad_s8",), padded),
}
