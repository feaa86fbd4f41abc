# SPDX-License-Identifier: Apache-2.0
"""Max pooling in portable C."""

from __future__ import annotations

import math

from espdl.backends.layers import KERNEL_SUFFIX, clamp, pool_shape
from espdl.backends.lowering import call_of, lowering
from espdl.backends.overlap import overlap_offset_of_windows
from espdl.ops.max_pool2d import MaxPool2d, MaxPool2dParams
from espdl.plan.types import ITEM_BYTES, KernelCall
from espdl.targets import Target


@lowering("max_pool2d", "portable", "int8", "int16")
def lower_max_pool2d(node: MaxPool2d, target: Target) -> KernelCall:
    """Any kernel, stride, dilation and border."""
    window = pool_shape(node)
    pixel = window.channels * ITEM_BYTES[node.dtype]
    kernel = {"int8": "max_pool2d", "int16": "max_pool2d_s16"}[node.dtype]
    return call_of(
        node,
        f"espdl_max_pool2d_{KERNEL_SUFFIX[node.dtype]}",
        f"espdl/kernels/{kernel}.h",
        MaxPool2dParams(**vars(window), **clamp(node.activation, node.outputs[0])),
        overlaps=((0, 0, overlap_offset_of_windows(window, pixel, pixel)),),
        # The Plan gives pitches in bytes, and the kernel for 16 bits takes elements.
        pitched=("input_pitch", "output_pitch") if node.dtype == "int8" else (),
        products=node.outputs[0].count * math.prod(node.kernel),
    )
