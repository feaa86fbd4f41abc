# SPDX-License-Identifier: Apache-2.0
"""Sizes on which onnx's shape inference and ONNX Runtime disagree: nodes get a form in which both say the same.

It is done before anything relies on a shape. What ONNX Runtime computes is what a model is held against.
"""

from __future__ import annotations

import onnx

from espdl.frontend import resizes, windows
from espdl.frontend.shapes import implied


def settle(proto: onnx.ModelProto) -> None:
    """In place; see `windows.settle` and `resizes.settle`. Nodes whose sizes are not known stay as they are."""
    while nodes := [node for node in proto.graph.node if windows.is_candidate(node) or resizes.is_candidate(node)]:
        shapes = implied(proto)
        # Behind the first whose size was wrong, all are.
        if not any(_settle(node, shapes, proto) for node in nodes):
            break


def _settle(node: onnx.NodeProto, shapes, proto: onnx.ModelProto) -> bool:
    """Whether the size that was inferred for its result was not the one it has."""
    return resizes.settle(node, shapes, proto) if resizes.is_candidate(node) else windows.settle(node, shapes)
