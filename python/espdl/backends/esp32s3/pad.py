# SPDX-License-Identifier: Apache-2.0
"""A border of one value on the ESP32-S3: moves of 16 bytes."""

from __future__ import annotations

from espdl.backends.lowering import Declined, lowering, portable
from espdl.ops.pad import Pad
from espdl.plan.types import KernelCall
from espdl.targets import Target


@lowering("pad", "esp32s3", "int8", alignment=16)
def lower_pad(node: Pad, target: Target) -> KernelCall | Declined:
    """A loop of a load and a store per line, one of stores per border."""
    side = node.sides[-1]
    sizes = (side.before, side.size, side.after)
    if any(size % 16 for size in sizes):
        return Declined(f"its lines have {' + '.join(map(str, sizes))} bytes, which are no whole vectors")
    return portable(node, target, function="espdl_s3_pad_s8", header="espdl/esp32s3/pad.h")
