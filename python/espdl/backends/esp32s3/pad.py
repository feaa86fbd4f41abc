# SPDX-License-Identifier: Apache-2.0
"""A border of one value on the ESP32-S3: moves of 16 bytes."""

from __future__ import annotations

from dataclasses import replace

from espdl.backends.lowering import Lowering, lowering, lowerings
from espdl.ops.pad import Pad
from espdl.plan.types import KernelCall
from espdl.targets import Target


@lowering("pad", backend="esp32s3")
class VectorPad(Lowering):
    """A loop of a load and a store per line, one of stores per border."""

    alignment = 16

    def accept(self, node: Pad, target: Target) -> str | None:
        side = node.sides[-1]
        sizes = (side.before, side.size, side.after)
        if any(size % 16 for size in sizes):
            return f"its lines have {' + '.join(map(str, sizes))} bytes, which are no whole vectors"
        return lowerings()["portable", "pad"].accept(node, target)

    def lower(self, node: Pad, target: Target) -> KernelCall:
        call = lowerings()["portable", "pad"].lower(node, target)
        return replace(call, function="espdl_s3_pad_s8", header="espdl/esp32s3/pad.h")
