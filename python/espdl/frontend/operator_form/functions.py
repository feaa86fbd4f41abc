# SPDX-License-Identifier: Apache-2.0
"""Operators without weights whose operands and result have a scale each: ONNX Runtime's QLinear family."""

from __future__ import annotations

from espdl.frontend.operator_form import Form, form
from espdl.frontend.operator_form.channels_last import channels_first, channels_last


@form("QLinearAdd", "QLinearMul")
def of_two(f: Form) -> None:
    f.result(f.compute(f.node.op_type.removeprefix("QLinear"), f.real(0), f.real(3)), 6)


@form("QLinearSigmoid", "QLinearLeakyRelu")
def of_one(f: Form) -> None:
    f.result(f.compute(f.node.op_type.removeprefix("QLinear"), f.real(0), attributes=f.node.attribute), 3)


@form("QLinearGlobalAveragePool", "QLinearAveragePool")
def average(f: Form) -> None:
    rank = len(f.attributes.get("kernel_shape", (1, 1))) + 2
    value = channels_first(f, f.real(0), rank)
    value = f.compute(f.node.op_type.removeprefix("QLinear"), value, attributes=f.without("channels_last"))
    f.result(channels_last(f, value, rank), 3)


@form("QLinearSoftmax")
def softmax(f: Form) -> None:
    """Its `opset` says what `axis` means: before 13 all axes from there on are one."""
    axis = f.attributes.get("axis", -1)
    value = f.real(0)
    if f.attributes.get("opset", 13) >= 13 or axis == -1:
        f.result(f.compute("Softmax", value, axis=axis), 3)
        return
    shape = f.add("Shape", value)
    rows = f.add("Flatten", value, axis=axis)
    f.result(f.add("Reshape", f.compute("Softmax", rows, axis=-1), shape), 3)


@form("QLinearConcat")
def concatenation(f: Form) -> None:
    operands = [f.real(index) for index in range(2, len(f.node.input), 3)]
    f.quantized(f.compute("Concat", *operands, attributes=f.node.attribute), f.grid(0, f.input(2)))


@form("QLinearWhere")
def choice(f: Form) -> None:
    value = f.compute("Where", f.input(0), f.real(1), f.real(4))
    f.quantized(value, f.grid(7, f.input(1)))
