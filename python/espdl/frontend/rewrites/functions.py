# SPDX-License-Identifier: Apache-2.0
"""Operators that ONNX itself defines by others: their definition takes their place."""

from __future__ import annotations

from typing import Any

import onnx
from onnx import inliner

# Those that later stages know no better form of.
FUNCTIONS = (
    "BlackmanWindow", "CausalConvWithState", "Celu", "CenterCropPad", "GroupNormalization",
    "HammingWindow", "HannWindow", "LinearAttention", "MeanVarianceNormalization", "NegativeLogLikelihoodLoss",
    "RMSNormalization", "RotaryEmbedding", "SoftmaxCrossEntropyLoss", "SwiGLU", "Swish",
)  # fmt: skip

_OWN_DOMAIN = "espdl.functions"


def inline(proto: onnx.ModelProto) -> onnx.ModelProto:
    """`proto` without these operators, and without functions of the model's own; itself where it has none."""
    if not proto.functions and not any(node.op_type in FUNCTIONS for node in proto.graph.node):
        return proto
    result = onnx.shape_inference.infer_shapes(proto)
    opset = next(o.version for o in proto.opset_import if o.domain in ("", "ai.onnx"))
    _add_types(result)
    _add_defaults(result, opset)
    _fill_gaps(result, opset)
    local = [(f.domain, f.name) for f in result.functions]
    wanted = local + [(domain, name) for name in FUNCTIONS for domain in ("", "ai.onnx")]
    return _named(inliner.inline_selected_functions(result, wanted, inline_schema_functions=True), result)


def _named(result: onnx.ModelProto, before: onnx.ModelProto) -> onnx.ModelProto:
    """`result`, whose nodes of a definition get names that begin with that of the node that they stand for.

    They lie in its place: after the last node before it, and before the one that computes its results.
    """
    producers = {name: node for node in before.graph.node for name in node.output if name}
    kept = {(node.op_type, *node.output) for node in before.graph.node}
    owner, count = None, 0
    for node in reversed(result.graph.node):
        if (node.op_type, *node.output) in kept:
            owner = None
            continue
        owner = next((producers[name] for name in node.output if name in producers), owner)
        if owner is not None:
            count += 1
            node.name = f"{owner.name or owner.output[0]}/{node.op_type}_{count}"
    return result


def _add_types(proto: onnx.ModelProto) -> None:
    """The types of its constants, in place, among the values: what a function becomes may depend on them."""
    known = {v.name for v in (*proto.graph.value_info, *proto.graph.input, *proto.graph.output)}
    for tensor in proto.graph.initializer:
        if tensor.name not in known:
            value = onnx.helper.make_tensor_value_info(tensor.name, tensor.data_type, list(tensor.dims))
            proto.graph.value_info.append(value)


def _add_defaults(proto: onnx.ModelProto, opset: int) -> None:
    """The attributes, in place, that these nodes leave out: the inliner drops what the definition makes of them."""
    for node in proto.graph.node:
        if node.op_type in FUNCTIONS and node.domain in ("", "ai.onnx"):
            given = {a.name for a in node.attribute}
            defaults = [a.default_value for a in onnx.defs.get_schema(node.op_type, opset).attributes.values()]
            node.attribute.extend(d for d in defaults if d.type != d.UNDEFINED and d.name not in given)


def _fill_gaps(proto: onnx.ModelProto, opset: int) -> None:
    """A function of the model's own, in place, for each of these nodes that leaves out an input before another: the
    inliner asks for the type of what is not there."""
    values = {v.name: v.type for v in (*proto.graph.value_info, *proto.graph.input, *proto.graph.output)}
    for index, node in enumerate(proto.graph.node):
        if node.op_type not in FUNCTIONS or "" not in node.input:
            continue
        # Any: onnx's stubs leave out the functions that depend on a context.
        schema: Any = onnx.defs.get_schema(node.op_type, opset)
        if not schema.has_context_dependent_function:
            continue
        types = [values.get(name, onnx.TypeProto()).SerializeToString() for name in node.input]
        versions = [v for v in schema.context_dependent_function_opset_versions if v <= opset]
        text = schema.get_context_dependent_function_with_opset_version(max(versions), node.SerializeToString(), types)
        function = onnx.FunctionProto.FromString(text)
        function.domain, function.name = _OWN_DOMAIN, f"{node.op_type}_{index}"
        # Attributes are part of the body by now.
        node.domain, node.op_type = function.domain, function.name
        del node.attribute[:], function.attribute[:], function.attribute_proto[:]
        proto.functions.append(function)
    if any(function.domain == _OWN_DOMAIN for function in proto.functions):
        proto.opset_import.append(onnx.helper.make_opsetid(_OWN_DOMAIN, 1))
