# SPDX-License-Identifier: Apache-2.0
"""A border of one value on the ESP32-S3: moves of 16 bytes."""

from __future__ import annotations

from dataclasses import replace

from espdl.backends.lowering import Declined, Lowering, lowering, portable
from espdl.ops.pad import Pad
from espdl.plan.types import KernelCall
from espdl.targets import Target


@lowering("pad", backend="esp32s3")
class VectorPad(Lowering[Pad]):
    """A loop of a load and a store per line, one of stores per border."""

    alignment = 16

    def try_lower(self, node: Pad, target: Target) -> KernelCall | Declined:
        side = node.sides[-1]
        sizes = (side.before, side.size, side.after)
        if any(size % 16 for size in sizes):
            return Declined(f"its lines have {' + '.join(map(str, sizes))} bytes, which are no whole vectors")
        call = portable(node, target)
        if isinstance(call, Declined):
            return call
        return replace(call, function="espdl_s3_pad_s8", header="espdl/esp32s3/pad.h")
