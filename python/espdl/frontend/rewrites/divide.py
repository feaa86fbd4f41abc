# SPDX-License-Identifier: Apache-2.0
"""Division by a constant as a product with its reciprocal; a product with the reciprocal of a norm as a division."""

from __future__ import annotations

import math

import numpy as np
import onnx_ir as ir

from espdl.frontend.graph import Chain, array, producer, shape
from espdl.frontend.rewrites import rewrite

# What a sum over a tensor goes through on its way to a divisor.
_BETWEEN = {"Abs", "Add", "Clip", "Expand", "Identity", "Max", "Reshape", "Sqrt", "Squeeze", "Sub", "Unsqueeze"}
_MOST_BETWEEN = 8


@rewrite("Div")
def divide(node: ir.Node, chain: Chain) -> ir.Value | None:
    """Only where the divisor is more than a number: a number is part of a table."""
    dividend, divisor = node.inputs[0], array(node.inputs[1])
    if divisor is None or divisor.dtype != np.float32 or divisor.size == 1 or not np.all(divisor):
        return None
    return None if array(dividend) is not None else chain.add("Mul", dividend, 1.0 / divisor.astype(np.float64))


@rewrite("Mul")
def by_a_reciprocal(node: ir.Node, chain: Chain) -> ir.Value | None:
    """x * (1 / norm): where small norms have their reciprocals, integers of one step size have nothing left for large
    ones."""
    for x, factor in (node.inputs, reversed(node.inputs)):
        divisor = _reciprocal_of(factor)
        if divisor is not None and _is_smaller(divisor, x) and _is_of_a_reduction(divisor):
            return chain.add("Div", x, divisor, name=node.name)
    return None


def _reciprocal_of(value: ir.Value | None) -> ir.Value | None:
    made = producer(value, "Reciprocal", "Div")
    if made is None or made.op_type == "Reciprocal":
        return None if made is None else made.inputs[0]
    numerator = array(made.inputs[0])
    return made.inputs[1] if numerator is not None and numerator.size == 1 and numerator.item() == 1.0 else None


def _is_smaller(value: ir.Value, other: ir.Value | None) -> bool:
    own, others = shape(value), shape(other)
    return own is not None and others is not None and math.prod(own) < math.prod(others)


def _is_of_a_reduction(value: ir.Value) -> bool:
    for _ in range(_MOST_BETWEEN):
        made = producer(value)
        if made is None or made.op_type.startswith("Reduce") or made.op_type == "GlobalAveragePool":
            return made is not None
        inner = [i for i in made.inputs if i is not None and array(i) is None]
        if made.op_type not in _BETWEEN or not inner:
            return False
        value = inner[0]
    return False
