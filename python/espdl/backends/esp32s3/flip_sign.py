# SPDX-License-Identifier: Apache-2.0
"""Between uint8 and int8 on the ESP32-S3's vector unit."""

from __future__ import annotations

from espdl.backends.lowering import ANY, Declined, lowering, portable
from espdl.ops.flip_sign import FlipSign
from espdl.plan.types import KernelCall
from espdl.targets import Target


@lowering("flip_sign", "esp32s3", ANY)
def lower_flip_sign(node: FlipSign, target: Target) -> KernelCall | Declined:
    """Three instructions for 16 bytes. An application's picture may begin anywhere, and then takes words or bytes."""
    return portable(node, target, function="espdl_s3_flip_sign_8", header="espdl/esp32s3/flip_sign.h")
