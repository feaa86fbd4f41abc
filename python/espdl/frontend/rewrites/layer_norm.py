# SPDX-License-Identifier: Apache-2.0
"""LayerNormalization whose mean or deviation is an output: those are computed beside it."""

from __future__ import annotations

import numpy as np
import onnx
from onnx import helper

from espdl.frontend.rewrites import Scope, rewrite
from espdl.frontend.rewrites.scope import Chain


@rewrite("LayerNormalization")
def layer_normalization(node: onnx.NodeProto, scope: Scope) -> list[onnx.NodeProto] | None:
    shape = scope.shape(node.input[0])
    if shape is None or not any(scope.is_used(name) for name in node.output[1:]):
        return None
    attributes = {a.name: helper.get_attribute_value(a) for a in node.attribute}
    y, mean, deviation = [*node.output, "", ""][:3]
    chain = Chain(scope, node.name or y)
    if scope.is_used(y):
        chain.add("LayerNormalization", *node.input, output=y, **attributes)
    axes = list(range(attributes.get("axis", -1) % len(shape), len(shape)))
    average = chain.reduced("ReduceMean", node.input[0], axes)
    if scope.is_used(mean):
        chain.add("Identity", average, output=mean)
    if scope.is_used(deviation):
        spread = chain.add("Sub", node.input[0], average)
        variance = chain.reduced("ReduceMean", chain.add("Mul", spread, spread), axes)
        epsilon = chain.constant(np.full([1] * len(shape), attributes.get("epsilon", 1e-5)))
        root = chain.add("Sqrt", chain.add("Add", variance, epsilon))
        chain.add("Reciprocal", root, output=deviation)
    return chain.nodes
