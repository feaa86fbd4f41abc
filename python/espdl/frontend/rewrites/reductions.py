# SPDX-License-Identifier: Apache-2.0
"""Reductions over no axis at all: what is summed is still made positive, squared, or taken the logarithm of."""

from __future__ import annotations

import onnx_ir as ir

from espdl.frontend.graph import Chain, array, operands
from espdl.frontend.rewrites import rewrite

# What each makes of one value.
_OF_ONE = {
    "ReduceL1": "Abs", "ReduceL2": "Abs", "ReduceLogSum": "Log", "ReduceLogSumExp": "Identity", "ReduceMax": "Identity",
    "ReduceMean": "Identity", "ReduceMin": "Identity", "ReduceProd": "Identity", "ReduceSum": "Identity",
    "ReduceSumSquare": "Mul",
}  # fmt: skip


@rewrite(*_OF_ONE)
def over_no_axis(node: ir.Node, chain: Chain) -> ir.Value | None:
    value, given = operands(node, 2)
    axes = array(given)
    if not node.attributes.get_int("noop_with_empty_axes", 0) or (given is not None and (axes is None or axes.size)):
        return None
    operator = _OF_ONE[node.op_type]
    return chain.add(operator, *[value] * (2 if operator == "Mul" else 1))
