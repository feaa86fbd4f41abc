# SPDX-License-Identifier: Apache-2.0
"""Pad with negative amounts: what they cut off is cut off first, and the rest is a Pad of its own."""

from __future__ import annotations

import numpy as np
import onnx_ir as ir

from espdl.frontend.graph import Chain, array, operands, settings, shape
from espdl.frontend.rewrites import rewrite


@rewrite("Pad")
def negative_pads(node: ir.Node, chain: Chain) -> ir.Value | None:
    data, pads, _, given = operands(node, 4)
    sizes, amounts, known = shape(data), array(pads), array(given)
    if sizes is None or amounts is None or amounts.min(initial=0) >= 0 or (given is not None and known is None):
        return None
    axes = np.arange(len(sizes)) if known is None else np.asarray(known % len(sizes))
    before, after = amounts.reshape(2, -1)
    ends = np.array(sizes)[axes] + np.minimum(after, 0)
    value = chain.add("Slice", data, np.maximum(-before, 0), ends, axes.astype(np.int64))
    return chain.add("Pad", value, np.maximum(amounts, 0), *node.inputs[2:], **settings(node))
