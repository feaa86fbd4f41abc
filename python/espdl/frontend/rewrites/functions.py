# SPDX-License-Identifier: Apache-2.0
"""Operators that ONNX itself defines by others: their definition takes their place."""

from __future__ import annotations

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
    proto = _with_types(proto)
    proto = _without_gaps(_with_defaults(proto))
    local = [(f.domain, f.name) for f in proto.functions]
    wanted = local + [(domain, name) for name in FUNCTIONS for domain in ("", "ai.onnx")]
    return _named(inliner.inline_selected_functions(proto, wanted, inline_schema_functions=True), proto)


def _named(result: onnx.ModelProto, before: onnx.ModelProto) -> onnx.ModelProto:
    """`result`, whose nodes of a definition get names that begin with that of the node that they stand for.

    They lie in its place: behind the last node before it, in front of the one that computes its results.
    """
    makers = {name: node for node in before.graph.node for name in node.output if name}
    kept = {(node.op_type, *node.output) for node in before.graph.node}
    owner, count = None, 0
    for node in reversed(result.graph.node):
        if (node.op_type, *node.output) in kept:
            owner = None
            continue
        owner = next((makers[name] for name in node.output if name in makers), owner)
        if owner is not None:
            count += 1
            node.name = f"{owner.name or owner.output[0]}/{node.op_type}_{count}"
    return result


def _with_defaults(proto: onnx.ModelProto) -> onnx.ModelProto:
    """`proto` with the attributes that these nodes leave out: the inliner drops what the definition makes of them."""
    result = onnx.ModelProto()
    result.CopyFrom(proto)
    opset = next(o.version for o in proto.opset_import if o.domain in ("", "ai.onnx"))
    for node in result.graph.node:
        if node.op_type in FUNCTIONS and node.domain in ("", "ai.onnx"):
            given = {a.name for a in node.attribute}
            known = onnx.defs.get_schema(node.op_type, opset).attributes.values()
            node.attribute.extend(
                a.default_value
                for a in known
                if a.name not in given and a.default_value.type != a.default_value.UNDEFINED
            )
    return result


def _without_gaps(proto: onnx.ModelProto) -> onnx.ModelProto:
    """`proto` with a function of the model's own for each of these nodes that leaves out an input before another: the
    inliner asks for the type of what is not there."""
    result = onnx.ModelProto()
    result.CopyFrom(proto)
    values = {v.name: v.type for v in (*proto.graph.value_info, *proto.graph.input, *proto.graph.output)}
    opset = next(o.version for o in proto.opset_import if o.domain in ("", "ai.onnx"))
    for index, node in enumerate(result.graph.node):
        if node.op_type not in FUNCTIONS or "" not in node.input:
            continue
        schema = onnx.defs.get_schema(node.op_type, opset)
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
        result.functions.append(function)
    if result.functions != proto.functions:
        result.opset_import.append(onnx.helper.make_opsetid(_OWN_DOMAIN, 1))
    return result


def _with_types(proto: onnx.ModelProto) -> onnx.ModelProto:
    """`proto` with the types of its constants among the values: what a function becomes may depend on them."""
    result = onnx.shape_inference.infer_shapes(proto)
    known = {v.name for v in (*result.graph.value_info, *result.graph.input, *result.graph.output)}
    for tensor in result.graph.initializer:
        if tensor.name not in known:
            value = onnx.helper.make_tensor_value_info(tensor.name, tensor.data_type, list(tensor.dims))
            result.graph.value_info.append(value)
    return result
