# SPDX-License-Identifier: Apache-2.0
"""Convolutions with constant weights."""

from __future__ import annotations

from tvm import relax

from espdl.partition.passes.channels_last import TO_NHWC, Layout, rule
from espdl.partition.tvm_compat import attribute


@rule("relax.nn.conv2d")
def conv2d(layout: Layout, call: relax.Call) -> relax.Expr:
    """Weights become OHWI."""
    source = layout.constant_source(call.args[1])
    weights = layout.permuted_constant(source, TO_NHWC) if source is not None else layout.nhwc(call.args[1])
    return relax.op.nn.conv2d(
        layout.nhwc(call.args[0]),
        weights,
        strides=attribute(call, "strides"),
        padding=attribute(call, "padding"),
        dilation=attribute(call, "dilation"),
        groups=attribute(call, "groups"),
        data_layout="NHWC",
        kernel_layout="OHWI",
        out_layout="NHWC",
    )
