# SPDX-License-Identifier: Apache-2.0
"""Average pooling on the ESP32-S3: sums by the vector unit, the division as everywhere."""

from __future__ import annotations

import math
from dataclasses import replace

from espdl.backends.lowering import Lowering, lowering, lowerings
from espdl.ops.average_pool2d import AveragePool2d
from espdl.plan.types import KernelCall
from espdl.targets import Target

# 4095 * -128 is the least sum that 20 bits hold.
MAX_WINDOW = 4095


@lowering("average_pool2d", backend="esp32s3")
class VectorAveragePool2d(Lowering):
    """16 channels at once."""

    alignment = 16

    def accept(self, node: AveragePool2d, target: Target) -> str | None:
        channels, window = node.image[2], math.prod(node.kernel)
        if channels % 16:
            return f"its {channels} channels are no multiple of 16"
        if window > MAX_WINDOW:
            return f"its windows have {window} pixels; sums of 20 bits hold {MAX_WINDOW}"
        if node.count_include_pad and any(node.pads):
            return "it counts the border"
        return lowerings()["portable", "average_pool2d"].accept(node, target)

    def lower(self, node: AveragePool2d, target: Target) -> KernelCall:
        call = lowerings()["portable", "average_pool2d"].lower(node, target)
        return replace(call, function="espdl_s3_average_pool2d_s8", header="espdl/esp32s3/pool2d.h", pitched=())
