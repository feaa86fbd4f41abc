# SPDX-License-Identifier: Apache-2.0
"""How rows of outputs are made of rows of inputs: what kernels say of themselves, whatever their chip."""

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
# Pixels that products and convolutions in blocks compute at once, and tiles that Winograd's kernels do.
PIXELS, TILES = 3, 4

# Facts of a call whose output has that many rows, given the tensors that it reads.
Facts = Callable[[KernelCall, int, Sequence[Tensor]], Rows | None]


def reach_of(p: ConvShape | PoolShape) -> Reach:
    extent = (p.kernel_height - 1) * p.dilation_height
    return Reach(p.stride_height, -p.pad_top, extent - p.pad_top)


def changes_of(prefix: str = "") -> tuple[Change, ...]:
    fields = {"input_height": "input_rows", "output_height": "rows", "pad_top": "above"}
    return tuple(Change(prefix + field, quantity) for field, quantity in fields.items())


def windows(sharing: str = "order", group: int = 1) -> Facts:
    """Convolutions and pools that compute their pixels in order."""

    def facts(call: KernelCall, height: int, inputs: Sequence[Tensor]) -> Rows | None:
        p: Any = call.params
        if p.output_height == height:
            shared = (Sharing(0, sharing),) if sharing else ()
            return Rows((reach_of(p),), changes_of(), sharing=shared, group=group)
        return one_row_of_pixels(call, height, inputs)

    return facts


def one_row_of_pixels(call: KernelCall, height: int, inputs: Sequence[Tensor]) -> Rows | None:
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
        return Rows((reach_of(p),), changes_of(), sharing=(sharing,), overhead=PER_CHANNEL * p.input_channels)

    return facts


def with_overhead(rows: Rows | None, overhead: int) -> Rows | None:
    return None if rows is None else replace(rows, overhead=overhead)


def planar(call: KernelCall, height: int, inputs: Sequence[Tensor]) -> Rows | None:
    p = call.params_of(ConvShape)
    if p.output_height != height:
        return None
    reach = replace(reach_of(p), planes=p.input_channels)
    return Rows((reach,), changes_of(), group=PIXELS)


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
    return Rows((reach_of(p.conv), POINTWISE), changes_of("conv."), sharing=(Sharing(1, "same"),), group=PIXELS)


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
