# SPDX-License-Identifier: Apache-2.0
"""Quantize and dequantize follow the layout of what they read."""

from __future__ import annotations

import math

from tvm import relax

from espdl.partition.passes.channels_last import TO_NHWC, Layout, rule
from espdl.partition.tvm_compat import attribute, op_name, shape_of


@rule("relax.quantize", "relax.dequantize", follows=True)
def quantization(layout: Layout, call: relax.Call) -> relax.Expr | None:
    function = relax.op.quantize if op_name(call) == "relax.quantize" else relax.op.dequantize
    per_tensor = math.prod(shape_of(call.args[1])) == 1
    axis = 0 if per_tensor else TO_NHWC.index(attribute(call, "axis") % 4)
    return function(
        layout.nhwc(call.args[0]), call.args[1], call.args[2], axis=axis, out_dtype=attribute(call, "out_dtype")
    )
