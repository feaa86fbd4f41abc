# SPDX-License-Identifier: Apache-2.0
"""LpPool as a convolution of powers with ones: TVM divides and multiplies by the number of all values of a window, also
where the window reaches beyond the pads."""

from __future__ import annotations

import numpy as np
import onnx_ir as ir

from espdl.frontend.graph import Chain, shape, values
from espdl.frontend.rewrites import rewrite


@rewrite("LpPool")
def lp_pool(node: ir.Node, chain: Chain) -> ir.Value | None:
    sizes, wanted = shape(node.inputs[0]), shape(node.outputs[0])
    if sizes is None or wanted is None:
        return None
    attributes = values(node)
    p = int(attributes.pop("p", 2))
    attributes.pop("ceil_mode", None)
    kernel = attributes["kernel_shape"]
    rank = len(kernel)
    ones = [1] * rank
    strides, dilations = attributes.get("strides", ones), attributes.get("dilations", ones)
    before = attributes.get("pads", [0] * (2 * rank))[:rank]
    after = [
        (wanted[a + 2] - 1) * strides[a] + (kernel[a] - 1) * dilations[a] + 1 - sizes[a + 2] - before[a]
        for a in range(rank)
    ]
    attributes["pads"] = [*before, *(max(n, 0) for n in after)]
    weights = chain.constant(np.ones((sizes[1], 1, *kernel)))
    powers = chain.add("Abs", node.inputs[0])
    powers = powers if p == 1 else chain.add("Pow", powers, float(p))
    total = chain.add("Conv", powers, weights, group=sizes[1], **attributes)
    return total if p == 1 else chain.add("Pow", total, 1.0 / p)
