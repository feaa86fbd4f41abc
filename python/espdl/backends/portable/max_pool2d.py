# SPDX-License-Identifier: Apache-2.0
"""Max pooling in portable C."""

from __future__ import annotations

from espdl.backends.layers import clamp, pool_fields
from espdl.backends.lowering import call_of, lowering
from espdl.backends.overlap import lead_of_windows
from espdl.ops.max_pool2d import MaxPool2d
from espdl.plan.types import KernelCall
from espdl.targets import Target


@lowering("max_pool2d", "portable", "int8")
def lower_max_pool2d(node: MaxPool2d, target: Target) -> KernelCall:
    """Any kernel, stride, dilation and border."""
    window = pool_fields(node)
    return call_of(
        node,
        "espdl_max_pool2d_s8",
        "espdl_max_pool2d_params_t",
        "espdl/kernels/max_pool2d.h",
        {**window, **clamp(node.activation, node.outputs[0])},
        overlaps=((0, 0, lead_of_windows(window, window["channels"], window["channels"])),),
        pitched=("input_pitch", "output_pitch"),
    )


@lowering("max_pool2d", "portable", "int16")
def lower_max_pool2d_int16(node: MaxPool2d, target: Target) -> KernelCall:
    """Likewise, channel by channel."""
    params = {**pool_fields(node), **clamp(node.activation, node.outputs[0])}
    header = "espdl/kernels/max_pool2d_s16.h"
    return call_of(node, "espdl_max_pool2d_s16", "espdl_max_pool2d_params_t", header, params)
