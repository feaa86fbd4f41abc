# SPDX-License-Identifier: Apache-2.0
"""Slices and repetitions on the ESP32-S3: moves of 16, 8 or 4 bytes."""

from __future__ import annotations

from espdl.backends.esp32s3.concat import WORD
from espdl.backends.esp32s3.transpose import HEADER
from espdl.backends.lowering import ANY, Declined, lowering, portable
from espdl.ops.copy import Copy, CopyParams
from espdl.plan.types import KernelCall
from espdl.targets import Target


@lowering("copy", "esp32s3", ANY)
def lower_copy(node: Copy, target: Target) -> KernelCall | Declined:
    """A loop of a load and a store per line."""
    call = portable(node, target)
    if isinstance(call, Declined):
        return call
    p = call.params_of(CopyParams)
    steps = [p.strides[axis] for axis in range(5) if p.shape[axis] > 1]
    if p.strides[5] != 1 or any(n * p.item_bytes % WORD for n in (p.first, p.shape[5], *steps)):
        return Declined("its lines are no whole words")
    return portable(node, target, function="espdl_s3_copy", header=HEADER)
