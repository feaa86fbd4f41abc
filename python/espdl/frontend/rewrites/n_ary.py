# SPDX-License-Identifier: Apache-2.0
"""Sum and Mean of any number of tensors as sums of two."""

from __future__ import annotations

import onnx

from espdl.frontend.rewrites import Scope, rewrite
from espdl.frontend.rewrites.scope import Chain


@rewrite("Sum", "Mean")
def n_ary(node: onnx.NodeProto, scope: Scope) -> list[onnx.NodeProto] | None:
    if scope.dtype(node.input[0]) != onnx.TensorProto.FLOAT:
        return None
    chain = Chain(scope, node.name or node.output[0])
    total, *others = node.input
    steps = [("Add", name) for name in others]
    if node.op_type == "Mean":
        steps.append(("Mul", chain.constant(1.0 / len(node.input))))
    for number, (operator, name) in enumerate(steps):
        total = chain.add(operator, total, name, output=node.output[0] if number == len(steps) - 1 else None)
    return chain.nodes or [onnx.helper.make_node("Identity", node.input, node.output, name=node.name)]
