# SPDX-License-Identifier: Apache-2.0
"""Division by a constant as a product with its reciprocal."""

from __future__ import annotations

import numpy as np
import onnx

from espdl.frontend.rewrites import Scope, rewrite
from espdl.frontend.rewrites.scope import Chain


@rewrite("Div")
def divide(node: onnx.NodeProto, scope: Scope) -> list[onnx.NodeProto] | None:
    """Only where the divisor is more than a number: a number is part of a table."""
    divisor = scope.array(node.input[1])
    if divisor is None or divisor.dtype != np.float32 or divisor.size == 1 or not np.all(divisor):
        return None
    if scope.array(node.input[0]) is not None:
        return None
    chain = Chain(scope, node.name or node.output[0])
    chain.add("Mul", node.input[0], chain.constant(1.0 / divisor.astype(np.float64)), output=node.output[0])
    return chain.nodes
