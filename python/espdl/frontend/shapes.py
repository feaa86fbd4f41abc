# SPDX-License-Identifier: Apache-2.0
"""Shapes as inputs and initializers imply them: what a file declares of inner values may be stale."""

from __future__ import annotations

import onnx


def inferred(proto: onnx.ModelProto) -> onnx.ModelProto:
    """A copy with the shapes of all inner values inferred anew, whatever was declared of them; those of outputs too,
    where they can be.

    Runtimes only warn of declarations that contradict, and exporters and tools leave them behind: where the batch was
    changed afterwards, or where a part was cut out. Whoever changes a shape under a name that stays calls this.
    """
    bare = onnx.ModelProto()
    bare.CopyFrom(proto)
    del bare.graph.value_info[:]
    for output in bare.graph.output:
        if output.type.HasField("tensor_type"):
            output.type.tensor_type.ClearField("shape")
    result = onnx.shape_inference.infer_shapes(bare, data_prop=True)
    for output, declared in zip(result.graph.output, proto.graph.output):
        if output.type.HasField("tensor_type") and not output.type.tensor_type.HasField("shape"):
            output.CopyFrom(declared)
    return result


def refreshed(proto: onnx.ModelProto) -> onnx.ModelProto:
    """`inferred`; a model for which that fails only loses its declarations: later stages refuse it, with the reason."""
    try:
        return inferred(proto)
    except Exception:  # onnx raises several types for one reason: an operator that cannot be what it says
        del proto.graph.value_info[:]
        return proto
