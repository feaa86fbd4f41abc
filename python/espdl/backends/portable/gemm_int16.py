# SPDX-License-Identifier: Apache-2.0
"""Matrix product of 16-bit activations in portable C."""

from __future__ import annotations

from espdl.backends.lowering import Lowering, lowering
from espdl.backends.portable.sums_int16 import call
from espdl.ops.gemm_int16 import GemmInt16
from espdl.plan.types import KernelCall
from espdl.targets import Target


@lowering("gemm_int16", backend="portable")
class PortableGemmInt16(Lowering[GemmInt16]):
    """A row of pixels convolved with one pixel."""

    takes_int16 = True

    def try_lower(self, node: GemmInt16, target: Target) -> KernelCall:
        outputs, inputs = node.weights.shape
        ones = ("kernel_height", "kernel_width", "stride_height", "stride_width", "dilation_height", "dilation_width")
        rows = node.inputs[0].count // inputs
        shape = {
            "input_height": 1,
            "input_width": rows,
            "input_channels": inputs,
            "output_height": 1,
            "output_width": rows,
            "output_channels": outputs,
            **dict.fromkeys(ones, 1),
            "pad_top": 0,
            "pad_left": 0,
            "groups": 1,
        }
        return call(node, node.weights.reshape(outputs, 1, 1, inputs), shape)
