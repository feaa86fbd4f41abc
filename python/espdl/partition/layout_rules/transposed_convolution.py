# SPDX-License-Identifier: Apache-2.0
"""Transposed convolutions with constant quantised weights."""

from __future__ import annotations

from tvm import relax

from espdl.partition.passes.channels_last import Layout, rule
from espdl.partition.tvm_compat import attribute, op_name


@rule("relax.nn.conv2d_transpose")
def conv2d_transpose(layout: Layout, call: relax.Call) -> relax.Expr | None:
    """Weights become OHWI. Without an int8 form, or with groups, the model's layout stays: TVM's loops are for that."""
    source = layout.constant_source(call.args[1])
    if op_name(source) != "relax.dequantize" or attribute(call, "groups") != 1:
        return None
    return relax.op.nn.conv2d_transpose(
        layout.nhwc(call.args[0]),
        layout.permuted_constant(source, (1, 2, 3, 0)),
        strides=attribute(call, "strides"),
        padding=attribute(call, "padding"),
        output_padding=attribute(call, "output_padding"),
        dilation=attribute(call, "dilation"),
        data_layout="NHWC",
        kernel_layout="OHWI",
        out_layout="NHWC",
    )
