# SPDX-License-Identifier: Apache-2.0
"""ScatterElements with fewer places than its data has beside the axis, as ScatterND: TVM takes both for alike."""

from __future__ import annotations

import numpy as np
import onnx_ir as ir

from espdl.frontend.graph import INT64, Chain, operand, settings, shape
from espdl.frontend.rewrites import rewrite


@rewrite("ScatterElements")
def scatter_elements(node: ir.Node, chain: Chain) -> ir.Value | None:
    data, indices, updates = (operand(node, index) for index in range(3))
    sizes, places = shape(data), shape(indices)
    if sizes is None or places is None:
        return None
    attributes = settings(node, "axis")
    axis = node.attributes.get_int("axis", 0) % len(sizes)
    if all(p == s for a, (p, s) in enumerate(zip(places, sizes)) if a != axis):
        return None
    if indices.dtype != INT64:
        indices = chain.add("Cast", indices, to=INT64)
    parts = [chain.constant(grid[..., np.newaxis]) for grid in np.indices(places)]
    parts[axis] = chain.add("Unsqueeze", indices, [len(sizes)])
    coordinates = chain.add("Concat", *parts, axis=len(sizes)) if len(parts) > 1 else parts[0]
    return chain.add("ScatterND", data, coordinates, updates, **attributes)
