# SPDX-License-Identifier: Apache-2.0
"""IsInf that looks for one sign only, as a comparison."""

from __future__ import annotations

import numpy as np
import onnx_ir as ir

from espdl.frontend.graph import Chain
from espdl.frontend.rewrites import rewrite


@rewrite("IsInf")
def is_inf(node: ir.Node, chain: Chain) -> ir.Value | None:
    negative, positive = (node.attributes.get_int(f"detect_{sign}", 1) for sign in ("negative", "positive"))
    if negative and positive:
        return None
    limit = np.finfo(np.float32).max
    if positive:
        return chain.add("Greater", node.inputs[0], limit)
    if negative:
        return chain.add("Less", node.inputs[0], -limit)
    return chain.add("And", chain.add("IsInf", node.inputs[0]), False)
