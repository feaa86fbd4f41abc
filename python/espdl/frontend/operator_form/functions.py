# SPDX-License-Identifier: Apache-2.0
"""Operators without weights whose operands and result have a scale each: ONNX Runtime's QLinear family."""

from __future__ import annotations

import onnx_ir as ir

from espdl.frontend.operator_form import Form, form


@form("QLinearAdd", "QLinearMul")
def of_two(f: Form) -> ir.Value:
    return f.result(f.compute(f.node.op_type.removeprefix("QLinear"), f.real(0), f.real(3)), 6)


@form("QLinearSigmoid", "QLinearLeakyRelu")
def of_one(f: Form) -> ir.Value:
    return f.result(f.compute(f.node.op_type.removeprefix("QLinear"), f.real(0)), 3)


@form("QLinearGlobalAveragePool", "QLinearAveragePool")
def average(f: Form) -> ir.Value:
    rank = len(f.attributes.get("kernel_shape", (1, 1))) + 2
    value = f.channels_first(f.real(0), rank)
    value = f.compute(f.node.op_type.removeprefix("QLinear"), value, without="channels_last")
    return f.result(f.channels_back(value, rank), 3)


@form("QLinearSoftmax")
def softmax(f: Form) -> ir.Value:
    """Its `opset` says what `axis` means: before 13 all axes from there on are one."""
    axis = f.attributes.get("axis", -1)
    value = f.real(0)
    if f.attributes.get("opset", 13) >= 13 or axis == -1:
        return f.result(f.add("Softmax", value, name=f.node.name, axis=axis), 3)
    shape = f.add("Shape", value)
    rows = f.add("Softmax", f.add("Flatten", value, axis=axis), name=f.node.name, axis=-1)
    return f.result(f.add("Reshape", rows, shape), 3)


@form("QLinearConcat")
def concatenation(f: Form) -> ir.Value:
    operands = [f.real(index) for index in range(2, len(f.node.inputs), 3)]
    return f.quantized(f.compute("Concat", *operands), f.quantization(0, f.input(2)))


@form("QLinearWhere")
def choice(f: Form) -> ir.Value:
    return f.quantized(f.compute("Where", f.input(0), f.real(1), f.real(4)), f.quantization(7, f.input(1)))
