# SPDX-License-Identifier: Apache-2.0
"""Matrix product with constant weights on the ESP32's MAC16."""

from __future__ import annotations

from espdl.backends.accumulators import largest, reach, require_int32
from espdl.backends.esp32.conv2d import convolution
from espdl.backends.lowering import Declined, lowering
from espdl.backends.portable.general import general
from espdl.ops.gemm import Gemm
from espdl.plan.types import KernelCall
from espdl.targets import Target


@lowering("gemm", "esp32", "int8", alignment=4)
def lower_gemm(node: Gemm, target: Target) -> KernelCall | Declined:
    """Rows are the pixels of a convolution."""
    require_int32(int(reach(node.weights, largest(node.inputs[0]), node.bias).max()))
    return convolution(general(node, target))
