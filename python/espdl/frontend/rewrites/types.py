# SPDX-License-Identifier: Apache-2.0
"""Operators on element types that no later stage computes with: they get a type that one does."""

from __future__ import annotations

import onnx_ir as ir

from espdl.frontend.graph import BOOL, FLOAT, INT32, Chain, operand, settings
from espdl.frontend.rewrites import rewrite


@rewrite("Pow")
def power(node: ir.Node, chain: Chain) -> ir.Value | None:
    """Operands of two types: the exponent follows the base, or both are float32 where one is."""
    values = [operand(node, index) for index in range(2)]
    types = [value.dtype for value in values]
    if types[0] == types[1] or None in types or FLOAT not in types:
        return None
    result = chain.add("Pow", *(v if v.dtype == FLOAT else chain.add("Cast", v, to=FLOAT) for v in values))
    return result if types[0] == FLOAT else chain.add("Cast", result, to=types[0])


@rewrite("ReduceMax", "ReduceMin")
def extreme_of_truths(node: ir.Node, chain: Chain) -> ir.Value | None:
    """Whether any, or all, are true."""
    if operand(node, 0).dtype != BOOL:
        return None
    number = chain.add("Cast", node.inputs[0], to=INT32)
    return chain.add("Cast", chain.add(node.op_type, number, *node.inputs[1:], **settings(node)), to=BOOL)
