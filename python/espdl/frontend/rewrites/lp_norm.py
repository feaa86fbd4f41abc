# SPDX-License-Identifier: Apache-2.0
"""LpNormalization as a division by the norm along its axis; zeros stay zeros."""

from __future__ import annotations

import numpy as np
import onnx
from onnx import helper

from espdl.frontend.rewrites import Scope, rewrite
from espdl.frontend.rewrites.scope import Chain


@rewrite("LpNormalization")
def lp_normalization(node: onnx.NodeProto, scope: Scope) -> list[onnx.NodeProto] | None:
    attributes = {a.name: helper.get_attribute_value(a) for a in node.attribute}
    chain = Chain(scope, node.name or node.output[0])
    norm = chain.reduced(f"ReduceL{attributes.get('p', 2)}", node.input[0], [attributes.get("axis", -1)])
    positive = chain.add("Max", norm, chain.constant(np.finfo(np.float32).tiny))
    chain.add("Div", node.input[0], positive, output=node.output[0])
    return chain.nodes
