# SPDX-License-Identifier: Apache-2.0
"""Max pooling on the ESP32-S3's vector unit."""

from __future__ import annotations

from dataclasses import replace

from espdl.backends.lowering import Lowering, lowering, lowerings
from espdl.ops.max_pool2d import MaxPool2d
from espdl.plan.types import KernelCall
from espdl.targets import Target


@lowering("max_pool2d", backend="esp32s3")
class VectorMaxPool2d(Lowering):
    """16 channels at once."""

    alignment = 16

    def accept(self, node: MaxPool2d, target: Target) -> str | None:
        channels = node.inputs[0].shape[3]
        return f"its {channels} channels are no multiple of 16" if channels % 16 else None

    def lower(self, node: MaxPool2d, target: Target) -> KernelCall:
        call = lowerings()["portable", "max_pool2d"].lower(node, target)
        return replace(call, function="espdl_s3_max_pool2d_s8", header="espdl/esp32s3/pool2d.h", pitched=())
