# SPDX-License-Identifier: Apache-2.0
"""Shapes as inputs and initializers imply them: what a file declares of inner values may be stale."""

from __future__ import annotations

import onnx

Shape = tuple[int | None, ...]  # None: a dimension that is not known


def implied(proto: onnx.ModelProto) -> dict[str, Shape]:
    """The shapes of all tensors that have one, by name; none where the inference fails."""
    try:
        graph = inferred(proto).graph
    except Exception:  # onnx raises several types for one reason: an operator that cannot be what it says
        return {}
    known = {
        value.name: tuple(d.dim_value if d.HasField("dim_value") else None for d in value.type.tensor_type.shape.dim)
        for value in (*graph.input, *graph.value_info, *graph.output)
        if value.type.tensor_type.HasField("shape")
    }
    return known | {t.name: tuple(t.dims) for t in graph.initializer}


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


def refresh(proto: onnx.ModelProto) -> None:
    """`inferred`, in place; a model for which that fails only loses its declarations: later stages refuse it, with the
    reason."""
    try:
        proto.CopyFrom(inferred(proto))
    except Exception:  # onnx raises several types for one reason: an operator that cannot be what it says
        del proto.graph.value_info[:]
