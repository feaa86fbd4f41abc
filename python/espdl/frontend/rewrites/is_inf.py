# SPDX-License-Identifier: Apache-2.0
"""IsInf that looks for one sign only, as a comparison."""

from __future__ import annotations

import numpy as np
import onnx

from espdl.frontend.rewrites import Scope, rewrite
from espdl.frontend.rewrites.scope import Chain


@rewrite("IsInf")
def is_inf(node: onnx.NodeProto, scope: Scope) -> list[onnx.NodeProto] | None:
    wanted = {a.name: bool(a.i) for a in node.attribute}
    negative, positive = wanted.get("detect_negative", True), wanted.get("detect_positive", True)
    if negative and positive:
        return None
    chain = Chain(scope, node.name or node.output[0])
    limit = np.finfo(np.float32).max
    if positive:
        chain.add("Greater", node.input[0], chain.constant(limit), output=node.output[0])
    elif negative:
        chain.add("Less", node.input[0], chain.constant(-limit), output=node.output[0])
    else:
        chain.add("And", chain.add("IsInf", node.input[0]), chain.constant(False, np.bool_), output=node.output[0])
    return chain.nodes
