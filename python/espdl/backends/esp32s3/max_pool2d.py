# SPDX-License-Identifier: Apache-2.0
"""Max pooling on the ESP32-S3's vector unit."""

from __future__ import annotations

from dataclasses import replace

from espdl.backends.lowering import Declined, Lowering, lowering, portable
from espdl.ops.max_pool2d import MaxPool2d
from espdl.plan.types import KernelCall
from espdl.targets import Target


@lowering("max_pool2d", backend="esp32s3")
class VectorMaxPool2d(Lowering[MaxPool2d]):
    """16 channels at once."""

    alignment = 16

    def try_lower(self, node: MaxPool2d, target: Target) -> KernelCall | Declined:
        channels = node.inputs[0].shape[3]
        if channels % 16:
            return Declined(f"its {channels} channels are no multiple of 16")
        call = portable(node, target)
        if isinstance(call, Declined):
            return call
        return replace(call, function="espdl_s3_max_pool2d_s8", header="espdl/esp32s3/pool2d.h", pitched=())
