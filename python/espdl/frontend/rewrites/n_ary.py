# SPDX-License-Identifier: Apache-2.0
"""Sum and Mean of any number of tensors as sums of two."""

from __future__ import annotations

import onnx_ir as ir

from espdl.frontend.graph import FLOAT, Chain, operand
from espdl.frontend.rewrites import rewrite


@rewrite("Sum", "Mean")
def n_ary(node: ir.Node, chain: Chain) -> ir.Value | None:
    total, others = operand(node, 0), node.inputs[1:]
    if total.dtype != FLOAT:
        return None
    for value in others:
        total = chain.add("Add", total, value)
    return chain.add("Mul", total, 1.0 / len(node.inputs)) if node.op_type == "Mean" else total
