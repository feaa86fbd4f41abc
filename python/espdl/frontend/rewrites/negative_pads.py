# SPDX-License-Identifier: Apache-2.0
"""Pad with negative amounts: what they cut off is cut off first, and the rest is a Pad of its own."""

from __future__ import annotations

import numpy as np
import onnx
from onnx import helper

from espdl.frontend.rewrites import Scope, rewrite
from espdl.frontend.rewrites.scope import Chain


@rewrite("Pad")
def negative_pads(node: onnx.NodeProto, scope: Scope) -> list[onnx.NodeProto] | None:
    shape = scope.shape(node.input[0])
    amounts = scope.array(node.input[1]) if len(node.input) > 1 else None
    if shape is None or amounts is None or amounts.min(initial=0) >= 0:
        return None
    axes = np.arange(len(shape))
    if len(node.input) > 3 and node.input[3]:
        given = scope.array(node.input[3])
        if given is None:
            return None
        axes = given % len(shape)
    before, after = amounts.reshape(2, -1)
    ends = np.array(shape)[axes] + np.minimum(after, 0)
    chain = Chain(scope, node.name or node.output[0])
    cut = [chain.constant(v, np.int64) for v in (np.maximum(-before, 0), ends, axes)]
    value = chain.add("Slice", node.input[0], *cut)
    rest = chain.constant(np.maximum(amounts, 0), np.int64)
    attributes = {a.name: helper.get_attribute_value(a) for a in node.attribute}
    chain.add("Pad", value, rest, *node.input[2:], output=node.output[0], **attributes)
    return chain.nodes
