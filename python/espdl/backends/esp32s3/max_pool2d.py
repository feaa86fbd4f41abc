# SPDX-License-Identifier: Apache-2.0
"""Max pooling on the ESP32-S3's vector unit."""

from __future__ import annotations

from espdl.backends.esp32s3 import work
from espdl.backends.lowering import Declined, lowering, portable
from espdl.ops.max_pool2d import MaxPool2d
from espdl.plan.types import KernelCall
from espdl.targets import Target


@lowering("max_pool2d", "esp32s3", "int8")
def lower_max_pool2d(node: MaxPool2d, target: Target) -> KernelCall | Declined:
    """16 channels at once."""
    kernel = {"function": "espdl_s3_max_pool2d_s8", "header": "espdl/esp32s3/pool2d.h"}
    return portable(node, target, **kernel, pitched=(), products=work.products(work.of_pool(node)))
