# SPDX-License-Identifier: Apache-2.0
"""Operators on element types that nobody behind computes with: they get a type that somebody does."""

from __future__ import annotations

import onnx
from onnx import TensorProto, helper

from espdl.frontend.rewrites import Scope, rewrite
from espdl.frontend.rewrites.scope import Chain


@rewrite("Pow")
def power(node: onnx.NodeProto, scope: Scope) -> list[onnx.NodeProto] | None:
    """Operands of two types: the exponent follows the base, or both are float32 where one is."""
    types = [scope.dtype(name) for name in node.input]
    if types[0] == types[1] or 0 in types or TensorProto.FLOAT not in types:
        return None
    chain = Chain(scope, node.name or node.output[0])
    operands = [
        name if kind == TensorProto.FLOAT else chain.add("Cast", name, to=TensorProto.FLOAT)
        for name, kind in zip(node.input, types)
    ]
    if types[0] == TensorProto.FLOAT:
        chain.add("Pow", *operands, output=node.output[0])
    else:
        chain.add("Cast", chain.add("Pow", *operands), to=types[0], output=node.output[0])
    return chain.nodes


@rewrite("ReduceMax", "ReduceMin")
def extreme_of_truths(node: onnx.NodeProto, scope: Scope) -> list[onnx.NodeProto] | None:
    """Whether any, or all, are true."""
    if scope.dtype(node.input[0]) != TensorProto.BOOL:
        return None
    chain = Chain(scope, node.name or node.output[0])
    attributes = {a.name: helper.get_attribute_value(a) for a in node.attribute}
    number = chain.add("Cast", node.input[0], to=TensorProto.INT32)
    result = chain.add(node.op_type, number, *node.input[1:], **attributes)
    chain.add("Cast", result, to=TensorProto.BOOL, output=node.output[0])
    return chain.nodes
