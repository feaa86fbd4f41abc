# SPDX-License-Identifier: Apache-2.0
"""Division by a constant as a product with its reciprocal; a product with the reciprocal of a norm as a division."""

from __future__ import annotations

import math

import numpy as np
import onnx

from espdl.frontend.rewrites import Scope, rewrite
from espdl.frontend.rewrites.scope import Chain

# What a sum over a tensor goes through on its way to a divisor.
_BETWEEN = {"Abs", "Add", "Clip", "Expand", "Identity", "Max", "Reshape", "Sqrt", "Squeeze", "Sub", "Unsqueeze"}
_MOST_BETWEEN = 8


@rewrite("Div")
def divide(node: onnx.NodeProto, scope: Scope) -> list[onnx.NodeProto] | None:
    """Only where the divisor is more than a number: a number is part of a table."""
    divisor = scope.array(node.input[1])
    if divisor is None or divisor.dtype != np.float32 or divisor.size == 1 or not np.all(divisor):
        return None
    if scope.array(node.input[0]) is not None:
        return None
    chain = Chain(scope, node.name or node.output[0])
    chain.add("Mul", node.input[0], chain.constant(1.0 / divisor.astype(np.float64)), output=node.output[0])
    return chain.nodes


@rewrite("Mul")
def by_a_reciprocal(node: onnx.NodeProto, scope: Scope) -> list[onnx.NodeProto] | None:
    """x * (1 / norm): where small norms have their reciprocals, integers of one step size have nothing left for large
    ones."""
    for x, factor in (node.input, reversed(node.input)):
        divisor = _reciprocal_of(scope, factor)
        if divisor is None or not _is_smaller(scope, divisor, x) or not _is_of_a_reduction(scope, divisor):
            continue
        chain = Chain(scope, node.name or node.output[0])
        chain.add("Div", x, divisor, output=node.output[0])
        if node.name:
            chain.nodes[0].name = node.name
        return chain.nodes
    return None


def _reciprocal_of(scope: Scope, name: str) -> str | None:
    maker = scope.maker(name)
    if maker is not None and maker.op_type == "Reciprocal":
        return maker.input[0]
    numerator = scope.array(maker.input[0]) if maker is not None and maker.op_type == "Div" else None
    return maker.input[1] if numerator is not None and numerator.size == 1 and numerator.item() == 1.0 else None


def _is_smaller(scope: Scope, name: str, other: str) -> bool:
    shapes = scope.shape(name), scope.shape(other)
    return None not in shapes and math.prod(shapes[0]) < math.prod(shapes[1])


def _is_of_a_reduction(scope: Scope, name: str) -> bool:
    for _ in range(_MOST_BETWEEN):
        maker = scope.maker(name)
        if maker is None:
            return False
        if maker.op_type.startswith("Reduce") or maker.op_type == "GlobalAveragePool":
            return True
        inner = [i for i in maker.input if i and scope.array(i) is None]
        if maker.op_type not in _BETWEEN or not inner:
            return False
        name = inner[0]
    return False
