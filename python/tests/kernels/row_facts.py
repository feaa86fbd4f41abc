# SPDX-License-Identifier: CC0-1.0
"""Which rows of its inputs a kernel needs for some rows of its output, and the parameters of a call for those.

Rows are indices of axis 1 of NHWC (height, or time). A call over some rows is the same kernel with other pointers:
`y` at the first row wanted, each input that is read by rows at the first row needed.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable

import numpy as np
from row_fields import Facts, Field, Spread, Table, Window

from espdl.ops.params import ConvShape, PoolShape
from espdl.plan.types import KernelCall

Maker = Callable[[KernelCall, int, tuple[int, ...]], Facts | None]


def of_call(call: KernelCall, height: int, sizes: tuple[int, ...]) -> Facts | None:
    """The facts of `call` whose output has `height` rows; None where it cannot be had row by row.

    `sizes`: the items of each input.
    """
    maker = MAKERS.get(call.function)
    return None if maker is None else maker(call, height, sizes)


def _window_fields(window: Window, prefix: str = "") -> tuple[Field, ...]:
    return (
        Field(f"{prefix}input_height", base=window.height, per_input=-1),
        Field(f"{prefix}output_height", rows=1),
        Field(f"{prefix}pad_top", base=window.pad, per_first=-window.stride, least=0),
    )


def _window(p: ConvShape | PoolShape) -> Window:
    return Window(p.input_height, p.kernel_height, p.stride_height, p.dilation_height, p.pad_top)


def windowed(call: KernelCall, height: int, sizes: tuple[int, ...]) -> Facts | None:
    """Convolutions and pools. A product may be a convolution of one row of pixels."""
    p = call.params
    if p.output_height == height:
        window = _window(p)
        return Facts((window,), _window_fields(window), row_for_row=p.stride_height == 1)
    ones = ("input_height", "output_height", "kernel_height", "kernel_width", "stride_width")
    if all(getattr(p, name) == 1 for name in ones) and p.pad_left == 0 and p.input_width == p.output_width:
        return pointwise("input_width", "output_width")(call, height, sizes)
    return None


def windowed_planes(call: KernelCall, height: int, sizes: tuple[int, ...]) -> Facts | None:
    facts = windowed(call, height, sizes) if call.params.output_height == height else None
    return None if facts is None else Facts(facts.inputs, facts.fields, planes=True)


def windowed_sum(call: KernelCall, height: int, sizes: tuple[int, ...]) -> Facts | None:
    """A convolution and the sum behind it."""
    conv = call.params.conv
    if conv.output_height != height:
        return None
    window = _window(conv)
    return Facts((window, Window(height)), _window_fields(window, "conv."))


def windowed_pairs(call: KernelCall, height: int, sizes: tuple[int, ...]) -> Facts | None:
    """Of pixels of 8 channels, the kernel takes two at a time."""
    facts, p = windowed(call, height, sizes), call.params
    odd = p.input_channels == 8 and p.output_width % 2
    return facts and Facts(facts.inputs, facts.fields, multiple=2 if odd else 1, row_for_row=facts.row_for_row)


def transposed(call: KernelCall, height: int, sizes: tuple[int, ...]) -> Facts | None:
    p = call.params
    if p.output_height != height:
        return None
    spread = Spread(p.input_height, p.kernel_height, p.stride_height, p.dilation_height, p.pad_top)
    fields = (
        Field("input_height", base=spread.height, per_input=-1),
        Field("output_height", rows=1),
        Field("pad_top", base=spread.pad, per_first=1, per_input=-spread.stride),
    )
    return Facts((spread,), fields)


def pointwise(*names: str) -> Maker:
    """Kernels that take so many rows, or values, of each operand, one behind the other."""

    def make(call: KernelCall, height: int, sizes: tuple[int, ...]) -> Facts | None:
        counts = [getattr(call.params, name) for name in names]
        if any(count % height for count in counts) or any(size % height for size in sizes):
            return None
        fields = tuple(Field(name, rows=count // height) for name, count in zip(names, counts))
        return Facts((Window(height),) * len(sizes), fields)

    return make


def flat(call: KernelCall, height: int, sizes: tuple[int, ...]) -> Facts | None:
    """`count` is a multiple of the last axis."""
    facts = pointwise("count")(call, height, sizes)
    return facts if facts and facts.fields[0].rows % call.params.row == 0 else None


def products(call: KernelCall, height: int, sizes: tuple[int, ...]) -> Facts | None:
    """Of vectors; one vector is the whole input."""
    return pointwise("rows")(call, height, sizes)


def _row_axis(shape: tuple[int, ...], height: int) -> int | None:
    """The outermost axis, which alone or with those behind it merged holds the rows."""
    axis = next((i for i, size in enumerate(shape) if size != 1), len(shape) - 1)
    return axis if shape[axis] % height == 0 else None


def repeated(call: KernelCall, height: int, sizes: tuple[int, ...]) -> Facts | None:
    """Elementwise with one operand repeated: a vector for all rows is needed complete."""
    p = call.params
    axis = _row_axis(p.shape, height)
    if axis is None:
        return None
    steps = [p.a_strides[axis], p.b_strides[axis]]
    if any(steps[len(sizes) :]):
        return None  # the second operand is constant, and has another row for every row
    inputs = tuple(Window(height) if step else None for step in steps[: len(sizes)])
    if not any(inputs):
        return None
    return Facts(inputs, (Field("shape", axis, rows=p.shape[axis] // height),))


def padded(call: KernelCall, height: int, sizes: tuple[int, ...]) -> Facts | None:
    p = call.params
    axis = _row_axis(p.output_shape, height)
    if axis is None:
        return None
    unit = p.output_shape[axis] // height
    if p.input_shape[axis] % unit or p.before[axis] % unit or (axis == 3 and unit % call.alignment):
        return None
    window = Window(p.input_shape[axis] // unit, pad=p.before[axis] // unit)
    fields = (
        Field("input_shape", axis, per_given=unit),
        Field("output_shape", axis, rows=unit),
        Field("before", axis, base=unit * window.pad, per_first=-unit, least=0),
    )
    return Facts((window,), fields)


def gathered(call: KernelCall, height: int, sizes: tuple[int, ...]) -> Facts | None:
    p = call.params
    if p.outer % height == 0 and p.outer > 1:
        return pointwise("outer")(call, height, sizes)
    if p.outer != 1 or p.rows != height:
        return None
    rows = tuple(int(row) for row in call.constant("row_index"))
    fields = (
        Field("input_rows", base=p.input_rows, per_input=-1),
        Field("rows", rows=1),
        Field("first_row", per_first=1),
        Field("first_input_row", per_input=1),
    )
    return Facts((Table(p.input_rows, rows, rows),), fields)


def interpolated(call: KernelCall, height: int, sizes: tuple[int, ...]) -> Facts | None:
    p = call.params
    if p.output_height != height:
        return None
    places = call.constant("rows")[:, :2]
    lows, highs = (tuple(int(v) for v in f(places, axis=1)) for f in (np.min, np.max))
    fields = (
        Field("input_height", base=p.input_height, per_input=-1),
        Field("output_height", rows=1),
        Field("first_row", per_first=1),
        Field("first_input_row", per_input=1),
    )
    return Facts((Table(p.input_height, lows, highs),), fields)


def strided(call: KernelCall, height: int, sizes: tuple[int, ...]) -> Facts | None:
    """A view of which each output row takes what lies `step` items behind what the row before it takes."""
    p = call.params
    axis = _row_axis(p.shape, height)
    if axis is None:
        return None
    unit = p.shape[axis] // height
    step = unit * p.strides[axis]
    inner = [(unit, p.strides[axis]), *zip(p.shape[axis + 1 :], p.strides[axis + 1 :])]
    start = getattr(p, "first", 0)  # a transposition has none
    low = start + sum(min(0, (size - 1) * stride) for size, stride in inner)
    high = start + sum(max(0, (size - 1) * stride) for size, stride in inner)
    if step <= 0:
        return None
    # As many items as two steps have in common with the input make a row of it.
    row = math.gcd(step, sizes[0])
    lows, highs = (tuple((item + i * step) // row for i in range(height)) for item in (low, high))
    fields = [Field("shape", axis, rows=unit)]
    if hasattr(p, "first"):
        fields.append(Field("first", base=start, per_first=step, per_input=-row))
    elif row != step or low:
        return None
    return Facts((Table(sizes[0] // row, lows, highs),), tuple(fields))


MAKERS: dict[str, Maker] = {
    **dict.fromkeys(
        (
            "espdl_conv2d_s8",
            "espdl_conv2d_3x8_s8",
            "espdl_conv2d_s16",
            "espdl_depthwise_s8",
            "espdl_depthwise_3x3_s8",
            "espdl_depthwise_3x3_stride2_s8",
            "espdl_average_pool2d_s8",
            "espdl_average_pool2d_s16",
            "espdl_max_pool2d_s8",
            "espdl_max_pool2d_s16",
            "espdl_mac16_conv2d_s8",
            "espdl_mac16_conv2d_s16",
            "espdl_mac16_gemm_s16",
            "espdl_mac16_depthwise_s16",
            "espdl_mac16_depthwise_s8",
            "espdl_s3_conv2d_aligned_s8",
            "espdl_s3_conv2d_aligned_affine_s8",
            "espdl_s3_conv2d_bytes_s8",
            "espdl_s3_conv2d_bytes_affine_s8",
            "espdl_s3_conv2d_narrow_s8",
            "espdl_s3_conv2d_turned_s8",
            "espdl_s3_conv2d_narrow_affine_s8",
            "espdl_s3_conv2d_wide_s8",
            "espdl_s3_depthwise_s8",
            "espdl_s3_depthwise_affine_s8",
            "espdl_s3_conv2d_pointwise_affine_s8",
            "espdl_s3_average_pool2d_s8",
            "espdl_s3_max_pool2d_s8",
        ),
        windowed,
    ),
    **{f"espdl_conv2d_winograd_2x{width}_s8": windowed for width in (2, 4)},
    **{f"espdl_conv2d_winograd_2x{width}_add{kind}_s8": windowed_sum for width in (2, 4) for kind in ("", "_shift")},
    "espdl_s3_conv2d_pointwise_s8": windowed_pairs,
    "espdl_conv2d_planar_3x8_s8": windowed_planes,
    **{
        f"espdl_s3_conv2d_planar_{kind}_s8": windowed_planes
        for kind in ("bytes", "narrow", "turned", "bytes_affine", "narrow_affine")
    },
    **dict.fromkeys(
        (
            "espdl_conv2d_3x8_add_s8",
            "espdl_conv2d_3x8_add_shift_s8",
            "espdl_mac16_conv2d_add_s8",
            "espdl_s3_conv2d_add_s8",
        ),
        windowed_sum,
    ),
    **dict.fromkeys(
        (
            "espdl_conv_transpose2d_s8",
            "espdl_s3_conv_transpose2d_s8",
            "espdl_s3_conv_transpose2d_bytes_s8",
            "espdl_s3_conv_transpose2d_affine_s8",
            "espdl_s3_conv_transpose2d_bytes_affine_s8",
        ),
        transposed,
    ),
    **dict.fromkeys(
        (
            "espdl_gemm_s8",
            "espdl_gemm_3x8_s8",
            "espdl_gemm_1x8_s8",
            "espdl_mac16_gemm_s8",
            "espdl_s3_gemm_aligned_s8",
            "espdl_s3_gemm_bytes_s8",
            "espdl_s3_gemm_narrow_s8",
            "espdl_s3_gemm_wide_s8",
            "espdl_s3_softmax_s8",
            "espdl_softmax_s8",
            "espdl_softmax_s16",
            "espdl_layer_norm_s8",
            "espdl_s3_layer_norm_s8",
        ),
        products,
    ),
    **dict.fromkeys(
        (
            "espdl_add_s8",
            "espdl_add_shift_s8",
            "espdl_add_s16",
            "espdl_lookup_s16",
            "espdl_flip_sign_8",
            "espdl_s3_flip_sign_8",
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
            "espdl_s3_add_s8",
            "espdl_s3_add_affine_s8",
            "espdl_s3_rescale_16_s8",
        ),
        pointwise("count"),
    ),
    "espdl_lookup_s8": flat,
    **dict.fromkeys(
        (
            "espdl_argmax_s8",
            "espdl_concat",
            "espdl_lookup_channels_s8",
            "espdl_prelu_s8",
            "espdl_reduce_max_s8",
            "espdl_reduce_min_s8",
            "espdl_reduce_sum_s8",
            "espdl_rescale_channels_s8_s16",
            "espdl_rescale_channels_s16_s8",
            "espdl_rescale_channels_s16_s16",
            "espdl_rescale_channels_u8_s16",
            "espdl_rescale_channels_u16_s8",
            "espdl_rescale_channels_u16_s16",
            "espdl_s3_concat",
            "espdl_s3_rescale_channels_16_s8",
        ),
        pointwise("outer"),
    ),
    **dict.fromkeys(
        (
            "espdl_mul_s8",
            "espdl_sum_s8",
            "espdl_maximum_s8",
            "espdl_minimum_s8",
            "espdl_s3_mul_s8",
            "espdl_s3_mul_channels_s8",
            "espdl_s3_mul_affine_s8",
            "espdl_s3_mul_channels_affine_s8",
        ),
        repeated,
    ),
    **dict.fromkeys(("espdl_pad_s8", "espdl_s3_pad_s8"), padded),
    **dict.fromkeys(("espdl_gather", "espdl_s3_gather"), gathered),
    "espdl_resize_linear_s8": interpolated,
    **dict.fromkeys(("espdl_copy", "espdl_s3_copy", "espdl_transpose"), strided),
}

# Why the others need all of their inputs.
WHOLE: dict[str, str] = {
    **dict.fromkeys(
        ("espdl_s3_transpose_lines", "espdl_s3_transpose_bytes"), "some rows of images channels first are no vectors"
    ),
    **dict.fromkeys(
        ("espdl_matmul_s8", "espdl_s3_matmul_s8", "espdl_s3_matmul_affine_s8"),
        "every row of the product needs all of the second operand",
    ),
    **dict.fromkeys(
        (
            "espdl_lstm_s8",
            "espdl_lstm_f32",
            "espdl_mac16_gru_s16",
            "espdl_mac16_gru_s8",
            "espdl_mac16_lstm_s16",
            "espdl_mac16_lstm_s8",
            "espdl_lstm_states_s8",
            "espdl_lstm_states_s16",
            "espdl_gru_s8",
            "espdl_gru_f32",
            "espdl_gru_states_s8",
            "espdl_gru_states_s16",
        ),
        "it begins with no state",
    ),
}


def add(kernels: Iterable[str], rows: Maker | str) -> None:
    """A row of the tables for each of `kernels`: how they run on some of their rows, or why on all of them."""
    for kernel in kernels:
        if isinstance(rows, str):
            WHOLE[kernel] = rows
        else:
            MAKERS[kernel] = rows
