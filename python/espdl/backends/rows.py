# SPDX-License-Identifier: Apache-2.0
"""What kernels say of rows: which rows of their inputs some rows of the output are made of, with which parameters.

By name of the C function, whichever lowering chose it. Kernels that are in no table compute all rows at once.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import Any

import numpy as np

from espdl.ops.broadcast import BroadcastParams
from espdl.ops.gather import GatherParams
from espdl.ops.pad import PadParams
from espdl.ops.params import ConvShape, PoolShape
from espdl.ops.resize_linear import ResizeLinearParams
from espdl.ops.transpose import TransposeParams
from espdl.plan.rows import POINTWISE, Change, Reach, Rows, Sharing
from espdl.plan.types import KernelCall, Tensor

# Instructions of depthwise kernels that do not depend on how many rows they compute, for a channel (measured, rv32).
PER_CHANNEL = 190
# Bytes of a vector of the ESP32-S3.
VECTOR = 16
# Its kernels that read their input from any address.
S3_PLANAR = tuple(f"espdl_s3_conv2d_planar_{kind}_s8" for kind in ("bytes", "narrow", "turned"))
ANYWHERE = (
    *(f"espdl_s3_conv2d_{kind}_s8" for kind in ("bytes", "narrow", "bytes_affine", "narrow_affine")),
    *S3_PLANAR,
)
# Instructions of its kernels that do not depend on the rows (measured, Xtensa).
S3_DEPTHWISE, S3_CONVOLUTION = 1200, 700
# And of the ESP32's, for a weight; for a channel of a depthwise convolution.
MAC16_WEIGHT, MAC16_DEPTHWISE = 2, 60
# Pixels that products and convolutions in blocks compute at once, and tiles that Winograd's kernels do.
PIXELS, TILES = 3, 4

# Facts of a call whose output has that many rows, given the tensors that it reads.
Facts = Callable[[KernelCall, int, Sequence[Tensor]], Rows | None]


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


def _reach(p: ConvShape | PoolShape) -> Reach:
    extent = (p.kernel_height - 1) * p.dilation_height
    return Reach(p.stride_height, -p.pad_top, extent - p.pad_top)


def _changes(prefix: str = "") -> tuple[Change, ...]:
    fields = {"input_height": "input_rows", "output_height": "rows", "pad_top": "above"}
    return tuple(Change(prefix + field, quantity) for field, quantity in fields.items())


def windows(sharing: str = "order", group: int = 1) -> Facts:
    """Convolutions and pools that compute their pixels in order."""

    def facts(call: KernelCall, height: int, inputs: Sequence[Tensor]) -> Rows | None:
        p: Any = call.params
        if p.output_height == height:
            shared = (Sharing(0, sharing),) if sharing else ()
            return Rows((_reach(p),), _changes(), sharing=shared, group=group)
        return _one_row_of_pixels(call, height, inputs)

    return facts


def _one_row_of_pixels(call: KernelCall, height: int, inputs: Sequence[Tensor]) -> Rows | None:
    """A product is a convolution of one row, whose pixels are the rows of its tensors."""
    p: Any = call.params
    taps = p.input_height * p.kernel_height * p.kernel_width * p.output_height * p.stride_width
    return counted("input_width", "output_width", shares=False)(call, height, inputs) if taps == 1 else None


def tiles(call: KernelCall, height: int, inputs: Sequence[Tensor]) -> Rows | None:
    """Two rows of the output at once: none may lie where a later tile of its row still reads."""
    p: Any = call.params
    add = window_and_sum if hasattr(p, "conv") else windows(sharing="")
    rows = add(call, height, inputs)
    return None if rows is None else replace(rows, group=TILES, height=2)


def lanes(rows: int) -> Facts:
    """Depthwise convolutions, one channel after the other; an output row may lie in row `rows` of its window."""

    def facts(call: KernelCall, height: int, inputs: Sequence[Tensor]) -> Rows | None:
        p = call.params_of(ConvShape)
        if p.output_height != height:
            return None
        sharing = Sharing(0, "lanes", p.input_channels, rows)
        return Rows((_reach(p),), _changes(), sharing=(sharing,), overhead=PER_CHANNEL * p.input_channels)

    return facts


def s3_windows(call: KernelCall, height: int, inputs: Sequence[Tensor]) -> Rows | None:
    """Convolutions of the ESP32-S3, which go through the image once for each vector of channels."""
    p: Any = call.params
    once = p.output_channels * p.pixels <= VECTOR
    rows = _with_overhead(windows("order" if once else "")(call, height, inputs), S3_CONVOLUTION)
    return rows and replace(rows, anywhere=call.function in ANYWHERE)


def s3_window_and_sum(call: KernelCall, height: int, inputs: Sequence[Tensor]) -> Rows | None:
    return _with_overhead(window_and_sum(call, height, inputs), S3_CONVOLUTION)


def mac16_windows(call: KernelCall, height: int, inputs: Sequence[Tensor]) -> Rows | None:
    """Convolutions of the ESP32, which widen all of their weights for the rows of a call."""
    return _with_overhead(windows()(call, height, inputs), MAC16_WEIGHT * call.constant("weights").size)


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
    return Rows((_reach(p),), _changes(), sharing=(sharing,), overhead=MAC16_DEPTHWISE * p.input_channels)


def _with_overhead(rows: Rows | None, overhead: int) -> Rows | None:
    return None if rows is None else replace(rows, overhead=overhead)


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
    return Rows((_reach(p),), _changes(), sharing=(sharing,), overhead=overhead)


def s3_pointwise(call: KernelCall, height: int, inputs: Sequence[Tensor]) -> Rows | None:
    """Pixel by pixel; of 8 channels two pixels, which must not end with a row where the row has one left."""
    p = call.params_of(ConvShape)
    pair = p.input_channels < VECTOR
    if p.output_height != height:
        return None if pair else _one_row_of_pixels(call, height, inputs)
    if pair and p.output_width % 2:
        return None
    is_dense = p.stride_height == p.stride_width == 1
    sharing = Sharing(0, "pixels", p.input_channels * (2 if pair else 1)) if is_dense else Sharing(0, "order")
    return Rows((_reach(p),), _changes(), sharing=(sharing,) if call.overlaps else ())


def planar(call: KernelCall, height: int, inputs: Sequence[Tensor]) -> Rows | None:
    p = call.params_of(ConvShape)
    if p.output_height != height:
        return None
    reach = replace(_reach(p), planes=p.input_channels)
    return Rows((reach,), _changes(), group=PIXELS)


def s3_planar(call: KernelCall, height: int, inputs: Sequence[Tensor]) -> Rows | None:
    rows = _with_overhead(planar(call, height, inputs), S3_CONVOLUTION)
    return rows and replace(rows, group=1, anywhere=True)


def channels_last(call: KernelCall, height: int, inputs: Sequence[Tensor]) -> Rows | None:
    """An image from channels first to channels last: its first axis is rows and columns in one."""
    p, shape = call.params_of(TransposeParams), inputs[0].shape
    axis = next((i for i, size in enumerate(p.shape) if size != 1), len(p.shape) - 1)
    if len(shape) != 4 or shape[0] != 1 or shape[2] != height:
        return None
    if (p.shape[axis], p.strides[axis]) != (height * shape[3], 1):
        return None
    reach = Reach(planes=shape[1])
    return Rows((reach,), (Change(f"shape[{axis}]", "rows", shape[3]),))


def window_and_sum(call: KernelCall, height: int, inputs: Sequence[Tensor]) -> Rows | None:
    """A convolution and the sum of its result and a second input."""
    p: Any = call.params
    if p.conv.output_height != height:
        return None
    return Rows((_reach(p.conv), POINTWISE), _changes("conv."), sharing=(Sharing(1, "same"),), group=PIXELS)


def transposed(call: KernelCall, height: int, inputs: Sequence[Tensor]) -> Rows | None:
    p = call.params_of(ConvShape)
    if p.output_height != height:
        return None
    top, stride = p.pad_top, p.stride_height
    first = top - (p.kernel_height - 1) * p.dilation_height + stride - 1
    changes = (
        Change("input_height", "input_rows"),
        Change("output_height", "rows"),
        Change("pad_top", "above", factor=-1, plus=top - first),
    )
    return Rows((Reach(1, first, top, stride),), changes)


def s3_transposed(call: KernelCall, height: int, inputs: Sequence[Tensor]) -> Rows | None:
    return _with_overhead(transposed(call, height, inputs), S3_CONVOLUTION)


def counted(*fields: str, shares: bool = True, group: int = 1, multiple: str = "") -> Facts:
    """Kernels that take so many vectors, or values, of each operand, one behind the other. `multiple`: a parameter that
    the values of a row are a multiple of."""

    def facts(call: KernelCall, height: int, inputs: Sequence[Tensor]) -> Rows | None:
        counts = [getattr(call.params, field) for field in fields]
        if any(count % height for count in counts) or any(_rows(x) != height for x in inputs):
            return None
        if multiple and counts[0] // height % getattr(call.params, multiple):
            return None
        changes = tuple(Change(field, "rows", count // height) for field, count in zip(fields, counts))
        sharing = tuple(Sharing(i, "same") for i, _ in call.in_place) if shares else ()
        return Rows((POINTWISE,) * len(inputs), changes, sharing=sharing, group=group)

    return facts


def repeated(call: KernelCall, height: int, inputs: Sequence[Tensor]) -> Rows | None:
    """Elementwise with one operand repeated: a vector for all rows is needed complete."""
    p = call.params_of(BroadcastParams)
    axis = next((i for i, size in enumerate(p.shape) if size != 1), len(p.shape) - 1)
    steps = (p.a_strides[axis], p.b_strides[axis])
    if p.shape[axis] % height or any(steps[len(inputs) :]) or not any(steps):
        return None  # a constant operand with a row for every row would have to move on
    reach = tuple(POINTWISE if step else None for step in steps[: len(inputs)])
    if any(r and _rows(x) != height for r, x in zip(reach, inputs)):
        return None
    changes = (Change(f"shape[{axis}]", "rows", p.shape[axis] // height),)
    return Rows(reach, changes, sharing=tuple(Sharing(i, "same") for i, _ in call.in_place if reach[i]))


def padded(call: KernelCall, height: int, inputs: Sequence[Tensor]) -> Rows | None:
    p, rows = call.params_of(PadParams), _rows(inputs[0])
    axis = next((i for i, size in enumerate(p.output_shape) if size != 1), len(p.output_shape) - 1)
    unit = p.output_shape[axis] // height
    if p.output_shape[axis] % height or p.before[axis] % unit or p.input_shape[axis] != unit * rows:
        return None
    before = p.before[axis] // unit
    changes = (
        Change(f"input_shape[{axis}]", "input_rows", unit),
        Change(f"output_shape[{axis}]", "rows", unit),
        Change(f"before[{axis}]", "above", unit),
    )
    return Rows((Reach(1, -before, -before),), changes)


def gathered(call: KernelCall, height: int, inputs: Sequence[Tensor]) -> Rows | None:
    p = call.params_of(GatherParams)
    if p.outer != 1 or p.rows != height or _rows(inputs[0]) != p.input_rows:
        return None
    rows = np.asarray(call.constant("row_index"), np.int64)
    return _from_table(rows, rows, p.input_rows, ("input_rows", "rows"))


def interpolated(call: KernelCall, height: int, inputs: Sequence[Tensor]) -> Rows | None:
    p = call.params_of(ResizeLinearParams)
    if p.output_height != height:
        return None
    places = np.asarray(call.constant("rows"), np.int64)[:, :2]
    return _from_table(places.min(1), places.max(1), p.input_height, ("input_height", "output_height"))


def _from_table(low: np.ndarray, high: np.ndarray, input_rows: int, fields: tuple[str, str]) -> Rows | None:
    """Of a kernel whose table has the first and the last input row of each output row: a line below, and one above.
    None where rows are taken in another order, and the lines would lie far apart."""
    height = len(low)
    common = math.gcd(input_rows, height)
    step, divisor = input_rows // common, height // common
    places = step * np.arange(height)
    first, last = int((low * divisor - places).min()), int((high * divisor - places).max())
    if last - first > 3 * max(step, divisor):
        return None
    changes = (
        Change(fields[0], "input_rows"),
        Change(fields[1], "rows"),
        Change("first_row", "start"),
        Change("first_input_row", "input_start"),
    )
    return Rows((Reach(step, first, last, divisor),), changes)


def _rows(tensor: Tensor) -> int:
    return tensor.shape[1] if len(tensor.shape) >= 3 and tensor.shape[0] == 1 else 0


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
    **dict.fromkeys(("espdl_mac16_conv2d_s8", "espdl_mac16_conv2d_s16"), mac16_windows),
    "espdl_mac16_gemm_s16": windows(sharing=""),
    **dict.fromkeys(("espdl_mac16_depthwise_s8", "espdl_mac16_depthwise_s16"), mac16_depthwise),
    "espdl_conv2d_planar_3x8_s8": planar,
    **dict.fromkeys(S3_PLANAR, s3_planar),
    **{
        f"espdl_conv2d_winograd_2x{width}_{kind}": tiles
        for width in (2, 4)
        for kind in ("s8", "add_s8", "add_shift_s8")
    },
    "espdl_depthwise_3x3_s8": lanes(rows=1),
    "espdl_depthwise_3x3_stride2_s8": lanes(rows=0),
    **dict.fromkeys(("espdl_conv2d_3x8_add_s8", "espdl_conv2d_3x8_add_shift_s8"), window_and_sum),
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
    "espdl_conv_transpose2d_s8": transposed,
    "espdl_s3_conv_transpose2d_s8": s3_transposed,
    "espdl_gemm_3x8_s8": counted("rows", group=PIXELS),
    **dict.fromkeys(
        (
            "espdl_gemm_s8",
            "espdl_gemm_1x8_s8",
            "espdl_mac16_gemm_s8",
            "espdl_s3_gemm_aligned_s8",
            "espdl_s3_gemm_bytes_s8",
            "espdl_s3_gemm_narrow_s8",
            "espdl_s3_gemm_wide_s8",
            "espdl_softmax_s8",
            "espdl_softmax_s16",
            "espdl_layer_norm_s8",
        ),
        counted("rows"),
    ),
    **dict.fromkeys(
        (
            "espdl_add_s8",
            "espdl_s3_add_s8",
            "espdl_s3_add_affine_s8",
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
            "espdl_s3_concat",
            "espdl_prelu_s8",
        ),
        counted("outer"),
    ),
    **dict.fromkeys(
        (
            "espdl_mul_s8",
            "espdl_s3_mul_s8",
            "espdl_s3_mul_channels_s8",
            "espdl_sum_s8",
            "espdl_maximum_s8",
            "espdl_minimum_s8",
        ),
        repeated,
    ),
    **dict.fromkeys(("espdl_pad_s8", "espdl_s3_pad_s8"), padded),
    "espdl_transpose": channels_last,
    "espdl_gather": gathered,
    "espdl_resize_linear_s8": interpolated,
}
