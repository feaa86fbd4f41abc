# SPDX-License-Identifier: Apache-2.0
"""ScatterElements with fewer places than its data has beside the axis, as ScatterND: TVM takes both for alike."""

from __future__ import annotations

import numpy as np
import onnx
from onnx import TensorProto, helper

from espdl.frontend.rewrites import Scope, rewrite
from espdl.frontend.rewrites.scope import Chain


@rewrite("ScatterElements")
def scatter_elements(node: onnx.NodeProto, scope: Scope) -> list[onnx.NodeProto] | None:
    data, indices, updates = node.input
    shape, places = scope.shape(data), scope.shape(indices)
    attributes = {a.name: helper.get_attribute_value(a) for a in node.attribute}
    if shape is None or places is None:
        return None
    axis = attributes.pop("axis", 0) % len(shape)
    if all(p == s for a, (p, s) in enumerate(zip(places, shape)) if a != axis):
        return None
    chain = Chain(scope, node.name or node.output[0])
    if scope.dtype(indices) != TensorProto.INT64:
        indices = chain.add("Cast", indices, to=TensorProto.INT64)
    grid = np.indices(places)
    parts = [chain.constant(grid[a][..., np.newaxis], np.int64) for a in range(len(shape))]
    parts[axis] = chain.add("Unsqueeze", indices, chain.constant([len(shape)], np.int64))
    coordinates = chain.add("Concat", *parts, axis=len(shape)) if len(parts) > 1 else parts[0]
    chain.add("ScatterND", data, coordinates, updates, output=node.output[0], **attributes)
    return chain.nodes
