# SPDX-License-Identifier: Apache-2.0
"""What kernels say of rows: which rows of their inputs some rows of the output are made of, with which parameters.

By name of the C function, whichever lowering chose it. Kernels that are in no table compute all rows at once.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

from espdl.backends import chip_rows
from espdl.backends.row_kinds import (
    PIXELS,
    Facts,
    channels_last,
    counted,
    gathered,
    interpolated,
    lanes,
    padded,
    planar,
    repeated,
    tiles,
    transposed,
    window_and_sum,
    windows,
)
from espdl.plan.types import KernelCall, Tensor


def with_rows(call: KernelCall, tensors: Callable[[str], Tensor]) -> KernelCall:
    """`call` with what its kernel says of rows, where its output has any (axis 1 of at least three, a batch of one)."""
    facts = FACTS.get(call.function)
    output = tensors(call.outputs[0])
    if facts is None or len(call.outputs) != 1 or len(output.shape) < 3 or output.shape[0] != 1:
        return call
    rows = facts(call, output.shape[1], [tensors(name) for name in call.reads])
    if rows is not None and call.function.startswith("espdl_s3_"):
        rows = replace(rows, copy="espdl_s3_copy_rows", copy_header="espdl/esp32s3/rows.h")
    return replace(call, rows=rows)


FACTS: dict[str, Facts] = {
    **dict.fromkeys(
        (
            "espdl_conv2d_s8",
            "espdl_conv2d_s16",
            "espdl_depthwise_s8",
            "espdl_average_pool2d_s8",
            "espdl_average_pool2d_s16",
            "espdl_max_pool2d_s8",
            "espdl_max_pool2d_s16",
        ),
        windows(),
    ),
    "espdl_conv2d_3x8_s8": windows(group=PIXELS),
    "espdl_conv2d_planar_3x8_s8": planar,
    **{
        f"espdl_conv2d_winograd_2x{width}_{kind}": tiles
        for width in (2, 4)
        for kind in ("s8", "add_s8", "add_shift_s8")
    },
    "espdl_depthwise_3x3_s8": lanes(rows=1),
    "espdl_depthwise_3x3_stride2_s8": lanes(rows=0),
    **dict.fromkeys(("espdl_conv2d_3x8_add_s8", "espdl_conv2d_3x8_add_shift_s8"), window_and_sum),
    "espdl_conv_transpose2d_s8": transposed,
    "espdl_gemm_3x8_s8": counted("rows", group=PIXELS),
    **dict.fromkeys(
        (
            "espdl_gemm_s8",
            "espdl_gemm_1x8_s8",
            "espdl_softmax_s8",
            "espdl_softmax_s16",
            "espdl_layer_norm_s8",
        ),
        counted("rows"),
    ),
    **dict.fromkeys(
        (
            "espdl_add_s8",
            "espdl_add_shift_s8",
            "espdl_add_s16",
            "espdl_lookup_s16",
            "espdl_flip_sign_8",
            "espdl_quantize_s8",
            "espdl_quantize_s16",
            "espdl_dequantize_s8",
            "espdl_dequantize_s16",
            "espdl_rescale_s8_s16",
            "espdl_rescale_s16_s8",
            "espdl_rescale_s16_s16",
            "espdl_rescale_u8_s16",
            "espdl_rescale_u16_s8",
            "espdl_rescale_u16_s16",
        ),
        counted("count"),
    ),
    "espdl_lookup_s8": counted("count", multiple="row"),
    **dict.fromkeys(
        (
            "espdl_lookup_channels_s8",
            "espdl_rescale_channels_s8_s16",
            "espdl_rescale_channels_s16_s8",
            "espdl_rescale_channels_s16_s16",
            "espdl_rescale_channels_u8_s16",
            "espdl_rescale_channels_u16_s8",
            "espdl_rescale_channels_u16_s16",
            "espdl_concat",
            "espdl_prelu_s8",
        ),
        counted("outer"),
    ),
    **dict.fromkeys(
        (
            "espdl_mul_s8",
            "espdl_sum_s8",
            "espdl_maximum_s8",
            "espdl_minimum_s8",
        ),
        repeated,
    ),
    **dict.fromkeys(("espdl_pad_s8",), padded),
    "espdl_transpose": channels_last,
    "espdl_gather": gathered,
    "espdl_resize_linear_s8": interpolated,
    **chip_rows.FACTS,
}
