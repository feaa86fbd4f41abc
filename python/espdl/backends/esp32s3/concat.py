# SPDX-License-Identifier: Apache-2.0
"""Concatenation on the ESP32-S3: moves of 16, 8 or 4 bytes."""

from __future__ import annotations

from espdl.backends.lowering import ANY, Declined, lowering, portable
from espdl.ops.concat import Concat
from espdl.plan.types import KernelCall
from espdl.targets import Target

# Bytes that are moved at once, at least, and with instructions of the vector unit.
WORD, HALF_VECTOR = 4, 8
# So many words that are moved by scalar code take as long as a piece does besides.
WORDS = 8


@lowering("concat", "esp32s3", ANY)
def lower_concat(node: Concat, target: Target) -> KernelCall | Declined:
    """A loop of a load and a store per part and row."""
    sizes = [x.nbytes // node.outer for x in node.inputs]
    if any(size % WORD for size in sizes):
        return Declined(f"its parts have {', '.join(map(str, sizes))} bytes, which are no whole words")
    pieces = node.outer * len(sizes)
    if any(size % HALF_VECTOR for size in sizes):
        pieces += node.outer * sum(sizes) // (WORDS * WORD)
    return portable(node, target, function="espdl_s3_concat", header="espdl/esp32s3/concat.h", products=pieces)
