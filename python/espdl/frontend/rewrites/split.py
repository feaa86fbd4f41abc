# SPDX-License-Identifier: Apache-2.0
"""Split as slices, one per output: each is a view of the input where it lies there in one piece."""

from __future__ import annotations

import numpy as np
import onnx

from espdl.frontend.rewrites import Scope, rewrite
from espdl.frontend.rewrites.scope import Chain


@rewrite("Split")
def split(node: onnx.NodeProto, scope: Scope) -> list[onnx.NodeProto] | None:
    shapes = [scope.shape(name) for name in node.output]
    attributes = {a.name: onnx.helper.get_attribute_value(a) for a in node.attribute}
    if any(s is None for s in shapes):
        return None
    axis = attributes.get("axis", 0) % len(shapes[0])
    chain = Chain(scope, node.name or node.output[0])
    bounds = np.cumsum([0, *(s[axis] for s in shapes)])
    for name, start, stop in zip(node.output, bounds, bounds[1:]):
        if scope.is_used(name):
            where = [chain.constant([v], np.int64) for v in (start, stop, axis)]
            chain.add("Slice", node.input[0], *where, output=name)
    return chain.nodes
