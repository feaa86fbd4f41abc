# SPDX-License-Identifier: Apache-2.0
"""Rows and columns at constant indices on the ESP32-S3: moves of 16, 8 or 4 bytes."""

from __future__ import annotations

from espdl.backends.esp32s3.concat import WORD
from espdl.backends.lowering import ANY, Declined, lowering, portable
from espdl.ops.gather import Gather
from espdl.plan.types import ITEM_BYTES, KernelCall
from espdl.targets import Target


@lowering("gather", "esp32s3", ANY)
@lowering("gather_pixels", "esp32s3", ANY)
def lower_gather(node: Gather, target: Target) -> KernelCall | Declined:
    """A loop of a load and a store per pixel."""
    item = node.sizes[3] * ITEM_BYTES[node.inputs[0].dtype]
    if item % WORD:
        return Declined(f"its items of {item} bytes are no whole words")
    return portable(node, target, function="espdl_s3_gather", header="espdl/esp32s3/moves.h")
