# SPDX-License-Identifier: Apache-2.0
"""AffineGrid as a product of its matrices with the places of a constant grid."""

from __future__ import annotations

import numpy as np
import onnx
from onnx import helper

from espdl.frontend.rewrites import Scope, rewrite
from espdl.frontend.rewrites.scope import Chain


@rewrite("AffineGrid")
def affine_grid(node: onnx.NodeProto, scope: Scope) -> list[onnx.NodeProto] | None:
    """theta [N, d, d + 1] and a constant size (N, C, D, H, W) or (N, C, H, W): grid [N, D, H, W, 3] or [N, H, W, 2]."""
    size = scope.array(node.input[1])
    if size is None:
        return None
    aligned = next((helper.get_attribute_value(a) for a in node.attribute if a.name == "align_corners"), 0)
    sizes = size.tolist()[2:]
    axes = [np.linspace(-1, 1, n) if aligned else (np.arange(n) * 2 + 1) / n - 1 for n in sizes]
    places = np.stack(np.meshgrid(*axes, indexing="ij")[::-1], axis=-1).reshape(-1, len(sizes))
    places = np.concatenate([places, np.ones((len(places), 1))], axis=1)
    chain = Chain(scope, node.name or node.output[0])
    product = chain.add("MatMul", chain.constant(places), chain.add("Transpose", node.input[0], perm=[0, 2, 1]))
    shape = chain.constant([size[0], *sizes, len(sizes)], np.int64)
    chain.add("Reshape", product, shape, output=node.output[0])
    return chain.nodes
