# SPDX-License-Identifier: Apache-2.0
"""Average pooling on the ESP32-S3: sums by the vector unit, the division as everywhere."""

from __future__ import annotations

import math

from espdl.backends.lowering import Declined, lowering, portable
from espdl.ops.average_pool2d import AveragePool2d
from espdl.plan.types import KernelCall
from espdl.targets import Target

# 4095 * -128 is the least sum that 20 bits hold.
MAX_WINDOW = 4095


@lowering("average_pool2d", "esp32s3", "int8", alignment=16)
def lower_average_pool2d(node: AveragePool2d, target: Target) -> KernelCall | Declined:
    """16 channels at once."""
    channels, window = node.image[2], math.prod(node.kernel)
    if channels % 16:
        return Declined(f"its {channels} channels are no multiple of 16")
    if window > MAX_WINDOW:
        return Declined(f"its windows have {window} pixels; sums of 20 bits hold {MAX_WINDOW}")
    if node.count_include_pad and any(node.pads):
        return Declined("it counts the border")
    return portable(node, target, function="espdl_s3_average_pool2d_s8", header="espdl/esp32s3/pool2d.h", pitched=())
