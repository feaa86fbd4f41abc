# SPDX-License-Identifier: Apache-2.0
"""Operators that ONNX itself defines by others: their definition takes their place."""

from __future__ import annotations

import onnx
from onnx import inliner

# Those that later stages know no better form of.
FUNCTIONS = (
    "BlackmanWindow", "CausalConvWithState", "Celu", "CenterCropPad", "HammingWindow", "HannWindow", "LinearAttention",
    "NegativeLogLikelihoodLoss", "RotaryEmbedding", "SoftmaxCrossEntropyLoss", "SwiGLU", "Swish",
)  # fmt: skip


def inline(proto: onnx.ModelProto) -> onnx.ModelProto:
    """`proto` without these operators, and without functions of the model's own; itself where it has none."""
    if not proto.functions and not any(node.op_type in FUNCTIONS for node in proto.graph.node):
        return proto
    local = [(f.domain, f.name) for f in proto.functions]
    wanted = local + [(domain, name) for name in FUNCTIONS for domain in ("", "ai.onnx")]
    return inliner.inline_selected_functions(proto, wanted, inline_schema_functions=True)
