# SPDX-License-Identifier: Apache-2.0
"""Split as slices, one per output: each is a view of the input where it lies there in one piece."""

from __future__ import annotations

import numpy as np
import onnx_ir as ir

from espdl.frontend.graph import Chain, Results, is_used, shape
from espdl.frontend.rewrites import rewrite


@rewrite("Split")
def split(node: ir.Node, chain: Chain) -> Results | None:
    shapes = [sizes for output in node.outputs if (sizes := shape(output)) is not None]
    if len(shapes) < len(node.outputs):
        return None
    axis = node.attributes.get_int("axis", 0) % len(shapes[0])
    bounds = np.cumsum([0, *(s[axis] for s in shapes)])
    ends = zip(node.outputs, bounds[:, np.newaxis], bounds[1:, np.newaxis])
    return [chain.add("Slice", node.inputs[0], *b, [axis]) if is_used(o) else None for o, *b in ends]
