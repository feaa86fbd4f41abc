# SPDX-License-Identifier: Apache-2.0
"""Shapes that a model declares for what it computes, where they are not what it computes."""

from __future__ import annotations

import onnx


def mend_shapes(proto: onnx.ModelProto) -> None:
    """Replaces, in place, declared shapes of outputs and inner values that contradict what the inputs' shapes imply.

    Runtimes only warn of them, and exporters leave them behind, for instance when the batch was changed afterwards.
    """
    bare = onnx.ModelProto()
    bare.CopyFrom(proto)
    del bare.graph.value_info[:]
    for value in bare.graph.output:
        value.type.tensor_type.ClearField("shape")
    try:
        inferred = onnx.shape_inference.infer_shapes(bare, data_prop=True).graph
    except Exception:  # a model that later stages refuse, with the reason
        return
    implied = {v.name: v.type.tensor_type for v in (*inferred.value_info, *inferred.output)}
    for value in (*proto.graph.value_info, *proto.graph.output):
        declared, found = value.type.tensor_type, implied.get(value.name)
        if found is not None and _contradict(declared, found):
            declared.shape.CopyFrom(found.shape)


def _contradict(one: onnx.TypeProto.Tensor, other: onnx.TypeProto.Tensor) -> bool:
    if not (one.HasField("shape") and other.HasField("shape")):
        return False
    if len(one.shape.dim) != len(other.shape.dim):
        return True
    pairs = zip(one.shape.dim, other.shape.dim)
    return any(a.HasField("dim_value") and b.HasField("dim_value") and a.dim_value != b.dim_value for a, b in pairs)
