# SPDX-License-Identifier: Apache-2.0
"""LpNormalization as a division by the norm along its axis; zeros stay zeros."""

from __future__ import annotations

import numpy as np
import onnx_ir as ir

from espdl.frontend.graph import Chain, operand
from espdl.frontend.rewrites import rewrite


@rewrite("LpNormalization")
def lp_normalization(node: ir.Node, chain: Chain) -> ir.Value:
    p, axis = node.attributes.get_int("p", 2), node.attributes.get_int("axis", -1)
    norm = chain.reduced(f"ReduceL{p}", operand(node, 0), [axis])
    return chain.add("Div", node.inputs[0], chain.add("Max", norm, np.finfo(np.float32).tiny))
