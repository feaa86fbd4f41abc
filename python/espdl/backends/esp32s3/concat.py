# SPDX-License-Identifier: Apache-2.0
"""Concatenation on the ESP32-S3: moves of 16 bytes."""

from __future__ import annotations

from dataclasses import replace

from espdl.backends.lowering import Declined, Lowering, lowering, portable
from espdl.ops.concat import Concat
from espdl.plan.types import KernelCall
from espdl.targets import Target


@lowering("concat", backend="esp32s3")
class VectorConcat(Lowering[Concat]):
    """A loop of a load and a store per part and row."""

    takes_int16 = True
    alignment = 16

    def try_lower(self, node: Concat, target: Target) -> KernelCall | Declined:
        sizes = [x.nbytes // node.outer for x in node.inputs]
        if any(size % 16 for size in sizes):
            return Declined(f"its parts have {', '.join(map(str, sizes))} bytes, which are no whole vectors")
        call = portable(node, target)
        if isinstance(call, Declined):
            return call
        return replace(call, function="espdl_s3_concat", header="espdl/esp32s3/concat.h")
