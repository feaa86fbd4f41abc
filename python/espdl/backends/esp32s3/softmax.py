# SPDX-License-Identifier: Apache-2.0
"""Softmax over the last axis on the ESP32-S3's vector unit."""

from __future__ import annotations

from espdl.backends.lowering import Declined, lowering, portable
from espdl.ops.softmax import Softmax
from espdl.plan.types import KernelCall
from espdl.targets import Target

VECTOR = 16


@lowering("softmax", "esp32s3", "int8")
def lower_softmax(node: Softmax, target: Target) -> KernelCall | Declined:
    """Largest elements and outputs of 16 elements at once, exponentials one by one."""
    if node.length < VECTOR:
        return Declined(f"its rows have {node.length} elements; vectors take {VECTOR} and more")
    values = node.length + -node.length % VECTOR
    # The exponentials of a row lie as its outputs do in their vectors; half a vector of outputs is read ahead.
    exponentials = 2 * (values + VECTOR) + VECTOR
    return portable(
        node,
        target,
        function="espdl_s3_softmax_s8",
        header="espdl/esp32s3/softmax.h",
        scratch_bytes=2 * VECTOR + values + exponentials,
    )
