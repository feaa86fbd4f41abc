# SPDX-License-Identifier: Apache-2.0
"""Reductions over no axis at all: what is summed is still made positive, squared, or taken the logarithm of."""

from __future__ import annotations

import onnx

from espdl.frontend.rewrites import Scope, rewrite
from espdl.frontend.rewrites.scope import Chain

# What each makes of one value.
_OF_ONE = {
    "ReduceL1": ("Abs",), "ReduceL2": ("Abs",), "ReduceLogSum": ("Log",), "ReduceLogSumExp": (), "ReduceMax": (),
    "ReduceMean": (), "ReduceMin": (), "ReduceProd": (), "ReduceSum": (), "ReduceSumSquare": ("Mul",),
}  # fmt: skip


@rewrite(*_OF_ONE)
def over_no_axis(node: onnx.NodeProto, scope: Scope) -> list[onnx.NodeProto] | None:
    if not any(a.name == "noop_with_empty_axes" and a.i for a in node.attribute):
        return None
    if len(node.input) > 1 and node.input[1]:
        axes = scope.array(node.input[1])
        if axes is None or axes.size:
            return None
    chain = Chain(scope, node.name or node.output[0])
    (operator,) = _OF_ONE[node.op_type] or ("Identity",)
    chain.add(operator, *[node.input[0]] * (2 if operator == "Mul" else 1), output=node.output[0])
    return chain.nodes
