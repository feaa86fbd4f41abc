# SPDX-License-Identifier: Apache-2.0
"""Max pooling by ESP-DL."""

from __future__ import annotations

from espdl.backends.esp_dl.conv2d import require_window
from espdl.backends.lowering import Declined, lowering, portable
from espdl.ops.max_pool2d import MaxPool2d
from espdl.ops.numerics import activation_range
from espdl.plan.types import KernelCall
from espdl.targets import Target

# ESPDL_DL_MAX_POOL2D_STATE in port/esp_dl/include/espdl/esp_dl/max_pool2d.h.
STATE_BYTES = 128


@lowering("max_pool2d", "esp_dl", "int8")
def lower_max_pool2d(node: MaxPool2d, target: Target) -> KernelCall | Declined:
    """Windows without dilation."""
    (x,), (y,) = node.inputs, node.outputs
    if node.dilations != (1, 1):
        return Declined("its window is dilated, and ESP-DL's is not")
    if activation_range(node.activation, y) != (-128, 127):
        return Declined("it has an activation, and ESP-DL's pooling has none")
    for axis in range(2):
        last = (y.shape[1 + axis] - 1) * node.strides[axis] - node.pads[axis]
        if node.pads[axis] >= node.kernel[axis] or last >= x.shape[1 + axis]:
            return Declined("a window lies outside the image")
    require_window(x.shape[1:3], node.kernel, node.dilations)
    return portable(
        node,
        target,
        function="espdl_dl_max_pool2d_s8",
        prepare="espdl_dl_max_pool2d_s8_prepare",
        state_bytes=STATE_BYTES,
        header="espdl/esp_dl/max_pool2d.h",
        pitched=(),
    )
