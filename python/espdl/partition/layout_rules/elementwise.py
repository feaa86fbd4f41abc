# SPDX-License-Identifier: Apache-2.0
"""Operators that treat every element alike."""

from __future__ import annotations

import tvm
from tvm import relax

from espdl.partition.passes.channels_last import TO_NHWC, Layout, rule
from espdl.partition.tvm_compat import shape_of

UNARY = (
    "nn.relu", "nn.leakyrelu", "nn.silu", "nn.gelu", "nn.gelu_tanh", "nn.softplus", "clip", "sigmoid", "tanh",
    "exp", "log", "abs", "negative", "sqrt", "rsqrt", "erf", "floor", "ceil", "round", "sign", "sin", "cos", "square",
    "astype",
)  # fmt: skip
BINARY = ("add", "subtract", "multiply", "divide", "maximum", "minimum", "power")


@rule(*(f"relax.{name}" for name in UNARY), follows=True)
def unary(layout: Layout, call: relax.Call) -> relax.Expr | None:
    return tvm.ir.Call(call.op, [layout.nhwc(call.args[0]), *call.args[1:]], call.attrs, call.ty_args)


@rule(*(f"relax.{name}" for name in BINARY))
def binary(layout: Layout, call: relax.Call) -> relax.Expr | None:
    """Both operands of rank 4, or one of them a constant that is a scalar or has one value per channel."""
    if not any(layout.has_last(a) for a in call.args):
        return None
    operands = [_operand(layout, a) for a in call.args]
    if any(o is None for o in operands):
        return None
    return tvm.ir.Call(call.op, operands, call.attrs, call.ty_args)


def _operand(layout: Layout, argument: relax.Expr) -> relax.Expr | None:
    shape = shape_of(argument)
    source = layout.constant_source(argument)
    if source is None:
        return layout.nhwc(argument) if len(shape) == 4 else None
    if len(shape) == 0:
        return layout.map(argument)
    count = 1
    for d in shape:
        count *= d
    channel_axis = len(shape) - 3
    if count == 1 or (channel_axis >= 0 and count == shape[channel_axis]):
        return layout.channel_constant(source)
    return layout.permuted_constant(source, TO_NHWC) if len(shape) == 4 and len(shape_of(_data(source))) == 4 else None


def _data(source: relax.Expr) -> relax.Expr:
    return source.args[0] if isinstance(source, tvm.ir.Call) else source
