# SPDX-License-Identifier: Apache-2.0
"""Sizes on which onnx's shape inference and ONNX Runtime disagree: nodes get a form in which both say the same.

It is done before anything relies on a shape. What ONNX Runtime computes is what a model is held against.
"""

from __future__ import annotations

import onnx
import onnx_ir as ir

from espdl.frontend import resizes, windows
from espdl.frontend.graph import Chain, opened
from espdl.frontend.names import Names
from espdl.frontend.shapes import inferred

_OPEN = {"auto_pad", "output_shape", "ceil_mode"}


def settle(proto: onnx.ModelProto) -> onnx.ModelProto:
    """See `windows.settle` and `resizes.settle`. Nodes whose sizes are not known stay as they are."""
    again = any(n.op_type == "Resize" or _OPEN & {a.name for a in n.attribute} for n in proto.graph.node)
    while again:
        try:
            model = opened(inferred(proto))
        except Exception:  # onnx raises several types for one reason: an operator that cannot be what it says
            break
        names = Names.of(proto)
        # Behind the first whose size was wrong, all are.
        again = any(_settle(node, names) for node in model.graph)
        proto = ir.to_proto(model)
    return proto


def _settle(node: ir.Node, names: Names) -> bool:
    """Whether the size that was inferred for its result was not the one it has."""
    if resizes.is_candidate(node):
        return resizes.settle(node, Chain(node, 0, names, []))
    return windows.is_candidate(node) and windows.settle(node)
