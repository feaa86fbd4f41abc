# SPDX-License-Identifier: Apache-2.0
"""About how many instructions the vector kernels take, counted on the networks of benchmarks/esp32s3.py.

They choose between shapes of tensors (`estimate`), and are the work by which a call's share of a run is estimated
(`KernelCall.products`): sixteen products a vector instruction.
"""

from __future__ import annotations

import math

from espdl.ops.average_pool2d import AveragePool2d
from espdl.ops.conv2d import Conv2d
from espdl.ops.max_pool2d import MaxPool2d

# Outputs that begin anywhere go through memory, one pixel after the other.
SCATTERED = 65.0
# A depthwise kernel's: a vector of its input that is copied, a group of channels; 8 lanes of one that are scattered.
COPIED, GROUP, SCATTERED_CHANNELS = 3.2, 200.0, 75.0
# A part of a sum that is set aside; requantisation in scheme affine, of 16 outputs.
PART, REQUANTISED = 30.0, 75.0
# Of a mean that the vector unit does not divide.
MEAN = 90.0


def products(instructions: float) -> int:
    """What `KernelCall.products` says of so many vector instructions."""
    return round(16 * instructions)


def of_convolution(node: Conv2d, kernel: str, pixels: int = 1, parts: int = 1, affine: bool = False) -> float:
    """Of one whose `pixels` neighbours are computed as one, its sums in so many parts."""
    channels, rows, columns, inputs = node.weights.shape
    (_, height, width, _), (_, out_rows, out_columns, _) = node.inputs[0].shape, node.outputs[0].shape
    columns += (pixels - 1) * node.strides[1]
    ragged, groups = channels * pixels % 16 != 0, math.ceil(channels * pixels / 16)
    scattered, taps = SCATTERED if ragged else 0.0, rows * columns
    lanes = taps * inputs
    each = {
        "aligned": 1.13 * lanes + 20 + scattered,
        "pointwise": lanes + 11.0,
        "narrow": rows * (columns * inputs + 4) + 12.0 + scattered,
        "turned": lanes + 12.0,
        "bytes": 1.1 * lanes + 40 * rows + 50 + scattered,
        "wide": 40.0 * lanes,
        "depthwise": (26.0 if (rows, columns) == (3, 3) else 2.0 * taps + 25) + (SCATTERED_CHANNELS if ragged else 0),
    }
    more = PART * (parts - 1) + (REQUANTISED if affine else 0)
    once = groups * (GROUP + COPIED * height * width / pixels) if kernel == "depthwise" else 0.0
    return once + (each[kernel] + more) * groups * out_rows * out_columns / pixels


def of_product(rows: int, inputs: int, outputs: int, kernel: str, parts: int) -> float:
    """Of a matrix product with constant weights."""
    lanes = 1.1 * inputs + 90 if kernel == "bytes" else inputs * 17 / 16 + 12
    ragged = SCATTERED if outputs % 16 and rows > 1 else 0
    return rows * math.ceil(outputs / 16) * (lanes + ragged + PART * (parts - 1))


def of_pool(node: AveragePool2d | MaxPool2d, divides: bool = True) -> float:
    """Of whole vectors of channels; means that are not divided in vectors take scalar code."""
    (y,) = node.outputs
    return (math.prod(node.kernel) * 1.5 + 40) * y.count / 16 + (0 if divides else MEAN * y.count)
