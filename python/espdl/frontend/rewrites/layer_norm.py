# SPDX-License-Identifier: Apache-2.0
"""LayerNormalization whose mean or deviation is an output: those are computed beside it."""

from __future__ import annotations

import numpy as np
import onnx_ir as ir

from espdl.frontend.graph import Chain, Results, is_used, operand, settings, shape
from espdl.frontend.rewrites import rewrite


@rewrite("LayerNormalization")
def layer_normalization(node: ir.Node, chain: Chain) -> Results | None:
    sizes = shape(node.inputs[0])
    if sizes is None or not any(is_used(output) for output in node.outputs[1:]):
        return None
    y = chain.add("LayerNormalization", *node.inputs, **settings(node))
    axes = list(range(node.attributes.get_int("axis", -1) % len(sizes), len(sizes)))
    mean = chain.reduced("ReduceMean", operand(node, 0), axes)
    spread = chain.add("Sub", node.inputs[0], mean)
    variance = chain.reduced("ReduceMean", chain.add("Mul", spread, spread), axes)
    epsilon = np.full([1] * len(sizes), node.attributes.get_float("epsilon", 1e-5))
    return y, mean, chain.add("Reciprocal", chain.add("Sqrt", chain.add("Add", variance, epsilon)))
