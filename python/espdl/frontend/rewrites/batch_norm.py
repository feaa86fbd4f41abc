# SPDX-License-Identifier: Apache-2.0
"""BatchNormalization in training mode: by the statistics of its own input, beside which the running ones are kept."""

from __future__ import annotations

import numpy as np
import onnx
from onnx import helper

from espdl.frontend.rewrites import Scope, rewrite
from espdl.frontend.rewrites.scope import Chain


@rewrite("BatchNormalization")
def training(node: onnx.NodeProto, scope: Scope) -> list[onnx.NodeProto] | None:
    attributes = {a.name: helper.get_attribute_value(a) for a in node.attribute}
    shape = scope.shape(node.input[0])
    if not attributes.get("training_mode", 0) or shape is None:
        return None
    x, scale, bias, *running = node.input
    y, *results = [*node.output, "", ""][:3]
    chain = Chain(scope, node.name or y)
    axes = [a for a in range(len(shape)) if a != 1]
    per_channel = chain.constant([1 if a != 1 else shape[1] for a in range(len(shape))], np.int64)
    mean = chain.reduced("ReduceMean", x, axes)
    spread = chain.add("Sub", x, mean)
    variance = chain.reduced("ReduceMean", chain.add("Mul", spread, spread), axes)
    deviation = chain.add("Sqrt", chain.add("Add", variance, chain.constant(attributes.get("epsilon", 1e-5))))
    scale, bias = (chain.add("Reshape", name, per_channel) for name in (scale, bias))
    chain.add("Add", chain.add("Mul", chain.add("Div", spread, deviation), scale), bias, output=y)
    momentum = attributes.get("momentum", 0.9)
    for old, new, result in zip(running, (mean, variance), results):
        if scope.is_used(result):
            kept = chain.add("Mul", old, chain.constant(momentum))
            flat = chain.add("Reshape", new, chain.constant([shape[1]], np.int64))
            chain.add("Add", kept, chain.add("Mul", flat, chain.constant(1 - momentum)), output=result)
    return chain.nodes
