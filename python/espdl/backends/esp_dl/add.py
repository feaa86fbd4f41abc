# SPDX-License-Identifier: Apache-2.0
"""Elementwise sum by ESP-DL: a saturating addition of int8, which no scale enters."""

from __future__ import annotations

from espdl.backends.lowering import Declined, lowering, portable
from espdl.ops.add import Add
from espdl.ops.numerics import activation_range
from espdl.plan.types import KernelCall
from espdl.targets import ROUND_TFLITE, Target

# ESPDL_DL_ADD_STATE in port/esp_dl/include/espdl/esp_dl/add.h.
STATE_BYTES = 112


@lowering("add", "esp_dl", "int8")
def lower_add(node: Add, target: Target) -> KernelCall | Declined:
    """Two inputs and an output of one scale, without zero points."""
    (a, b), (y,) = node.inputs, node.outputs
    if target.rounding == ROUND_TFLITE:
        return Declined("ESP-DL adds without requantisation, which needs the scheme power_of_two")
    if not a.scale == b.scale == y.scale:
        return Declined("its inputs and its output have different scales; ESP-DL adds the integers as they are")
    if any(t.zero_point != 0 for t in (a, b, y)):
        return Declined("one of its tensors has a zero point other than 0")
    if activation_range(node.activation, y) != (-128, 127):
        return Declined("it has an activation, and ESP-DL's addition has none")
    return portable(
        node,
        target,
        function="espdl_dl_add_s8",
        prepare="espdl_dl_add_s8_prepare",
        state_bytes=STATE_BYTES,
        header="espdl/esp_dl/add.h",
    )
