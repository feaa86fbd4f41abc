# SPDX-License-Identifier: Apache-2.0
"""About how many instructions the vector kernels take, counted on the networks of benchmarks/esp32s3.py.

They choose between shapes of tensors (`estimate`), and are the work by which a call's share of a run is estimated
(`KernelCall.products`): sixteen products a vector instruction.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

from espdl.backends.layers import clamp
from espdl.ops.average_pool2d import AveragePool2d
from espdl.ops.conv2d import Conv2d
from espdl.ops.max_pool2d import MaxPool2d


@dataclass(frozen=True)
class Windows:
    """Instructions of a kernel, for a vector of outputs: of each product; of a row of the window; of the window;
    besides, where outputs are no whole vectors; of each part of its sum but the last. Of neighbouring windows with the
    same taps; of a row of outputs that wait."""

    product: float
    row: float
    window: float
    ragged: float
    part: float
    run: float
    waiting: float


POWER_OF_TWO = {
    "aligned": Windows(0.9, 0, 42, 17, 47, 246, 58),
    "bytes": Windows(0.92, 45, 30, 36, 49, 296, 74),
    "narrow": Windows(1.02, 6, 10, 35, 0, 212, 0),
    "pointwise": Windows(1.14, 0, 6, 0, 0, 0, 0),
    "turned": Windows(1, 0, 12, 0, 0, 0, 0),
    "wide": Windows(40, 0, 0, 0, 0, 0, 0),
}
# Requantisation of sums included.
AFFINE = {
    "aligned": Windows(1.13, 15, 100, 21, 21, 224, 251),
    "bytes": Windows(1.35, 22, 118, 47, 17, 352, 0),
    "narrow": Windows(1.11, 3.5, 78, 42, 0, 205, 116),
    "pointwise": Windows(1.09, 0, 96, 48, 50, 91, 0),
}


@dataclass(frozen=True)
class Depthwise:
    """The same of depthwise kernels: of a window of 3 x 3, of other ones, and a tap of those; of a vector of the image
    that is copied, besides, where it has fewer than 16 channels; of outputs that are no whole vectors; of a row of
    outputs; of a vector of channels."""

    window_3x3: float
    window: float
    tap: float
    copied: float
    joined: float
    ragged: float
    row: float
    group: float


DEPTHWISE_POWER_OF_TWO = Depthwise(21, 25, 2, 3.1, 5.5, 37, 13, 156)
DEPTHWISE_AFFINE = Depthwise(89, 80, 2, 2, 3.6, 31, 201, 76)
# Of outputs that are clamped when all are there.
CLAMPED = 5.0
# Of a mean that the vector unit does not divide.
MEAN = 90.0


def products(instructions: float) -> int:
    """What `KernelCall.products` says of so many vector instructions."""
    return round(16 * instructions)


def of_convolution(node: Conv2d, kernel: str, pixels: int = 1, parts: float = 1, affine: bool = False) -> float:
    """Of one whose `pixels` neighbours are computed as one; `parts`: of a sum, the mean of all vectors of outputs."""
    channels, rows, columns, inputs = node.weights.shape
    (_, height, width, _), (y,) = node.inputs[0].shape, node.outputs
    _, out_rows, out_columns, _ = y.shape
    ragged, groups = channels * pixels % 16 != 0, math.ceil(channels * pixels / 16)
    windows = groups * out_rows * out_columns // pixels
    clamped = 0.0 if affine or _is_plain(node) else CLAMPED * y.count / 16
    if kernel == "depthwise":
        d = DEPTHWISE_AFFINE if affine else DEPTHWISE_POWER_OF_TWO
        window = d.window_3x3 if (rows, columns) == (3, 3) else d.window + d.tap * rows * columns
        copied = d.copied + (d.joined if ragged or pixels > 1 else 0)
        once = groups * (d.group + d.row * out_rows + copied * height * width / pixels)
        return once + (window + (d.ragged if ragged else 0)) * windows + clamped
    cost = (AFFINE if affine else POWER_OF_TWO)[kernel]
    taps = columns + (pixels - 1) * node.strides[1]
    across = runs(width, node.pads[1], node.strides[1] * pixels, node.dilations[1], taps, out_columns // pixels)
    down = runs(height, node.pads[0], node.strides[0], node.dilations[0], rows, out_rows)
    waits = affine or ragged
    count = 1 if kernel == "pointwise" else across * (out_rows if waits or kernel == "bytes" else down)
    each = cost.product * rows * taps * inputs + cost.row * rows + cost.window + cost.part * (parts - 1)
    once = groups * (cost.run * count + (cost.waiting * out_rows if waits else 0))
    return once + (each + (cost.ragged if ragged else 0)) * windows + clamped


def _is_plain(node: Conv2d) -> bool:
    """Whether outputs need no clamp at the end."""
    limits = clamp(node.activation, node.outputs[0])
    return limits["activation_max"] == 127 and limits["activation_min"] in (-128, 0)


def runs(size: int, pad: int, stride: int, dilation: int, taps: int, windows: int) -> int:
    """Along an axis: windows with some taps in the border, and all others as one."""
    span = (taps - 1) * dilation
    before = min(windows, math.ceil(pad / stride))
    inside = max(before, min(windows, (size - 1 - span + pad) // stride + 1))
    return before + (inside > before) + min(windows - inside, math.ceil(span / stride))


def of_product(rows: int, inputs: int, outputs: int, kernel: str, parts: float) -> float:
    """Of a matrix product with constant weights."""
    cost, ragged = POWER_OF_TWO[kernel if kernel in ("bytes", "wide") else "aligned"], outputs % 16 and rows > 1
    each = cost.product * inputs + cost.row + 32 + cost.part * (parts - 1) + (cost.ragged if ragged else 0)
    return rows * math.ceil(outputs / 16) * each


def of_pool(node: AveragePool2d | MaxPool2d, divides: bool = True) -> float:
    """Means that are not divided in vectors take scalar code, and so do largest values of no whole vectors of
    channels, to their places."""
    (y,), (rows, columns) = node.outputs, node.kernel
    channels = y.shape[-1]
    tap, copied = (1.5, 0) if channels % 16 == 0 else (4, 25)
    windows = y.count // channels * math.ceil(channels / 16)
    return (rows * (columns * tap + 10) + 60 + copied) * windows + (0 if divides else MEAN * y.count)


def of_normalization(rows: int, vectors: int) -> float:
    """Of rows of so many vectors: two sums and the outputs; of a row, its root."""
    return rows * (23 * vectors + 220)
