# SPDX-License-Identifier: Apache-2.0
"""Matrix product with constant weights on the ESP32's MAC16."""

from __future__ import annotations

from dataclasses import replace

from espdl.backends.accumulators import largest, reach, require_int32
from espdl.backends.esp32.conv2d import FEW_ROWS, convolution, product
from espdl.backends.lowering import Declined, lowering
from espdl.backends.portable.general import general, pitches
from espdl.ops.gemm import Gemm
from espdl.plan.types import KernelCall
from espdl.targets import Target


@lowering("gemm", "esp32", "int8", alignment=4)
def lower_gemm(node: Gemm, target: Target) -> KernelCall | Declined:
    """Few rows with weights that stay bytes; many as the pixels of a convolution, which share the widened weights."""
    (x,) = node.inputs
    require_int32(int(reach(node.weights, largest(x), node.bias).max()))
    inputs = node.weights.shape[1]
    if x.count // inputs > FEW_ROWS:
        return convolution(general(node, target))
    call = product(general(node, target), node.weights)
    return call if isinstance(call, Declined) else replace(call, pitched=pitches(x, inputs))
