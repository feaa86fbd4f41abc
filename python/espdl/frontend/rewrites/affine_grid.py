# SPDX-License-Identifier: Apache-2.0
"""AffineGrid as a product of its matrices with the places of a constant grid."""

from __future__ import annotations

import numpy as np
import onnx_ir as ir

from espdl.frontend.graph import Chain, array
from espdl.frontend.rewrites import rewrite


@rewrite("AffineGrid")
def affine_grid(node: ir.Node, chain: Chain) -> ir.Value | None:
    """theta [N, d, d + 1] and a constant size (N, C, D, H, W) or (N, C, H, W): grid [N, D, H, W, 3] or [N, H, W, 2]."""
    size = array(node.inputs[1])
    if size is None:
        return None
    aligned = node.attributes.get_int("align_corners", 0)
    sizes = size.tolist()[2:]
    axes = [np.linspace(-1, 1, n) if aligned else (np.arange(n) * 2 + 1) / n - 1 for n in sizes]
    places = np.stack(np.meshgrid(*axes, indexing="ij")[::-1], axis=-1).reshape(-1, len(sizes))
    places = np.concatenate([places, np.ones((len(places), 1))], axis=1)
    product = chain.add("MatMul", places, chain.add("Transpose", node.inputs[0], perm=[0, 2, 1]))
    return chain.add("Reshape", product, [size[0], *sizes, len(sizes)])
