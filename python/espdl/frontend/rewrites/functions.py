# SPDX-License-Identifier: Apache-2.0
"""Operators that ONNX itself defines by others: their definition takes their place."""

from __future__ import annotations

import onnx
from onnx import inliner

# Those that later stages know no better form of.
FUNCTIONS = (
    "AffineGrid", "Attention", "BlackmanWindow", "CausalConvWithState", "Celu", "CenterCropPad", "GroupNormalization",
    "HammingWindow", "HannWindow", "LinearAttention", "MeanVarianceNormalization", "NegativeLogLikelihoodLoss",
    "RMSNormalization", "RotaryEmbedding", "SoftmaxCrossEntropyLoss", "SwiGLU", "Swish",
)  # fmt: skip


def inline(proto: onnx.ModelProto) -> onnx.ModelProto:
    """`proto` without these operators, and without functions of the model's own; itself where it has none."""
    if not proto.functions and not any(node.op_type in FUNCTIONS for node in proto.graph.node):
        return proto
    proto = _with_types(proto)
    local = [(f.domain, f.name) for f in proto.functions]
    wanted = local + [(domain, name) for name in FUNCTIONS for domain in ("", "ai.onnx")]
    return inliner.inline_selected_functions(proto, wanted, inline_schema_functions=True)


def _with_types(proto: onnx.ModelProto) -> onnx.ModelProto:
    """`proto` with the types of its constants among the values: what a function becomes may depend on them."""
    result = onnx.shape_inference.infer_shapes(proto)
    known = {v.name for v in (*result.graph.value_info, *result.graph.input, *result.graph.output)}
    for tensor in result.graph.initializer:
        if tensor.name not in known:
            value = onnx.helper.make_tensor_value_info(tensor.name, tensor.data_type, list(tensor.dims))
            result.graph.value_info.append(value)
    return result
