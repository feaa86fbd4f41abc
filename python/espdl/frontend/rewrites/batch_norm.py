# SPDX-License-Identifier: Apache-2.0
"""BatchNormalization in training mode: by the statistics of its own input, beside which the running ones are kept."""

from __future__ import annotations

import onnx_ir as ir

from espdl.frontend.graph import Chain, Results, is_used, operand, shape
from espdl.frontend.rewrites import rewrite


@rewrite("BatchNormalization")
def training(node: ir.Node, chain: Chain) -> Results | None:
    sizes = shape(node.inputs[0])
    if not node.attributes.get_int("training_mode", 0) or sizes is None:
        return None
    x, scale, bias, *running = (operand(node, index) for index in range(len(node.inputs)))
    axes = [a for a in range(len(sizes)) if a != 1]
    mean = chain.reduced("ReduceMean", x, axes)
    spread = chain.add("Sub", x, mean)
    variance = chain.reduced("ReduceMean", chain.add("Mul", spread, spread), axes)
    deviation = chain.add("Sqrt", chain.add("Add", variance, node.attributes.get_float("epsilon", 1e-5)))
    per_channel = chain.constant([1 if a != 1 else sizes[1] for a in range(len(sizes))])
    scale, bias = (chain.add("Reshape", value, per_channel) for value in (scale, bias))
    results = [chain.add("Add", chain.add("Mul", chain.add("Div", spread, deviation), scale), bias)]
    momentum = node.attributes.get_float("momentum", 0.9)
    for old, new, output in zip(running, (mean, variance), node.outputs[1:]):
        if is_used(output):
            kept = chain.add("Mul", old, momentum)
            flat = chain.add("Reshape", new, [sizes[1]])
            results.append(chain.add("Add", kept, chain.add("Mul", flat, 1 - momentum)))
        else:
            results.append(None)
    return results
