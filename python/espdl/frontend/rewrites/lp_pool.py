# SPDX-License-Identifier: Apache-2.0
"""LpPool as a convolution of powers with ones: TVM divides and multiplies by the number of all values of a window, also
where the window reaches beyond the pads."""

from __future__ import annotations

import numpy as np
import onnx
from onnx import helper

from espdl.frontend.rewrites import Scope, rewrite
from espdl.frontend.rewrites.scope import Chain


@rewrite("LpPool")
def lp_pool(node: onnx.NodeProto, scope: Scope) -> list[onnx.NodeProto] | None:
    shape, wanted = scope.shape(node.input[0]), scope.shape(node.output[0])
    if shape is None or wanted is None:
        return None
    attributes = {a.name: helper.get_attribute_value(a) for a in node.attribute}
    p = int(attributes.pop("p", 2))
    attributes.pop("ceil_mode", None)
    kernel = attributes["kernel_shape"]
    rank = len(kernel)
    ones = [1] * rank
    strides, dilations = attributes.get("strides", ones), attributes.get("dilations", ones)
    before = attributes.get("pads", [0] * (2 * rank))[:rank]
    after = [
        (wanted[a + 2] - 1) * strides[a] + (kernel[a] - 1) * dilations[a] + 1 - shape[a + 2] - before[a]
        for a in range(rank)
    ]
    attributes["pads"] = [*before, *(max(n, 0) for n in after)]
    chain = Chain(scope, node.name or node.output[0])
    weights = chain.constant(np.ones((shape[1], 1, *kernel)))
    powers = chain.add("Abs", node.input[0])
    if p != 1:
        powers = chain.add("Pow", powers, chain.constant(float(p)))
    total = chain.add("Conv", powers, weights, group=shape[1], output=node.output[0] if p == 1 else None, **attributes)
    if p != 1:
        chain.add("Pow", total, chain.constant(1.0 / p), output=node.output[0])
    return chain.nodes
