# SPDX-License-Identifier: Apache-2.0
"""Concatenation on the ESP32-S3: moves of 16 bytes."""

from __future__ import annotations

from dataclasses import replace

from espdl.backends.lowering import Lowering, lowering, lowerings
from espdl.ops.concat import Concat
from espdl.plan.types import KernelCall
from espdl.targets import Target


@lowering("concat", backend="esp32s3")
class VectorConcat(Lowering):
    """A loop of a load and a store per part and row."""

    takes_int16 = True
    alignment = 16

    def accept(self, node: Concat, target: Target) -> str | None:
        sizes = [x.nbytes // node.outer for x in node.inputs]
        if any(size % 16 for size in sizes):
            return f"its parts have {', '.join(map(str, sizes))} bytes, which are no whole vectors"
        return lowerings()["portable", "concat"].accept(node, target)

    def lower(self, node: Concat, target: Target) -> KernelCall:
        call = lowerings()["portable", "concat"].lower(node, target)
        return replace(call, function="espdl_s3_concat", header="espdl/esp32s3/concat.h")
